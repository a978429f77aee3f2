//! The server itself: health, versions, the description of the interface, the pages about errors.

use std::sync::Arc;

use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::wire;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::openapi::openapi_json;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Version of this interface.
const API_VERSION: &str = "v1";

pub(super) fn health_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => get_health)])
}

pub(super) fn version_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => get_version_of_server)])
}

pub(super) fn openapi_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => get_openapi)])
}

pub(super) fn error_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [code] => get_error_page)])
}

/// How the server is, and whether it takes commands.
pub(crate) fn health(app: &App) -> wire::Health {
    let status = app.parts.engine.status();
    wire::Health {
        status: match (status.accepting, status.disk_full) {
            (false, _) => "stopping",
            (true, true) => "disk_full",
            (true, false) => "ok",
        },
        accepting: status.accepting,
        log_seq: status.last_seq.0,
        views_seq: app.parts.views.position().seq.0,
        queue_length: status.queue_len,
    }
}

/// Read the health of the server
///
/// 200 once commands are accepted, 503 while they are not.
#[utoipa::path(get, path = "/api/v1/health", tag = "server",
    responses((status = 200, body = wire::Health), (status = 503, body = wire::Health)))]
pub(crate) async fn get_health(call: Call) -> Answer {
    let health = health(&call.app);
    let status = if health.accepting {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(json(status, &health, call.last_seq()))
}

/// Read the versions
#[utoipa::path(get, path = "/api/v1/version", tag = "server",
    responses((status = 200, body = wire::Version), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_version_of_server(call: Call) -> Answer {
    let config = &call.app.config;
    let body = wire::Version {
        server: config.version,
        api: API_VERSION,
        tz_database: config.tz_database.clone(),
        log_id: call.app.parts.feed.log_id().to_string(),
    };
    Ok(json(StatusCode::OK, &body, call.last_seq()))
}

/// Read this document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1")))]
pub(crate) async fn get_openapi(call: Call) -> Answer {
    let mut response = Response::new(openapi_json().into());
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    call.query()?.finish()?;
    Ok(response)
}

/// Read about an error code
///
/// What happened and what to do, in Markdown. The `type` of every problem leads here.
#[utoipa::path(get, path = "/api/v1/errors/{code}", tag = "server",
    params(("code" = String, Path, description = "Code of a problem")),
    responses((status = 200, description = "The page", content_type = "text/markdown", body = String),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_error_page(code: String, call: Call) -> Answer {
    call.query()?.finish()?;
    let known = Code::named(&code).ok_or_else(|| Problem::not_found("error code", &code))?;
    let mut response = Response::new(known.page().into());
    let kind = HeaderValue::from_static("text/markdown; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
