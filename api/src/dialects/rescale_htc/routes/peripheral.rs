//! What a local server has not, answered politely.

use std::sync::Arc;

use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::{access, map};
use super::tasks;
use crate::call::{App, Call, json as answer};
use crate::errors::{Answer, Code, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["regions"] => regions),
        route!(scope, app, GET ["regions" / region] => region),
        route!(scope, app, GET ["storage"] => storage),
        route!(scope, app, GET ["storage" / "region" / region] => storage_region),
        route!(scope, app, GET ["projects" / project / "storage" / what] => project_storage),
        route!(scope, app, GET ["projects" / project / "storage" / what / region] => project_storage_region),
        route!(scope, app, GET ["projects" / project / "tasks" / task / "storage" / what] => task_storage),
        route!(scope, app, GET ["projects" / project / "tasks" / task / "storage" / what / region] => task_storage_region),
        route!(scope, app, GET ["workspaces" / workspace / "limits"] => workspace_limits),
        route!(scope, app, GET ["gcp" / "clusters" / workspace] => clusters),
        route!(scope, app, GET ["metrics"] => metrics),
    ])
}

fn the_region(call: &Call) -> Value {
    let region = &call.app.config.rescale.region;
    json!({
        "region": region,
        "enabled": true,
        "weight": 1,
        "cloudProvider": if region.contains("GCP") { "GCP" } else { "AWS" },
        "supportedArchitectures": ["AARCH64", "X86", "A100"],
        "updatedBy": call.app.config.server_user,
        "updatedAt": map::time(fasti_core::domain::time::Timestamp(0)),
    })
}

async fn regions(mut call: Call) -> Answer {
    access::authenticate(&mut call)?;
    let all = [the_region(&call)];
    Ok(answer(StatusCode::OK, &all, call.last_seq()))
}

async fn region(region: String, mut call: Call) -> Answer {
    access::authenticate(&mut call)?;
    if region != call.app.config.rescale.region {
        return Err(Problem::not_found("region", &region));
    }
    let found = the_region(&call);
    Ok(answer(StatusCode::OK, &found, call.last_seq()))
}

async fn storage(mut call: Call) -> Answer {
    access::authenticate(&mut call)?;
    let none: [Value; 0] = [];
    Ok(answer(StatusCode::OK, &none, call.last_seq()))
}

fn no_storage() -> Problem {
    let detail = "object storage is not configured: jobs share the file system of their host";
    Problem::new(Code::NotFound, detail)
}

async fn storage_region(_: String, mut call: Call) -> Answer {
    access::authenticate(&mut call)?;
    Err(no_storage())
}

async fn project_storage(project: String, _: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    Err(no_storage())
}

async fn project_storage_region(project: String, _: String, _: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    Err(no_storage())
}

async fn task_storage(project: String, task: String, _: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    tasks::known(&call, &project, &task).await?;
    Err(no_storage())
}

async fn task_storage_region(
    project: String,
    task: String,
    _: String,
    _: String,
    mut call: Call,
) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    Err(no_storage())
}

async fn workspace_limits(_: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let detail = "the workspace has no limit of its own; projects have";
    Err(Problem::new(Code::NotFound, detail))
}

async fn clusters(_: String, mut call: Call) -> Answer {
    access::authenticate(&mut call)?;
    let body = json!({ "gcpProjectId": null, "clusters": [] });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}

/// Text for Prometheus, as at `/metrics`.
async fn metrics(mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    crate::figures::get_figures(call).await
}
