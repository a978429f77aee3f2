//! What is not the native interface: the embedded page and the probes.

use std::sync::Arc;

use warp::Filter as _;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::call::{App, Call};
use crate::dialects::native::routes::health;
use crate::errors::{Answer, Code, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Events that the views may be behind before the server counts as not ready.
const LAG_EVENTS_MAX: u64 = 50_000;

/// Whether a path is one of the page's own files, which say nothing of anybody's work.
pub(crate) fn is_static(path: &str) -> bool {
    path == "/" || path == "/ui" || path.starts_with("/ui/")
}

pub(crate) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    scope.add("GET", &[""]);
    let index = warp::path::end()
        .and(warp::get())
        .and(crate::routes::call(app))
        .then(get_index)
        .map(crate::routes::answered)
        .boxed();
    for segments in [
        &["ui"][..],
        &["ui", ""],
        &["ui", "{a}"],
        &["ui", "{a}", "{b}"],
    ] {
        scope.add("GET", segments);
    }
    let files = warp::path("ui")
        .and(warp::get())
        .and(crate::routes::call(app))
        .then(get_file)
        .map(crate::routes::answered)
        .boxed();
    any_of([
        index,
        files,
        route!(scope, app, GET ["healthz"] => get_alive),
        route!(scope, app, GET ["readyz"] => get_ready),
        route!(scope, app, GET ["metrics"] => crate::figures::get_figures),
    ])
}

async fn get_index(_: Call) -> Answer {
    file("index.html", false)
}

/// A file of the page; what is none is an address within the page, which the page itself understands.
async fn get_file(call: Call) -> Answer {
    let path = call
        .path
        .strip_prefix("/ui")
        .unwrap_or_default()
        .trim_start_matches('/');
    let is_file = path.contains('.');
    if is_file {
        file(path, true)
    } else {
        file("index.html", false)
    }
}

fn file(path: &str, may_be_missing: bool) -> Answer {
    let Some((bytes, kind)) = fasti_ui::asset(path) else {
        return Err(if may_be_missing {
            Problem::not_found("file", &path)
        } else {
            Problem::internal(&"the page is not embedded")
        });
    };
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // The files change with the binary, and their names do not.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

pub(crate) fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn get_alive(_: Call) -> Answer {
    Ok(text(StatusCode::OK, "alive\n".to_owned()))
}

async fn get_ready(call: Call) -> Answer {
    let health = health(&call.app);
    let behind = health.log_seq.saturating_sub(health.views_seq);
    if !health.accepting {
        return Err(
            Problem::new(Code::NotReady, "the scheduler does not take commands").retry_after(1),
        );
    }
    if health.is_stale {
        let detail =
            "the views no longer follow the log: start the server again, it says why they ended";
        return Err(Problem::new(Code::NotReady, detail));
    }
    if let Some(trouble) = health.store.trouble {
        return Err(Problem::new(Code::NotReady, trouble));
    }
    if behind > LAG_EVENTS_MAX {
        let detail = format!("the views are {behind} events behind the log; they are catching up");
        return Err(Problem::new(Code::NotReady, detail).retry_after(1));
    }
    Ok(text(StatusCode::OK, "ready\n".to_owned()))
}
