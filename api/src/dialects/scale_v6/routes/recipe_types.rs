//! Recipe types: create, change, list, read, validate; their revisions.

use std::sync::Arc;

use fasti_core::domain::flow::{FlowCommand, FlowGraph, FlowType, Flows, check_graph, diff};
use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, base, body, created, submit};
use super::super::map;
use super::super::map::recipe_type;
use super::super::page::Pager;
use super::super::query::Params;
use super::super::wire::body::Body;
use super::super::wire::definition;
use super::handler;
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST [] => post),
        route!(scope, app, POST ["validation"] => validate),
        route!(scope, app, GET [name] => get),
        route!(scope, app, PATCH [name] => patch),
        route!(scope, app, GET [name / "revisions"] => revisions),
        route!(scope, app, GET [name / "revisions" / number] => revision),
    ])
}

handler!(list, list_types);
handler!(post, create_type);
handler!(validate, validate_type);
handler!(get, get_type, name);
handler!(patch, edit_type, name);
handler!(revisions, list_revisions, name);
handler!(revision, get_revision, name, number);

fn found<'a>(flows: &'a Flows, name: &str) -> Result<&'a FlowType, Fault> {
    flows.flow_type_named(name).ok_or_else(Fault::not_found)
}

/// The name that a title becomes.
fn name_of(title: &str) -> String {
    let mut name = String::new();
    for c in title.to_lowercase().chars() {
        match c {
            '_' => name.push('-'),
            c if c.is_whitespace() || c == '-' => name.push(' '),
            c if c.is_alphanumeric() => name.push(c),
            _ => {}
        }
    }
    let mut dashed = String::new();
    let mut was_blank = false;
    for c in name.trim().chars() {
        if c == ' ' {
            if !was_blank {
                dashed.push('-');
            }
        } else {
            dashed.push(c);
        }
        was_blank = c == ' ';
    }
    dashed.chars().take(30).collect()
}

async fn list_types(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let is_active = params.boolean("is_active")?;
    let words: Vec<String> = params
        .all("keyword")
        .iter()
        .map(|it| it.to_lowercase())
        .collect();
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let fits = |it: &&FlowType| {
            let texts = [&it.name, &it.title, &it.description].map(|text| text.to_lowercase());
            is_active.is_none_or(|wanted| wanted == it.is_active)
                && (words.is_empty()
                    || words
                        .iter()
                        .any(|word| texts.iter().any(|text| text.contains(word))))
        };
        let page = pager.cut(views.flows().flow_types().filter(fits).collect())?;
        Ok(pager.answer(&page.map(recipe_type::item)))
    })
    .await
}

async fn get_type(name: String, call: Call) -> Result<Response, Fault> {
    let value = ask(&call, move |views| {
        let flows = views.flows();
        Ok(recipe_type::detail(flows, found(flows, &name)?))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn list_revisions(name: String, call: Call) -> Result<Response, Fault> {
    let pager = Pager::new(&call, &Params::parse(&call.query));
    ask(&call, move |views| {
        let of_type = found(views.flows(), &name)?;
        let page = pager.cut(of_type.revisions.iter().rev().collect())?;
        Ok(pager.answer(&page.map(|revision| recipe_type::revision_item(of_type, revision))))
    })
    .await
}

async fn get_revision(name: String, number: String, call: Call) -> Result<Response, Fault> {
    let number: u32 = number.parse().map_err(|_| Fault::not_found())?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        let of_type = found(flows, &name)?;
        of_type.revision(number).ok_or_else(Fault::not_found)?;
        Ok(recipe_type::rev_detail(flows, of_type.id, number))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

fn graph(object: &Map<String, Value>) -> Result<Arc<FlowGraph>, Fault> {
    definition::read(object)
        .map(Arc::new)
        .map_err(|(name, text)| Fault::bad(format!("{name}: {text}")))
}

async fn create_type(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let title = given
        .text("title")?
        .ok_or_else(|| Fault::missing("title"))?;
    let graph = graph(given.required_object("definition")?)?;
    let name = name_of(&title);
    if name.is_empty() || name == "validation" {
        return Err(Fault::bad(format!(
            "The title \"{title}\" cannot be the name of a recipe type"
        )));
    }
    let command = FlowCommand::SaveFlowType {
        name: name.clone(),
        is_new: true,
        title: Some(title),
        description: given.text("description")?,
        is_active: None,
        graph: Some(graph),
        follow: false,
    };
    submit(&call, command).await?;
    let location = format!("{}/recipe-types/{name}/", base(&call));
    let value = ask(&call, move |views| {
        let flows = views.flows();
        Ok(recipe_type::detail(flows, found(flows, &name)?))
    });
    Ok(created(&value.await?, &location))
}

async fn edit_type(name: String, mut call: Call) -> Result<Response, Fault> {
    let own = name.clone();
    ask(&call, move |views| found(views.flows(), &own).map(drop)).await?;
    let given = Body::read(&mut call).await?;
    let command = FlowCommand::SaveFlowType {
        name,
        is_new: false,
        title: given.text("title")?,
        description: given.text("description")?,
        is_active: given.boolean("is_active")?,
        graph: given.object("definition")?.map(graph).transpose()?,
        follow: given.boolean("auto_update")?.unwrap_or(true),
    };
    submit(&call, command).await?;
    Ok(body(
        StatusCode::OK,
        &json!({"is_valid": true, "errors": [], "warnings": [], "diff": {}}),
    ))
}

async fn validate_type(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let read = definition::read(given.required_object("definition")?);
    let name = given.text("name")?;
    let value = ask(&call, move |views| {
        Ok(validation(views.flows(), read, name.as_deref()))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

fn validation(
    flows: &Flows,
    read: Result<FlowGraph, definition::Unread>,
    name: Option<&str>,
) -> Value {
    let entry = |name: &str, text: &str| json!({"name": name, "description": text});
    let graph = match read {
        Ok(graph) => graph,
        Err((name, text)) => {
            return json!({"is_valid": false, "errors": [entry(name, &text)], "warnings": [], "diff": {}});
        }
    };
    let (mut warnings, mut errors) = (Vec::new(), Vec::new());
    for problem in check_graph(flows, &graph, name) {
        let list = if problem.is_warning {
            &mut warnings
        } else {
            &mut errors
        };
        list.push(entry(problem.name, &problem.message));
    }
    let current = name.and_then(|name| flows.flow_type_named(name)?.current().cloned());
    let found = current
        .filter(|_| errors.is_empty())
        .map(|current| diff(&current.graph, &graph, None));
    if let Some(reason) = found.as_ref().and_then(|found| found.reasons.first()) {
        let text = format!(
            "recipes of the present revision could not be reprocessed: {}",
            reason.description
        );
        warnings.push(entry("REPROCESS_WARNING", &text));
    }
    let found = found.map_or_else(|| json!({}), |found| map::diff::write(&found));
    json!({"is_valid": errors.is_empty(), "errors": errors, "warnings": warnings, "diff": found})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_of_titles() {
        for (title, name) in [
            ("Press", "press"),
            ("My  Great_Recipe - Type!", "my-great-recipe-type"),
            (
                "A very long title that goes on and on",
                "a-very-long-title-that-goes-on",
            ),
            ("!!!", ""),
        ] {
            assert_eq!(name_of(title), name);
        }
    }
}
