//! The handlers, one file a resource.

mod auth;
mod cancel;
mod events;
mod jobs;
mod limits;
mod listing;
mod logs;
mod peripheral;
mod projects;
mod registry;
mod retention;
mod submit;
mod summary;
mod tasks;

use std::sync::Arc;

use warp::Filter as _;

use crate::call::App;
use crate::routes::{Routes, any_of};
use crate::table::Scope;

/// Largest request body in bytes where it is not jobs.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// All routes of the dialect.
pub(crate) fn all(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    let mut api = scope.within("api");
    let mut v1 = api.within("v1");
    let mut group = |name: &'static str, make: fn(&Arc<App>, &mut Scope<'_>) -> Routes| {
        let within = make(app, &mut v1.within(name));
        warp::path(name).and(within).boxed()
    };
    let groups = any_of([
        group("auth", auth::routes),
        group("htc", htc),
        group(".well-known", auth::key_routes),
    ]);
    warp::path("api").and(warp::path("v1")).and(groups).boxed()
}

fn htc(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    // The most used first.
    any_of([
        jobs::routes(app, scope),
        submit::routes(app, scope),
        summary::routes(app, scope),
        logs::routes(app, scope),
        events::routes(app, scope),
        cancel::routes(app, scope),
        tasks::routes(app, scope),
        projects::routes(app, scope),
        limits::routes(app, scope),
        registry::routes(app, scope),
        retention::routes(app, scope),
        peripheral::routes(app, scope),
    ])
}
