//! New jobs: one request is one run, so that it is made whole or not at all.

use std::sync::Arc;

use fasti_core::codec::hashed;
use fasti_core::domain::command::{Command, CreateRun, RunSource, Subject};
use fasti_core::domain::ids::{LogId, RunId};
use fasti_core::domain::run::RunType;
use fasti_core::domain::task_uuid::TaskUuid;
use serde_json::{Map, Value, json};
use warp::http::StatusCode;

use super::super::access;
use super::super::folders::{Folder, Lifecycle, after, submit};
use super::super::map::{self, Element};
use super::super::params::Params;
use super::tasks::known;
use crate::call::{App, Call, json as answer};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, route};
use crate::table::Scope;

/// Characters of the name of a group.
const GROUP_CHARS_MAX: usize = 256;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, POST ["projects" / project / "tasks" / task / "jobs" / "batch"] => create)
}

async fn create(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let group = Params::of(&call).one("group").map(str::to_owned);
    check_group(group.as_deref())?;
    let limit = call.app.config.definition_bytes_max;
    let (raw, _) = call.json_within::<Vec<Map<String, Value>>>(limit).await?;
    let app = call.app.clone();
    let config = &app.config.rescale;
    let elements = map::elements(config, raw)?;
    // Whoever deletes the task waits, so that no run is made in between.
    let _open = app.rescale_tasks.read().await;
    let folder = known(&call, &project, &task).await?;
    check_open(&folder)?;
    let group = group.as_deref();
    let definition = map::definition(config, &folder, group, &elements, &call.principal)?;
    let hashed = hashed(definition);
    let digest = hashed.digest.to_string();
    let command = Command::CreateRun(CreateRun {
        source: RunSource::Given(hashed),
        rundate: None,
        run_type: RunType::Manual,
        repeats: None,
    });
    let receipt = submit(&call, command).await?;
    let Subject::Run(run) = receipt.subject else {
        return Err(Problem::internal(&"starting a run made something else"));
    };
    let made = Made {
        call: &call,
        folder: &folder,
        group,
        log: app.parts.feed.log_id(),
        run,
        received: map::time(receipt.at),
        definition: format!("{}:{}", folder.task.doc.batch, &digest[..8]),
    };
    let elements: Vec<Value> = (0..)
        .zip(elements)
        .map(|(index, element)| made.element(index, element))
        .collect();
    // Whoever asks next finds them.
    let ((), as_of) = after(&call, receipt.seq, |_| Ok(())).await?;
    Ok(answer(StatusCode::OK, &elements, as_of))
}

/// What the elements of one request have in common once they are made.
struct Made<'a> {
    call: &'a Call,
    folder: &'a Folder,
    group: Option<&'a str>,
    log: LogId,
    run: RunId,
    received: String,
    definition: String,
}

impl Made<'_> {
    /// The element as it came, and what became of it.
    fn element(&self, index: u32, element: Element) -> Value {
        let config = &self.call.app.config.rescale;
        let region = map::region_of(self.folder, &element.request);
        let added = json!({
            "taskId": self.folder.task.id,
            "projectId": self.folder.project.id,
            "parentJobId": TaskUuid::new(&self.log, self.run, index).to_string(),
            "createdBy": self.call.principal.user,
            "workspaceId": config.workspace_id,
            "group": self.group,
            "batchSize": element.batch_size(),
            "regions": [region],
            "rescaleTimeReceived": self.received,
            "jobDefinitionName": self.definition,
        });
        let mut all = element.raw;
        if let Value::Object(added) = added {
            all.extend(added);
        }
        Value::Object(all)
    }
}

fn check_group(group: Option<&str>) -> Result<(), Problem> {
    match group {
        Some(group)
            if group.chars().count() > GROUP_CHARS_MAX || group.chars().any(char::is_control) =>
        {
            let detail = format!(
                "the name of a group has at most {GROUP_CHARS_MAX} characters, none of them a control character"
            );
            Err(Problem::invalid("group", detail))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_open(folder: &Folder) -> Result<(), Problem> {
    let status = match folder.task.doc.lifecycle {
        Lifecycle::Active => return Ok(()),
        Lifecycle::Archived => "archived: make it ACTIVE first",
        Lifecycle::Deleted => "deleted: make another one",
    };
    let name = &folder.task.doc.name;
    let detail = format!("the task `{name}` takes no jobs, because it is {status}");
    Err(Problem::invalid("task", detail))
}
