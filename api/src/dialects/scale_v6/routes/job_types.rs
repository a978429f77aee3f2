//! Job types: create, change, list, read; their revisions.

use std::sync::Arc;

use fasti_core::codec::hashed;
use fasti_core::domain::flow::{FlowCommand, Flows, StepPolicy, StepType};
use serde_json::{Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::answer::{Fault, ask, base, body, created, submit};
use super::super::map::job_type;
use super::super::page::Pager;
use super::super::query::Params;
use super::super::wire::body::{Body, only};
use super::super::wire::manifest;
use super::handler;
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST [] => post),
        route!(scope, app, POST ["validation"] => validate),
        route!(scope, app, GET [name] => versions),
        route!(scope, app, GET [name / version] => get),
        route!(scope, app, PATCH [name / version] => patch),
        route!(scope, app, GET [name / version / "revisions"] => revisions),
        route!(scope, app, GET [name / version / "revisions" / number] => revision),
    ])
}

handler!(list, list_types);
handler!(post, save_type);
handler!(validate, validate_type);
handler!(versions, list_versions, name);
handler!(get, get_type, name, version);
handler!(patch, edit_type, name, version);
handler!(revisions, list_revisions, name, version);
handler!(revision, get_revision, name, version, number);

const MEMBERS: [&str; 9] = [
    "manifest",
    "docker_image",
    "configuration",
    "max_scheduled",
    "is_published",
    "icon_code",
    "auto_update",
    "is_active",
    "is_paused",
];

pub(super) fn done_well() -> Value {
    json!({"is_valid": true, "errors": [], "warnings": []})
}

fn found<'a>(flows: &'a Flows, name: &str, version: &str) -> Result<&'a StepType, Fault> {
    flows
        .step_type_named(name, version)
        .ok_or_else(Fault::not_found)
}

async fn list_types(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let (ids, is_active) = (params.ids("id")?, params.boolean("is_active")?);
    let words: Vec<String> = params
        .all("keyword")
        .iter()
        .map(|it| it.to_lowercase())
        .collect();
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let fits = |it: &&StepType| {
            let texts = [&it.name, &it.title, &it.description].map(|text| text.to_lowercase());
            (ids.is_empty() || ids.contains(&it.id))
                && is_active.is_none_or(|wanted| wanted == it.policy.is_active)
                && (words.is_empty()
                    || words
                        .iter()
                        .any(|word| texts.iter().any(|text| text.contains(word))))
        };
        let page = pager.cut(views.flows().step_types().filter(fits).collect())?;
        Ok(pager.answer(&page.map(job_type::item)))
    })
    .await
}

async fn list_versions(name: String, call: Call) -> Result<Response, Fault> {
    let pager = Pager::new(&call, &Params::parse(&call.query));
    ask(&call, move |views| {
        let page = pager.cut(
            views
                .flows()
                .step_types()
                .filter(|it| it.name == name)
                .collect(),
        )?;
        Ok(pager.answer(&page.map(job_type::item)))
    })
    .await
}

