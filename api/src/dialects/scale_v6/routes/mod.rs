//! The handlers, one file a resource. `/v7` means the same as `/v6`.

mod batches;
mod datasets;
mod files;
mod job_types;
mod jobs;
mod recipe_types;
mod recipes;

use std::sync::Arc;

use warp::Filter as _;

use crate::call::App;
use crate::routes::{Routes, any_of};
use crate::table::Scope;

/// All routes of the dialect.
pub(crate) fn all(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    let mut version = |name: &'static str| {
        let mut own = scope.within(name);
        let mut group = |name: &'static str, make: fn(&Arc<App>, &mut Scope<'_>) -> Routes| {
            let within = make(app, &mut own.within(name));
            warp::path(name).and(within).boxed()
        };
        let groups = any_of([
            group("batches", batches::routes),
            group("jobs", jobs::routes),
            group("recipes", recipes::routes),
            group("files", files::routes),
            group("datasets", datasets::routes),
            group("recipe-types", recipe_types::routes),
            group("job-types", job_types::routes),
            group("job-executions", jobs::execution_routes),
        ]);
        warp::path(name).and(groups).boxed()
    };
    any_of([version("v6"), version("v7")])
}

/// Wraps a handler, so that its refusals are the dialect's: `handler!(list, call)`.
macro_rules! handler {
    ($name:ident, $inner:ident $(, $segment:ident)*) => {
        async fn $name($($segment: String,)* call: crate::call::Call) -> crate::errors::Answer {
            super::super::answer::done($inner($($segment,)* call).await)
        }
    };
}

use handler;

/// An id in a path; what is none is nothing.
fn id(text: &str) -> Result<u64, super::answer::Fault> {
    text.parse().map_err(|_| super::answer::Fault::not_found())
}
