//! Long answers in gzip, for clients that take it: what is drawn of a graph of 10,000 tasks is a fifth as long then.

use std::io::Write as _;

use fasti_core::domain::ids::Seq;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::call::json;
use crate::errors::Problem;

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

/// An answer in JSON, compressed if that is worth it and the client takes it. Call it where computing is allowed.
pub(crate) fn zipped_json(headers: &HeaderMap, value: &impl Serialize, as_of: Seq) -> Response {
    let Ok(body) = serde_json::to_vec(value) else {
        return Problem::internal(&"an answer could not be written as JSON").into_response(None);
    };
    let mut response = json(StatusCode::OK, &(), as_of);
    if body.len() < WORTH_BYTES || !takes_gzip(headers) {
        *response.body_mut() = body.into();
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let packed = encoder.write_all(&body).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) => {
            *response.body_mut() = packed.into();
            mark(&mut response);
            response
        }
        Err(error) => Problem::internal(&error).into_response(None),
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
