//! Why something ran, or did not.

use fasti_core::domain::ids::{RunId, Seq, TaskRunId};
use fasti_projector::{PastError, ViewsError};
use fasti_replay::explain::{
    AbsenceFacts, Explanation, RunFacts, TaskRunFacts, why_not, why_run, why_task_run,
};
use warp::http::StatusCode;

use super::super::{map, wire};
use super::{batches, runs, task_runs};
use crate::call::{Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};

/// Explain a run
///
/// Why there is a run, what it waits for, why it ended as it did: from the decisions in the log, each with its position.
/// With `as_of`, for that moment.
#[utoipa::path(get, path = "/api/v1/runs/{id}/why", tag = "runs",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Explanation), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn explain_run(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let feed = call.app.parts.feed.clone();
    let asked = call.ask(min_seq, move |views, asker| {
        runs::visible(views, asker, id)?;
        RunFacts::gather(views, RunId(id))?.ok_or_else(|| Problem::not_found("run", &id))
    });
    let (facts, as_of) = asked.await?;
    told(as_of, move || why_run(&facts, &feed)).await
}

/// Explain a task run
///
/// Why it waits, or ended as it did. With `as_of`, for that moment.
#[utoipa::path(get, path = "/api/v1/task-runs/{id}/why", tag = "task runs",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Explanation), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn explain_task_run(id: String, call: Call) -> Answer {
    let id = map::number_id("task run", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let feed = call.app.parts.feed.clone();
    let asked = call.ask(min_seq, move |views, asker| {
        task_runs::visible(views, asker, id)?;
        let found = TaskRunFacts::gather(views, TaskRunId(id), &|access| asker.may_read(access))?;
        found.ok_or_else(|| Problem::not_found("task run", &id))
    });
    let (facts, as_of) = asked.await?;
    told(as_of, move || why_task_run(&facts, &feed)).await
}

/// Explain why a batch did not run
///
/// What its schedule said at an instant, and what became of the slot.
#[utoipa::path(get, path = "/api/v1/batches/{id}/why-not", tag = "batches",
    params(("id" = String, Path, description = "UUID"),
        ("at" = Option<String>, Query, description = "The instant, RFC 3339; default: now"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event")),
    responses((status = 200, body = wire::Explanation), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn explain_absence(id: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let mut query = call.query()?;
    let now = call.app.parts.clock.now();
    let at = query.instant("at")?.unwrap_or(now);
    let min_seq = query.min_seq_of_now()?;
    query.finish()?;
    if at > now {
        let detail = format!("{at} is still to come; `fasti schedule next` shows what will run");
        return Err(Problem::invalid("at", detail));
    }
    let past = call.app.parts.past.clone();
    let looking = move || match past.seq_at(at) {
        Ok(seq) => past.at(seq).map(Some),
        Err(PastError::TooEarly(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let then = call.in_turn(looking).await??;
    let feed = call.app.parts.feed.clone();
    let asked = call.ask(min_seq, move |views, asker| {
        batches::visible(views, asker, id)?;
        let found = AbsenceFacts::gather(then.as_deref(), views, id, at)?;
        found.ok_or_else(|| Problem::not_found("batch", &id))
    });
    let (facts, as_of) = asked.await?;
    told(as_of, move || why_not(&facts, &feed)).await
}

/// Tells what was gathered, with the events behind it: they may have to be read from the disk.
async fn told(
    as_of: Seq,
    tell: impl FnOnce() -> Result<Explanation, ViewsError> + Send + 'static,
) -> Answer {
    let told = tokio::task::spawn_blocking(tell).await;
    let explanation = told.map_err(|error| Problem::internal(&error))??;
    Ok(json(StatusCode::OK, &map::explanation(explanation), as_of))
}
