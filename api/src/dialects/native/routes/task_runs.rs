//! Task runs: list by name, read, metrics. Results and logs have files of their own.

use std::io::ErrorKind;
use std::sync::Arc;

use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::ids::{RunId, TaskRunId};
use fasti_core::domain::time::Timestamp;
use fasti_core::samples::{self, Sample};
use fasti_projector::Views;
use fasti_projector::rows::{TaskRunFilter, TaskRunView};
use warp::http::StatusCode;

use super::super::{map, wire};
use super::{batches, listing, runs};
use crate::ask::Asker;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::query::cursor;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [id] => get_task_run),
        route!(scope, app, GET [id / "result"] => super::get_result),
        route!(scope, app, GET [id / "logs"] => super::get_logs),
        route!(scope, app, GET [id / "metrics"] => get_metrics),
        route!(scope, app, GET [id / "why"] => super::explain_task_run),
        route!(scope, app, GET [] => list_task_runs),
    ])
}

/// A task run that the asker may see.
pub(super) fn visible(views: &Views, asker: &Asker, id: u64) -> Result<TaskRunView, Problem> {
    if let Some(task_run) = views.task_run(TaskRunId(id))? {
        let run = views.run(task_run.run_id)?;
        if run.is_some_and(|run| asker.may_read(run.access())) {
            return Ok(task_run);
        }
        return Err(Problem::not_found("task run", &id));
    }
    let run = views.run(fasti_core::domain::ids::RunId(id))?;
    match run.filter(|run| asker.may_read(run.access())) {
        None => Err(Problem::not_found("task run", &id)),
        Some(_) => Err(Problem::new(
            Code::NotFound,
            format!("{id} is the id of a run; GET /api/v1/runs/{id}/tasks lists its task runs"),
        )),
    }
}

/// The task run that was executed: this one, or the one that serves for it. What is asked of one reads
/// through to the other.
pub(super) fn executed(
    views: &Views,
    asker: &Asker,
    id: u64,
) -> Result<(TaskRunView, TaskRunView), Problem> {
    let task_run = visible(views, asker, id)?;
    let from = task_run
        .reused_from
        .map(|from| views.task_run(from))
        .transpose()?
        .flatten();
    let executed = from.unwrap_or_else(|| task_run.clone());
    Ok((task_run, executed))
}

/// When contents of a task run were removed because their time was up, if they were.
pub(super) fn removed(
    views: &Views,
    task_run: &TaskRunView,
    kind: ContentKind,
) -> Result<Option<Timestamp>, Problem> {
    let mut run = views.run(task_run.run_id)?;
    if let Some(from) = task_run.reused_from
        && run.as_ref().is_none_or(|run| run.finished_at.is_none())
        && let Some(of) = views.run_of(from)?
    {
        // The run goes on: what it takes over went before it began.
        run = views.run(of)?;
    }
    let ended = run.and_then(|run| run.finished_at);
    Ok(ended.and_then(|ended| views.removed_at(kind, ended)))
}

