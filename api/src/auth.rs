//! Who asks: the token of the server if it has one, the user name, the groups that this machine knows of them.

use fasti_core::codec::sha256;
use fasti_core::domain::access::Principal;
use percent_encoding::percent_decode;
use subtle::ConstantTimeEq as _;
use warp::http::{HeaderMap, HeaderValue, header};

use crate::config::ApiConfig;
use crate::errors::{Code, Problem};
use crate::groups;

/// Bytes of a user name at most.
const USER_BYTES_MAX: usize = 128;

/// The principal of a request.
///
/// # Errors
/// The token is missing or wrong, or the user name cannot be one.
pub(crate) fn principal(config: &ApiConfig, headers: &HeaderMap) -> Result<Principal, Problem> {
    check_token(config, headers)?;
    let user = match headers.get("x-fasti-user") {
        None => config.server_user.clone(),
        Some(value) => user_name(value)?,
    };
    let is_admin = user == config.server_user;
    let groups = groups::of(&user);
    Ok(Principal::user(&user, groups, is_admin))
}

fn check_token(config: &ApiConfig, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = &config.token else {
        return Ok(());
    };
    let refused = |detail: &str| {
        Err(Problem::new(Code::Unauthenticated, detail).with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"fasti\""),
        ))
    };
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return refused("this server wants `Authorization: Bearer <token>`; set FASTI_TOKEN");
    };
    let given = given.as_bytes();
    let is_bearer = given.len() > 7 && given[..7].eq_ignore_ascii_case(b"bearer ");
    if !is_bearer {
        return refused("the authorization is not `Bearer <token>`");
    }
    // Digests are of one length, so that nothing can be learned from how long the comparison takes.
    let given = sha256(given[7..].trim_ascii()).0;
    let wanted = sha256(token.as_bytes()).0;
    if bool::from(given.ct_eq(&wanted)) {
        Ok(())
    } else {
        refused("the token is not the server's; ask its operator for the present one")
    }
}

/// Text for people, percent-encoded in the header.
fn user_name(value: &HeaderValue) -> Result<String, Problem> {
    let wrong = |detail: &str| Problem::new(Code::Malformed, detail).at("X-Fasti-User");
    let name = percent_decode(value.as_bytes())
        .decode_utf8()
        .map_err(|_| wrong("X-Fasti-User is no UTF-8; percent-encode it"))?;
    if name.trim().is_empty() || name.len() > USER_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(wrong(
            "X-Fasti-User must be a user name of 1 to 128 bytes without control characters",
        ));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn config(token: Option<&str>) -> ApiConfig {
        let listen = ([127, 0, 0, 1], 0).into();
        let mut config = ApiConfig::new(listen, "data".into(), "0", "server");
        config.token = token.map(str::to_owned);
        config
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                warp::http::HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn without_a_token_the_header_names_the_user() {
        let own = principal(&config(None), &headers(&[])).unwrap();
        assert!(own.is_admin);
        assert_eq!(own.user, "server");
        let other = headers(&[("x-fasti-user", "Zo%C3%AB Q")]);
        let other = principal(&config(None), &other).unwrap();
        assert!(!other.is_admin);
        assert_eq!(other.user, "Zoë Q");
        assert_eq!(&*other.actor, "user:Zoë Q");
        assert!(!other.groups.is_empty());
    }

    #[test]
    fn user_names_are_text() {
        for bad in ["", " ", "a%0Ab", "%FF", &"x".repeat(129)] {
            let given = headers(&[("x-fasti-user", bad)]);
            assert!(principal(&config(None), &given).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_asked_for() {
        let config = config(Some("s3cret"));
        let status = |pairs: &[(&'static str, &str)]| {
            principal(&config, &headers(pairs)).map_err(|problem| problem.code().status())
        };
        assert_eq!(status(&[]).unwrap_err(), 401);
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Basic s3cret",
            "s3cret",
        ] {
            assert_eq!(status(&[("authorization", bad)]).unwrap_err(), 401, "{bad}");
        }
        for good in ["Bearer s3cret", "bearer s3cret"] {
            assert!(status(&[("authorization", good)]).is_ok(), "{good}");
        }
    }
}
