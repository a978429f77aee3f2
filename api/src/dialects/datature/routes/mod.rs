//! The handlers, one file a resource.

mod artifacts;
mod datasets;
mod deployments;
mod jobs;
mod jobs_create;
mod logs;
mod projects;
mod upload;
mod webhooks;

use std::sync::Arc;

use serde::Serialize;
use warp::Filter as _;
use warp::http::StatusCode;

use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of};
use crate::table::Scope;

/// All routes of the dialect.
pub(crate) fn all(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    let workspace = projects::workspace(app, &mut scope.within("workspace"));
    let workspaces = artifacts::of_workspace(app, &mut scope.within("workspaces"));
    let mut scope = scope.within("projects");
    let projects = any_of([
        projects::routes(app, &mut scope),
        datasets::routes(app, &mut scope),
        upload::routes(app, &mut scope),
        jobs::routes(app, &mut scope),
        webhooks::routes(app, &mut scope),
        deployments::routes(app, &mut scope),
        artifacts::routes(app, &mut scope),
    ]);
    any_of([
        warp::path("workspace").and(workspace).boxed(),
        warp::path("workspaces").and(workspaces).boxed(),
        warp::path("projects").and(projects).boxed(),
    ])
}

/// Every answer has a body: the client reads one whatever it asked.
fn ok(call: &Call, value: &impl Serialize) -> Answer {
    Ok(json(StatusCode::OK, value, call.last_seq()))
}

/// # Errors
/// 404: there is no such project.
async fn known_project(call: &Call, project: &str) -> Result<(), Problem> {
    projects::names(call)
        .contains(&project.to_owned())
        .then_some(())
        .ok_or_else(|| Problem::not_found("project", &project))
}

/// The body as JSON.
async fn body<T: serde::de::DeserializeOwned>(call: &mut Call) -> Result<T, Problem> {
    let limit = call.app.config.json_bytes_max;
    call.json_within(limit).await.map(|(value, _)| value)
}
