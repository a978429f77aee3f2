//! Datasets: create, extend, list, read, validate; their members.

use std::sync::Arc;

use fasti_core::domain::flow::{Data, FlowCommand, ItemSet, check_item};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, base, body, created, made, submit};
use super::super::map::dataset;
use super::super::page::Pager;
use super::super::query::{Key, Params, sort};
use super::super::wire::body::Body;
use super::super::wire::{dataset as wire, interface};
use super::{handler, id};
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST [] => post),
        route!(scope, app, POST ["validation"] => validate),
        route!(scope, app, GET ["members" / member] => member),
        route!(scope, app, GET [dataset] => get),
        route!(scope, app, POST [dataset] => extend),
        route!(scope, app, GET [dataset / "members"] => members),
    ])
}

handler!(list, list_datasets);
handler!(post, create_dataset);
handler!(validate, validate_dataset);
handler!(member, get_member, member);
handler!(get, get_dataset, dataset);
handler!(extend, extend_dataset, dataset);
handler!(members, list_members, dataset);

const ORDERS: [&str; 4] = ["id", "title", "description", "created"];

async fn list_datasets(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let range = params.range(call.app.parts.clock.now())?;
    let ids = params.ids("id")?;
    let words: Vec<String> = params
        .all("keyword")
        .iter()
        .map(|it| it.to_lowercase())
        .collect();
    let order = params.order(&ORDERS)?;
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let flows = views.flows();
        let fits = |set: &&ItemSet| {
            let texts = [&set.title, &set.description]
                .map(|it| it.as_deref().unwrap_or_default().to_lowercase());
            range.has(set.created)
                && (ids.is_empty() || ids.contains(&set.id))
                && (words.is_empty()
                    || words
                        .iter()
                        .any(|word| texts.iter().any(|text| text.contains(word))))
        };
        let ids = flows.item_sets().filter(fits).map(|set| set.id).collect();
        let key = |id: u64, name: &str| match (name, flows.item_set(id)) {
            ("title", Some(set)) => Key::text(set.title.as_deref()),
            ("description", Some(set)) => Key::text(set.description.as_deref()),
            ("created", Some(set)) => Key::Time(Some(set.created)),
            _ => Key::Number(Some(id)),
        };
        let page = pager.cut(sort(ids, &order, &key))?;
        let page = page.map(|id| {
            flows
                .item_set(id)
                .map(|set| dataset::item(flows, set))
                .unwrap_or_default()
        });
        Ok(pager.answer(&page))
    })
    .await
}

async fn get_dataset(dataset: String, call: Call) -> Result<Response, Fault> {
    let id = id(&dataset)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .item_set(id)
            .map(|set| dataset::detail(flows, set))
            .ok_or_else(Fault::not_found)
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn list_members(dataset: String, call: Call) -> Result<Response, Fault> {
    let id = id(&dataset)?;
    let pager = Pager::new(&call, &Params::parse(&call.query));
    ask(&call, move |views| {
        let flows = views.flows();
        let set = flows.item_set(id).ok_or_else(Fault::not_found)?;
        let page = pager.cut(set.items.clone())?;
        Ok(pager.answer(&page.map(|id| {
            flows
                .item(id)
                .map(|it| dataset::member(id, it))
                .unwrap_or_default()
        })))
    })
    .await
}

async fn get_member(member: String, call: Call) -> Result<Response, Fault> {
    let id = id(&member)?;
    let value = ask(&call, move |views| {
        let item = views.flows().item(id).ok_or_else(Fault::not_found)?;
        Ok(dataset::member_detail(id, item))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

/// One Data JSON, or a list of them.
fn data_of(value: Option<&Value>) -> Result<Vec<Data>, Fault> {
    let read =
        |value: &Value| interface::read_data(value).map_err(|it| Fault::bad(format!("data: {it}")));
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(all)) => all.iter().map(read).collect(),
        Some(one) => Ok(vec![read(one)?]),
    }
}

async fn create_dataset(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let object = given.required_object("definition")?.clone();
    let definition = ask(&call, move |views| {
        let flows = views.flows();
        let read = wire::read(&object, &|id| flows.file(id).is_some());
        read.map_err(|(name, text)| Fault::bad(format!("{name}: {text}")))
    })
    .await?;
    let command = FlowCommand::CreateItemSet {
        title: given.text("title")?,
        description: given.text("description")?,
        definition: Arc::new(definition),
        items: data_of(given.get("data"))?,
    };
    let id = made(&submit(&call, command).await?)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .item_set(id)
            .map(|set| dataset::detail(flows, set))
            .ok_or_else(Fault::not_found)
    });
    Ok(created(
        &value.await?,
        &format!("{}/datasets/{id}/", base(&call)),
    ))
}

async fn extend_dataset(dataset: String, mut call: Call) -> Result<Response, Fault> {
    let id = id(&dataset)?;
    let before = ask(&call, move |views| {
        let set = views.flows().item_set(id).ok_or_else(Fault::not_found)?;
        Ok(set.definition.parameters.clone())
    })
    .await?;
    let given = Body::read(&mut call).await?;
    let items = data_of(Some(given.required("data")?))?;
    if given.boolean("dry_run")?.unwrap_or(false) {
        let value = ask(&call, move |views| {
            let flows = views.flows();
            let check = |data: &Data| check_item(&before, data, &|id| flows.file(id).is_some());
            let checked: Result<Vec<Data>, String> = items.iter().map(check).collect();
            let checked = checked.map_err(Fault::bad)?;
            Ok(Value::Array(
                checked.iter().map(interface::write_data).collect(),
            ))
        });
        return Ok(body(StatusCode::OK, &value.await?));
    }
    let count = items.len() as u64;
    if count == 0 {
        return Ok(body(StatusCode::CREATED, &json!([])));
    }
    let first = made(
        &submit(
            &call,
            FlowCommand::ExtendItemSet {
                item_set: id,
                items,
            },
        )
        .await?,
    )?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        let own = (first..first + count).filter_map(|id| Some((id, flows.item(id)?)));
        Ok(own.map(|(id, item)| dataset::member(id, item)).collect())
    });
    Ok(body(StatusCode::CREATED, &value.await?))
}

async fn validate_dataset(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let object = given.required_object("definition")?.clone();
    let value = ask(&call, move |views| {
        let flows = views.flows();
        let errors = match wire::read(&object, &|id| flows.file(id).is_some()) {
            Ok(_) => Vec::new(),
            Err((name, text)) => vec![json!({"name": name, "description": text})],
        };
        Ok(json!({"is_valid": errors.is_empty(), "errors": errors, "warnings": []}))
    });
    Ok(body(StatusCode::OK, &value.await?))
}
