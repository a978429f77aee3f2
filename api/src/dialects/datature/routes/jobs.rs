//! Jobs: listed, shown, cancelled, deleted.

use std::sync::Arc;

use fasti_core::domain::command::{Command, Force};
use fasti_core::domain::ids::{BatchId, RunId};
use fasti_projector::rows::{BatchFilter, BatchView, RunFilter, RunView};
use fasti_projector::{Order, Views};

use super::super::documents::{now, seen, submit};
use super::super::errors::bad;
use super::super::map::{Facts, JobNote, NOTE, instant, job_of, label, ms};
use super::super::paging::Wanted;
use super::super::wire;
use super::jobs_create::post;
use super::logs::logs;
use super::{known_project, ok};
use crate::ask::Asker;
use crate::call::{App, Call};
use crate::errors::{Answer, Code, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// A stop time no further ahead of the server's clock than this cancels at once: clocks differ.
const CANCEL_AHEAD_MS: i64 = 5_000;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project / "batch" / "jobs"] => list),
        route!(scope, app, POST [project / "batch" / "jobs"] => post),
        route!(scope, app, GET [project / "batch" / "jobs" / id] => get),
        route!(scope, app, PATCH [project / "batch" / "jobs" / id] => patch),
        route!(scope, app, DELETE [project / "batch" / "jobs" / id] => delete),
        route!(scope, app, GET [project / "batch" / "jobs" / id / "logs"] => logs),
    ])
}

/// A job with what stands behind it.
pub(super) struct Found {
    pub(super) batch: BatchId,
    pub(super) note: JobNote,
    pub(super) run: Option<RunView>,
    created_at: fasti_core::domain::time::Timestamp,
}

impl Found {
    fn facts(self) -> Facts {
        Facts {
            id: self.batch.to_string(),
            note: self.note,
            created_at: self.created_at,
            run: self.run,
        }
    }

    /// Its run, if it can still be stopped.
    fn live_run(&self) -> Option<RunId> {
        let run = self.run.as_ref()?;
        let is_stopping = run.cancel_requested_at.is_some() || run.deadline_passed_at.is_some();
        (!run.status.is_final() && !is_stopping).then_some(run.id)
    }
}

fn note_of(batch: &BatchView, project: &str) -> Option<JobNote> {
    let text = batch.definition.annotations.get(NOTE)?;
    let note: JobNote = serde_json::from_str(text).ok()?;
    (note.project_id == project && batch.deleted_at.is_none()).then_some(note)
}

/// The run of a job: the first of its batch.
fn run_of(views: &Views, asker: &Asker, batch: BatchId) -> Result<Option<RunView>, Problem> {
    let filter = RunFilter {
        batch_id: Some(batch),
        ..RunFilter::default()
    };
    let visible = |access: fasti_projector::Access<'_>| asker.may_read(access);
    let runs = views.runs(&filter, &visible, Order::Ascending, None, 1)?;
    Ok(runs.page.items.into_iter().next())
}

fn found(
    views: &Views,
    asker: &Asker,
    batch: &BatchView,
    project: &str,
) -> Result<Option<Found>, Problem> {
    let Some(note) = note_of(batch, project) else {
        return Ok(None);
    };
    Ok(Some(Found {
        batch: batch.id,
        note,
        run: run_of(views, asker, batch.id)?,
        created_at: batch.created_at,
    }))
}

/// A job by its id, while the views are held.
///
/// # Errors
/// 404.
pub(super) fn find(
    views: &Views,
    asker: &Asker,
    project: &str,
    id: &str,
) -> Result<Found, Problem> {
    let missing = || Problem::not_found("job", &id);
    let own = id.strip_prefix("batchjob_").ok_or_else(missing)?;
    let batch: BatchId = own.parse().map_err(|_| missing())?;
    let batch = views.batch(batch)?.ok_or_else(missing)?;
    let access = fasti_projector::Access {
        owner: &batch.definition.owner,
        group: &batch.definition.group,
        permissions: &batch.definition.permissions,
    };
    if !asker.may_read(access) {
        return Err(missing());
    }
    found(views, asker, &batch, project)?.ok_or_else(missing)
}

