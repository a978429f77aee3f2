//! What became of single flows of a set, and steps that are tried again.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::command::Command;
use fasti_core::domain::flow::{Flow, FlowCommand, FlowSet, Flows, StepStatus};
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, flow_pages};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [id] => get_flow),
        route!(scope, app, GET [id / "nodes"] => list_flow_nodes),
    ])
}

pub(super) fn set_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [id / "flows"] => list_flows),
        route!(scope, app, POST [id / "retry"] => retry_flow_set),
    ])
}

fn found_set(flows: &Flows, id: u64) -> Result<&FlowSet, Problem> {
    flows
        .set(id)
        .ok_or_else(|| Problem::not_found("flow set", &id))
}

fn found(flows: &Flows, id: u64) -> Result<&Flow, Problem> {
    flows
        .flow(id)
        .ok_or_else(|| Problem::not_found("flow", &id))
}

/// List the flows of a set
///
/// One for each input, by id; those inside of others are found by the nodes of these.
#[utoipa::path(get, path = "/api/v1/flow-sets/{id}/flows", tag = "flows",
    params(("id" = u64, Path, description = "The set"),
        ("status" = Option<String>, Query, description = "Only `completed`, `failed`, `cancelled` or `active` ones"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Flow>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_flows(id: String, call: Call) -> Answer {
    use wire::FlowStatus::{Active, Cancelled, Completed, Failed};
    let id = map::number_id("flow set", &id)?;
    let mut query = call.query()?;
    let words = [
        ("completed", Completed),
        ("failed", Failed),
        ("cancelled", Cancelled),
        ("active", Active),
    ];
    let status = query.word("status", &words)?;
    flow_pages::by_id_of(call, query, "flows", move |flows, after, page| {
        let all = &found_set(flows, id)?.flows;
        // Made in the order of their ids.
        let rest = all.partition_point(|flow| *flow <= after);
        let rest = all[rest..]
            .iter()
            .filter_map(|id| Some((*id, flows.flow(*id)?)));
        let fitting =
            rest.filter(|(_, it)| status.is_none_or(|wanted| wanted == map::flow_status(it)));
        let with_id = fitting.map(|(id, it)| (id, (id, it)));
        page.fill(with_id, |(id, it)| map::flow(flows, id, it));
        Ok(())
    })
    .await
}

/// Read a flow
#[utoipa::path(get, path = "/api/v1/flows/{id}", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Flow), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_flow(id: String, call: Call) -> Answer {
    let id = map::number_id("flow", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        let flows = views.flows();
        Ok(map::flow(flows, id, found(flows, id)?))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// List the nodes of a flow
///
/// In the order of the graph: what each is, where it stands, why it failed, what it was given and gave.
#[utoipa::path(get, path = "/api/v1/flows/{id}/nodes", tag = "flows",
    params(("id" = u64, Path, description = "The flow"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::FlowNode>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_flow_nodes(id: String, call: Call) -> Answer {
    let id = map::number_id("flow", &id)?;
    flow_pages::by_id(call, "flow-nodes", move |flows, after, page| {
        let flow = found(flows, id)?;
        let revision = flows.revision(flow.flow_type, flow.revision);
        let nodes = revision.into_iter().flat_map(|it| &it.graph.nodes);
        let numbered = (1..).zip(nodes.zip(&flow.slots));
        let rest = numbered.skip(usize::try_from(after).unwrap_or(usize::MAX));
        page.fill(rest, |(node, slot)| map::flow_node(flows, node, *slot));
        Ok(())
    })
    .await
}

/// Try steps of a set again
///
/// Those that failed, and with `cancelled` those that were cancelled: whatever their reason, and with as many tries as
/// at first. Steps that are shared with other sets are tried again for all of them; what a later set superseded is not.
#[utoipa::path(post, path = "/api/v1/flow-sets/{id}/retry", tag = "flows",
    params(("id" = u64, Path, description = "The set"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::RetrySteps,
    responses((status = 200, body = wire::RetriedSteps), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn retry_flow_set(id: String, mut call: Call) -> Answer {
    let id = map::number_id("flow set", &id)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes): (wire::RetrySteps, Bytes) = call.json_within(limit).await?;
    let asked = call.ask(Some(call.last_seq()), move |views, _| {
        meant(views.flows(), id, &given)
    });
    let (steps, _) = asked.await?;
    let retried = wire::RetriedSteps {
        set_id: id,
        steps: steps.len() as u64,
    };
    let command = Command::Flow(FlowCommand::Requeue {
        steps,
        priority: None,
    });
    submit(&call, command, &bytes, move |_, _, _| {
        Told::json(StatusCode::OK, &retried)
    })
    .await
}

/// The steps that a body means.
fn meant(flows: &Flows, id: u64, given: &wire::RetrySteps) -> Result<Vec<u64>, Problem> {
    let set = found_set(flows, id)?;
    let mut statuses = vec![StepStatus::Failed];
    if given.cancelled.unwrap_or(false) {
        statuses.push(StepStatus::Canceled);
    }
    let wanted = given.flow_ids.as_deref().unwrap_or(&set.flows);
    for (index, flow) in wanted.iter().enumerate() {
        if flows.flow(*flow).is_none_or(|it| it.set != Some(id)) {
            let text = format!("the set {id} has no flow {flow}");
            return Err(Problem::invalid(format!("flow_ids[{index}]"), text));
        }
    }
    let wanted = wanted.iter().copied();
    let (steps, unknown) = map::steps_of(flows, wanted, &statuses, given.nodes.as_deref());
    if let Some(name) = unknown.first() {
        let text = format!("no flow that is meant has a node `{name}`");
        return Err(Problem::invalid("nodes", text));
    }
    Ok(steps.into_iter().collect())
}
