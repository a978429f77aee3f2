//! Flow types: graphs with revisions, and what changed between these.

use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_core::domain::flow::{FlowType, Flows, diff};
use fasti_core::domain::limits::FLOW_NODES_MAX;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, flow_pages};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::decode_segment;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_flow_types),
        route!(scope, app, GET [name] => get_flow_type),
        route!(scope, app, PUT [name] => put_flow_type),
        route!(scope, app, GET [name / "diff"] => diff_flow_type),
    ])
}

pub(super) fn found<'a>(flows: &'a Flows, name: &str) -> Result<&'a FlowType, Problem> {
    flows
        .flow_type_named(name)
        .ok_or_else(|| Problem::not_found("flow type", &name))
}

/// List flow types
///
/// By id.
#[utoipa::path(get, path = "/api/v1/flow-types", tag = "flows",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::FlowType>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_flow_types(call: Call) -> Answer {
    flow_pages::by_id(call, "flow-types", |flows, after, page| {
        page.fill(flows.flow_types_after(after), map::flow_type);
        Ok(())
    })
    .await
}

/// Read a flow type
#[utoipa::path(get, path = "/api/v1/flow-types/{name}", tag = "flows",
    params(("name" = String, Path, description = "Percent-encoded"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::FlowType), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_flow_type(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        Ok(map::flow_type(found(views.flows(), &name)?))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// Save a flow type
///
/// Makes it, or changes it. Its graph is a revision: sets of flows that were made before keep theirs. What is the same as
/// before makes none.
#[utoipa::path(put, path = "/api/v1/flow-types/{name}", tag = "flows",
    params(("name" = String, Path, description = "1 to 100 letters, digits, `.`, `_` and `-`")),
    request_body = wire::FlowTypeBody,
    responses((status = 200, body = wire::FlowType), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_flow_type(name: String, mut call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::FlowTypeBody>(limit).await?;
    // Putting nodes in order takes time that grows with their square.
    if given.nodes.len() > FLOW_NODES_MAX {
        let detail = format!("a graph has at most {FLOW_NODES_MAX} nodes");
        return Err(Problem::invalid("nodes", detail));
    }
    let own = name.clone();
    let asked = call.ask(Some(call.last_seq()), move |views, _| {
        let flows = views.flows();
        let command = map::flow_type_command(flows, &own, given)?;
        Ok((command, flows.flow_type_named(&own).map(map::flow_type)))
    });
    let ((command, known), as_of) = asked.await?;
    let Some(command) = command else {
        return Ok(json(StatusCode::OK, &known, as_of));
    };
    submit(&call, Command::Flow(command), &bytes, move |views, _, _| {
        Told::json(
            StatusCode::OK,
            &map::flow_type(found(views.flows(), &name)?),
        )
    })
    .await
}

/// Compare two revisions of a graph
///
/// Without `to` the present one counts, without `from` the one before it.
#[utoipa::path(get, path = "/api/v1/flow-types/{name}/diff", tag = "flows",
    params(("name" = String, Path, description = "Percent-encoded"),
        ("from" = Option<u32>, Query, description = "Revision"),
        ("to" = Option<u32>, Query, description = "Revision"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::FlowGraphDiff), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn diff_flow_type(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    let mut query = call.query()?;
    let from: Option<u32> = query.value("from", "the number of a revision")?;
    let to: Option<u32> = query.value("to", "the number of a revision")?;
    let min_seq = query.min_seq()?;
    query.finish()?;
    let asked = call.ask(min_seq, move |views, _| {
        let flow_type = found(views.flows(), &name)?;
        let to = to.unwrap_or_else(|| flow_type.revision_number());
        let from = from.unwrap_or_else(|| to.saturating_sub(1).max(1));
        let revision = |number: u32| {
            flow_type
                .revision(number)
                .ok_or_else(|| Problem::not_found("revision", &number))
        };
        Ok(map::flow_graph_diff(&diff(
            &revision(from)?.graph,
            &revision(to)?.graph,
            None,
        )))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}
