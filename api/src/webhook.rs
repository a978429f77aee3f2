//! Signatures of webhooks: who sent it, that nothing was changed, and that it is not an old one.

use fasti_core::domain::time::Timestamp;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use warp::http::HeaderMap;

use crate::errors::{Code, Problem};

/// How far the time of a request may be from ours, either way.
const AGE_US_MAX: i64 = 5 * 60 * 1_000_000;

/// What is said of a signature that does not fit: nothing that helps to find one that does.
pub(crate) const REFUSED: &str = "no trigger of this name takes a request with this signature; sign `<timestamp>.<id>.<body>` with its key";

/// The id of a request that is signed with the key.
///
/// # Errors
/// 400 when a header is missing or unreadable, 401 when the signature does not fit or is too old.
pub(crate) fn verified(
    key: &[u8],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<String, Problem> {
    let id = header(headers, "Fasti-Webhook-Id")?;
    if id.contains('.') {
        // With one, a signature would hold for another id too, with the rest of this one at the head of the body.
        let detail = format!(
            "the id `{id}` has a dot, which parts id and body in what is signed; write another sign"
        );
        return Err(Problem::new(Code::Malformed, detail).at("Fasti-Webhook-Id"));
    }
    let timestamp = header(headers, "Fasti-Webhook-Timestamp")?;
    let signatures = header(headers, "Fasti-Webhook-Signature")?;
    let seconds: i64 = timestamp.parse().map_err(|_| {
        let detail = format!("`{timestamp}` is no number of seconds since 1970");
        Problem::new(Code::Malformed, detail).at("Fasti-Webhook-Timestamp")
    })?;
    let is_signed = signatures.split(',').any(|signature| {
        let Some(digest) = signature.trim().strip_prefix("v1=").and_then(unhex) else {
            return false;
        };
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return false;
        };
        for part in [timestamp.as_bytes(), b".", id.as_bytes(), b".", body] {
            mac.update(part);
        }
        // Compared in the same time, wherever they differ.
        mac.verify_slice(&digest).is_ok()
    });
    if !is_signed {
        return Err(Problem::new(Code::Unauthenticated, REFUSED));
    }
    let age_us = now.0.saturating_sub(seconds.saturating_mul(1_000_000));
    if !(-AGE_US_MAX..=AGE_US_MAX).contains(&age_us) {
        let detail = format!(
            "the request was signed {} s ago by this server's clock, more than 300 either way; sign it anew",
            age_us / 1_000_000
        );
        return Err(Problem::new(Code::Unauthenticated, detail).at("Fasti-Webhook-Timestamp"));
    }
    Ok(id.to_owned())
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Problem> {
    let mut all = headers.get_all(name).iter();
    let value = all.next().and_then(|value| value.to_str().ok());
    match (value, all.next()) {
        (Some(value), None) => Ok(value),
        _ => {
            let detail = format!("a webhook has exactly one {name}, in visible ASCII characters");
            Err(Problem::new(Code::Malformed, detail).at(name))
        }
    }
}

/// The bytes of a signature in hexadecimal digits; `None` when it is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use warp::http::HeaderValue;

    use super::*;

    /// Of `1700000000.evt-1.{"a":1}` with the key `a key of sixteen`, by another program.
    const SIGNED: &str = "5fce3bc2fe7be16ffc5c5112c86e196120604064bd54484fc3266c51ff9f013d";
    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn status(change: impl Fn(&mut HeaderMap), key: &[u8], body: &str, now: Timestamp) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert("fasti-webhook-id", "evt-1".parse().unwrap());
        headers.insert("fasti-webhook-timestamp", "1700000000".parse().unwrap());
        let signature = format!("v1={SIGNED}");
        headers.insert("fasti-webhook-signature", signature.parse().unwrap());
        change(&mut headers);
        verified(key, &headers, body.as_bytes(), now)
            .map_or_else(|problem| problem.code().status(), |_| 202)
    }

    fn set(name: &'static str, value: &str) -> impl Fn(&mut HeaderMap) {
        let value: HeaderValue = value.parse().unwrap();
        move |headers| drop(headers.insert(name, value.clone()))
    }

    #[test]
    fn a_request_is_taken_as_it_was_signed_and_in_time() {
        let key = b"a key of sixteen".as_slice();
        let body = r#"{"a":1}"#;
        assert_eq!(status(|_| (), key, body, NOW), 202);
        for seconds in [-300, 300] {
            let now = NOW.plus_us(seconds * 1_000_000);
            assert_eq!(status(|_| (), key, body, now), 202);
            let beyond = now.plus_us(seconds.signum());
            assert_eq!(status(|_| (), key, body, beyond), 401, "{seconds}");
        }
        let both = format!("v1=00,v1={SIGNED}");
        let both = set("fasti-webhook-signature", &both);
        assert_eq!(status(both, key, body, NOW), 202, "while keys change");
    }

    #[test]
    fn anything_changed_is_refused() {
        let key = b"a key of sixteen".as_slice();
        let body = r#"{"a":1}"#;
        assert_eq!(status(|_| (), b"another", body, NOW), 401);
        assert_eq!(status(|_| (), key, r#"{"a":2}"#, NOW), 401);
        assert_eq!(
            status(set("fasti-webhook-id", "evt-2"), key, body, NOW),
            401
        );
        let later = set("fasti-webhook-timestamp", "1700000001");
        assert_eq!(status(later, key, body, NOW), 401);
        for bad in ["v1=", "v1=zz", "v1=é", SIGNED, &format!("v2={SIGNED}")] {
            let Ok(value) = bad.parse::<HeaderValue>() else {
                continue;
            };
            let change = move |headers: &mut HeaderMap| {
                headers.insert("fasti-webhook-signature", value.clone());
            };
            assert!(matches!(status(change, key, body, NOW), 400 | 401), "{bad}");
        }
    }

    #[test]
    fn headers_are_there_once_and_readable() {
        let key = b"a key of sixteen".as_slice();
        for name in [
            "fasti-webhook-id",
            "fasti-webhook-timestamp",
            "fasti-webhook-signature",
        ] {
            let without = |headers: &mut HeaderMap| drop(headers.remove(name));
            assert_eq!(status(without, key, "", NOW), 400);
            let twice = |headers: &mut HeaderMap| {
                headers.append(name, "x".parse().unwrap());
            };
            assert_eq!(status(twice, key, "", NOW), 400);
        }
        let dotted = set("fasti-webhook-id", "evt-1.{");
        assert_eq!(status(dotted, key, "", NOW), 400);
        let never = set("fasti-webhook-timestamp", "soon");
        assert_eq!(status(never, key, "", NOW), 400);
    }
}
