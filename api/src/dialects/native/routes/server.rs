//! The server itself: health, versions, the description of the interface, the pages about errors.

use std::sync::Arc;
use std::time::Duration;

use fasti_core::bus::asyncapi_json;
use fasti_core::store::StoreStatus;
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

pub(super) fn asyncapi_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => get_asyncapi)])
}

pub(super) fn error_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [code] => get_error_page)])
}

/// How the server is, and whether it takes commands.
pub(crate) fn health(app: &App) -> wire::Health {
    let status = app.parts.engine.status();
    let store = store_health(&app.parts.vitals.status());
    let silent = silent_runners(app);
    let views = app.parts.views.position();
    let rebuild = app.parts.rebuild.as_ref();
    wire::Health {
        status: match (status.accepting, status.disk_full) {
            _ if store.trouble.is_some() => "damaged",
            (false, _) => "stopping",
            (true, true) => "disk_full",
            (true, false) if views.is_stopped => "stale",
            (true, false) if !silent.is_empty() => "degraded",
            (true, false) => "ok",
        },
        accepting: status.accepting,
        is_sandbox: app.config.is_sandbox,
        log_seq: status.last_seq.0,
        views_seq: views.seq.0,
        is_stale: views.is_stopped,
        views_lag: status.last_seq.0.saturating_sub(views.seq.0),
        views_rebuild_seq: rebuild.and_then(|rebuild| rebuild.at()).map(|seq| seq.0),
        views_rebuilds: rebuild.map_or(0, |rebuild| rebuild.done()),
        queue_length: status.queue_len,
        clock_ahead_ms: status.clock_ahead_ms,
        clock_jumps: status.clock_jumps,
        silent_runners: silent.into_iter().map(|(runner, _)| runner).collect(),
        store,
    }
}

/// How long a connected runner may say nothing: it gives a sign of life every few seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// Runners that hang, and for how many seconds.
fn silent_runners(app: &App) -> Vec<(String, u64)> {
    let silent = app.parts.links.silent(SILENCE).into_iter();
    silent
        .map(|(runner, ago)| (runner.0.to_string(), ago.as_secs()))
        .collect()
}

/// Adds to a task run that waits, or seems to run, that its runner hangs.
pub(super) fn tell_of_silence(app: &App, task_runs: &mut [wire::TaskRun]) {
    let silent = silent_runners(app);
    let Some((runner, seconds)) = silent.first() else {
        return;
    };
    for task_run in task_runs {
        if let Some(reason) = &mut task_run.queue_reason {
            *reason = format!(
                "{reason}; the runner {runner} has said nothing for {seconds} s: its process hangs or is stopped"
            );
        }
    }
}

fn store_health(status: &StoreStatus) -> wire::StoreHealth {
    let number = |it: u128| u64::try_from(it).unwrap_or(u64::MAX);
    let ((reserve, wanted), (checked, end)) = (status.reserve_bytes, status.checked_seq);
    wire::StoreHealth {
        durable_seq: status.durable_seq.0,
        head_seq: status.head_seq.0,
        syncs: status.syncs,
        last_sync_ago_ms: status.last_sync_ago.map(|ago| number(ago.as_millis())),
        last_sync_us: number(status.last_sync_took.as_micros()),
        reserve_bytes: reserve,
        reserve_wanted_bytes: wanted,
        checked_seq: checked.0,
        check_end_seq: end.0,
        trouble: status.trouble.clone(),
    }
}

/// Read the health of the server
///
/// 200 once commands are accepted, 503 while they are not, or while what is answered stands still although the log
/// goes on (`stale`).
#[utoipa::path(get, path = "/api/v1/health", tag = "server",
    responses((status = 200, body = wire::Health), (status = 503, body = wire::Health)))]
pub(crate) async fn get_health(call: Call) -> Answer {
    let health = health(&call.app);
    let status = if health.accepting && !health.is_stale {
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
    call.query()?.finish()?;
    Ok(document(openapi_json()))
}

/// Read what is published on NATS
///
/// Channels, headers and the schema of every event's payload.
#[utoipa::path(get, path = "/api/v1/asyncapi.json", tag = "server",
    responses((status = 200, description = "AsyncAPI 3.0")))]
pub(crate) async fn get_asyncapi(call: Call) -> Answer {
    call.query()?.finish()?;
    Ok(document(asyncapi_json()))
}

fn document(text: &'static str) -> Response {
    let mut response = Response::new(text.into());
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
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
