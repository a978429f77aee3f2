//! Runners: what executes, under both of its names.

use std::sync::Arc;

use super::super::{map, wire};
use super::{batches, listing};
use crate::call::{App, Call};
use crate::errors::{Answer, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => list_runners)])
}

pub(super) fn worker_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [] => list_workers)])
}

/// List runners
///
/// Those there are, and the last ones that were lost.
#[utoipa::path(get, path = "/api/v1/runners", tag = "runners",
    params(("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Runner>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_runners(call: Call) -> Answer {
    // The list is short and comes whole; asking for pages of it is no mistake.
    let mut query = call.query()?;
    query.limit()?;
    let min_seq = batches::only_min_seq(query)?;
    let asked = call.ask(min_seq, |views, _| {
        Ok(views.runners().iter().map(map::runner).collect::<Vec<_>>())
    });
    let (items, as_of) = asked.await?;
    Ok(listing::page(&call, items, None, as_of))
}

/// List workers
///
/// The same as `/runners`.
#[utoipa::path(get, path = "/api/v1/workers", tag = "runners",
    params(("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Runner>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_workers(call: Call) -> Answer {
    list_runners(call).await
}
