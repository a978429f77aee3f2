//! Parameters of the address, and pages. Clients of this dialect send their parameters again with the address of the
//! next page, so that one may be there twice: the last one holds, and what is not known is passed over.

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::{HeaderMap, StatusCode, header};
use warp::reply::Response;

use fasti_core::domain::ids::Seq;

use crate::call::{self, Call};
use crate::errors::Problem;
use crate::query::encode;

/// Items of a page when nothing is asked for.
pub(super) const PAGE_SIZE: usize = 100;

/// Items of a page of a list at most.
pub(super) const PAGE_SIZE_MAX: usize = 1_000;

/// Parameters that the address of a next page does not repeat.
const OF_PAGE: [&str; 2] = ["pageIndex", "pageSize"];

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `a=1&b=x%20y`; `+` is a blank.
    pub(super) fn of(call: &Call) -> Self {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = call.query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(
            pairs
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The last value of a parameter; an empty one counts as not given.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let all = self.0.iter().rev();
        let mut named = all.filter(|(other, _)| other == name);
        let (_, value) = named.next()?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let given = self.0.iter().filter(|(other, _)| other == name);
        let values = given.map(|(_, value)| value.clone());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// Items wanted a page.
    ///
    /// # Errors
    /// No number from 1 on.
    pub(super) fn page_size(&self, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.one("pageSize") else {
            return Ok(PAGE_SIZE);
        };
        match text.parse::<usize>() {
            Ok(size) if size > 0 => Ok(size.min(most)),
            _ => Err(Problem::invalid(
                "pageSize",
                format!("`{text}` does not fit: must be a number from 1 on"),
            )),
        }
    }

    /// Where the page before ended: so many numbers, as [`page`] wrote them.
    ///
    /// # Errors
    /// Not a cursor of ours.
    pub(super) fn cursor<const N: usize>(&self) -> Result<Option<[u64; N]>, Problem> {
        let Some(text) = self.one("pageIndex") else {
            return Ok(None);
        };
        let numbers: Result<Vec<u64>, _> = text.split('-').map(str::parse).collect();
        let cursor = numbers.ok().and_then(|numbers| numbers.try_into().ok());
        cursor.map(Some).ok_or_else(wrong_cursor)
    }
}

/// What is said of a cursor that is none.
pub(super) fn wrong_cursor() -> Problem {
    let detail =
        "this is no cursor of this list; follow `next` of the page before, or leave it out";
    Problem::invalid("pageIndex", detail)
}

/// A cursor of numbers.
pub(super) fn cursor(numbers: &[u64]) -> String {
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    texts.join("-")
}

/// A page: `next` is there only when there is one, and is an address as the request had it.
pub(super) fn page<T: Serialize>(
    call: &Call,
    items: &[T],
    next: Option<&str>,
    as_of: Seq,
) -> Response {
    let mut body = json!({ "items": items });
    if let (Some(next), Some(fields)) = (next, body.as_object_mut()) {
        fields.insert("next".to_owned(), Value::from(address_of(call, next)));
    }
    call::json(StatusCode::OK, &body, as_of)
}

fn address_of(call: &Call, cursor: &str) -> String {
    let mut address = format!(
        "{}://{}{}?",
        scheme(&call.headers),
        host(&call.headers),
        call.path
    );
    for (name, value) in Params::of(call).0 {
        if !OF_PAGE.contains(&name.as_str()) {
            address.extend([&encode(&name), "=", &encode(&value), "&"]);
        }
    }
    address.push_str("pageIndex=");
    address.push_str(&encode(cursor));
    address
}

/// As the client wrote it: another spelling of the same host would end its reading.
fn host(headers: &HeaderMap) -> &str {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("x-forwarded-host")
        .or_else(|| text(header::HOST.as_str()))
        .unwrap_or("localhost")
}

/// What a proxy in between was asked by. Whoever makes it up leads nobody but themselves astray.
fn scheme(headers: &HeaderMap) -> &'static str {
    let forwarded = headers.get("x-forwarded-proto");
    match forwarded.and_then(|value| value.to_str().ok()) {
        Some("https") => "https",
        _ => "http",
    }
}
