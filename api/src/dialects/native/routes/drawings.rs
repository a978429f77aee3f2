//! What the graph of a run is drawn from: where its tasks stand, once for a definition, and how they are, now or then.

use std::sync::Arc;

use fasti_projector::layout::layout;
use fasti_projector::rows::RunStates;

use super::super::{map, wire};
use super::{batches, runs};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;
use crate::zipped::Packed;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, POST [] => post_layout)])
}

/// Read where the tasks of a run are drawn
///
/// The same for all runs of a definition, and computed once; 503 `busy` when that is still to be done and many others ask
/// for things that take a while. A parallel task is one box. Lists are columns: what is at the same place in each belongs
/// together.
#[utoipa::path(get, path = "/api/v1/runs/{id}/layout", tag = "runs",
    params(("id" = u64, Path, description = "Id of the run"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::RunLayout), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_layout(id: String, call: Call) -> Answer {
    let (states, as_of) = states(&id, &call).await?;
    let (app, headers) = (call.app.clone(), call.headers.clone());
    if let Some(packed) = app.layouts.kept(states.definition) {
        return Ok(packed.answer(&headers, as_of));
    }
    let drawing = move || {
        let draw = || Packed::json(&map::run_layout(&states, &layout(&states.graph)));
        let packed = app.layouts.of(states.definition, draw);
        packed.answer(&headers, as_of)
    };
    call.in_turn(drawing).await
}

/// Lay out a graph
///
/// Where the tasks of a graph are drawn that nobody saved: as the page draws a run of it. Names, counts, edges and cycles
/// are checked as those of a definition are; 503 `busy` when many others ask for things that take a while.
#[utoipa::path(post, path = "/api/v1/layout", tag = "runs",
    request_body = wire::GraphToDraw,
    responses((status = 200, body = wire::RunLayout), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_layout(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.definition_bytes_max;
    let (given, _) = call.json_within::<wire::GraphToDraw>(limit).await?;
    let (headers, principal) = (call.headers.clone(), call.principal.clone());
    let as_of = call.last_seq();
    let drawing = move || {
        let graph = map::graph_to_draw(given, &principal)?;
        let drawn = map::graph_layout(None, &graph, &layout(&graph));
        Ok(Packed::json(&drawn).answer(&headers, as_of))
    };
    call.in_turn(drawing).await?
}

/// Read how the task runs of a run are
///
/// In columns, one entry a task run, in definition order, parts in part order.
#[utoipa::path(get, path = "/api/v1/runs/{id}/states", tag = "runs",
    params(("id" = u64, Path, description = "Id of the run"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::RunStates), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_states(id: String, call: Call) -> Answer {
    let (states, as_of) = states(&id, &call).await?;
    let headers = call.headers.clone();
    let writing = tokio::task::spawn_blocking(move || {
        Packed::json(&map::run_states(&states, as_of)).answer(&headers, as_of)
    });
    writing.await.map_err(|error| Problem::internal(&error))
}

async fn states(
    id: &str,
    call: &Call,
) -> Result<(RunStates, fasti_core::domain::ids::Seq), Problem> {
    let number = map::number_id("run", id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let run = runs::visible(views, asker, number)?;
        let states = views.states(run.id)?;
        states.ok_or_else(|| Problem::not_found("run", &number))
    });
    asked.await
}
