//! Refusals as the client reads them: an object with a text `message`, and statuses that it does not repeat.

use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::errors::{Code, Problem};

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    code: &'a str,
}

/// A problem as the client understands it. A missing key is 403: of 401 it would say that the request is bad; so it
/// would of 422, which is 400 here.
pub(crate) fn into_response(problem: &Problem) -> Response {
    let code = problem.code();
    let status = status(code);
    let refusal = Refusal {
        message: problem.detail(),
        code: code.as_str(),
    };
    let body = serde_json::to_vec(&refusal).unwrap_or_default();
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    problem.add_headers(response.headers_mut());
    response
}

fn status(code: Code) -> u16 {
    use Code::{MethodNotAllowed, UnsupportedMediaType, ValidationFailed};
    if code == Code::Unauthenticated {
        return 403;
    }
    if matches!(
        code,
        ValidationFailed | MethodNotAllowed | UnsupportedMediaType
    ) {
        return 400;
    }
    if code == Code::VersionMismatch {
        return 409;
    }
    // More than may be kept: trying again at once would not help.
    if code == Code::Limit {
        return 429;
    }
    code.status()
}

/// 409: something else needs it.
pub(super) fn in_use(detail: impl Into<String>) -> Problem {
    Problem::new(Code::VersionMismatch, detail)
}

/// 400 at a field.
pub(super) fn bad(field: &str, detail: impl std::fmt::Display) -> Problem {
    Problem::invalid(field, format!("{field}: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_that_the_client_takes_well() {
        for (code, status) in [
            (Code::Unauthenticated, 403),
            (Code::ValidationFailed, 400),
            (Code::Malformed, 400),
            (Code::NotFound, 404),
            (Code::VersionMismatch, 409),
            (Code::Busy, 503),
        ] {
            let response = into_response(&Problem::new(code, "x"));
            assert_eq!(response.status().as_u16(), status, "{code:?}");
        }
    }
}
