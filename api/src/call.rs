//! One request on its way through the interface: who, what, and the rooms behind.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::access::Principal;
use fasti_core::domain::ids::Seq;
use fasti_projector::layout::Layouts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::reply::Response;

use crate::body::{Body, BodyRoom, check_json_type, read_json};
use crate::config::{ApiConfig, ApiParts};
use crate::errors::Problem;
use crate::logins::{Logins, Peer};
use crate::query::Query;
use crate::replays::Replays;
use crate::written::Written;
use crate::zipped::Packed;

/// Questions about the past answered at a time. The views of one moment are computed after another; more would only
/// wait, each on a thread.
pub(crate) const PAST_TURNS: usize = 4;

/// Everything that all requests share.
pub(crate) struct App {
    pub(crate) config: ApiConfig,
    pub(crate) parts: ApiParts,
    pub(crate) replays: Replays,
    /// Where tasks of graphs looked at lately are drawn.
    pub(crate) layouts: Layouts<Packed>,
    /// Questions about the past that are answered at a time; see [`PAST_TURNS`].
    pub(crate) past_turns: Arc<Semaphore>,
    /// Held while a task of the dialect of Rescale HTC is deleted, so that nothing is submitted to it meanwhile; shared
    /// by those that submit.
    pub(crate) rescale_tasks: tokio::sync::RwLock<()>,
    /// Who showed wrong tokens of late.
    pub(crate) logins: Logins,
    /// Memory for the bodies of all requests.
    pub(crate) bodies: BodyRoom,
    /// Cancelled when the server is to stop; every stream ends on it.
    pub(crate) shutdown: CancellationToken,
}

/// Closes the connection of a request when it is cancelled; travels with the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hangup(pub(crate) CancellationToken);

/// One request.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) principal: Principal,
    pub(crate) method: Method,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Cancelled to close the connection that the request came over.
    pub(crate) hangup: CancellationToken,
    /// Where the connection came from.
    pub(crate) peer: Option<Peer>,
}

impl Call {
    /// The parameters of the address.
    ///
    /// # Errors
    /// See [`Query::parse`].
    pub(crate) fn query(&self) -> Result<Query, Problem> {
        Query::parse(&self.query)
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, of at most `limit_bytes`, with its bytes.
    ///
    /// # Errors
    /// 400, 408, 413, 415 or 422.
    pub(crate) async fn json_within<T: DeserializeOwned>(
        &mut self,
        limit_bytes: u64,
    ) -> Result<(T, Bytes), Problem> {
        let bytes = self.bytes_within(limit_bytes).await?;
        check_json_type(&self.headers)?;
        Ok((read_json(&bytes)?, bytes))
    }

    /// The body as JSON with its bytes; none at all, and `null`, mean the default.
    ///
    /// # Errors
    /// As [`Call::json_within`].
    pub(crate) async fn json_or_default<T: DeserializeOwned + Default>(
        &mut self,
    ) -> Result<(T, Bytes), Problem> {
        let bytes = self.bytes_within(self.app.config.json_bytes_max).await?;
        if bytes.is_empty() {
            return Ok((T::default(), bytes));
        }
        check_json_type(&self.headers)?;
        let value: Option<T> = read_json(&bytes)?;
        Ok((value.unwrap_or_default(), bytes))
    }

    /// The body as it came, of at most `limit_bytes`.
    ///
    /// # Errors
    /// 408 or 413.
    pub(crate) async fn bytes_within(&mut self, limit_bytes: u64) -> Result<Bytes, Problem> {
        self.body.limit(limit_bytes).await?;
        let app = self.app.clone();
        self.body.bytes(&app.bodies).await
    }

    /// Last durable event, for `Fasti-Seq` of answers that come from elsewhere than the views.
    pub(crate) fn last_seq(&self) -> Seq {
        self.app.parts.feed.last()
    }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize, as_of: Seq) -> Response {
    let Ok(written) = Written::json(value) else {
        return Problem::internal(&"an answer could not be written as JSON").into_response(None);
    };
    let mut response = written.answer();
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("fasti-seq", HeaderValue::from(as_of.0));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode, as_of: Seq) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("fasti-seq", HeaderValue::from(as_of.0));
    response
}
