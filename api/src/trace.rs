//! One name per request, to find it again in the server's log: the caller's W3C trace id, or one of our own.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use warp::http::HeaderMap;

/// 32 hexadecimal digits.
#[derive(Debug, Clone)]
pub(crate) struct TraceId(String);

impl TraceId {
    /// The id of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        traceparent(headers).map_or_else(Self::fresh, |text| Self(text[3..35].to_owned()))
    }

    fn fresh() -> Self {
        static START: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Two servers, or two starts of one, must not give the same names; secrecy is not asked for.
        let start = START.get_or_init(|| RandomState::new().build_hasher().finish());
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{start:016x}{next:016x}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The W3C trace context of a request, if it is well-formed.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let fits = lengths == [2, 32, 16, 2]
        && parts.iter().all(|part| is_hex(part))
        && parts[0] != "ff"
        && [parts[1], parts[2]]
            .iter()
            .all(|id| id.bytes().any(|b| b != b'0'));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        [("traceparent".parse().unwrap(), text.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn the_callers_trace_is_taken_over() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let given = headers(text);
        assert_eq!(traceparent(&given), Some(text));
        assert_eq!(
            TraceId::of(&given).as_str(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
    }

    #[test]
    fn anything_else_is_passed_over() {
        for text in [
            "",
            "00-0-0-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(traceparent(&headers(text)), None, "{text}");
        }
        let [one, other] = [(); 2].map(|()| TraceId::of(&HeaderMap::new()));
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 32);
    }
}
