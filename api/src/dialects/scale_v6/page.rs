//! Pages: numbered, with the addresses of their neighbours.

use percent_encoding::utf8_percent_encode;
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::answer::{Fault, body};
use super::query::Params;
use crate::call::Call;
use crate::query::UNRESERVED;

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;

/// Where a page is, and how its address is written.
#[derive(Debug, Clone)]
pub(super) struct Pager {
    address: String,
    params: Params,
    size: usize,
    page: Option<String>,
}

/// One page of something.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    count: usize,
    number: usize,
    last: usize,
}

impl Pager {
    pub(super) fn new(call: &Call, params: &Params) -> Self {
        let host = call.header("host").unwrap_or("localhost");
        let size = params
            .last("page_size")
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|size| *size > 0);
        let size = size.map_or(PAGE_DEFAULT, |size| {
            usize::try_from(size).unwrap_or(PAGE_MAX).min(PAGE_MAX)
        });
        Self {
            address: format!("http://{host}{}", call.path),
            params: params.clone(),
            size,
            page: params.last("page").map(str::to_owned),
        }
    }

    /// The page that was asked for.
    pub(super) fn cut<T>(&self, all: Vec<T>) -> Result<Page<T>, Fault> {
        let count = all.len();
        let last = count.div_ceil(self.size).max(1);
        let wrong = || Fault::Told(StatusCode::NOT_FOUND, "Invalid page.".to_owned());
        let number = match self.page.as_deref() {
            None => 1,
            Some("last") => last,
            Some(text) => text.parse::<usize>().map_err(|_| wrong())?,
        };
        if number == 0 || number > last {
            return Err(wrong());
        }
        let items = all
            .into_iter()
            .skip((number - 1) * self.size)
            .take(self.size)
            .collect();
        Ok(Page {
            items,
            count,
            number,
            last,
        })
    }

    /// The answer with a page whose items are written already.
    pub(super) fn answer(&self, page: &Page<Value>) -> Response {
        let next = (page.number < page.last).then(|| self.link(page.number + 1));
        let previous = (page.number > 1).then(|| self.link(page.number - 1));
        let value =
            json!({"count": page.count, "next": next, "previous": previous, "results": page.items});
        body(StatusCode::OK, &value)
    }

    fn link(&self, number: usize) -> String {
        let mut pairs: Vec<(String, String)> = self
            .params
            .pairs
            .iter()
            .filter(|(name, _)| name != "page")
            .cloned()
            .collect();
        if number > 1 {
            pairs.push(("page".to_owned(), number.to_string()));
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let texts: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        if texts.is_empty() {
            self.address.clone()
        } else {
            format!("{}?{}", self.address, texts.join("&"))
        }
    }
}

impl<T> Page<T> {
    pub(super) fn map(self, write: impl FnMut(T) -> Value) -> Page<Value> {
        Page {
            items: self.items.into_iter().map(write).collect(),
            count: self.count,
            number: self.number,
            last: self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pager(query: &str) -> Pager {
        let params = Params::parse(query);
        let size = params
            .last("page_size")
            .and_then(|it| it.parse().ok())
            .unwrap_or(100);
        let page = params.last("page").map(str::to_owned);
        Pager {
            address: "http://h/v6/batches/".to_owned(),
            params,
            size,
            page,
        }
    }

    #[test]
    fn the_published_example() {
        let first = pager("recipe_type_id=4&page_size=2");
        let page = first.cut(vec![1, 2, 3, 4, 5]).unwrap();
        assert_eq!((page.items.as_slice(), page.last), (&[1, 2][..], 3));
        assert_eq!(
            first.link(2),
            "http://h/v6/batches/?page=2&page_size=2&recipe_type_id=4"
        );
        let second = pager("recipe_type_id=4&page_size=2&page=2");
        assert_eq!(
            second.link(1),
            "http://h/v6/batches/?page_size=2&recipe_type_id=4"
        );
        for wrong in ["page=4", "page=0", "page=-1", "page=x"] {
            assert!(
                pager(&format!("page_size=2&{wrong}"))
                    .cut(vec![1, 2, 3, 4, 5])
                    .is_err(),
                "{wrong}"
            );
        }
        assert_eq!(pager("page=1").cut(Vec::<u64>::new()).unwrap().count, 0);
        assert_eq!(
            pager("page=last&page_size=2")
                .cut(vec![1, 2, 3])
                .unwrap()
                .items,
            [3]
        );
    }
}
