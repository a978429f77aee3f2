//! Batches: list, create, validate, read, edit, compare.

use std::sync::Arc;

use fasti_core::domain::flow::{
    FlowCommand, FlowSet, FlowType, Flows, SetConfiguration, SetRequest, check_set,
};
use serde_json::Map;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, base, body, created, made, nothing, submit};
use super::super::map::{COUNTERS, batch, comparison, counter};
use super::super::page::Pager;
use super::super::query::{Key, Params, sort};
use super::super::wire::batch as wire;
use super::super::wire::body::Body;
use super::{handler, id};
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST [] => post),
        route!(scope, app, POST ["validation"] => validate),
        route!(scope, app, GET ["comparison" / root] => compare),
        route!(scope, app, GET [batch] => get),
        route!(scope, app, PATCH [batch] => patch),
    ])
}

handler!(list, list_batches);
handler!(post, create_batch);
handler!(validate, validate_batch);
handler!(compare, compare_batches, root);
handler!(get, get_batch, batch);
handler!(patch, edit_batch, batch);

const ORDERS: [&str; 26] = [
    "id",
    "title",
    "description",
    "recipe_type_id",
    "recipe_type",
    "recipe_type_rev_id",
    "root_batch_id",
    "superseded_batch_id",
    "event_id",
    "is_superseded",
    "is_creation_done",
    "jobs_total",
    "jobs_pending",
    "jobs_blocked",
    "jobs_queued",
    "jobs_running",
    "jobs_failed",
    "jobs_completed",
    "jobs_canceled",
    "recipes_estimated",
    "recipes_total",
    "recipes_completed",
    "created",
    "superseded",
    "last_modified",
    "recipe_type_rev",
];

fn key(flows: &Flows, set: &FlowSet, name: &str) -> Key {
    if let Some((_, status)) = COUNTERS.iter().find(|(counter, _)| *counter == name) {
        return Key::Number(Some(counter(&set.counts, *status)));
    }
    match name {
        "title" => Key::text(set.title.as_deref()),
        "description" => Key::text(set.description.as_deref()),
        "recipe_type_id" => Key::Number(Some(set.flow_type)),
        "recipe_type" => Key::text(flows.flow_type(set.flow_type).map(|it| it.title.as_str())),
        "recipe_type_rev_id" | "recipe_type_rev" => {
            Key::Number(flows.revision(set.flow_type, set.revision).map(|it| it.id))
        }
        "root_batch_id" => Key::Number(Some(set.root)),
        "superseded_batch_id" => Key::Number(set.superseded_set),
        "event_id" => Key::Number(Some(set.event.0)),
        "is_superseded" => Key::Flag(set.superseded.is_some()),
        "is_creation_done" => Key::Flag(set.is_filled),
        "recipes_estimated" => Key::Number(Some(set.estimated)),
        "recipes_total" => Key::Number(Some(set.flows_total)),
        "recipes_completed" => Key::Number(Some(set.flows_completed)),
        "created" => Key::Time(Some(set.created)),
        "superseded" => Key::Time(set.superseded),
        "last_modified" => Key::Time(Some(set.modified)),
        _ => Key::Number(Some(set.id)),
    }
}

async fn list_batches(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let range = params.range(call.app.parts.clock.now())?;
    let (types, roots) = (params.ids("recipe_type_id")?, params.ids("root_batch_id")?);
    let (is_done, is_superseded) = (
        params.boolean("is_creation_done")?,
        params.boolean("is_superseded")?,
    );
    let mut order = params.order(&ORDERS)?;
    if order.is_empty() {
        order.push(("last_modified", false));
    }
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let flows = views.flows();
        let fits = |set: &&FlowSet| {
            range.has(set.modified)
                && (types.is_empty() || types.contains(&set.flow_type))
                && (roots.is_empty() || roots.contains(&set.root))
                && is_done.is_none_or(|wanted| wanted == set.is_filled)
                && is_superseded.is_none_or(|wanted| wanted == set.superseded.is_some())
        };
        let ids = flows.sets().filter(fits).map(|set| set.id).collect();
        let key = |id: u64, name: &str| {
            flows
                .set(id)
                .map_or(Key::Number(None), |set| key(flows, set, name))
        };
        let page = pager.cut(sort(ids, &order, &key))?;
        let page = page.map(|id| {
            flows
                .set(id)
                .map(|set| batch::item(flows, set))
                .unwrap_or_default()
        });
        Ok(pager.answer(&page))
    })
    .await
}

