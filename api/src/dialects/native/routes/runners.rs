//! Runners: what executes, under both of its names; and whether they are given anything.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::RunnerId;
use fasti_projector::Views;
use fasti_projector::rows::RunnerView;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, listing, runs_stop};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::decode_segment;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_runners),
        route!(scope, app, POST [id / "drain"] => drain_runner),
        route!(scope, app, POST [id / "resume"] => resume_runner),
    ])
}

pub(super) fn worker_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => list_workers)])
}

/// List runners
///
/// Those there are, and the last ones that were lost.
#[utoipa::path(get, path = "/api/v1/runners", tag = "runners",
    params(("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Runner>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_runners(call: Call) -> Answer {
    // The list is short and comes whole; asking for pages of it is no mistake.
    let mut query = call.query()?;
    query.limit()?;
    let min_seq = batches::only_min_seq(query)?;
    let asked = call.ask(min_seq, |views, _| {
        let all = views.runners();
        let shown = all.iter().map(|it| shown(views, it));
        Ok(shown.collect::<Vec<_>>())
    });
    let (items, as_of) = asked.await?;
    Ok(listing::page(&call, items, None, as_of))
}

/// List workers
///
/// The same as `/runners`.
#[utoipa::path(get, path = "/api/v1/workers", tag = "runners",
    params(("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Runner>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_workers(call: Call) -> Answer {
    list_runners(call).await
}

/// Drain a runner
///
/// It is given nothing new; what it was given goes on. This holds until it is resumed: also after a restart of the
/// server, when the runner joins again, and for the runner that the server starts in its place. Asked again, the reason
/// is another one. Administrators only.
#[utoipa::path(post, path = "/api/v1/runners/{id}/drain", tag = "runners",
    params(("id" = String, Path, description = "Id of the runner")),
    request_body = Option<wire::Drain>,
    responses((status = 200, body = wire::Runner), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn drain_runner(id: String, mut call: Call) -> Answer {
    call.query()?.finish()?;
    let runner = runner_id(&id)?;
    let (given, bytes) = call.json_or_default::<wire::Drain>().await?;
    runs_stop::check_reason(given.reason.as_deref())?;
    let command = Command::DrainRunner {
        runner: runner.clone(),
        reason: given.reason,
        instead_of: None,
    };
    told(&call, command, &bytes, runner).await
}

/// Resume a runner
///
/// A drained runner is given work again. One that is not drained stays as it is. Without a body (204) when it was lost so
/// long ago that it is no longer listed. Administrators only.
#[utoipa::path(post, path = "/api/v1/runners/{id}/resume", tag = "runners",
    params(("id" = String, Path, description = "Id of the runner")),
    responses((status = 200, body = wire::Runner), (status = 204), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn resume_runner(id: String, mut call: Call) -> Answer {
    call.query()?.finish()?;
    let runner = runner_id(&id)?;
    let (_, bytes) = call.json_or_default::<batches::Empty>().await?;
    let command = Command::ResumeRunner {
        runner: runner.clone(),
    };
    told(&call, command, &bytes, runner).await
}

/// There is none of a name that no runner can have.
fn runner_id(text: &str) -> Result<RunnerId, Problem> {
    let text = decode_segment(text)?;
    RunnerId::new(&text).map_err(|_| Problem::not_found("runner", &text))
}

fn shown(views: &Views, runner: &RunnerView) -> wire::Runner {
    map::runner(runner, views.drain(&runner.info.runner))
}

async fn told(call: &Call, command: Command, bytes: &Bytes, runner: RunnerId) -> Answer {
    let answer = submit(call, command, bytes, move |views, _, _| {
        match views.runner(&runner) {
            Some(view) => Told::json(StatusCode::OK, &shown(views, view)),
            None => Ok(Told::nothing()),
        }
    });
    answer.await
}
