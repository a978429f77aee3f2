//! Refusals as this dialect's clients read them: they put the whole body into their message.

use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::errors::{Code, Problem};

/// Fits both published shapes of an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody {
    error: String,
    error_type: String,
    error_description: String,
    message: String,
}

/// The answer.
pub(crate) fn respond(problem: Problem) -> Response {
    let (code, detail, field, headers) = problem.into_parts();
    let text = match field {
        Some(field) => format!("{field}: {detail}"),
        None => detail,
    };
    let (status, name) = said(code);
    let body = ErrorBody {
        error: name.clone(),
        error_type: name,
        error_description: text.clone(),
        message: text,
    };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Status and word for a code.
fn said(code: Code) -> (u16, String) {
    let status = match (code, code.status()) {
        (Code::UnknownImage, _) => return (404, "IMAGE_UNAVAILABLE".to_owned()),
        // A value that is wrong is a bad request there.
        (_, 422) => 400,
        (_, status) => status,
    };
    (status, code.as_str().to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_refusal_of_its_own() {
        for code in Code::ALL {
            let response = respond(Problem::new(*code, "no"));
            assert!(response.status().as_u16() >= 400 && response.status().as_u16() != 422);
        }
        assert_eq!(said(Code::UnknownImage).0, 404);
        assert_eq!(
            said(Code::ValidationFailed),
            (400, "VALIDATION_FAILED".to_owned())
        );
    }
}
