//! Sets of flows.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::command::{Command, Subject};
use fasti_core::domain::flow::{FlowCommand, FlowType, Flows, SetRequest, check_set};
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::flow_types::found;
use super::{batches, flow_pages, flow_runs};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_flow_sets),
        route!(scope, app, POST [] => post_flow_set),
        route!(scope, app, GET [id] => get_flow_set),
        route!(scope, app, GET [id / "comparison"] => compare_flow_sets),
        flow_runs::set_routes(app, scope),
    ])
}

/// List sets of flows
///
/// By id.
#[utoipa::path(get, path = "/api/v1/flow-sets", tag = "flows",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::FlowSet>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_flow_sets(call: Call) -> Answer {
    flow_pages::by_id(call, "flow-sets", |flows, after, page| {
        page.fill(flows.sets_after(after), |set| map::flow_set(flows, set));
        Ok(())
    })
    .await
}

/// Make a set of flows
///
/// Over the items of an item set, or over the last set of a chain: what did not change is shared and not done again.
/// With `dry_run` it only says what would come of it.
#[utoipa::path(post, path = "/api/v1/flow-sets", tag = "flows",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewFlowSet,
    responses((status = 201, body = wire::FlowSet), (status = 200, body = wire::FlowSetPlan),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_flow_set(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes): (wire::NewFlowSet, Bytes) = call.json_within(limit).await?;
    let is_dry = given.dry_run.unwrap_or(false);
    let asked = call.ask(Some(call.last_seq()), move |views, _| {
        let flows = views.flows();
        let flow_type = found(flows, &given.flow_type)?;
        let request = map::flow_set_request(flow_type.id, given);
        check_forced(flows, flow_type, &request)?;
        let plan = is_dry.then(|| map::flow_set_plan(&check_set(flows, flow_type, &request)));
        Ok((request, plan))
    });
    let ((request, plan), as_of) = asked.await?;
    if let Some(plan) = plan {
        return Ok(json(StatusCode::OK, &plan, as_of));
    }
    let command = Command::Flow(FlowCommand::CreateSet(Box::new(request)));
    submit(&call, command, &bytes, |views, _, receipt| {
        let Subject::Flow(id) = receipt.subject else {
            return Err(Problem::internal(
                &"a command for a set made something else",
            ));
        };
        let flows = views.flows();
        let set = flows
            .set(id)
            .ok_or_else(|| Problem::not_found("flow set", &id))?;
        let told = Told::json(StatusCode::CREATED, &map::flow_set(flows, set))?;
        Ok(told.at(format!("/api/v1/flow-sets/{id}")))
    })
    .await
    .map_err(|problem| {
        let name = problem.field().unwrap_or_default();
        // Names in capitals are those of the checks.
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return problem;
        }
        let (field, text) = map::set_refused(name, problem.detail());
        Problem::invalid(field, text)
    })
}

/// Refuses to force what the graph does not have: it would go unnoticed that nothing is done anew.
fn check_forced(flows: &Flows, flow_type: &FlowType, request: &SetRequest) -> Result<(), Problem> {
    let Some((forced, current)) = request.source.forced().zip(flow_type.current()) else {
        return Ok(());
    };
    let Some(name) = forced.unknown(flows, &current.graph).into_iter().next() else {
        return Ok(());
    };
    let nodes = &current.graph.nodes;
    let mut known: Vec<&str> = nodes
        .iter()
        .take(NAMED_MAX)
        .map(|it| it.name.as_str())
        .collect();
    if nodes.len() > NAMED_MAX {
        known.push("…");
    }
    let text = format!(
        "the graph `{}` has no node `{name}`; it has {}",
        flow_type.name,
        known.join(", ")
    );
    Err(Problem::invalid("forced.nodes", text))
}

/// Nodes that a refusal names.
const NAMED_MAX: usize = 30;

/// Read a set of flows
#[utoipa::path(get, path = "/api/v1/flow-sets/{id}", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::FlowSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_flow_set(id: String, call: Call) -> Answer {
    let id = map::number_id("flow set", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        let flows = views.flows();
        let set = flows
            .set(id)
            .ok_or_else(|| Problem::not_found("flow set", &id))?;
        Ok(map::flow_set(flows, set))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// Compare a chain of sets
///
/// All sets of the chain that the set is in, side by side, node by node.
#[utoipa::path(get, path = "/api/v1/flow-sets/{id}/comparison", tag = "flows",
    params(("id" = u64, Path, description = "Any set of the chain"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::FlowSetComparison), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn compare_flow_sets(id: String, call: Call) -> Answer {
    let id = map::number_id("flow set", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        let flows = views.flows();
        let set = flows
            .set(id)
            .ok_or_else(|| Problem::not_found("flow set", &id))?;
        Ok(map::flow_set_comparison(flows, &flows.chain(set.root)))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}
