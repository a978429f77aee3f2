//! Virtual environments of images: ask for one, watch it being made.

use std::sync::Arc;

use warp::http::StatusCode;

use super::super::{map, wire};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, POST [] => post_environment),
        route!(scope, app, GET [id] => get_environment),
    ])
}

/// Ask for an environment
///
/// A virtual environment with what a bundle lists: `requirements.txt`, wheels in `wheels/`, or both. It is made once
/// for the same bundle and interpreter and kept; read it until it is `ready`, then register an image with its
/// `python`. Asking again for one that failed tries again.
#[utoipa::path(post, path = "/api/v1/environments", tag = "images",
    request_body = wire::EnvironmentBody,
    responses((status = 200, body = wire::Environment), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_environment(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, _) = call.json_within::<wire::EnvironmentBody>(limit).await?;
    let bundle = map::digest("bundle", &given.bundle)?;
    let (known, as_of) = call
        .ask(None, move |views, _| Ok(views.bundle(bundle)))
        .await?;
    if known.is_none() {
        let detail = format!("there is no bundle {bundle}; send it with POST /api/v1/bundles");
        return Err(Problem::new(Code::UnknownBundle, detail));
    }
    let environments = Arc::clone(&call.app.parts.environments);
    let python = given.python;
    let asked =
        tokio::task::spawn_blocking(move || environments.ask(bundle, python.as_deref())).await;
    let environment = asked
        .map_err(|error| Problem::internal(&error))?
        .map_err(|why| Problem::invalid("python", why))?;
    Ok(json(StatusCode::OK, &map::environment(environment), as_of))
}

/// Read an environment
///
/// With the end of what its installer printed, while it is made and afterwards.
#[utoipa::path(get, path = "/api/v1/environments/{id}", tag = "images",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, body = wire::Environment), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_environment(id: String, call: Call) -> Answer {
    call.query()?.finish()?;
    let ((), as_of) = call.ask(None, |_, _| Ok(())).await?;
    let environments = Arc::clone(&call.app.parts.environments);
    let wanted = id.clone();
    let found = tokio::task::spawn_blocking(move || environments.get(&wanted)).await;
    let environment = found
        .map_err(|error| Problem::internal(&error))?
        .ok_or_else(|| Problem::not_found("environment", &id))?;
    Ok(json(StatusCode::OK, &map::environment(environment), as_of))
}
