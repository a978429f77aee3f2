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
use crate::zipped;

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
        &["ui", "{a}", "{b}", "{c}"],
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

async fn get_index(call: Call) -> Answer {
    index(&call)
}

/// A file of the page; what is none is an address within the page, which the page itself understands.
async fn get_file(call: Call) -> Answer {
    let path = call
        .path
        .strip_prefix("/ui")
        .unwrap_or_default()
        .trim_start_matches('/');
    if !path.contains('.') {
        return index(&call);
    }
    let asset = fasti_ui::asset(path).ok_or_else(|| Problem::not_found("file", &path))?;
    Ok(file(&call, asset))
}

fn index(call: &Call) -> Answer {
    let asset = fasti_ui::asset("index.html")
        .ok_or_else(|| Problem::internal(&"the page is not embedded"))?;
    Ok(file(call, asset))
}

fn file(call: &Call, asset: &fasti_ui::Asset) -> Response {
    let is_packed = !asset.gzip.is_empty() && zipped::takes_gzip(&call.headers);
    let body = if is_packed { asset.gzip } else { asset.bytes };
    let mut response = Response::new(body.into());
    if is_packed {
        zipped::mark(&mut response);
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    // A name with a digest never has another content; the index names the digests of this binary.
    let caching = if asset.is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
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
