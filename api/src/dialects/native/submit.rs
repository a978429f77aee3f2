//! The way of a command: to the engine, until durable; then into the views, for the answer.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::codec::sha256;
use fasti_core::domain::command::{Command, Receipt, Request, Subject};
use fasti_core::domain::event::KeyUse;
use fasti_projector::Views;
use http_body_util::BodyExt as _;
use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::wire;
use crate::ask::Asker;
use crate::call::{Call, empty, json};
use crate::errors::{Answer, Code, Problem};
use crate::trace::traceparent;
use crate::written::Written;

/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// What is answered to a command.
pub(super) struct Told {
    status: StatusCode,
    body: Option<Written>,
    location: Option<String>,
    etag: Option<String>,
}

impl Told {
    /// A body in JSON.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let body = Written::json(value).map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            status,
            body: Some(body),
            location: None,
            etag: None,
        })
    }

    /// No body.
    pub(super) fn nothing() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
            location: None,
            etag: None,
        }
    }

    /// Says where what was made can be found.
    pub(super) fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// Says which version it has.
    pub(super) fn version(mut self, version: u32) -> Self {
        self.etag = Some(format!("\"{version}\""));
        self
    }
}

/// Has a command decided and told of; `bytes` is the body that it came with.
pub(super) async fn submit<F>(call: &Call, command: Command, bytes: &Bytes, tell: F) -> Answer
where
    F: FnOnce(&Views, &Asker, &Receipt) -> Result<Told, Problem> + Send + 'static,
{
    let key = key(call, bytes)?;
    if let Some(response) = key.as_deref().and_then(|key| replayed(call, key)) {
        return Ok(response);
    }
    let request = Request {
        command,
        principal: call.principal.clone(),
        key: key.clone(),
        trace: traceparent(&call.headers).map(Into::into),
    };
    let receipt = call.app.parts.engine.submit(request).await?;
    let (made, repeated) = (receipt.seq, receipt.repeated);
    let unseen = unseen(&receipt);
    let question = move |views: &Views, asker: &Asker| tell(views, asker, &receipt);
    let Some((told, as_of)) = call.ask_after(made, question).await? else {
        // Done all the same, and to be answered so: who is told of a failure tries again.
        return Ok(json(StatusCode::ACCEPTED, &unseen, made));
    };
    let mut response = told.body.map_or_else(Response::default, Written::answer);
    *response.status_mut() = told.status;
    let headers = response.headers_mut();
    headers.insert("fasti-seq", HeaderValue::from(as_of.max(made).0));
    let texts = [(header::LOCATION, told.location), (header::ETAG, told.etag)];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    if repeated {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    match key {
        None => Ok(response),
        Some(key) => keep(call, &key, response).await,
    }
}

fn unseen(receipt: &Receipt) -> wire::Receipt {
    let id = match &receipt.subject {
        Subject::Batch { batch, .. } => Some(batch.to_string().into()),
        Subject::Run(run) => Some(run.0.into()),
        Subject::RunSet(set) => Some(set.0.into()),
        Subject::Flow(id) => Some((*id).into()),
        Subject::None
        | Subject::Image(_)
        | Subject::Bundle(_)
        | Subject::Held(_)
        | Subject::Ignored(_) => None,
    };
    wire::Receipt {
        seq: receipt.seq.0,
        id,
        detail: "it is done, but cannot be shown: what computes answers no longer follows the log; start the server again",
    }
}

/// The key of a request and what tells this request from others with the key.
fn key(call: &Call, bytes: &Bytes) -> Result<Option<Arc<KeyUse>>, Problem> {
    let mut given = call.headers.get_all("idempotency-key").iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    if given.any(|other| other != value) {
        let detail = "a request has one Idempotency-Key; this one has several that differ";
        return Err(Problem::new(Code::Malformed, detail).at("Idempotency-Key"));
    }
    // The draft wants a quoted string, most clients send it bare: both are the same key.
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let key = quoted.unwrap_or(text);
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Problem::new(
            Code::Malformed,
            format!("Idempotency-Key must have 1 to {KEY_BYTES_MAX} visible ASCII characters"),
        )
        .at("Idempotency-Key"));
    }
    let head = format!(
        "{}\n{} {}?{}\n",
        call.principal.user, call.method, call.path, call.query
    );
    let mut whole = head.into_bytes();
    whole.extend_from_slice(bytes);
    Ok(Some(Arc::new(KeyUse {
        key: key.to_owned(),
        fingerprint: sha256(&whole).to_string(),
    })))
}

/// The same answer again, if it is still known.
fn replayed(call: &Call, key: &KeyUse) -> Option<Response> {
    let (status, body) = call.app.replays.find(&key.key, &key.fingerprint)?;
    let mut response = empty(status, call.last_seq());
    let headers = response.headers_mut();
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    if !body.is_empty() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    Some(response.map(|_| Response::new(body.into()).into_body()))
}

async fn keep(call: &Call, key: &KeyUse, response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| Problem::internal(&error))?
        .to_bytes();
    call.app
        .replays
        .keep(&key.key, &key.fingerprint, parts.status, &body);
    let mut response = Response::new(body.into());
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    Ok(response)
}
