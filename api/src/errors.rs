//! Problem documents (RFC 9457): every refusal of the native interface, with a stable code and what to do.

use fasti_core::domain::rejection::{Kind, Rejection};
use fasti_core::engine::SubmitError;
use serde::Serialize;
use utoipa::ToSchema;
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use warp::reply::Response;

pub use crate::codes::Code;

/// Bytes of a text in a problem: enough for a sentence with names in it.
const QUOTED_BYTES_MAX: usize = 1_000;

/// One thing wrong; the first is also in `field` and `detail` of the problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field, such as `tasks[0].cpu`.
    pub field: String,
    /// The same as a JSON Pointer (RFC 6901), such as `/tasks/0/cpu`.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Address of the page that explains the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words, the same for every problem of this code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What was attempted, with which value, and what to do.
    pub detail: String,
    /// Stable code for programs.
    pub code: String,
    /// Path of the first offending field.
    pub field: Option<String>,
    /// Everything found wrong with fields.
    pub errors: Vec<FieldError>,
    /// What to quote when asking for help; the server's log has it too.
    pub trace_id: Option<String>,
}

/// What a handler gives back.
pub(crate) type Answer = Result<Response, Problem>;

impl Problem {
    /// A problem; `detail` says what was attempted, with which value, and what to do.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: bounded(detail.into()),
            field: None,
            headers: Vec::new(),
        }
    }

    /// A wrong value in a field of the body, or a parameter of the address.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::ValidationFailed, detail).at(field)
    }

    /// Nothing of this kind and name.
    pub(crate) fn not_found(what: &str, name: &dyn std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} `{name}`"))
    }

    /// A fault of the server; the cause goes to its log only.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            Code::Internal,
            "the server could not answer; its log says why, under the trace id",
        )
    }

    /// Names the offending field.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(bounded(field.into()));
        self
    }

    /// The same under another code.
    pub(crate) fn recoded(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// Names the field as one inside of `outer`, unless it already is.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        if let Some(field) = self
            .field
            .as_mut()
            .filter(|field| !field.starts_with(outer))
        {
            // Everything else that can be wrong there is a field of the definition.
            if !matches!(field.as_str(), "rundate" | "Idempotency-Key") {
                *field = format!("{outer}.{field}");
            }
        }
        self
    }

    /// Adds a header to the answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says when to try again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What was attempted, with which value, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The offending field.
    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Headers of the answer.
    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// Its code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Adds the headers it comes with.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Code, detail, field and headers, for a dialect that says it in its own way.
    pub(crate) fn into_parts(
        self,
    ) -> (Code, String, Option<String>, Vec<(HeaderName, HeaderValue)>) {
        (self.code, self.detail, self.field, self.headers)
    }

    /// The answer.
    pub(crate) fn into_response(self, trace_id: Option<&str>) -> Response {
        let errors = self.field.iter().map(|field| FieldError {
            field: field.clone(),
            pointer: pointer(field),
            detail: self.detail.clone(),
        });
        let document = ProblemDocument {
            kind: format!("/api/v1/errors/{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code.as_str().to_owned(),
            errors: errors.collect(),
            field: self.field,
            detail: self.detail,
            trace_id: trace_id.map(str::to_owned),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(body.into());
        *response.status_mut() =
            StatusCode::from_u16(document.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.extend(
            self.headers
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        response
    }
}

/// Texts that quote what was sent end where it gets long.
fn bounded(mut text: String) -> String {
    if text.len() > QUOTED_BYTES_MAX {
        let mut end = QUOTED_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// `tasks[0].cpu` as `/tasks/0/cpu`.
fn pointer(field: &str) -> String {
    let mut out = String::new();
    for part in field.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        out.push('/');
        out.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    out
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let fallback = match rejection.kind() {
            Kind::Invalid => Code::ValidationFailed,
            Kind::NotFound => Code::NotFound,
            Kind::Conflict => Code::VersionMismatch,
            Kind::Forbidden => Code::Forbidden,
            Kind::Limit => Code::Limit,
        };
        let code = Code::named(rejection.code()).unwrap_or(fallback);
        let mut problem = Self::new(code, rejection.to_string());
        problem.field = rejection.field().map(bounded);
        if code == Code::Limit {
            problem.retry_after(5)
        } else {
            problem
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(rejection) => (*rejection).into(),
            SubmitError::Busy => Self::new(
                Code::Busy,
                "more commands arrive than can be written; send it again in a second",
            )
            .retry_after(1),
            SubmitError::DiskFull => Self::new(
                Code::DiskFull,
                "the disk of the data folder is full and nothing new is taken; free some space, then send it again",
            )
            .retry_after(30),
            SubmitError::Stopped => Self::new(
                Code::NotReady,
                "the scheduler has stopped; send it again once the server is back",
            )
            .retry_after(2),
        }
    }
}

impl From<Box<Rejection>> for Problem {
    fn from(rejection: Box<Rejection>) -> Self {
        (*rejection).into()
    }
}
