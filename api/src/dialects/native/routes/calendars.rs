//! Named calendars: save, list, read, remove. Names travel percent-encoded.

use std::sync::Arc;

use fasti_core::domain::command::Command;
use fasti_projector::Views;
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
        route!(scope, app, GET [] => list_calendars),
        route!(scope, app, GET [name] => get_calendar),
        route!(scope, app, PUT [name] => put_calendar),
        route!(scope, app, DELETE [name] => delete_calendar),
    ])
}

fn found(views: &Views, name: &str) -> Result<wire::Calendar, Problem> {
    let record = views.calendar(name);
    let record = record.ok_or_else(|| Problem::not_found("calendar", &name))?;
    Ok(map::calendar(name, record))
}

/// List calendars
///
/// By name.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "calendars",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::Calendar>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_calendars(call: Call) -> Answer {
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = query.cursor("calendars")?.map(|[name]| name);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, _| {
        let rest = views.calendars(after.as_deref()).take(limit + 1);
        let mut items: Vec<_> = rest.map(|(name, it)| map::calendar(name, it)).collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|calendar| cursor("calendars", &[&calendar.name]));
        Ok((items, next))
    });
    let ((items, next), as_of) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

/// Read a calendar
#[utoipa::path(get, path = "/api/v1/calendars/{name}", tag = "calendars",
    params(("name" = String, Path, description = "Percent-encoded"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Calendar), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_calendar(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, _| found(views, &name));
    let (body, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &body, as_of))
}

/// Save a calendar
///
/// Makes it, or a new version, which counts from now on; only who saved it first, or an administrator, may.
#[utoipa::path(put, path = "/api/v1/calendars/{name}", tag = "calendars",
    params(("name" = String, Path, description = "Percent-encoded")),
    request_body = wire::CalendarBody,
    responses((status = 200, body = wire::Calendar), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_calendar(name: String, mut call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::CalendarBody>(limit).await?;
    let command = Command::SaveCalendar {
        name: name.clone(),
        calendar: Arc::new(map::calendar_from_wire(given)?),
    };
    let answer = submit(&call, command, &bytes, move |views, _, _| {
        Told::json(StatusCode::OK, &found(views, &name)?)
    });
    answer.await
}

/// Remove a calendar
#[utoipa::path(delete, path = "/api/v1/calendars/{name}", tag = "calendars",
    params(("name" = String, Path, description = "Percent-encoded")),
    responses((status = 204, description = "Removed"), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn delete_calendar(name: String, call: Call) -> Answer {
    let name = decode_segment(&name)?;
    call.query()?.finish()?;
    let command = Command::RemoveCalendar { name };
    submit(&call, command, &bytes::Bytes::new(), |_, _, _| {
        Ok(Told::nothing())
    })
    .await
}