async fn get_type(name: String, version: String, call: Call) -> Result<Response, Fault> {
    let value = ask(&call, move |views| {
        let flows = views.flows();
        Ok(job_type::detail(flows, found(flows, &name, &version)?))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn list_revisions(name: String, version: String, call: Call) -> Result<Response, Fault> {
    let pager = Pager::new(&call, &Params::parse(&call.query));
    ask(&call, move |views| {
        let of_type = found(views.flows(), &name, &version)?;
        let page = pager.cut((1..=of_type.revision_number()).rev().collect())?;
        Ok(pager.answer(&page.map(|number| job_type::revision_item(of_type, number))))
    })
    .await
}

async fn get_revision(
    name: String,
    version: String,
    number: String,
    call: Call,
) -> Result<Response, Fault> {
    let number: u32 = number.parse().map_err(|_| Fault::not_found())?;
    let value = ask(&call, move |views| {
        let of_type = found(views.flows(), &name, &version)?;
        of_type.revision(number).ok_or_else(Fault::not_found)?;
        Ok(job_type::revision_detail(of_type, number))
    });
    Ok(body(StatusCode::OK, &value.await?))
}

/// The policy with what a body changes of it.
fn policy(given: &Body, mut policy: StepPolicy) -> Result<StepPolicy, Fault> {
    if let Some(it) = given.boolean("is_active")? {
        policy.is_active = it;
    }
    if let Some(it) = given.boolean("is_published")? {
        policy.is_published = it;
    }
    if let Some(it) = given.boolean("is_paused")? {
        policy.is_paused = it;
    }
    if let Some(it) = given.text("icon_code")? {
        policy.icon_code = Some(it);
    }
    if given.0.contains_key("max_scheduled") {
        let most = given.id("max_scheduled")?;
        policy.max_scheduled = most
            .map(|it| u32::try_from(it).unwrap_or(u32::MAX))
            .filter(|it| *it > 0);
    }
    if let Some(object) = given.object("configuration")? {
        (policy.priority, policy.configuration) =
            manifest::read_configuration(object).map_err(Fault::bad)?;
    }
    Ok(policy)
}

fn check_members(given: &Body) -> Result<(), Fault> {
    only(&given.0, &MEMBERS, "the body").map_err(Fault::bad)
}

async fn save_type(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    check_members(&given)?;
    let read = manifest::read(given.required_object("manifest")?).map_err(Fault::bad)?;
    let image = given
        .text("docker_image")?
        .ok_or_else(|| Fault::missing("docker_image"))?;
    if read.name == "validation" {
        return Err(Fault::bad("`validation` cannot be the name of a job type"));
    }
    let (name, version) = (read.name.clone(), read.version.clone());
    let known = ask(&call, {
        let (name, version) = (name.clone(), version.clone());
        move |views| {
            Ok(views
                .flows()
                .step_type_named(&name, &version)
                .map(|it| it.policy.clone()))
        }
    })
    .await?;
    let is_new = known.is_none();
    let policy = policy(&given, known.unwrap_or_default())?;
    let sent = given.get("manifest").cloned().unwrap_or_default();
    submit(
        &call,
        command(&call, &given, read, (&sent, &image), policy)?,
    )
    .await?;
    if !is_new {
        return Ok(body(StatusCode::OK, &done_well()));
    }
    let location = format!("{}/job-types/{name}/{version}/", base(&call));
    let value = ask(&call, move |views| {
        let flows = views.flows();
        Ok(job_type::detail(flows, found(flows, &name, &version)?))
    });
    Ok(created(&value.await?, &location))
}

fn command(
    call: &Call,
    given: &Body,
    read: manifest::Manifest,
    (manifest, image): (&Value, &str),
    policy: StepPolicy,
) -> Result<FlowCommand, Fault> {
    let document = json!({"manifest": manifest, "docker_image": image});
    let definition = hashed(manifest::definition(&read, &call.principal));
    Ok(FlowCommand::SaveStepType {
        name: read.name,
        version: read.version,
        title: Some(read.title),
        description: Some(read.description),
        policy: Box::new(policy),
        revision: Some(Box::new((
            read.spec,
            definition,
            document.to_string().into(),
        ))),
        follow: given.boolean("auto_update")?.unwrap_or(true),
    })
}

async fn edit_type(name: String, version: String, mut call: Call) -> Result<Response, Fault> {
    let (own_name, own_version) = (name.clone(), version.clone());
    let (known, before) = ask(&call, move |views| {
        let of_type = found(views.flows(), &own_name, &own_version)?;
        let document = of_type
            .revisions
            .last()
            .map(|it| it.document.clone())
            .unwrap_or_default();
        let document: Value = serde_json::from_str(&document).unwrap_or_default();
        Ok((of_type.policy.clone(), document))
    })
    .await?;
    let given = Body::read(&mut call).await?;
    check_members(&given)?;
    let policy = policy(&given, known)?;
    let image_before = before["docker_image"].as_str().unwrap_or_default();
    let image = given.text("docker_image")?;
    // The image is part of a revision: another one is a new revision of the same manifest.
    let has_new_image = image.as_ref().is_some_and(|it| it != image_before);
    let image = image.unwrap_or_else(|| image_before.to_owned());
    let sent = match given.object("manifest")? {
        Some(object) => Some(object),
        None if has_new_image => Some(before["manifest"].as_object().ok_or_else(|| {
            Fault::bad("The job type has no manifest; give one with the \"docker_image\"")
        })?),
        None => None,
    };
    let command = match sent {
        Some(object) => {
            let read = manifest::read(object).map_err(Fault::bad)?;
            if read.name != name || read.version != version {
                return Err(Fault::bad(
                    "The name and version of the manifest must be those of the job type",
                ));
            }
            let sent = Value::Object(object.clone());
            command(&call, &given, read, (&sent, &image), policy)?
        }
        None => FlowCommand::SaveStepType {
            name,
            version,
            title: None,
            description: None,
            policy: Box::new(policy),
            revision: None,
            follow: false,
        },
    };
    submit(&call, command).await?;
    Ok(body(StatusCode::OK, &done_well()))
}

async fn validate_type(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let object = given.required_object("manifest")?;
    let checked = manifest::read(object).map(drop);
    let configuration = given
        .object("configuration")?
        .map(manifest::read_configuration);
    let (name, problem) = match (checked, configuration) {
        (Err(text), _) => ("INVALID_MANIFEST", text),
        (Ok(()), Some(Err(text))) => ("INVALID_CONFIGURATION", text),
        (Ok(()), _) => return Ok(body(StatusCode::OK, &done_well())),
    };
    let errors = [json!({"name": name, "description": problem})];
    Ok(body(
        StatusCode::OK,
        &json!({"is_valid": false, "errors": errors, "warnings": []}),
    ))
}
