//! Tasks: folders of jobs. What becomes of a task is a document; its jobs are runs of its batch.

use std::sync::Arc;

use fasti_core::domain::command::{Command, Force};
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_projector::Views;
use warp::http::StatusCode;

use super::super::access;
use super::super::folders::{
    self, Folder, Lifecycle, TAG, TASK, TaskDoc, after, folder, new_id, save, submit, task_key,
};
use super::super::params::{PAGE_SIZE_MAX, Params, page};
use super::super::{map, wire};
use super::BODY_BYTES_MAX;
use super::projects::{check_description, check_name, known as known_project};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Characters of a task's name in the name of its batch.
const BATCH_NAME_CHARS_MAX: usize = 120;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects" / project / "tasks"] => list),
        route!(scope, app, POST ["projects" / project / "tasks"] => create),
        route!(scope, app, GET ["projects" / project / "tasks" / task] => get),
        route!(scope, app, PATCH ["projects" / project / "tasks" / task] => change),
        route!(scope, app, DELETE ["projects" / project / "tasks" / task] => delete),
    ])
}

async fn list(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let params = Params::of(&call);
    let size = params.page_size(PAGE_SIZE_MAX)?;
    let last = params.one("pageIndex").map(|id| task_key(&project, id));
    let config = call.app.config.rescale.clone();
    let asked = call.ask(None, move |views, _| {
        folders::project(views, &project)?;
        let prefix = task_key(&project, "");
        let mut found = views.documents(TASK, &prefix, last.as_deref());
        let items: Result<Vec<wire::Task>, Problem> = found
            .by_ref()
            .take(size)
            .map(|(key, _)| {
                let folder = folder(views, &project, &key[prefix.len()..])?;
                Ok(map::task(&config, &folder, last_run(views, &folder)?))
            })
            .collect();
        let has_more = found.next().is_some();
        Ok((items?, has_more))
    });
    let ((items, has_more), as_of) = asked.await?;
    let next = items.last().filter(|_| has_more);
    let next = next.map(|last| last.task_id.clone());
    Ok(page(&call, &items, next.as_deref(), as_of))
}

async fn create(project: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call.json_within::<wire::NewTask>(BODY_BYTES_MAX).await?;
    check_name("taskName", &given.task_name)?;
    check_description("taskDescription", given.task_description.as_deref())?;
    known_project(&call, &project).await?;
    let id = new_id(call.app.parts.clock.now());
    let doc = TaskDoc {
        batch: batch_name(&given.task_name, &id),
        name: given.task_name,
        description: given.task_description,
        lifecycle: Lifecycle::Active,
        archived_at: None,
        deleted_at: None,
    };
    let made = save(&call, TASK, task_key(&project, &id), &doc, Some(0)).await?;
    shown(&call, project, id, made.seq).await
}

/// Names of tasks are not unique, those of batches are.
fn batch_name(name: &str, id: &str) -> String {
    let short: String = name.chars().take(BATCH_NAME_CHARS_MAX).collect();
    let plain: String = short
        .chars()
        .map(|c| if "/[]".contains(c) { '_' } else { c })
        .collect();
    format!("{} ({id})", plain.trim())
}

async fn get(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    shown(&call, project, task, Seq(0)).await
}

async fn change(project: String, task: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let (given, _) = call.json_within::<wire::TaskChange>(BODY_BYTES_MAX).await?;
    let status = given.lifecycle_status;
    let folder = known(&call, &project, &task).await?;
    if status == Lifecycle::Deleted || folder.task.doc.lifecycle == Lifecycle::Deleted {
        let detail =
            "a task is ACTIVE or ARCHIVED; to delete it, send DELETE; a deleted one stays deleted";
        return Err(Problem::invalid("lifecycleStatus", detail));
    }
    let now = call.app.parts.clock.now();
    let doc = TaskDoc {
        lifecycle: status,
        archived_at: (status == Lifecycle::Archived).then_some(now),
        ..folder.task.doc
    };
    let key = task_key(&project, &task);
    let made = save(&call, TASK, key, &doc, Some(folder.task.version)).await?;
    shown(&call, project, task, made.seq).await
}

/// The document says it first, so that nothing can be submitted any more; then its batch goes, and with it what goes
/// on. Doing it again ends what was left.
async fn delete(project: String, task: String, mut call: Call) -> Answer {
    access::for_workspace(&mut call)?;
    let app = call.app.clone();
    let _alone = app.rescale_tasks.write().await;
    let folder = known(&call, &project, &task).await?;
    let mut made = Seq(0);
    if folder.task.doc.lifecycle != Lifecycle::Deleted {
        let doc = TaskDoc {
            lifecycle: Lifecycle::Deleted,
            deleted_at: Some(call.app.parts.clock.now()),
            ..folder.task.doc.clone()
        };
        let key = task_key(&project, &task);
        made = save(&call, TASK, key, &doc, Some(folder.task.version))
            .await?
            .seq;
    }
    if let Some(batch) = living(&call, &folder, made).await? {
        let force = Force::Yes;
        made = submit(&call, Command::DeleteBatch { batch, force })
            .await?
            .seq;
    }
    shown(&call, project, task, made).await
}

/// The batch of a folder that runs can be made of.
pub(super) async fn living(
    call: &Call,
    folder: &Folder,
    made: Seq,
) -> Result<Option<BatchId>, Problem> {
    let name = folder.task.doc.batch.clone();
    let question = move |views: &Views| Ok(views.batch_by_name(&name, TAG)?.map(|batch| batch.id));
    Ok(after(call, made, question).await?.0)
}

/// A task as it is now.
pub(super) async fn known(call: &Call, project: &str, task: &str) -> Result<Folder, Problem> {
    let (project, task) = (project.to_owned(), task.to_owned());
    let question = move |views: &Views, _: &crate::ask::Asker| folder(views, &project, &task);
    Ok(call.ask(None, question).await?.0)
}

async fn shown(call: &Call, project: String, task: String, made: Seq) -> Answer {
    let config = call.app.config.rescale.clone();
    let asked = after(call, made, move |views| {
        let folder = folder(views, &project, &task)?;
        Ok(map::task(&config, &folder, last_run(views, &folder)?))
    });
    let (task, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &task, as_of))
}

/// When the last run of a folder was made.
fn last_run(views: &Views, folder: &Folder) -> Result<Option<Timestamp>, Problem> {
    let mut last = None;
    for batch in &folder.batches {
        let run = views.batch(*batch)?.and_then(|batch| batch.last_run);
        last = last.max(run.map(|run| run.scheduled_time));
    }
    Ok(last)
}