/// List the task runs of one name
///
/// Over all runs of the batches of one name, by id.
#[utoipa::path(get, path = "/api/v1/task-runs", tag = "task runs",
    params(
        ("batch_name" = String, Query, description = "Name of the batch"),
        ("name" = String, Query, description = "Name of the task, or of the part"),
        ("tag" = Option<wire::Tag>, Query, description = "Of batches with this tag"),
        ("status" = Option<String>, Query, description = "One or more statuses, separated by commas"),
        ("rundate" = Option<String>, Query, description = "`YYYY-MM-DD`"),
        ("scheduled_from" = Option<String>, Query, description = "In runs due at this instant or later"),
        ("scheduled_until" = Option<String>, Query, description = "In runs due before this instant"),
        ("order" = Option<String>, Query, description = "`asc` (default) or `desc`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)"),
    ),
    responses((status = 200, body = wire::Page<wire::TaskRun>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_task_runs(call: Call) -> Answer {
    let mut query = call.query()?;
    let wanted = |query: &mut crate::query::Query, name: &str| {
        let text = query.text(name);
        text.ok_or_else(|| Problem::invalid(name, format!("the parameter `{name}` is needed")))
    };
    let batch_name = wanted(&mut query, "batch_name")?;
    let name = wanted(&mut query, "name")?;
    let rundate = query.text("rundate");
    let filter = TaskRunFilter {
        tag: query.word("tag", wire::Tag::WORDS)?,
        statuses: runs::words(&mut query, "status", wire::TaskStatus::WORDS)?,
        rundate: map::rundate("rundate", rundate)?,
        scheduled_from: query.instant("scheduled_from")?,
        scheduled_until: query.instant("scheduled_until")?,
    };
    let order = query.word("order", runs::ORDERS)?.unwrap_or_default();
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = runs::number_cursor(&mut query, "task-runs")?.map(TaskRunId);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        runs::check_name(views, asker, &batch_name)?;
        let may_read = |access: fasti_projector::Access<'_>| asker.may_read(access);
        let page =
            views.task_runs_by_name(&batch_name, &name, &filter, &may_read, order, after, limit)?;
        let items: Vec<_> = page.items.iter().map(map::task_run).collect();
        Ok((
            items,
            page.next.map(|id| cursor("task-runs", &[&id.to_string()])),
        ))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Read a task run
#[utoipa::path(get, path = "/api/v1/task-runs/{id}", tag = "task runs",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::TaskRun), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_task_run(id: String, call: Call) -> Answer {
    let id = map::number_id("task run", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| visible(views, asker, id));
    let (view, as_of) = asked.await?;
    let mut task_run = map::task_run(&view);
    super::server::tell_of_silence(&call.app, std::slice::from_mut(&mut task_run));
    Ok(json(StatusCode::OK, &task_run, as_of))
}

/// Read the metrics of a task run
///
/// CPU and memory of an attempt with everything it started: at its start, about once a second, and at its end. Of
/// long ones the older points are further apart. Empty lists for one that did not start.
#[utoipa::path(get, path = "/api/v1/task-runs/{id}/metrics", tag = "task runs",
    params(("id" = u64, Path, description = "Its id"),
        ("attempt" = Option<u32>, Query, description = "Which attempt; default: the last"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Metrics), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_metrics(id: String, call: Call) -> Answer {
    let id = map::number_id("task run", &id)?;
    let mut query = call.query()?;
    let attempt: Option<u32> = query.value("attempt", "the number of an attempt")?;
    let min_seq = batches::only_min_seq(query)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let (_, executed) = executed(views, asker, id)?;
        let number = attempt.unwrap_or(executed.attempt);
        let found = executed
            .attempts
            .iter()
            .find(|attempt| attempt.number == number);
        if attempt.is_some() && found.is_none() {
            return Err(no_attempt(id, number, executed.attempt));
        }
        let found = found.cloned();
        Ok((found, executed.run_id, executed.index, executed.resources))
    });
    let ((found, run, index, resources), as_of) = asked.await?;
    let samples = match &found {
        Some(attempt) => samples_of(&call, run, index, attempt.number).await?,
        None => Vec::new(),
    };
    let body = map::metrics(found.as_ref(), &samples, &resources);
    Ok(json(StatusCode::OK, &body, as_of))
}

/// What was noted of an attempt while it ran; nothing of a short one.
async fn samples_of(
    call: &Call,
    run: RunId,
    index: u32,
    number: u32,
) -> Result<Vec<Sample>, Problem> {
    let path = samples::path(&call.app.config.data, run, index, number);
    match tokio::fs::read(&path).await {
        Ok(bytes) => Ok(samples::read(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let path = path.display();
            Err(Problem::internal(&format!("reading {path}: {error}")))
        }
    }
}

/// There is no attempt of this number.
pub(super) fn no_attempt(id: u64, number: u32, last: u32) -> Problem {
    let there = match last {
        0 => "it had none yet".to_owned(),
        last => format!("its attempts are 1 to {last}"),
    };
    Problem::new(
        Code::NotFound,
        format!("the task run {id} has no attempt {number}: {there}"),
    )
}
