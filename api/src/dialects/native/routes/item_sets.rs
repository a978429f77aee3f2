//! Item sets: inputs for many flows.

use std::sync::Arc;

use fasti_core::domain::command::{Command, Subject};
use fasti_core::domain::flow::{FlowCommand, Flows, ItemSet};
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
        route!(scope, app, GET [] => list_item_sets),
        route!(scope, app, POST [] => post_item_set),
        route!(scope, app, GET [id] => get_item_set),
        route!(scope, app, GET [id / "items"] => list_items),
        route!(scope, app, POST [id / "items"] => post_items),
    ])
}

fn found(flows: &Flows, id: u64) -> Result<&ItemSet, Problem> {
    flows
        .item_set(id)
        .ok_or_else(|| Problem::not_found("item set", &id))
}

/// List item sets
///
/// By id.
#[utoipa::path(get, path = "/api/v1/item-sets", tag = "flows",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::ItemSet>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_item_sets(call: Call) -> Answer {
    flow_pages::by_id(call, "item-sets", |flows, after, page| {
        page.fill(flows.item_sets_after(after), map::item_set);
        Ok(())
    })
    .await
}

/// Make an item set
#[utoipa::path(post, path = "/api/v1/item-sets", tag = "flows",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewItemSet,
    responses((status = 201, body = wire::ItemSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_item_set(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::NewItemSet>(limit).await?;
    let command = Command::Flow(map::item_set_command(given)?);
    submit(&call, command, &bytes, |views, _, receipt| {
        let Subject::Flow(id) = receipt.subject else {
            return Err(Problem::internal(&"an item set was not made"));
        };
        let told = map::item_set(found(views.flows(), id)?);
        Ok(Told::json(StatusCode::CREATED, &told)?.at(format!("/api/v1/item-sets/{id}")))
    })
    .await
}

/// Read an item set
#[utoipa::path(get, path = "/api/v1/item-sets/{id}", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::ItemSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_item_set(id: String, call: Call) -> Answer {
    let id = map::number_id("item set", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        Ok(map::item_set(found(views.flows(), id)?))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// List the items of a set
///
/// In the order they were given.
#[utoipa::path(get, path = "/api/v1/item-sets/{id}/items", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::SetItem>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_items(id: String, call: Call) -> Answer {
    let id = map::number_id("item set", &id)?;
    flow_pages::by_id(call, "items", move |flows, after, page| {
        let set = found(flows, id)?;
        // Ids grow with the order.
        let first = set.items.partition_point(|it| *it <= after);
        let rest = set.items[first..].iter();
        let rest = rest.filter_map(|id| Some((*id, (*id, flows.item(*id)?))));
        page.fill(rest, |(id, item)| map::set_item(set, id, item));
        Ok(())
    })
    .await
}

/// Add items to a set
///
/// Sets of flows that were made before do not see them.
#[utoipa::path(post, path = "/api/v1/item-sets/{id}/items", tag = "flows",
    params(("id" = u64, Path, description = "Its id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::MoreItems,
    responses((status = 201, body = wire::ItemSet), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_items(id: String, mut call: Call) -> Answer {
    let id = map::number_id("item set", &id)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::MoreItems>(limit).await?;
    if given.items.is_empty() {
        return Err(Problem::invalid("items", "must have at least one item"));
    }
    let asked = call.ask(Some(call.last_seq()), move |views, _| {
        Ok(found(views.flows(), id)?.definition.parameters.clone())
    });
    let (parameters, _) = asked.await?;
    let command = FlowCommand::ExtendItemSet {
        item_set: id,
        items: map::items(&parameters, given.items)?,
    };
    submit(&call, Command::Flow(command), &bytes, move |views, _, _| {
        let told = map::item_set(found(views.flows(), id)?);
        Told::json(StatusCode::CREATED, &told)
    })
    .await
}
