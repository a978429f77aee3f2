//! Schedules: when they would start something.

use std::sync::Arc;

use fasti_core::domain::schedule::Schedule;
use warp::http::StatusCode;

use super::super::{map, wire};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Instants of one preview at most.
const COUNT_MAX: u32 = 1_000;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, POST ["preview"] => preview_schedule)])
}

/// Preview a schedule
///
/// Empty schedules and those that start after other batches have no instants of their own. This version of
/// Fasti starts batches by hand only, so that schedules with times are refused here as they are in batches.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules",
    request_body = wire::PreviewBody,
    responses((status = 200, body = wire::Preview), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn preview_schedule(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, _) = call.json_within::<wire::PreviewBody>(limit).await?;
    check_window(&given)?;
    let schedule = map::schedule_from_wire("schedule", given.schedule)?;
    let timeless = Schedule {
        run_after: None,
        ..schedule.clone()
    };
    if let Some(trigger) = timeless.first_trigger() {
        return Err(Problem::invalid(
            format!("schedule.{trigger}"),
            "this version of Fasti starts batches by hand only, so there is no time to show; leave the schedule empty",
        ));
    }
    let description = match schedule.run_after {
        None => "only started by hand",
        Some(_) => "started after a run of another batch",
    };
    let body = wire::Preview {
        fire_times: Vec::new(),
        rundates: Vec::new(),
        description: description.to_owned(),
        truncated: false,
    };
    Ok(json(StatusCode::OK, &body, call.last_seq()))
}

fn check_window(given: &wire::PreviewBody) -> Result<(), Problem> {
    for (field, text) in [("from", &given.from), ("until", &given.until)] {
        if let Some(text) = text
            && chrono::DateTime::parse_from_rfc3339(text).is_err()
        {
            return Err(Problem::invalid(
                field,
                format!("`{text}` is no instant in RFC 3339, such as 2024-03-31T01:00:00.000Z"),
            ));
        }
    }
    if given
        .count
        .is_some_and(|count| !(1..=COUNT_MAX).contains(&count))
    {
        return Err(Problem::invalid("count", "must be a number from 1 to 1000"));
    }
    if given.count.is_some() && given.until.is_some() {
        return Err(Problem::invalid(
            "count",
            "give `count` or `until`, not both",
        ));
    }
    Ok(())
}
