//! Request bodies: bounded, timed, and read so that a mistake is named by its place.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use warp::http::{HeaderMap, header};

use crate::errors::{Code, Problem};
use crate::objects::Objects;

/// Nesting of arrays and objects in a JSON body.
const DEPTH_MAX: usize = 64;

/// Longest wait for the next piece of a body.
const PIECE_WAIT: Duration = Duration::from_secs(30);

/// What is read and thrown away of a body that is too large, so that the sender gets to read the answer.
const DRAIN_BYTES_MAX: u64 = 64 << 20;

/// Longest time spent on that.
const DRAIN_WAIT: Duration = Duration::from_secs(5);

/// What room for bodies is counted in.
const ROOM_UNIT_BYTES: usize = 4 << 10;

/// Longest wait for room.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// Memory for the bodies of all requests together.
#[derive(Debug, Clone)]
pub(crate) struct BodyRoom(Arc<Semaphore>);

impl BodyRoom {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes).unwrap_or(usize::MAX) / ROOM_UNIT_BYTES;
        Self(Arc::new(Semaphore::new(
            units.clamp(1, Semaphore::MAX_PERMITS),
        )))
    }
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// A body piece by piece.
pub(crate) struct Body {
    stream: Pieces,
    declared_bytes: Option<u64>,
    limit_bytes: u64,
    read_bytes: u64,
    /// Room taken for what is in memory; given back with the request.
    held: Option<OwnedSemaphorePermit>,
}

impl Body {
    /// The body of a request with these headers.
    pub(crate) fn new<B: bytes::Buf + Send + 'static>(
        stream: impl Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static,
        headers: &HeaderMap,
    ) -> Self {
        let declared = headers.get(header::CONTENT_LENGTH);
        let pieces = stream.map(|piece| piece.map(|mut buf| buf.copy_to_bytes(buf.remaining())));
        Self {
            stream: Box::pin(pieces),
            declared_bytes: declared.and_then(|text| text.to_str().ok()?.parse().ok()),
            limit_bytes: 0,
            read_bytes: 0,
            held: None,
        }
    }

    /// Sets the bound; to be called before anything is read.
    ///
    /// # Errors
    /// The declared length is over it.
    pub(crate) async fn limit(&mut self, limit_bytes: u64) -> Result<(), Problem> {
        self.limit_bytes = limit_bytes;
        if self
            .declared_bytes
            .is_some_and(|declared| declared > limit_bytes)
        {
            return Err(self.too_large().await);
        }
        Ok(())
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// It is over the bound, did not come in time, or the connection broke.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let Ok(piece) = timeout(PIECE_WAIT, self.stream.next()).await else {
            return Err(Problem::new(
                Code::RequestTimeout,
                format!("nothing of the body came for {} s", PIECE_WAIT.as_secs()),
            ));
        };
        match piece {
            None => Ok(None),
            Some(Err(error)) => Err(Problem::new(
                Code::Malformed,
                format!(
                    "the body broke off after {} bytes: {error}",
                    self.read_bytes
                ),
            )),
            Some(Ok(piece)) => {
                self.read_bytes += piece.len() as u64;
                if self.read_bytes > self.limit_bytes {
                    return Err(self.too_large().await);
                }
                Ok(Some(piece))
            }
        }
    }

    /// All of it, as far as there is `room` beside the bodies of other requests.
    ///
    /// # Errors
    /// As [`Body::next`], or there was no room for long.
    pub(crate) async fn bytes(&mut self, room: &BodyRoom) -> Result<Bytes, Problem> {
        let mut out = BytesMut::new();
        while let Some(piece) = self.next().await? {
            self.hold(room, out.len() + piece.len()).await?;
            out.extend_from_slice(&piece);
        }
        Ok(out.freeze())
    }

    /// Takes room for so many bytes in all. As they come, not as they are announced: who sends slowly takes up
    /// little.
    async fn hold(&mut self, room: &BodyRoom, bytes: usize) -> Result<(), Problem> {
        let units = bytes.div_ceil(ROOM_UNIT_BYTES);
        let held = self
            .held
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = units.checked_sub(held).filter(|more| *more > 0) else {
            return Ok(());
        };
        let busy = || {
            let detail = "the bodies of other requests take up all the memory there is for them; try again in a moment";
            Problem::new(Code::Busy, detail).retry_after(1)
        };
        let more = u32::try_from(more).map_err(|_| busy())?;
        let taking = room.0.clone().acquire_many_owned(more);
        // Closed is never done to it.
        let Ok(Ok(taken)) = timeout(ROOM_WAIT, taking).await else {
            return Err(busy());
        };
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        Ok(())
    }

    async fn too_large(&mut self) -> Problem {
        let mut left = DRAIN_BYTES_MAX;
        let drain = async {
            while let Some(Ok(piece)) = self.stream.next().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    return;
                }
            }
        };
        // Whether all of it came is the sender's affair.
        let _ = timeout(DRAIN_WAIT, drain).await;
        let limit = self.limit_bytes;
        Problem::new(
            Code::TooLarge,
            format!("the body is larger than the {limit} bytes allowed here"),
        )
    }
}

