//! The container registry: names of images, and what stands for them. Nothing can be pushed; names of repositories
//! are remembered.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use serde_json::json;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::path::Tail;

use super::super::{access, map};
use super::projects::{changed, known};
use crate::call::{App, Call, json as answer};
use crate::errors::{Answer, Problem};
use crate::query::decode_segment;
use crate::routes::{self, Routes, any_of, route};
use crate::table::Scope;

/// Repositories of a project.
const REPOSITORIES_MAX: usize = 1_000;

/// Where the routes with a name at the end begin; a name may have slashes.
const IMAGES: [&str; 5] = [
    "projects",
    "{project}",
    "container-registry",
    "images",
    "{name...}",
];
const REPOSITORY: [&str; 5] = [
    "projects",
    "{project}",
    "container-registry",
    "repo",
    "{name...}",
];

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    let images =
        route!(scope, app, GET ["projects" / project / "container-registry" / "images"] => images);
    let token =
        route!(scope, app, GET ["projects" / project / "container-registry" / "token"] => token);
    scope.add("GET", &IMAGES);
    scope.add("POST", &REPOSITORY);
    let registry = warp::path("projects")
        .and(warp::path::param::<String>())
        .and(warp::path("container-registry"));
    let image = registry
        .and(warp::path("images"))
        .and(warp::path::tail())
        .and(warp::get())
        .and(routes::call(app))
        .then(image)
        .map(routes::answered)
        .boxed();
    let repository = registry
        .and(warp::path("repo"))
        .and(warp::path::tail())
        .and(warp::post())
        .and(routes::call(app))
        .then(repository)
        .map(routes::answered)
        .boxed();
    any_of([images, token, image, repository])
}

async fn images(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    known(&call, &project).await?;
    let rules = call.app.config.rescale.images.iter();
    let names = rules.map(|rule| rule.pattern.as_str());
    // A pattern is no name that anybody could submit.
    let names: Vec<&str> = names.filter(|name| !name.ends_with('*')).collect();
    let body = json!({ "containerRegistry": map::registry(&project), "images": names });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}

async fn image(project: String, name: Tail, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    let name = decode_segment(name.as_str())?;
    known(&call, &project).await?;
    map::image("imageName", &call.app.config.rescale, &name)?;
    let body = json!({ "status": "READY" });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}

async fn repository(project: String, name: Tail, mut call: Call) -> Answer {
    let caller = access::for_workspace(&mut call)?;
    let name = decode_segment(name.as_str())?;
    let config = call.app.config.rescale.clone();
    if name.contains(':') || !map::is_image_name(&name) {
        let detail = format!(
            "`{name}` is no name of a repository: lower-case letters, digits and `._-` between slashes"
        );
        return Err(Problem::invalid("repositoryName", detail));
    }
    let kept = known(&call, &project).await?;
    let mut made = Seq(0);
    if !kept.doc.repositories.contains(&name) {
        if kept.doc.repositories.len() >= REPOSITORIES_MAX {
            let detail = format!("a project has at most {REPOSITORIES_MAX} repositories");
            return Err(Problem::invalid("repositoryName", detail));
        }
        made = changed(&call, &project, |doc| doc.repositories.push(name.clone())).await?;
    }
    let ((), as_of) = super::super::folders::after(&call, made, |_| Ok(())).await?;
    let body = json!({
        "repositoryName": name,
        "successfullyCreated": true,
        "projectId": project,
        "createdBy": caller.principal.user,
        "workspaceId": config.workspace_id,
        "registryURI": format!("{}{name}", map::registry(&project)),
    });
    Ok(answer(StatusCode::OK, &body, as_of))
}

/// There is no registry to be logged in at; clients only want some text.
async fn token(project: String, mut call: Call) -> Answer {
    access::for_project(&mut call, &project)?;
    known(&call, &project).await?;
    let mut response = warp::reply::Response::new("no-registry".to_owned().into());
    let text = warp::http::HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(warp::http::header::CONTENT_TYPE, text);
    Ok(response)
}
