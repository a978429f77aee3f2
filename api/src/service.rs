//! What happens to every request around its route: checks of host and origin, the principal, faults, headers.
//!
//! Routes never see a request that fails here, and no answer leaves without passing here.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use warp::filters::BoxedFilter;
use warp::http::{HeaderName, HeaderValue, Method, Request, header};
use warp::reply::Response;

use crate::auth;
use crate::call::App;
use crate::dialects::refusal;
use crate::errors::{Code, Problem};
use crate::guard;
use crate::leftover::Shared;
use crate::table::Table;
use crate::trace::TraceId;

/// Content a page may load: nothing but its own files.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// How a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Like any other.
    Open,
    /// There are as many connections as there may be: only health is answered, and the connection closed.
    Spare,
}

/// The service of all connections.
#[derive(Clone)]
pub(crate) struct Service {
    app: Arc<App>,
    table: Arc<Table>,
    routes: BoxedFilter<(Response,)>,
}

impl Service {
    pub(crate) fn new(app: Arc<App>, table: Table, routes: BoxedFilter<(Response,)>) -> Self {
        Self {
            app,
            table: Arc::new(table),
            routes,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(
        self,
        request: Request<Incoming>,
        door: Door,
    ) -> Result<Response, Infallible> {
        let trace = TraceId::of(request.headers());
        let is_head = request.method() == Method::HEAD;
        let path = request.uri().path().to_owned();
        let request = request.map(Shared::new);
        let rest = request.body().clone();
        let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
        let answer = self.admitted(request, door).await.and_then(|mut response| {
            let refused = response.extensions_mut().remove::<Problem>();
            refused.map_or(Ok(response), Err)
        });
        let mut response = answer.unwrap_or_else(|problem| refusal(&path, problem, trace.as_str()));
        if is_head {
            response = without_body(response);
        }
        let headers = response.headers_mut();
        if door == Door::Spare {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", CONTENT_POLICY),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if !headers.contains_key("fasti-seq") {
            let last = self.app.parts.feed.last().0;
            headers.insert("fasti-seq", HeaderValue::from(last));
        }
        if !waits_to_be_asked {
            rest.drain().await;
        }
        Ok(response)
    }

    async fn admitted(&self, request: Request<Shared>, door: Door) -> Result<Response, Problem> {
        let is_health = crate::dialects::native::is_health(request.uri().path());
        if door == Door::Spare && !is_health {
            let most = self.app.config.connections_max;
            let detail = format!(
                "there are {most} connections already, as many as this server takes; close some, or try again later"
            );
            return Err(Problem::new(Code::Busy, detail).retry_after(5));
        }
        self.checked(request).await
    }

    async fn checked(&self, mut request: Request<Shared>) -> Result<Response, Problem> {
        let config = &self.app.config;
        let path = request.uri().path().to_owned();
        let path = path.as_str();
        let is_static = crate::page::is_static(path);
        guard::check(
            config,
            request.method(),
            request.uri(),
            request.headers(),
            is_static,
        )?;
        if !is_static && !crate::dialects::is_open(path) {
            let principal = auth::principal(&self.app, path, request.headers()).await?;
            request.extensions_mut().insert(principal);
        }
        self.table.check(request.method(), path)?;
        if request.method() == Method::HEAD && !self.table.has(&Method::HEAD, path) {
            *request.method_mut() = Method::GET;
        }
        let routes = TowerToHyperService::new(warp::service(self.routes.clone()));
        match AssertUnwindSafe(routes.call(request)).catch_unwind().await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(panic) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .map(ToString::to_string)
                    .or_else(|| panic.downcast_ref::<String>().cloned());
                Err(Problem::internal(&format!(
                    "a handler panicked: {}",
                    text.unwrap_or_default()
                )))
            }
        }
    }
}

/// The same answer with its length and no content.
fn without_body(response: Response) -> Response {
    let length = hyper::body::Body::size_hint(response.body()).exact();
    let (mut parts, _) = response.into_parts();
    if let Some(length) = length
        && !parts.headers.contains_key(header::CONTENT_LENGTH)
    {
        parts
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut response = Response::default();
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    response
}
