//! Backfills: a run set with one run a slot of a range.

use fasti_core::domain::backfill::{Backfill, BackfillOrder, BackfillRequest, plan};
use fasti_core::domain::calendar::Rule;
use fasti_core::domain::calendar::rundate::rundate;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::RunSetId;
use fasti_core::domain::time::Timestamp;
use fasti_projector::Views;
use warp::http::StatusCode;

use super::super::submit::submit;
use super::super::{map, wire};
use super::{batches, run_sets};
use crate::ask::Asker;
use crate::call::{Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// Slots that a preview lists at most.
const LISTED_MAX: usize = 1_000;

/// Runs that go on at a time unless the request says otherwise.
const LIVE_DEFAULT: u32 = 4;

/// Backfill a batch
///
/// One run a slot of the range, each with the slot as its scheduled time and the rundate of that day. With
/// `dry_run` the answer is the preview. An `Idempotency-Key` makes a repetition harmless.
#[utoipa::path(post, path = "/api/v1/run-sets/backfill", tag = "run sets",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    request_body = wire::NewBackfill,
    responses((status = 201, description = "The set", body = wire::RunSet),
        (status = 200, description = "The preview, with `dry_run`", body = wire::BackfillPreview),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(crate) async fn post_backfill(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::NewBackfill>(limit).await?;
    let is_dry = given.dry_run;
    let request = from_wire(given)?;
    if is_dry {
        let now = call.app.parts.clock.now();
        let answer = call.ask(None, move |views, asker| {
            preview(views, asker, &request, now)
        });
        let (preview, as_of) = answer.await?;
        return Ok(json(StatusCode::OK, &preview, as_of));
    }
    let command = Command::CreateBackfill(request);
    submit(&call, command, &bytes, run_sets::tell(StatusCode::CREATED)).await
}

fn from_wire(given: wire::NewBackfill) -> Result<BackfillRequest, Problem> {
    let batch = given.batch_id.parse().map_err(|_| {
        let id = &given.batch_id;
        Problem::invalid(
            "batch_id",
            format!("`{id}` is no id of a batch: must be a UUID"),
        )
    })?;
    Ok(BackfillRequest {
        batch,
        title: given.title.unwrap_or_else(|| "backfill".to_owned()),
        labels: given.labels.unwrap_or_default(),
        from: instant("from", &given.from)?,
        until: instant("until", &given.until)?,
        order: match given.order.unwrap_or_default() {
            wire::BackfillOrder::OldestFirst => BackfillOrder::OldestFirst,
            wire::BackfillOrder::NewestFirst => BackfillOrder::NewestFirst,
        },
        live_max: given.live_max.unwrap_or(LIVE_DEFAULT),
    })
}

fn instant(field: &'static str, text: &str) -> Result<Timestamp, Problem> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed
        .map(|instant| instant.with_timezone(&chrono::Utc).into())
        .map_err(|_| {
            let message =
                format!("`{text}` is no instant in RFC 3339, such as 2024-03-31T01:00:00.000Z");
            Problem::invalid(field, message)
        })
}

fn preview(
    views: &Views,
    asker: &Asker,
    request: &BackfillRequest,
    now: Timestamp,
) -> Result<wire::BackfillPreview, Problem> {
    let batch = batches::visible(views, asker, request.batch)?;
    let schedule = &batch.definition.schedule;
    let rule = views.rule(schedule).ok().flatten();
    let backfill = plan(request, rule.as_ref(), now)?;
    // A plan without a rule is refused above.
    let listed = rule
        .map(|rule| listed(&backfill, &rule))
        .unwrap_or_default();
    let offset = schedule.rundate_offset.unwrap_or(0);
    let zone = fasti_core::domain::calendar::rundate::zone(schedule.timezone.as_deref());
    let zone = zone.unwrap_or_default();
    Ok(wire::BackfillPreview {
        slots: backfill.slots,
        fire_times: listed.iter().map(ToString::to_string).collect(),
        rundates: listed
            .iter()
            .map(|slot| rundate(*slot, zone, offset).to_string())
            .collect(),
        truncated: backfill.slots > listed.len() as u64,
    })
}

fn listed(backfill: &Backfill, rule: &Rule) -> Vec<Timestamp> {
    let first = backfill.next(rule, None);
    std::iter::successors(first, |slot| backfill.next(rule, Some(*slot)))
        .take(LISTED_MAX)
        .collect()
}

/// Pause a backfill
///
/// It makes no runs until it is resumed; those that go on are left alone.
#[utoipa::path(post, path = "/api/v1/run-sets/{id}/pause", tag = "run sets",
    params(("id" = u64, Path, description = "Id of the set")),
    responses((status = 200, description = "The set", body = wire::RunSet),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(crate) async fn pause_run_set(id: String, call: Call) -> Answer {
    steer(id, call, |run_set| Command::PauseRunSet { run_set }).await
}

/// Resume a backfill
#[utoipa::path(post, path = "/api/v1/run-sets/{id}/resume", tag = "run sets",
    params(("id" = u64, Path, description = "Id of the set")),
    responses((status = 200, description = "The set", body = wire::RunSet),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(crate) async fn resume_run_set(id: String, call: Call) -> Answer {
    steer(id, call, |run_set| Command::ResumeRunSet { run_set }).await
}

/// Cancel a run set
///
/// It takes no more runs, and those that go on are cancelled.
#[utoipa::path(post, path = "/api/v1/run-sets/{id}/cancel", tag = "run sets",
    params(("id" = u64, Path, description = "Id of the set")),
    responses((status = 200, description = "The set", body = wire::RunSet),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(crate) async fn cancel_run_set(id: String, call: Call) -> Answer {
    steer(id, call, |run_set| Command::CancelRunSet {
        run_set,
        reason: None,
    })
    .await
}

async fn steer(id: String, call: Call, command: fn(RunSetId) -> Command) -> Answer {
    let id = map::number_id("run set", &id)?;
    call.query()?.finish()?;
    let seen = call.ask(None, move |views, asker| {
        let set = run_sets::visible(views, asker, id)?;
        if set.finished_at.is_some() {
            let detail = format!("the run set {id} is finished; there is nothing left to steer");
            return Err(Problem::new(Code::RunSetClosed, detail));
        }
        Ok(())
    });
    seen.await?;
    submit(
        &call,
        command(RunSetId(id)),
        &bytes::Bytes::new(),
        move |views, asker, _| {
            let view = run_sets::visible(views, asker, id)?;
            super::super::submit::Told::json(StatusCode::OK, &map::run_set(&view))
        },
    )
    .await
}
