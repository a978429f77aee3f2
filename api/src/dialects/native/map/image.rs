//! Images, both ways.

use fasti_core::domain::access::Principal;
use fasti_core::domain::container::{Container, Engine};
use fasti_core::domain::definition::Tag;
use fasti_core::domain::image::Image;
use fasti_projector::rows::ImageView;

use super::super::wire;
use super::{ids, time};
use crate::environments::{Environment, Stage};
use crate::errors::Problem;

/// What somebody registers under `name`.
///
/// # Errors
/// 422 with the field.
pub(crate) fn image_from_wire(
    name: String,
    given: wire::ImageBody,
    principal: &Principal,
) -> Result<Image, Problem> {
    if let Some(other) = given.name.filter(|other| *other != name) {
        return Err(Problem::invalid(
            "name",
            format!("the body names `{other}`, the address `{name}`; leave it out of the body"),
        ));
    }
    if given.path.is_some() && given.bundle.is_some() {
        return Err(Problem::invalid(
            "bundle",
            "an image has `path` or `bundle`, not both; remove one of them",
        ));
    }
    if let Some(path) = given.path.as_ref().filter(|path| !path.starts_with('/')) {
        return Err(Problem::invalid(
            "path",
            format!("`{path}` does not fit: must be the absolute path of a folder on the runners"),
        ));
    }
    let all = vec![Tag::Dev, Tag::Pre, Tag::Prod];
    let tags = given
        .tags
        .map(|tags| tags.into_iter().map(Into::into).collect());
    let bundle = given
        .bundle
        .as_deref()
        .map(|text| ids::digest("bundle", text));
    Ok(Image {
        name,
        path: given.path,
        bundle: bundle.transpose()?,
        python: given.python,
        tags: tags.unwrap_or(all),
        env: given.env.unwrap_or_default(),
        owner: principal.user.clone(),
        container: given.container.map(container_from_wire),
    })
}

/// An environment, as it is answered.
pub(crate) fn environment(it: Environment) -> wire::Environment {
    wire::Environment {
        id: it.id,
        status: match it.stage {
            Stage::Queued => "queued",
            Stage::Building => "building",
            Stage::Ready => "ready",
            Stage::Failed => "failed",
        },
        step: it.step,
        output: it.output,
        output_bytes: it.output_bytes,
        python: it.python.map(|path| path.display().to_string()),
    }
}

/// As it is answered to somebody.
pub(crate) fn image(view: &ImageView, principal: &Principal) -> wire::Image {
    let image = &view.image;
    let env = if image.shows_secrets_to(principal) {
        image.env.clone()
    } else {
        image.env_without_secrets()
    };
    wire::Image {
        name: image.name.clone(),
        path: image.path.clone(),
        bundle: image.bundle.map(|digest| digest.to_string()),
        python: image.python.clone(),
        tags: image.tags.iter().map(|tag| (*tag).into()).collect(),
        env,
        owner: image.owner.clone(),
        updated_at: time(view.updated_at),
        container: image.container.as_ref().map(container),
    }
}

fn container_from_wire(given: wire::Container) -> Container {
    Container {
        image: given.image,
        engine: given.engine.map(|engine| match engine {
            wire::Engine::Podman => Engine::Podman,
            wire::Engine::Docker => Engine::Docker,
        }),
    }
}

fn container(it: &Container) -> wire::Container {
    wire::Container {
        image: it.image.clone(),
        engine: it.engine.map(|engine| match engine {
            Engine::Podman => wire::Engine::Podman,
            Engine::Docker => wire::Engine::Docker,
        }),
    }
}
