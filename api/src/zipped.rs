//! Long answers in gzip, for clients that take it: what is drawn of a graph of 10,000 tasks is a fifth as long then.

use std::io::Write as _;

use bytes::Bytes;
use fasti_core::domain::ids::Seq;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::call::json;

/// Bytes below which nothing is gained.
const WORTH_BYTES: usize = 4 << 10;

/// Whether a client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let Some(taken) = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    taken.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let is_refused = weight.trim().trim_start_matches("q=").parse() == Ok(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Says of a response that its body is in gzip.
pub(crate) fn mark(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
}

/// A body as it is and in gzip, to be sent as often as it is asked for.
#[derive(Debug)]
pub(crate) struct Packed {
    plain: Bytes,
    /// `None` for what is not worth it.
    gzip: Option<Bytes>,
}

impl Packed {
    /// Writes something down as JSON, and packs it. Call it where computing is allowed.
    ///
    /// # Panics
    /// It cannot be written as JSON: a map has keys that are no text.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        let plain = serde_json::to_vec(value).expect("columns of numbers and text are JSON");
        if plain.len() < WORTH_BYTES {
            return Self {
                plain: plain.into(),
                gzip: None,
            };
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
        let packed = encoder.write_all(&plain).and_then(|()| encoder.finish());
        Self {
            plain: plain.into(),
            gzip: packed.ok().map(Bytes::from),
        }
    }

    /// The answer for a client with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap, as_of: Seq) -> Response {
        let mut response = json(StatusCode::OK, &(), as_of);
        match self.gzip.clone().filter(|_| takes_gzip(headers)) {
            Some(gzip) => {
                *response.body_mut() = gzip.into();
                mark(&mut response);
            }
            None => *response.body_mut() = self.plain.clone().into(),
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn gzip_is_given_to_those_who_take_it() {
        let takes = |text: &str| {
            let value = text.parse().unwrap();
            takes_gzip(&[(header::ACCEPT_ENCODING, value)].into_iter().collect())
        };
        assert!(takes("gzip") && takes("deflate, GZIP;q=0.5, br"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes(""));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
