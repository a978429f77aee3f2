//! When tasks go, and what jobs run on: kept and given back. Nothing acts on it.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::access;
use super::super::folders::{WORKSPACE, after, save};
use super::super::wire::Retention;
use super::BODY_BYTES_MAX;
use super::projects::{changed, known};
use crate::call::{App, Call, empty, json as answer};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects" / project / "task-retention-policy"] => get),
        route!(scope, app, PUT ["projects" / project / "task-retention-policy"] => set),
        route!(scope, app, DELETE ["projects" / project / "task-retention-policy"] => delete),
        route!(scope, app, GET ["workspaces" / workspace / "task-retention-policy"] => get_workspace),
        route!(scope, app, PUT ["workspaces" / workspace / "task-retention-policy"] => set_workspace),
        route!(scope, app, GET ["projects" / project / "dimensions"] => dimensions),
        route!(scope, app, PUT ["projects" / project / "dimensions"] => set_dimensions),
        route!(scope, app, GET ["workspaces" / workspace / "dimensions"] => workspace_dimensions),
    ])
}

fn unset() -> Problem {
    Problem::not_found("retention policy", &"of this")
}

async fn get(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let policy = known(&call, &project).await?.doc.retention;
    let policy = policy.ok_or_else(unset)?;
    Ok(answer(StatusCode::OK, &policy, call.last_seq()))
}

async fn set(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (policy, _) = call.json_within::<Retention>(BODY_BYTES_MAX).await?;
    let made = changed(&call, &project, |doc| doc.retention = Some(policy)).await?;
    let ((), as_of) = after(&call, made, |_| Ok(())).await?;
    Ok(answer(StatusCode::CREATED, &policy, as_of))
}

async fn delete(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let made = changed(&call, &project, |doc| doc.retention = None).await?;
    let ((), as_of) = after(&call, made, |_| Ok(())).await?;
    Ok(empty(StatusCode::NO_CONTENT, as_of))
}

/// What is kept of the workspace.
#[derive(Debug, Default, Serialize, Deserialize)]
struct WorkspaceDoc {
    #[serde(default)]
    retention: Option<Retention>,
}

fn check_workspace(call: &Call, workspace: &str) -> Result<(), Problem> {
    if workspace == call.app.config.rescale.workspace_id {
        return Ok(());
    }
    Err(Problem::not_found("workspace", &workspace))
}

async fn get_workspace(workspace: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    check_workspace(&call, &workspace)?;
    let asked = call.ask(None, move |views, _| {
        let view = views.document(WORKSPACE, &workspace);
        let doc = view.map(|view| serde_json::from_str::<WorkspaceDoc>(&view.body));
        let doc = doc.transpose().map_err(|error| Problem::internal(&error))?;
        doc.and_then(|doc| doc.retention).ok_or_else(unset)
    });
    let (policy, as_of) = asked.await?;
    Ok(answer(StatusCode::OK, &policy, as_of))
}

async fn set_workspace(workspace: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    check_workspace(&call, &workspace)?;
    let (policy, _) = call.json_within::<Retention>(BODY_BYTES_MAX).await?;
    let doc = WorkspaceDoc {
        retention: Some(policy),
    };
    let made = save(&call, WORKSPACE, workspace, &doc, None).await?;
    let ((), as_of) = after(&call, made.seq, |_| Ok(())).await?;
    Ok(answer(StatusCode::CREATED, &policy, as_of))
}

/// One entry, that of the runners there are.
fn of_host(region: &str, vcpus: u64, memory_mb: u64) -> Value {
    json!([{
        "machineType": "fasti-host",
        "priority": "ON_DEMAND_PRIORITY",
        "region": region,
        "computeScalingPolicy": null,
        "hyperthreading": false,
        "derived": {
            "architecture": if cfg!(target_arch = "aarch64") { "AARCH64" } else { "X86" },
            "vCPUs": vcpus,
            "memory": memory_mb,
            "swap": 0,
        },
    }])
}

async fn host_dimensions(call: &Call) -> Result<(Value, Seq), Problem> {
    let region = call.app.config.rescale.region.clone();
    call.ask(None, move |views, _| {
        let runners = views.runners();
        let living = runners.iter().filter(|runner| runner.lost_at.is_none());
        let (mut vcpus, mut memory) = (0_u64, 0_u64);
        for runner in living {
            vcpus += u64::from(runner.info.capacity.cpu_mhz / 4_000);
            memory += u64::from(runner.info.capacity.memory_mb);
        }
        Ok(of_host(&region, vcpus, memory))
    })
    .await
}

async fn dimensions(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let (host, as_of) = host_dimensions(&call).await?;
    let own = known(&call, &project).await?.doc.dimensions;
    Ok(answer(StatusCode::OK, &own.unwrap_or(host), as_of))
}

async fn workspace_dimensions(workspace: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    check_workspace(&call, &workspace)?;
    let (host, as_of) = host_dimensions(&call).await?;
    Ok(answer(StatusCode::OK, &host, as_of))
}

async fn set_dimensions(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call.json_within::<Vec<Value>>(BODY_BYTES_MAX / 8).await?;
    let given = Value::Array(given);
    let kept = given.clone();
    let made = changed(&call, &project, |doc| doc.dimensions = Some(kept)).await?;
    let ((), as_of) = after(&call, made, |_| Ok(())).await?;
    Ok(answer(StatusCode::CREATED, &given, as_of))
}
