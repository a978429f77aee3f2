//! Schedules: when they would start something.

use std::sync::Arc;

use fasti_core::domain::batch::check_rule;
use fasti_core::domain::time::Timestamp;
use warp::http::StatusCode;

use super::super::map::Window;
use super::super::{map, wire};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Instants of one preview at most.
const COUNT_MAX: u32 = 1_000;

/// Instants of a preview that asks for none in particular.
const COUNT_DEFAULT: u32 = 10;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, POST ["preview"] => preview_schedule)])
}

/// Preview a schedule
///
/// Its instants from `from` (default: now) on: `count` of them (default 10), or all before `until`, at most 1000.
/// Empty schedules and those that start after other batches have none.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules",
    request_body = wire::PreviewBody,
    responses((status = 200, body = wire::Preview), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn preview_schedule(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, _) = call.json_within::<wire::PreviewBody>(limit).await?;
    let window = window(&given, call.app.parts.clock.now())?;
    let schedule = map::schedule_from_wire("schedule", given.schedule)?;
    let asked = call.ask(None, move |views, _| {
        let rule = views.rule(&schedule);
        check_rule(&schedule, rule.clone())?;
        let rule = rule.ok().flatten();
        Ok(map::preview(&schedule, rule.as_ref(), window))
    });
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

fn window(given: &wire::PreviewBody, now: Timestamp) -> Result<Window, Problem> {
    let from = map::instant("from", given.from.as_deref())?.unwrap_or(now);
    let until = map::instant("until", given.until.as_deref())?;
    if given
        .count
        .is_some_and(|count| !(1..=COUNT_MAX).contains(&count))
    {
        return Err(Problem::invalid("count", "must be a number from 1 to 1000"));
    }
    if given.count.is_some() && until.is_some() {
        return Err(Problem::invalid(
            "count",
            "give `count` or `until`, not both",
        ));
    }
    if until.is_some_and(|until| until < from) {
        return Err(Problem::invalid(
            "until",
            "lies before `from`; give a later instant",
        ));
    }
    let default = until.map_or(COUNT_DEFAULT, |_| COUNT_MAX);
    Ok(Window {
        from,
        until,
        most: given.count.unwrap_or(default) as usize,
    })
}
