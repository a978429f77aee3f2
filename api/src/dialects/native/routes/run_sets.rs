//! Run sets: many runs made together.

use std::sync::Arc;

use fasti_core::domain::command::{Command, More, Receipt, Subject};
use fasti_core::domain::ids::RunSetId;
use fasti_projector::Views;
use fasti_projector::rows::RunSetView;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, listing, runs};
use crate::ask::Asker;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::cursor;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_run_sets),
        route!(scope, app, POST [] => post_run_set),
        route!(scope, app, GET [id] => get_run_set),
        route!(scope, app, POST [id / "runs"] => add_runs),
        route!(scope, app, POST ["backfill"] => super::post_backfill),
        route!(scope, app, POST [id / "pause"] => super::pause_run_set),
        route!(scope, app, POST [id / "resume"] => super::resume_run_set),
        route!(scope, app, POST [id / "cancel"] => super::cancel_run_set),
    ])
}

pub(super) fn visible(views: &Views, asker: &Asker, id: u64) -> Result<RunSetView, Problem> {
    let missing = || Problem::not_found("run set", &id);
    let set = views.run_set(RunSetId(id))?.ok_or_else(missing)?;
    batches::visible(views, asker, set.batch_id).map_err(|_| missing())?;
    Ok(set)
}

pub(super) fn tell(
    status: StatusCode,
) -> impl FnOnce(&Views, &Asker, &Receipt) -> Result<Told, Problem> + Send + 'static {
    move |views, asker, receipt| {
        let Subject::RunSet(set) = receipt.subject else {
            return Err(Problem::internal(&"a run set command made something else"));
        };
        let view = visible(views, asker, set.0)?;
        Ok(Told::json(status, &map::run_set(&view))?.at(format!("/api/v1/run-sets/{set}")))
    }
}

fn rundates(given: Vec<wire::RunSetRun>) -> Result<Vec<Option<String>>, Problem> {
    let numbered = given.into_iter().enumerate();
    numbered
        .map(|(index, run)| map::rundate(&format!("runs[{index}].rundate"), run.rundate))
        .collect()
}

fn more(given: Option<bool>) -> More {
    if given.unwrap_or(false) {
        More::Yes
    } else {
        More::No
    }
}

/// Make a run set
///
/// With its first runs. `more` leaves it open for further ones.
#[utoipa::path(post, path = "/api/v1/run-sets", tag = "run sets",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewRunSet,
    responses((status = 201, body = wire::RunSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_run_set(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::NewRunSet>(limit).await?;
    let batch = given.batch_id.parse().map_err(|_| {
        Problem::invalid(
            "batch_id",
            format!("`{}` is no id of a batch: must be a UUID", given.batch_id),
        )
    })?;
    call.ask(None, move |views, asker| {
        batches::visible(views, asker, batch).map(drop)
    })
    .await?;
    let command = Command::CreateRunSet {
        batch,
        title: given.title.unwrap_or_default(),
        labels: given.labels.unwrap_or_default(),
        runs: rundates(given.runs.unwrap_or_default())?,
        more: more(given.more),
    };
    submit(&call, command, &bytes, tell(StatusCode::CREATED)).await
}

/// Add runs to a set
///
/// 409 once it is closed.
#[utoipa::path(post, path = "/api/v1/run-sets/{id}/runs", tag = "run sets",
    params(("id" = u64, Path, description = "Id of the set"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::MoreRuns,
    responses((status = 200, body = wire::RunSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn add_runs(id: String, mut call: Call) -> Answer {
    let id = map::number_id("run set", &id)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::MoreRuns>(limit).await?;
    call.ask(None, move |views, asker| {
        visible(views, asker, id).map(drop)
    })
    .await?;
    let command = Command::AddRunSetRuns {
        run_set: RunSetId(id),
        runs: rundates(given.runs)?,
        more: more(given.more),
    };
    submit(&call, command, &bytes, tell(StatusCode::OK)).await
}

/// Read a run set
#[utoipa::path(get, path = "/api/v1/run-sets/{id}", tag = "run sets",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::RunSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_run_set(id: String, call: Call) -> Answer {
    let id = map::number_id("run set", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| visible(views, asker, id));
    let (view, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &map::run_set(&view), as_of))
}

/// List run sets
///
/// By id. Their runs: GET /runs?run_set=….
#[utoipa::path(get, path = "/api/v1/run-sets", tag = "run sets",
    params(("batch_id" = Option<String>, Query, description = "Of this batch"),
        ("order" = Option<String>, Query, description = "`asc` (default) or `desc`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::RunSet>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_run_sets(call: Call) -> Answer {
    let mut query = call.query()?;
    let batch = query.value("batch_id", "a UUID")?;
    let order = query.word("order", runs::ORDERS)?.unwrap_or_default();
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = runs::number_cursor(&mut query, "run-sets")?.map(RunSetId);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let may_read = |access: fasti_projector::Access<'_>| asker.may_read(access);
        let page = views.run_sets(batch, &may_read, order, after, limit)?;
        let items: Vec<_> = page.items.iter().map(map::run_set).collect();
        Ok((
            items,
            page.next.map(|id| cursor("run-sets", &[&id.to_string()])),
        ))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}
