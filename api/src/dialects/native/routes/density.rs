//! How events are spread over time: what a slider through the log is drawn from.

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use fasti_projector::{ViewsError, instant, seqs_at};
use warp::http::StatusCode;

use super::super::{map, wire};
use crate::call::{Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};

/// Stretches of time, unless another number is asked for.
const STRETCHES: u32 = 120;

/// Stretches of time at most.
const STRETCHES_MAX: u32 = 500;

/// Count events over time
///
/// In stretches of equal length, by default from the first event to the last one. Numbers of events are told, not
/// what they are, so that they are the same for everybody.
#[utoipa::path(get, path = "/api/v1/events/density", tag = "events",
    params(("from" = Option<String>, Query, description = "Begin, RFC 3339; default: the first event"),
        ("until" = Option<String>, Query, description = "End, RFC 3339; default: the last event"),
        ("stretches" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Default 120")),
    responses((status = 200, body = wire::EventDensity), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_density(call: Call) -> Answer {
    let mut query = call.query()?;
    let (from, until) = (query.instant("from")?, query.instant("until")?);
    let stretches = query.value("stretches", "a number from 1 to 500")?;
    query.finish()?;
    let stretches = stretches.unwrap_or(STRETCHES);
    if !(1..=STRETCHES_MAX).contains(&stretches) {
        let detail = format!("`{stretches}` does not fit: must be 1 to {STRETCHES_MAX}");
        return Err(Problem::invalid("stretches", detail));
    }
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        return Err(Problem::invalid(
            "until",
            format!("{until} is before `from`, {from}"),
        ));
    }
    let feed = call.app.parts.feed.clone();
    let last = feed.last();
    let counting = move || counted(&feed, last, (from, until), stretches);
    let body = call.in_turn(counting).await?;
    let body = body.map_err(|error| Problem::internal(&error))?;
    Ok(json(StatusCode::OK, &body, last))
}

fn counted(
    feed: &Feed,
    last: Seq,
    (from, until): (Option<Timestamp>, Option<Timestamp>),
    stretches: u32,
) -> Result<wire::EventDensity, ViewsError> {
    let from = match from {
        Some(from) => from,
        None => instant(feed, Seq(1))?,
    };
    let until = match until {
        Some(until) => until,
        None => instant(feed, last)?,
    };
    // One bound may be given, and the other one lie on its wrong side.
    let until = until.max(from);
    let length = i128::from(until.0) - i128::from(from.0);
    let bound = |at: u32| {
        let part = length * i128::from(at) / i128::from(stretches);
        Timestamp(
            from.0
                .saturating_add(i64::try_from(part).unwrap_or(i64::MAX)),
        )
    };
    // What is at `from` belongs to the first stretch.
    let mut bounds = vec![Timestamp(from.0.saturating_sub(1))];
    bounds.extend((1..=stretches).map(bound));
    let seqs = seqs_at(feed, last, &bounds)?;
    Ok(map::event_density((from, until), &seqs, last))
}
