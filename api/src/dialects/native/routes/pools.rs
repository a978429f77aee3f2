//! Pools: list, read, limit. Names travel percent-encoded, `/` included.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_projector::rows::PoolView;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::wire;
use super::{batches, listing};
use crate::call::{App, Call, json};
use crate::errors::{Answer, ProblemDocument};
use crate::query::{cursor, decode_segment};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Name of the limit that is set here; dialects set theirs under other names.
const LIMIT: &str = "limit";

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list_pools),
        route!(scope, app, GET [name] => get_pool),
        route!(scope, app, PUT [name] => put_pool),
    ])
}

/// List pools
///
/// By name: those that have a limit, or of which something is taken.
#[utoipa::path(get, path = "/api/v1/pools", tag = "pools",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Pool>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_pools(call: Call) -> Answer {
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = query.cursor("pools")?.map(|[name]| name);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, _| {
        let found = views.pools(after.as_deref()).take(limit + 1);
        let mut items: Vec<_> = found.map(|(name, view)| pool(name, &view)).collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|pool| cursor("pools", &[&pool.name]));
        Ok((items, next))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Read a pool
///
/// One that nobody limited is as wide as can be, and needs not be made.
#[utoipa::path(get, path = "/api/v1/pools/{name}", tag = "pools",
    params(("name" = String, Path, description = "Percent-encoded, `/` included"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Pool), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_pool(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| Ok(pool(&name, &views.pool(&name))));
    let (pool, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &pool, as_of))
}

/// Limit a pool
///
/// Running attempts keep what they have, also above a smaller limit; administrators only.
#[utoipa::path(put, path = "/api/v1/pools/{name}", tag = "pools",
    params(("name" = String, Path, description = "Percent-encoded, `/` included")),
    request_body = wire::PoolBody,
    responses((status = 200, body = wire::Pool), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_pool(name: String, mut call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::PoolBody>(limit).await?;
    let command = Command::LimitPool {
        pool: name.clone(),
        limits: BTreeMap::from([(LIMIT.to_owned(), given.limit)]),
    };
    let answer = submit(&call, command, &bytes, move |views, _, _| {
        Told::json(StatusCode::OK, &pool(&name, &views.pool(&name)))
    });
    answer.await
}

fn pool(name: &str, view: &PoolView) -> wire::Pool {
    let limits = view.limits.iter();
    wire::Pool {
        name: name.to_owned(),
        capacity: view.capacity,
        used: view.used,
        limits: limits
            .map(|(name, limit)| (name.clone(), limit.units))
            .collect(),
    }
}