/// The first job that is not over of those that `used` says.
///
/// # Errors
/// The views cannot be read.
pub(super) async fn unfinished(
    call: &Call,
    project: &str,
    used: impl Fn(&JobNote) -> bool,
) -> Result<Option<String>, Problem> {
    let project = project.to_owned();
    let asked = call.ask(None, move |views, _| {
        let filter = RunFilter {
            label: Some(label(&project)),
            statuses: vec![
                fasti_core::domain::run::RunStatus::Queued,
                fasti_core::domain::run::RunStatus::Running,
            ],
            ..RunFilter::default()
        };
        let mut notes = Vec::new();
        let mut after = None;
        loop {
            let runs = views.runs(&filter, &|_| true, Order::Ascending, after, 1_000)?;
            for run in &runs.page.items {
                if let Some(batch) = views.batch(run.batch_id)?
                    && let Some(note) = note_of(&batch, &project)
                {
                    notes.push((format!("batchjob_{}", batch.id), note));
                }
            }
            after = runs.page.next;
            if after.is_none() {
                return Ok(notes);
            }
        }
    });
    let (notes, _) = asked.await?;
    Ok(notes
        .into_iter()
        .find(|(_, note)| used(note))
        .map(|(id, _)| id))
}

async fn list(project: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let wanted = Wanted::read(&call.query)?;
    let asked = call.ask(None, move |views, asker| {
        let filter = BatchFilter {
            label: Some(label(&project)),
            ..BatchFilter::default()
        };
        let visible = |access: fasti_projector::Access<'_>| asker.may_read(access);
        wanted.page(|order, beyond, limit| {
            let beyond = match beyond.map(str::parse) {
                None => None,
                Some(Ok(batch)) => Some(batch),
                Some(Err(_)) => return Err(bad("page", "is no page of this list")),
            };
            let batches = views.batches_by_age(&filter, &visible, order, beyond, limit)?;
            let mut jobs = Vec::with_capacity(batches.len());
            for batch in &batches {
                if let Some(found) = found(views, asker, batch, &project)? {
                    jobs.push((batch.id.to_string(), job_of(found.facts())));
                }
            }
            Ok(jobs)
        })
    });
    let (page, _) = asked.await?;
    ok(&call, &page)
}

/// A job by its id.
///
/// # Errors
/// 404.
pub(super) async fn found_by_id(call: &Call, project: &str, id: &str) -> Result<Found, Problem> {
    let (project, id) = (project.to_owned(), id.to_owned());
    let asked = call.ask(None, move |views, asker| find(views, asker, &project, &id));
    asked.await.map(|(found, _)| found)
}

async fn get(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let found = found_by_id(&call, &project, &id).await?;
    ok(&call, &job_of(found.facts()))
}

/// Cancelled, or to be stopped at another time.
async fn patch(project: String, id: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let (change, _): (wire::JobChange, _) = call.json_or_default().await?;
    let stop_ms = change.spec.and_then(|spec| spec.stop_at_time);
    let Some(stop_ms) = stop_ms else {
        return Err(bad(
            "spec.stopAtTime",
            "say when to stop, in milliseconds since 1970",
        ));
    };
    let stop = instant(stop_ms);
    let found = found_by_id(&call, &project, &id).await?;
    if let Some(run) = found.live_run() {
        let now_ms = ms(now(&call));
        let command = match stop {
            Some(ends_at) if stop_ms > now_ms + CANCEL_AHEAD_MS => {
                Command::MoveRunEnd { run, ends_at }
            }
            _ => Command::CancelRun {
                run,
                reason: Some(format!("Batch job cancelled, as asked for at {stop_ms}")),
            },
        };
        match submit(&call, &call.principal, command).await {
            Ok(receipt) => seen(&call, receipt.seq).await,
            // It came to its end in between: a finished job stays as it is.
            Err(problem)
                if problem.code() == Code::RunFinished || problem.code() == Code::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    let found = found_by_id(&call, &project, &id).await?;
    ok(&call, &job_of(found.facts()))
}

/// Gone from this interface; the log keeps what was.
async fn delete(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let found = found_by_id(&call, &project, &id).await?;
    let command = Command::DeleteBatch {
        batch: found.batch,
        force: Force::Yes,
    };
    let receipt = submit(&call, &call.principal, command).await?;
    seen(&call, receipt.seq).await;
    let deleted = wire::Deleted { id, deleted: true };
    ok(&call, &deleted)
}
