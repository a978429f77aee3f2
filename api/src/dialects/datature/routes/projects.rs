//! The workspace and its projects.

use std::sync::Arc;

use fasti_core::domain::documents::DocumentChange;
use serde::{Deserialize, Serialize};

use super::super::documents::{PROJECTS, submit_changes};
use super::super::errors::bad;
use super::super::map::ms;
use super::super::wire;
use super::{body, known_project, ok};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

const WORKSPACE: &str = "workspace_fasti";

/// There is always this one: the client cannot make any.
const DEFAULT: &str = "proj_default";

/// What is kept of a project.
#[derive(Debug, Default, Deserialize, Serialize)]
struct ProjectNote {
    name: String,
}

pub(super) fn workspace(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => get_workspace),
        route!(scope, app, GET ["projects"] => list),
    ])
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project] => get),
        route!(scope, app, PATCH [project] => patch),
        route!(scope, app, GET [project / "users"] => nothing),
        route!(scope, app, GET [project / "insights"] => nothing),
        route!(scope, app, GET [project / "operations" / id] => no_operation),
    ])
}

/// Ids of all projects.
pub(super) fn names(call: &Call) -> Vec<String> {
    let configured = &call.app.config.predictions.projects;
    let named = configured.iter().map(|name| format!("proj_{name}"));
    let mut all: Vec<String> = named.collect();
    if !all.iter().any(|known| known == DEFAULT) {
        all.insert(0, DEFAULT.to_owned());
    }
    all
}

async fn get_workspace(call: Call) -> Answer {
    let workspace = wire::Workspace {
        id: WORKSPACE,
        object: "workspace",
        name: "Fasti",
        owner: call.app.config.server_user.clone(),
        tier: "local",
        create_date: started(&call).await?,
    };
    ok(&call, &workspace)
}

/// When the log began: nothing here is older.
async fn started(call: &Call) -> Result<i64, Problem> {
    let first = call.ask(None, |views, _| {
        Ok(views.log().server_starts.first().map(|start| ms(start.at)))
    });
    Ok(first.await?.0.unwrap_or_default())
}

async fn list(call: Call) -> Answer {
    let mut projects = Vec::new();
    for id in names(&call) {
        projects.push(project(&call, id).await?);
    }
    ok(&call, &projects)
}

async fn project(call: &Call, id: String) -> Result<wire::Project, Problem> {
    let key = id.clone();
    let asked = call.ask(None, move |views, _| {
        Ok(views.document(PROJECTS, &key).map(|view| view.body.clone()))
    });
    let kept = asked.await?.0;
    let note: Option<ProjectNote> = kept.and_then(|text| serde_json::from_str(&text).ok());
    let own = id.strip_prefix("proj_").unwrap_or(&id).to_owned();
    Ok(wire::Project {
        name: note.map_or(own, |note| note.name),
        id,
        object: "project",
        workspace_id: WORKSPACE,
        kind: "Classification",
        create_date: started(call).await?,
        localization: "MULTI",
        tags: [],
        groups: [],
        statistic: wire::Statistic::default(),
    })
}

async fn get(id: String, call: Call) -> Answer {
    known_project(&call, &id).await?;
    let project = project(&call, id).await?;
    ok(&call, &project)
}

async fn patch(id: String, mut call: Call) -> Answer {
    known_project(&call, &id).await?;
    let change: wire::ProjectChange = body(&mut call).await?;
    let Some(name) = change.name.filter(|name| !name.trim().is_empty()) else {
        return Err(bad(
            "name",
            "give a name; nothing else of a project changes here",
        ));
    };
    let note = serde_json::to_string(&ProjectNote { name });
    let change = DocumentChange {
        kind: PROJECTS.to_owned(),
        key: id.clone(),
        body: Some(note.map_err(|error| Problem::internal(&error))?.into()),
        expected: None,
        blobs: Vec::new(),
    };
    submit_changes(&call, &call.principal, vec![change]).await?;
    let project = project(&call, id).await?;
    ok(&call, &project)
}

async fn nothing(id: String, call: Call) -> Answer {
    known_project(&call, &id).await?;
    ok(&call, &[(); 0])
}

async fn no_operation(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    Err(Problem::not_found("operation", &id))
}
