//! Recipes: list, read, reprocess.

use std::sync::Arc;

use fasti_core::domain::flow::{Flow, FlowCommand, Flows};
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, body, nothing, submit};
use super::super::map::recipe;
use super::super::page::Pager;
use super::super::query::{Key, Params, sort};
use super::super::wire::batch::read_outermost;
use super::super::wire::body::Body;
use super::{handler, id};
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, GET [recipe] => get),
        route!(scope, app, POST [recipe / "reprocess"] => reprocess),
    ])
}

handler!(list, list_recipes);
handler!(get, get_recipe, recipe);
handler!(reprocess, reprocess_recipe, recipe);

const ORDERS: [&str; 10] = [
    "id",
    "created",
    "completed",
    "superseded",
    "last_modified",
    "batch_id",
    "recipe_type_id",
    "is_completed",
    "is_superseded",
    "jobs_total",
];

fn key(id: u64, flow: &Flow, name: &str) -> Key {
    match name {
        "created" => Key::Time(Some(flow.created)),
        "completed" => Key::Time(flow.completed),
        "superseded" => Key::Time(flow.superseded),
        "last_modified" => Key::Time(Some(flow.modified)),
        "batch_id" => Key::Number(flow.set),
        "recipe_type_id" => Key::Number(Some(flow.flow_type)),
        "is_completed" => Key::Flag(flow.completed.is_some()),
        "is_superseded" => Key::Flag(flow.is_superseded()),
        "jobs_total" => Key::Number(Some(flow.counts.total())),
        _ => Key::Number(Some(id)),
    }
}

/// The first recipe of a chain.
fn root(flows: &Flows, mut id: u64) -> u64 {
    while let Some(before) = flows.flow(id).and_then(|flow| flow.superseded_flow) {
        id = before;
    }
    id
}

async fn list_recipes(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let range = params.range(call.app.parts.clock.now())?;
    let (ids, types, names) = (
        params.ids("recipe_id")?,
        params.ids("recipe_type_id")?,
        params.all("recipe_type_name"),
    );
    let (batches, roots) = (params.ids("batch_id")?, params.ids("root_recipe_id")?);
    let (is_superseded, is_completed) = (
        params.boolean("is_superseded")?,
        params.boolean("is_completed")?,
    );
    let mut order = params.order(&ORDERS)?;
    if order.is_empty() {
        order.push(("last_modified", false));
    }
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let flows = views.flows();
        let fits = |(id, flow): &(u64, &Flow)| {
            let name = || {
                flows
                    .flow_type(flow.flow_type)
                    .map(|it| it.name.clone())
                    .unwrap_or_default()
            };
            (batches.is_empty() || flow.set.is_some_and(|set| batches.contains(&set)))
                && range.has(flow.modified)
                && (ids.is_empty() || ids.contains(id))
                && (types.is_empty() || types.contains(&flow.flow_type))
                && (names.is_empty() || names.contains(&name()))
                && is_superseded.is_none_or(|wanted| wanted == flow.is_superseded())
                && is_completed.is_none_or(|wanted| wanted == flow.completed.is_some())
                && (roots.is_empty() || roots.contains(&root(flows, *id)))
        };
        let ids = flows.flows().filter(fits).map(|(id, _)| id).collect();
        let key = |id: u64, name: &str| {
            flows
                .flow(id)
                .map_or(Key::Number(None), |flow| key(id, flow, name))
        };
        let page = pager.cut(sort(ids, &order, &key))?;
        let page = page.map(|id| {
            flows
                .flow(id)
                .map(|it| recipe::item(flows, id, it))
                .unwrap_or_default()
        });
        Ok(pager.answer(&page))
    })
    .await
}

async fn get_recipe(recipe: String, call: Call) -> Result<Response, Fault> {
    let id = id(&recipe)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .flow(id)
            .map(|it| recipe::detail(flows, id, it))
            .ok_or_else(Fault::not_found)
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn reprocess_recipe(recipe: String, mut call: Call) -> Result<Response, Fault> {
    let id = id(&recipe)?;
    let flow_type = ask(&call, move |views| {
        views
            .flows()
            .flow(id)
            .map(|flow| flow.flow_type)
            .ok_or_else(Fault::not_found)
    })
    .await?;
    let given = Body::read(&mut call).await?;
    let forced = read_outermost(given.required("forced_nodes")?).map_err(Fault::bad)?;
    let revision = given
        .id("revision_num")?
        .map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    if let Some(number) = revision {
        ask(&call, move |views| {
            views
                .flows()
                .revision(flow_type, number)
                .map(drop)
                .ok_or_else(Fault::not_found)
        })
        .await?;
    }
    submit(
        &call,
        FlowCommand::Reprocess {
            flow: id,
            revision,
            forced,
        },
    )
    .await?;
    Ok(nothing(&call, StatusCode::ACCEPTED))
}
