//! Earlier definitions of a batch.

use fasti_projector::rows::VersionView;
use warp::http::StatusCode;

use super::super::{map, wire};
use super::batches::{only_min_seq, visible};
use super::listing;
use crate::call::{Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::cursor;

/// List versions of a batch
///
/// Oldest first. A page ends at `limit` versions or at 4 MiB, whichever comes first.
#[utoipa::path(get, path = "/api/v1/batches/{id}/versions", tag = "batches",
    params(("id" = String, Path, description = "UUID"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::BatchVersion>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_versions(id: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = match query.cursor("versions")? {
        None => None,
        Some([version]) => version.parse().ok(),
    };
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        visible(views, asker, id)?;
        let page = views.batch_versions(id, after, limit)?;
        let map = |version: &VersionView| {
            let definition = views.definition(version.digest)?;
            Ok(definition.map(|definition| map::batch_version(version, &definition)))
        };
        let key = |version: &VersionView| version.version;
        let (items, next) = listing::fitting(&page.items, page.next, key, map)?;
        let next = next.map(|version| cursor("versions", &[&version.to_string()]));
        Ok((items, next))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Read one version of a batch
#[utoipa::path(get, path = "/api/v1/batches/{id}/versions/{version}", tag = "batches",
    params(("id" = String, Path, description = "UUID"),
        ("version" = u32, Path, description = "Number, from 1"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::BatchVersion), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_version(id: String, version: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let min_seq = only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| {
        visible(views, asker, id)?;
        let missing = || Problem::not_found("version", &version);
        let number = version.parse().map_err(|_| missing())?;
        let view = views.batch_version(id, number)?.ok_or_else(missing)?;
        let definition = views.definition(view.digest)?.ok_or_else(missing)?;
        Ok(map::batch_version(&view, &definition))
    });
    let (answer, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &answer, as_of))
}