/// Refuses a body that is not declared as JSON: forms and plain text are what foreign pages can send.
///
/// # Errors
/// 415.
pub(crate) fn check_json_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(());
    }
    let detail = match given {
        None => "the body has no type; send it with `Content-Type: application/json`".to_owned(),
        Some(given) => format!("`{given}` is not read here; send `application/json`"),
    };
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

/// Reads a value; text that is no JSON is 400, JSON of another shape 422 with the path of the field.
///
/// # Errors
/// See above.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    check_depth(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(Objects(&mut deserializer)).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            // The parser stops at the first value that does not fit; what follows may be no JSON at all.
            Category::Data => match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Ok(_) => wrong_shape(field, &inner),
                Err(error) => no_json(&error),
            },
            Category::Io | Category::Syntax | Category::Eof => no_json(&inner),
        }
    })?;
    deserializer.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

fn no_json(error: &serde_json::Error) -> Problem {
    Problem::new(Code::Malformed, format!("the body is no JSON: {error}"))
}

fn wrong_shape(field: String, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    // The place in the text is of little use next to the path.
    let detail = text.split(" at line ").next().unwrap_or(&text).to_owned();
    // The parser is still at the object when it meets a key it does not know; the key belongs to the path.
    let key = detail
        .strip_prefix("unknown field `")
        .or_else(|| detail.strip_prefix("missing field `"))
        .and_then(|rest| rest.split('`').next());
    let field = match (field.as_str(), key) {
        (".", Some(key)) => key.to_owned(),
        (path, Some(key)) if path != key && !path.ends_with(&format!(".{key}")) => {
            format!("{path}.{key}")
        }
        (".", None) => return Problem::new(Code::ValidationFailed, format!("the body: {detail}")),
        _ => field,
    };
    Problem::invalid(field, detail)
}

/// Counts brackets outside of texts: nothing after this has to fear for its stack.
fn check_depth(bytes: &[u8]) -> Result<(), Problem> {
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    for &byte in bytes {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Problem::new(
                        Code::Malformed,
                        format!("the body is nested deeper than the {DEPTH_MAX} levels allowed"),
                    ));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Outer {
        name: String,
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Inner {
        cpu: u32,
    }

    fn refused(text: &str) -> (u16, String) {
        let problem = read_json::<Outer>(text.as_bytes()).unwrap_err();
        let status = problem.code().status();
        let json: serde_json::Value = {
            let response = problem.into_response(None);
            let body = futures_util::FutureExt::now_or_never(http_body_util::BodyExt::collect(
                response.into_body(),
            ));
            serde_json::from_slice(&body.unwrap().unwrap().to_bytes()).unwrap()
        };
        (status, json["field"].as_str().unwrap_or("-").to_owned())
    }

    #[test]
    fn mistakes_are_named_by_their_place() {
        for (text, status, field) in [
            ("", 400, "-"),
            ("{", 400, "-"),
            ("{}x", 400, "-"),
            ("\u{0}", 400, "-"),
            (r#"{"name":"a","items":[]} {}"#, 400, "-"),
            (r#"{"name":1,"#, 400, "-"),
            ("[]", 422, "-"),
            ("{}", 422, "name"),
            (r#"{"name":1,"items":[]}"#, 422, "name"),
            (r#"{"name":"a","items":[],"x":1}"#, 422, "x"),
            (
                r#"{"name":"a","items":[{"cpu":1},{"cpu":-1}]}"#,
                422,
                "items[1].cpu",
            ),
            (
                r#"{"name":"a","items":[{"cpu":1,"gpu":2}]}"#,
                422,
                "items[0].gpu",
            ),
            (r#"{"name":"a","items":[{}]}"#, 422, "items[0].cpu"),
            (r#"{"name":"a","items":[{"cpu":1.5}]}"#, 422, "items[0].cpu"),
        ] {
            assert_eq!(refused(text), (status, field.to_owned()), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let bomb = "[".repeat(1_000_000);
        assert_eq!(refused(&bomb).0, 400);
        let text = format!(r#"{{"name":"{}","items":[]}}"#, "[".repeat(1_000));
        assert!(
            read_json::<Outer>(text.as_bytes()).is_ok(),
            "brackets in texts do not count"
        );
    }
}
