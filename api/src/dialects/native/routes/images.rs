//! Images: register, list, read, remove. Names travel percent-encoded, `/` included.

use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_projector::rows::ImageView;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::{batches, listing};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::{cursor, decode_segment};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_images),
        route!(scope, app, GET [name] => get_image),
        route!(scope, app, PUT [name] => put_image),
        route!(scope, app, DELETE [name] => delete_image),
    ])
}

/// List images
///
/// By name.
#[utoipa::path(get, path = "/api/v1/images", tag = "images",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Image>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_images(call: Call) -> Answer {
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = query.cursor("images")?.map(|[name]| name);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let all = views.images();
        let rest = all.iter().skip_while(|view| {
            after
                .as_ref()
                .is_some_and(|after| view.image.name <= *after)
        });
        let mut items: Vec<_> = rest
            .take(limit + 1)
            .map(|view| map::image(view, &asker.principal))
            .collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|image| cursor("images", &[&image.name]));
        Ok((items, next))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Read an image
#[utoipa::path(get, path = "/api/v1/images/{name}", tag = "images",
    params(("name" = String, Path, description = "Percent-encoded, `/` included"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Image), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_image(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| {
        views
            .image(&name)
            .ok_or_else(|| Problem::not_found("image", &name))
    });
    let (view, as_of) = asked.await?;
    let image = map::image(&view, &call.principal);
    Ok(json(StatusCode::OK, &image, as_of))
}

/// Register an image
///
/// Registering again replaces; only who registered it, or an administrator, may. A container is refused where no engine
/// works that could run it; whether its image can be fetched shows when the first task starts.
#[utoipa::path(put, path = "/api/v1/images/{name}", tag = "images",
    params(("name" = String, Path, description = "Percent-encoded, `/` included")),
    request_body = wire::ImageBody,
    responses((status = 200, body = wire::Image), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_image(name: String, mut call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::ImageBody>(limit).await?;
    let image = map::image_from_wire(name.clone(), given, &call.principal)?;
    if let Some(container) = &image.container {
        let engine = container.engine;
        let containers = Arc::clone(&call.app.parts.containers);
        let checked = tokio::task::spawn_blocking(move || containers.check(engine)).await;
        checked
            .map_err(|error| Problem::internal(&error))?
            .map_err(|why| Problem::invalid("container", why))?;
    }
    let own = image.clone();
    let command = Command::RegisterImage { image };
    let answer = submit(&call, command, &bytes, move |views, asker, _| {
        // Somebody else may have registered it again since, or removed it: this answers for what was sent.
        let updated_at = views.image(&name).map(|view| view.updated_at);
        let view = ImageView {
            image: own,
            updated_at: updated_at.unwrap_or_default(),
        };
        Told::json(StatusCode::OK, &map::image(&view, &asker.principal))
    });
    answer.await
}

/// Remove an image
#[utoipa::path(delete, path = "/api/v1/images/{name}", tag = "images",
    params(("name" = String, Path, description = "Percent-encoded, `/` included")),
    responses((status = 204, description = "Removed"), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn delete_image(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let command = Command::RemoveImage { name };
    submit(&call, command, &bytes::Bytes::new(), |_, _, _| {
        Ok(Told::nothing())
    })
    .await
}
