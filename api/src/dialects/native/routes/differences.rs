//! How two runs differ, and two versions of a batch.

use fasti_core::domain::ids::RunId;
use fasti_replay::diff;
use warp::http::StatusCode;

use super::super::{map, wire};
use super::{batches, runs};
use crate::call::{Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// Compare a run with another one
///
/// With the newest successful run of its batch before it, unless another one is named: what changed since it last worked.
#[utoipa::path(get, path = "/api/v1/runs/{id}/diff", tag = "runs",
    params(("id" = u64, Path, description = "Its id"),
        ("with" = Option<u64>, Query, description = "Id of the other run; default: the last one before that succeeded"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::RunDiff), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn compare_run(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let mut query = call.query()?;
    let with: Option<u64> = query.value("with", "the id of a run")?;
    let min_seq = query.min_seq()?;
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        runs::visible(views, asker, id)?;
        let with = match with {
            Some(with) => RunId(with),
            None => diff::last_success(views, RunId(id))?.ok_or_else(|| {
                let detail = format!(
                    "no run of the same batch succeeded before {id}; name another one with `with`"
                );
                Problem::new(Code::NotFound, detail).at("with")
            })?,
        };
        runs::visible(views, asker, with.0)?;
        let found = diff::runs(views, RunId(id), with)?;
        let found = found.ok_or_else(|| Problem::not_found("run", &id))?;
        Ok(map::run_diff(found, views.as_of()))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// Compare two versions of a batch
///
/// The present one with the one before it, unless others are named.
#[utoipa::path(get, path = "/api/v1/batches/{id}/diff", tag = "batches",
    params(("id" = String, Path, description = "UUID of the batch"),
        ("from" = Option<u32>, Query, description = "Version; default: the one before `to`"),
        ("to" = Option<u32>, Query, description = "Version; default: the present one"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::BatchDiff), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn compare_versions(id: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let mut query = call.query()?;
    let from: Option<u32> = query.value("from", "the number of a version")?;
    let to: Option<u32> = query.value("to", "the number of a version")?;
    let min_seq = query.min_seq()?;
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let batch = batches::visible(views, asker, id)?;
        let to = to.unwrap_or(batch.version);
        let from = from.unwrap_or_else(|| to.saturating_sub(1).max(1));
        let definition = |version: u32, field: &str| {
            let missing = || Problem::not_found("version", &version).at(field);
            let found = views.batch_version(id, version)?.ok_or_else(missing)?;
            views.definition(found.digest)?.ok_or_else(missing)
        };
        let after = definition(to, "to")?;
        let before = definition(from, "from")?;
        let changes = diff::changes(&before, &after);
        Ok(map::batch_diff(&batch, from, to, changes, views.as_of()))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}
