//! Artifacts: the predictors that this server has.

use std::sync::Arc;

use serde_json::Map;

use super::super::wire;
use super::{known_project, ok};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// The built-in predictor: the item's own fields.
pub(super) const ECHO: &str = "artifact_echo";

/// One of those that the client draws from when it is given none.
const INSTANCE: &str = "instance_x1cpu-standard";

pub(super) fn of_workspace(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, GET [workspace / "artifacts"] => list_all)
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project / "artifacts"] => list),
        route!(scope, app, GET [project / "artifacts" / id] => get),
        route!(scope, app, GET [project / "artifacts" / id / "availableInstances" / "regions" / region] => instances),
    ])
}

/// Program and arguments of a predictor, or nothing for the built-in one.
///
/// # Errors
/// 404: there is no such artifact.
pub(super) fn command_of(call: &Call, artifact: &str) -> Result<Option<Vec<String>>, Problem> {
    if artifact == ECHO {
        return Ok(None);
    }
    let name = artifact.strip_prefix("artifact_");
    let programs = &call.app.config.predictions.programs;
    let program = name.and_then(|name| programs.get(name));
    let program = program.ok_or_else(|| Problem::not_found("artifact", &artifact))?;
    Ok(Some(program.command.clone()))
}

fn all(call: &Call, project: &str) -> Vec<wire::Artifact> {
    let programs = &call.app.config.predictions.programs;
    let named = programs
        .iter()
        .filter(|(name, _)| *name != "echo")
        .map(|(name, program)| (format!("artifact_{name}"), program.title.clone()));
    std::iter::once((ECHO.to_owned(), "Echo".to_owned()))
        .chain(named)
        .map(|(id, title)| artifact(project, id, title))
        .collect()
}

fn artifact(project: &str, id: String, title: String) -> wire::Artifact {
    wire::Artifact {
        object: "artifact",
        is_training: false,
        step: 0,
        is_deployed: true,
        project_id: project.to_owned(),
        run_id: format!("run_{id}"),
        flow_title: title.clone(),
        display_name: title.clone(),
        artifact_name: title,
        model_name: id.strip_prefix("artifact_").unwrap_or(&id).to_owned(),
        model_type: "program",
        create_date: 0,
        metric: Map::new(),
        export_options: [],
        id,
    }
}

async fn list(project: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    ok(&call, &all(&call, &project))
}

async fn list_all(_workspace: String, call: Call) -> Answer {
    ok(&call, &all(&call, "proj_default"))
}

async fn get(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let found = all(&call, &project)
        .into_iter()
        .find(|known| known.id == id);
    ok(
        &call,
        &found.ok_or_else(|| Problem::not_found("artifact", &id))?,
    )
}

/// The machine there is, for any region.
async fn instances(project: String, id: String, region: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    command_of(&call, &id)?;
    let region = crate::query::decode_segment(&region)?;
    let instance = wire::Instance {
        instance_id: INSTANCE,
        resources: wire::InstanceResources { cpu: 1, ram: 1_024 },
        regions: vec![if region == "*" {
            "local".to_owned()
        } else {
            region.clone()
        }],
        accelerator: None,
    };
    let answer = wire::AvailableInstances {
        artifact_id: id,
        region,
        available_instances: vec![instance],
    };
    ok(&call, &answer)
}
