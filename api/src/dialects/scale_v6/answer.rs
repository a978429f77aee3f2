//! Answers and refusals as the dialect words them: an object with `detail`.

use fasti_core::domain::command::{Command, Receipt, Request, Subject};
use fasti_core::domain::flow::FlowCommand;
use fasti_core::domain::rejection::Rejection;
use fasti_core::engine::SubmitError;
use fasti_projector::Views;
use serde_json::{Value, json};
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::call::{Call, empty};
use crate::errors::{Answer, Problem};

/// A refusal.
#[derive(Debug)]
pub(super) enum Fault {
    /// In the words of the dialect.
    Told(StatusCode, String),
    /// In the server's own.
    Problem(Box<Problem>),
}

impl Fault {
    /// The request is wrong.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::Told(StatusCode::BAD_REQUEST, detail.into())
    }

    /// What it speaks of is not there.
    pub(super) fn not_found() -> Self {
        Self::Told(StatusCode::NOT_FOUND, "Not found.".to_owned())
    }

    /// A member of the body is not given.
    pub(super) fn missing(name: &str) -> Self {
        Self::bad(format!("Missing required parameter: \"{name}\""))
    }

    fn into_response(self) -> Response {
        match self {
            Self::Told(status, detail) => told(status, &detail),
            Self::Problem(problem) => refused(&problem),
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        if let SubmitError::Rejected(rejection) = &error
            && let Rejection::Invalid { message, .. } = &**rejection
        {
            return Self::bad(message.clone());
        }
        Problem::from(error).into()
    }
}

/// The result of a handler as an answer.
pub(super) fn done(result: Result<Response, Fault>) -> Answer {
    Ok(result.unwrap_or_else(Fault::into_response))
}

fn told(status: StatusCode, detail: &str) -> Response {
    body(status, &json!({ "detail": detail }))
}

/// A refusal of the server in the dialect's words, with its headers.
pub(crate) fn refused(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
    // A wrong value is a bad request here.
    let status = if status == StatusCode::UNPROCESSABLE_ENTITY {
        StatusCode::BAD_REQUEST
    } else {
        status
    };
    let mut response = told(status, problem.detail());
    for (name, value) in problem.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// An answer in JSON.
pub(super) fn body(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(value.to_string().into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer in JSON that says where what was made is.
pub(super) fn created(value: &Value, location: &str) -> Response {
    let mut response = body(StatusCode::CREATED, value);
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// An answer without a body.
pub(super) fn nothing(call: &Call, status: StatusCode) -> Response {
    empty(status, call.last_seq())
}

/// Address of this server and of the version of the dialect, as the caller wrote it: `http://host:1/v6`.
pub(super) fn base(call: &Call) -> String {
    let host = call.header("host").unwrap_or("localhost");
    let prefix = if call.path.starts_with("/v7/") {
        "v7"
    } else {
        "v6"
    };
    format!("http://{host}/{prefix}")
}

/// Has something done; the views have seen it afterwards.
pub(super) async fn submit(call: &Call, command: FlowCommand) -> Result<Receipt, Fault> {
    let request = Request {
        command: Command::Flow(command),
        principal: call.principal.clone(),
        key: None,
        trace: crate::trace::traceparent(&call.headers).map(Into::into),
    };
    let receipt = call.app.parts.engine.submit(request).await?;
    call.ask_after(receipt.seq, |_, _| Ok(())).await?;
    Ok(receipt)
}

/// Id of what a command made.
pub(super) fn made(receipt: &Receipt) -> Result<u64, Fault> {
    if let Subject::Flow(id) = receipt.subject {
        return Ok(id);
    }
    Err(Problem::internal(&"a command made something else than it says").into())
}

/// Asks the views; a handler's question has the dialect's refusals.
pub(super) async fn ask<T, F>(call: &Call, question: F) -> Result<T, Fault>
where
    T: Send + 'static,
    F: FnOnce(&Views) -> Result<T, Fault> + Send + 'static,
{
    let (answer, _) = call.ask(None, move |views, _| Ok(question(views))).await?;
    answer
}
