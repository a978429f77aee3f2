//! Sessions of the page at servers that want a token.

use std::sync::Arc;

use fasti_core::domain::time::Timestamp;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::wire;
use crate::auth;
use crate::call::{App, Call, empty};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::logins::FAILURES_MAX;
use crate::routes::{Routes, any_of, route};
use crate::session;
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, POST [] => begin_session),
        route!(scope, app, DELETE [] => end_session),
    ])
}

/// Begin a session
///
/// Gives a cookie for the server's token: good for twelve hours, for as long as the token stays. For the page, which
/// then needs to keep no token; programs send the token itself. Without a token there is nothing to begin. After ten
/// wrong tokens within a minute from one address, 429 with `Retry-After`.
#[utoipa::path(post, path = "/api/v1/session", tag = "server",
    request_body = wire::BeginSession,
    responses((status = 204, description = "The answer sets the cookie"),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn begin_session(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (body, _) = call.json_within::<wire::BeginSession>(limit).await?;
    let now = call.app.parts.clock.now();
    check(&call, &body.token, now)?;
    let token = call.app.config.token.as_deref();
    Ok(with_cookie(
        &call,
        token.map(|token| session::begun(token, now)),
    ))
}

/// Checks the token, as often as the address that it comes from may try. After too many wrong ones not even the right
/// one is looked at for a while: else there would be no end to guessing.
fn check(call: &Call, token: &str, now: Timestamp) -> Result<(), Problem> {
    let Some(peer) = call.peer else {
        return auth::check_shown(&call.app.config, token);
    };
    let logins = &call.app.logins;
    logins.check(peer, now).map_err(|seconds| {
        let detail = format!(
            "{FAILURES_MAX} wrong tokens within a minute came from your address; try again in {seconds} s"
        );
        Problem::new(Code::Limit, detail).retry_after(seconds)
    })?;
    match auth::check_shown(&call.app.config, token) {
        Ok(()) => logins.succeeded(peer),
        Err(problem) => {
            logins.failed(peer, now);
            return Err(problem);
        }
    }
    Ok(())
}

/// End a session
#[utoipa::path(delete, path = "/api/v1/session", tag = "server",
    responses((status = 204, description = "The answer removes the cookie"),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn end_session(call: Call) -> Answer {
    call.query()?.finish()?;
    Ok(with_cookie(&call, Some(session::ended())))
}

fn with_cookie(call: &Call, cookie: Option<String>) -> Response {
    let mut response = empty(StatusCode::NO_CONTENT, call.last_seq());
    let value = cookie.map(HeaderValue::try_from);
    match value.transpose() {
        Ok(Some(value)) => {
            response.headers_mut().insert(header::SET_COOKIE, value);
            response
        }
        Ok(None) => response,
        Err(error) => Problem::internal(&error).into_response(None),
    }
}
