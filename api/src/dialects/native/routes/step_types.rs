//! Step types: what the steps of flows do.

use std::sync::Arc;

use fasti_core::domain::command::Command;
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
        route!(scope, app, GET [] => list_step_types),
        route!(scope, app, GET [name / version] => get_step_type),
        route!(scope, app, PUT [name / version] => put_step_type),
    ])
}

/// List step types
///
/// By id.
#[utoipa::path(get, path = "/api/v1/step-types", tag = "flows",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::StepType>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_step_types(call: Call) -> Answer {
    flow_pages::by_id(call, "step-types", |flows, after, page| {
        page.fill(flows.step_types_after(after), map::step_type);
        Ok(())
    })
    .await
}

/// Read a step type
#[utoipa::path(get, path = "/api/v1/step-types/{name}/{version}", tag = "flows",
    params(("name" = String, Path, description = "Percent-encoded"),
        ("version" = String, Path, description = "Percent-encoded"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::StepType), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_step_type(name: String, version: String, call: Call) -> Answer {
    let (name, version) = (decode_segment(&name)?, decode_segment(&version)?);
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        let found = views.flows().step_type_named(&name, &version);
        let found = found.ok_or_else(|| missing(&name, &version))?;
        Ok(map::step_type(found))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

fn missing(name: &str, version: &str) -> Problem {
    Problem::not_found("step type", &format!("{name} {version}"))
}

/// Save a step type
///
/// Makes it, or changes it. What its steps do is a revision: flows that have begun keep the one they began with. What
/// is the same as before makes none.
#[utoipa::path(put, path = "/api/v1/step-types/{name}/{version}", tag = "flows",
    params(("name" = String, Path, description = "1 to 100 letters, digits, `.`, `_` and `-`"),
        ("version" = String, Path, description = "The same; versions stand side by side")),
    request_body = wire::StepTypeBody,
    responses((status = 200, body = wire::StepType), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_step_type(name: String, version: String, mut call: Call) -> Answer {
    let (name, version) = (decode_segment(&name)?, decode_segment(&version)?);
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::StepTypeBody>(limit).await?;
    let who = call.principal.clone();
    let key = (name.clone(), version.clone());
    let asked = call.ask(Some(call.last_seq()), move |views, _| {
        let known = views.flows().step_type_named(&key.0, &key.1);
        let command = map::step_type_command(&key.0, &key.1, given, known, &who)?;
        Ok((command, known.map(map::step_type)))
    });
    let ((command, known), as_of) = asked.await?;
    let Some(command) = command else {
        return Ok(json(StatusCode::OK, &known, as_of));
    };
    submit(&call, Command::Flow(command), &bytes, move |views, _, _| {
        let found = views.flows().step_type_named(&name, &version);
        let found = found.ok_or_else(|| missing(&name, &version))?;
        Told::json(StatusCode::OK, &map::step_type(found))
    })
    .await
}