/// What both creation and validation ask for, as far as its form goes.
struct Asked {
    flow_type: u64,
    title: Option<String>,
    description: Option<String>,
    definition: Map<String, serde_json::Value>,
    configuration: Option<Map<String, serde_json::Value>>,
}

/// What cannot be read: stable name, text.
type Unread = (&'static str, String);

impl Asked {
    async fn read(call: &mut Call) -> Result<Self, Fault> {
        let body = Body::read(call).await?;
        Ok(Self {
            flow_type: body.required_id("recipe_type_id")?,
            definition: body.required_object("definition")?.clone(),
            configuration: body.object("configuration")?.cloned(),
            title: body.text("title")?,
            description: body.text("description")?,
        })
    }

    fn request(&self) -> Result<SetRequest, Unread> {
        let source = wire::read_definition(&self.definition)
            .map_err(|it| ("INVALID_BATCH_DEFINITION", it))?;
        let configuration = self
            .configuration
            .as_ref()
            .map_or(Ok(SetConfiguration::default()), wire::read_configuration)
            .map_err(|it| ("INVALID_BATCH_CONFIGURATION", it))?;
        Ok(SetRequest {
            title: self.title.clone(),
            description: self.description.clone(),
            flow_type: self.flow_type,
            source,
            configuration,
        })
    }
}

fn flow_type(flows: &Flows, id: u64) -> Result<&FlowType, Fault> {
    flows
        .flow_type(id)
        .ok_or_else(|| Fault::bad(format!("Recipe type with id {id} does not exist")))
}

async fn create_batch(mut call: Call) -> Result<Response, Fault> {
    let asked = Asked::read(&mut call).await?;
    let wanted = asked.flow_type;
    ask(&call, move |views| {
        flow_type(views.flows(), wanted).map(drop)
    })
    .await?;
    let request = asked.request().map_err(|(_, text)| Fault::bad(text))?;
    let set = made(&submit(&call, FlowCommand::CreateSet(Box::new(request))).await?)?;
    let location = format!("{}/batches/{set}/", base(&call));
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .set(set)
            .map(|set| batch::detail(flows, set))
            .ok_or_else(Fault::not_found)
    });
    Ok(created(&value.await?, &location))
}

async fn validate_batch(mut call: Call) -> Result<Response, Fault> {
    let asked = Asked::read(&mut call).await?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        let of_type = flow_type(flows, asked.flow_type)?;
        Ok(match asked.request() {
            Ok(request) => batch::validation(flows, of_type, &check_set(flows, of_type, &request)),
            Err((name, text)) => batch::unread(name, &text),
        })
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn get_batch(batch: String, call: Call) -> Result<Response, Fault> {
    let id = id(&batch)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .set(id)
            .map(|set| batch::detail(flows, set))
            .ok_or_else(Fault::not_found)
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn edit_batch(batch: String, mut call: Call) -> Result<Response, Fault> {
    let id = id(&batch)?;
    ask(&call, move |views| {
        views.flows().set(id).map(drop).ok_or_else(Fault::not_found)
    })
    .await?;
    let given = Body::read(&mut call).await?;
    let configuration = given.object("configuration")?.filter(|it| !it.is_empty());
    let configuration = configuration
        .map(wire::read_configuration)
        .transpose()
        .map_err(Fault::bad)?;
    let command = FlowCommand::EditSet {
        set: id,
        title: given.text("title")?,
        description: given.text("description")?,
        configuration,
    };
    submit(&call, command).await?;
    Ok(nothing(&call, StatusCode::NO_CONTENT))
}

async fn compare_batches(root: String, call: Call) -> Result<Response, Fault> {
    let root = id(&root)?;
    let value = ask(&call, move |views| {
        Ok(comparison::write(&views.flows().chain(root)))
    });
    Ok(body(StatusCode::OK, &value.await?))
}
