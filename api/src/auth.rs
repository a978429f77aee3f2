//! Who asks: the token of the server if it has one, else the user name, with the groups that this machine knows of
//! them; or a running attempt, which asks for the owner of its batch.

use fasti_core::attempt_token::{claimed_attempt, is_token_of};
use fasti_core::codec::sha256;
use fasti_core::domain::access::Principal;
use fasti_core::domain::ids::AttemptId;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use percent_encoding::percent_decode;
use subtle::ConstantTimeEq as _;
use warp::http::{HeaderMap, HeaderValue, header};

use crate::call::App;
use crate::config::ApiConfig;
use crate::dialects::datature;
use crate::errors::{Code, Problem};
use crate::groups;
use crate::session;

/// Bytes of a user name at most.
const USER_BYTES_MAX: usize = 128;

/// The principal of a request.
///
/// # Errors
/// The token is missing or wrong, or the user name cannot be one.
pub(crate) async fn principal(
    app: &App,
    path: &str,
    headers: &HeaderMap,
) -> Result<Principal, Problem> {
    if !datature::is_ours(path) {
        return shown(app, headers).await;
    }
    // The key of the client is a token like any other.
    let mut headers = headers.clone();
    headers.remove(header::AUTHORIZATION);
    let key = headers.get("secret-key").map(HeaderValue::as_bytes);
    let bearer = key.map(|key| [b"Bearer ", key].concat());
    let bearer = bearer.and_then(|bearer| HeaderValue::from_bytes(&bearer).ok());
    if let Some(bearer) = bearer.filter(|_| app.config.token.is_some()) {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    shown(app, &headers).await.map_err(|problem| {
        if problem.code() != Code::Unauthenticated {
            return problem;
        }
        refused("the secret key is missing or wrong; give the server's token as the secret key of the client")
    })
}

/// Who shows a token, or needs none.
async fn shown(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let claimed = bearer(headers).and_then(|given| {
        let text = std::str::from_utf8(given).ok()?;
        Some((text.to_owned(), claimed_attempt(text)?))
    });
    match claimed {
        Some((token, attempt)) => of_attempt(app, token, attempt).await,
        None => of_caller(&app.config, headers, app.parts.clock.now()),
    }
}

/// The owner of the batch that a running attempt belongs to, never as an administrator: what a task may do is what
/// its batch's owner may, whoever runs the server.
async fn of_attempt(app: &App, token: String, attempt: AttemptId) -> Result<Principal, Problem> {
    let question = move |state: &State| {
        let (run, live) = state.live_attempt(attempt.task_run)?;
        let is_its = live.number == attempt.number && is_token_of(&token, attempt, live.token);
        let graph = state.graph(run.definition).filter(|_| is_its)?;
        Some(graph.definition().owner.clone())
    };
    let owner = app.parts.engine.inspect(question).await?;
    let owner = owner.ok_or_else(|| {
        refused("the attempt whose token this is does not run, or not any more; tasks may ask while they run")
    })?;
    let groups = groups::of(&owner);
    Ok(Principal::user(&owner, groups, false))
}

/// With a token there is no telling who has it: it is the server's own user. Without one, on a machine whose users
/// trust each other, the header names the user.
fn of_caller(
    config: &ApiConfig,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Principal, Problem> {
    check_token(config, headers, now)?;
    let user = match headers
        .get("x-fasti-user")
        .filter(|_| config.token.is_none())
    {
        None => config.server_user.clone(),
        Some(value) => user_name(value)?,
    };
    let is_admin = user == config.server_user;
    let groups = groups::of(&user);
    Ok(Principal::user(&user, groups, is_admin))
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"fasti\""),
    )
}

/// What was shown as `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(header::AUTHORIZATION)?.as_bytes();
    let is_bearer = given.len() > 7 && given[..7].eq_ignore_ascii_case(b"bearer ");
    is_bearer.then(|| given[7..].trim_ascii())
}

fn check_token(config: &ApiConfig, headers: &HeaderMap, now: Timestamp) -> Result<(), Problem> {
    let Some(token) = &config.token else {
        return Ok(());
    };
    if !headers.contains_key(header::AUTHORIZATION) {
        if session::is_open(token, headers, now) {
            return Ok(());
        }
        return Err(refused(
            "this server wants `Authorization: Bearer <token>`; set FASTI_TOKEN",
        ));
    }
    let Some(given) = bearer(headers) else {
        return Err(refused("the authorization is not `Bearer <token>`"));
    };
    check_given(token, given)
}

/// Checks a token that was shown in the body of a request.
///
/// # Errors
/// It is not the server's.
pub(crate) fn check_shown(config: &ApiConfig, given: &str) -> Result<(), Problem> {
    let token = config.token.as_deref();
    token.map_or(Ok(()), |token| check_given(token, given.trim().as_bytes()))
}

fn check_given(token: &str, given: &[u8]) -> Result<(), Problem> {
    if is_same(given, token) {
        Ok(())
    } else {
        Err(refused(
            "the token is not the server's; ask its operator for the present one",
        ))
    }
}

/// Whether a text is the token of the server; any is when it has none.
pub(crate) fn is_token(config: &ApiConfig, given: &[u8]) -> bool {
    config
        .token
        .as_ref()
        .is_none_or(|token| is_same(given, token))
}

/// Digests are of one length, so that nothing can be learned from how long the comparison takes.
fn is_same(given: &[u8], token: &str) -> bool {
    let given = sha256(given).0;
    let wanted = sha256(token.as_bytes()).0;
    bool::from(given.ct_eq(&wanted))
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

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

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
        let own = of_caller(&config(None), &headers(&[]), NOW).unwrap();
        assert!(own.is_admin);
        assert_eq!(own.user, "server");
        let other = headers(&[("x-fasti-user", "Zo%C3%AB Q")]);
        let other = of_caller(&config(None), &other, NOW).unwrap();
        assert!(!other.is_admin);
        assert_eq!(other.user, "Zoë Q");
        assert_eq!(&*other.actor, "user:Zoë Q");
        assert!(!other.groups.is_empty());
    }

    #[test]
    fn with_a_token_the_header_names_nobody() {
        let given = [("authorization", "Bearer s3cret"), ("x-fasti-user", "Zoë")];
        let own = of_caller(&config(Some("s3cret")), &headers(&given), NOW).unwrap();
        assert_eq!((own.user.as_str(), own.is_admin), ("server", true));
    }

    #[test]
    fn user_names_are_text() {
        for bad in ["", " ", "a%0Ab", "%FF", &"x".repeat(129)] {
            let given = headers(&[("x-fasti-user", bad)]);
            assert!(of_caller(&config(None), &given, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_asked_for() {
        let config = config(Some("s3cret"));
        let status = |pairs: &[(&'static str, &str)]| {
            of_caller(&config, &headers(pairs), NOW).map_err(|problem| problem.code().status())
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

    #[test]
    fn a_session_stands_for_the_token() {
        let config = config(Some("s3cret"));
        let line = session::begun("s3cret", NOW);
        let pair = line.split(';').next().unwrap();
        assert!(of_caller(&config, &headers(&[("cookie", pair)]), NOW).is_ok());
        // A token that is shown and wrong is not made good by a cookie.
        let both = headers(&[("cookie", pair), ("authorization", "Bearer x")]);
        assert!(of_caller(&config, &both, NOW).is_err());
        assert!(check_shown(&config, " s3cret\n").is_ok());
        assert!(check_shown(&config, "").is_err());
    }
}
