//! Schedules: when they would start something, and giving a batch another one.

use std::sync::Arc;

use fasti_core::codec::hashed;
use fasti_core::domain::batch::check_rule;
use fasti_core::domain::command::{Command, Subject};
use fasti_core::domain::definition::Definition;
use fasti_core::domain::time::Timestamp;
use warp::http::StatusCode;

use super::super::map::Window;
use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::batches;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
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

/// Replace the schedule of a batch
///
/// Saves a new version of the batch that has this schedule and is else the one before, whole: fields that are not
/// given have their defaults, and `{}` starts by hand only. Refuses when somebody saves the batch in between.
#[utoipa::path(put, path = "/api/v1/batches/{id}/schedule", tag = "schedules",
    params(
        ("id" = String, Path, description = "UUID of the batch"),
        ("expected_version" = Option<u32>, Query, description = "Version the caller knows"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless"),
        ("If-Match" = Option<String>, Header, description = "Version the caller knows, quoted"),
    ),
    request_body = wire::Schedule,
    responses((status = 200, body = wire::Batch), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn put_schedule(id: String, mut call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let mut query = call.query()?;
    let known = query.value("expected_version", "a version number")?;
    query.finish()?;
    let matched = batches::if_match(&call)?;
    let limit = call.app.config.json_bytes_max;
    let (given, bytes) = call.json_within::<wire::Schedule>(limit).await?;
    // Refusals name its fields as those of a definition, wherever they are found.
    let schedule = map::schedule_from_wire("schedule", given)?;
    let asked = call.ask(Some(call.last_seq()), move |views, asker| {
        batches::visible(views, asker, id)
    });
    let (view, _) = asked.await?;
    if view.deleted_at.is_some() {
        let detail = format!("the batch `{}` was deleted; save it anew", view.name);
        return Err(Problem::new(Code::NotFound, detail));
    }
    let definition = Definition {
        schedule,
        ..Definition::clone(&view.definition)
    };
    let command = Command::SaveBatch {
        definition: hashed(definition),
        // What was read here is what the new version is made of.
        expected_version: matched.or(known).or(Some(view.version)),
    };
    let answer = submit(&call, command, &bytes, |views, _, receipt| {
        let Subject::Batch { batch, version } = receipt.subject else {
            return Err(Problem::internal(&"saving a batch made something else"));
        };
        let view = batches::saved(views, batch, version)?;
        let told = Told::json(StatusCode::OK, &map::batch(views, &view))?;
        Ok(told.version(view.version))
    });
    answer
        .await
        .map_err(|problem| match (problem.code(), matched) {
            (Code::VersionMismatch, Some(_)) => problem.recoded(Code::PreconditionFailed),
            _ => problem,
        })
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
