//! Sessions of the page: who has shown the server's token gets a cookie that scripts cannot read, instead of
//! keeping the token in the browser. Nothing is remembered here: a cookie is the instant it ends at, signed with the
//! token, so that it survives a restart and ends with the token.

use fasti_core::domain::time::Timestamp;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use warp::http::{HeaderMap, header};

use crate::webhook::unhex;

/// Name of the cookie.
const COOKIE: &str = "fasti-session";

/// How long a session lasts.
const SECONDS: i64 = 12 * 60 * 60;

/// What is signed besides the instant, so that the signature is good for nothing else.
const PURPOSE: &[u8] = b"fasti session until ";

/// The header that begins a session.
pub(crate) fn begun(token: &str, now: Timestamp) -> String {
    let until = now.0 / 1_000_000 + SECONDS;
    let signature = signature(token, until).finalize().into_bytes();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{COOKIE}={until}.{hex}; Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Strict")
}

/// The header that ends a session.
pub(crate) fn ended() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// Whether a request comes with a session that goes on.
pub(crate) fn is_open(token: &str, headers: &HeaderMap, now: Timestamp) -> bool {
    cookies(headers).any(|value| {
        let Some((until, hex)) = value.split_once('.') else {
            return false;
        };
        let (Ok(until), Some(given)) = (until.parse::<i64>(), unhex(hex)) else {
            return false;
        };
        let is_signed = signature(token, until).verify_slice(&given).is_ok();
        is_signed && now.0 / 1_000_000 < until
    })
}

fn signature(token: &str, until: i64) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("a key of any length is one");
    mac.update(PURPOSE);
    mac.update(until.to_string().as_bytes());
    mac
}

/// Values of the cookie; other sites on the same host can add to them, and one that fits is enough.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.filter_map(|line| line.to_str().ok());
    pairs.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn with(cookie: &str) -> HeaderMap {
        let value = cookie.parse().unwrap();
        [(header::COOKIE, value)].into_iter().collect()
    }

    fn pair(line: &str) -> &str {
        line.split(';').next().unwrap()
    }

    #[test]
    fn a_session_is_good_for_its_token_until_it_ends() {
        let line = begun("s3cret", NOW);
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Strict"));
        let headers = with(&format!("other=1; {}; last=x", pair(&line)));
        let late = Timestamp(NOW.0 + SECONDS * 1_000_000);
        assert!(is_open("s3cret", &headers, NOW));
        assert!(is_open("s3cret", &headers, Timestamp(late.0 - 1_000_000)));
        assert!(!is_open("s3cret", &headers, late));
        assert!(!is_open("another", &headers, NOW));
        assert!(!is_open("s3cret", &with(pair(&ended())), NOW));
    }

    #[test]
    fn a_changed_cookie_is_none() {
        let line = begun("s3cret", NOW);
        let (start, rest) = pair(&line).split_once('=').unwrap();
        let later = rest.replacen("17", "18", 1);
        for wrong in [&later[..], &rest[..40], "", ".", "x.y", "1é.é"] {
            let bytes = format!("{start}={wrong}");
            let Ok(value) = warp::http::HeaderValue::from_bytes(bytes.as_bytes()) else {
                continue;
            };
            let headers = [(header::COOKIE, value)].into_iter().collect();
            assert!(!is_open("s3cret", &headers, NOW), "{wrong}");
        }
        assert!(!is_open("s3cret", &HeaderMap::new(), NOW));
    }
}
