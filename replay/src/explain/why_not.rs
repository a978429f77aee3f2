//! Why a batch did not run at some instant.

use fasti_core::domain::calendar::Rule;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::{BatchView, SlotOutcome, SlotView};
use fasti_projector::{PastError, Views, ViewsError};

use super::events::Events;
use super::{Cause, Explanation, span};

/// A slot this close behind the instant asked for is the one that is meant.
const SAME_MINUTE_US: i64 = 60_000_000;

/// Records of slots looked at.
const RECORDS_MAX: usize = 1_000;

/// How long after a slot its record may have been written to be found at once: the scheduler may have been away.
const RECORDED_WITHIN_US: i64 = 7 * 86_400_000_000;

/// See the module: by what a server knew at `at` (`then`; `None` before the log began) and what it knows `now`; `None`
/// when there is no such batch.
///
/// # Errors
/// The views or the log cannot be read.
pub fn why_not(
    then: Option<&Views>,
    now: &Views,
    events: &Events<'_>,
    id: BatchId,
    at: Timestamp,
) -> Result<Option<Explanation>, ViewsError> {
    let Some(batch) = now.batch(id)? else {
        return Ok(None);
    };
    let explain = |answer: String, causes: Vec<Cause>| {
        Some(Explanation {
            about: format!("`{}` at {at}", batch.name),
            as_of: now.as_of(),
            answer,
            causes,
        })
    };
    let Some(was) = then.map(|then| then.batch(id)).transpose()?.flatten() else {
        let created = batch.created_at;
        let by = &batch.created_by;
        let text = format!("{by} saved it first");
        let is_it = |event: &Event| matches!(event, Event::BatchSaved(it) if it.batch == id);
        let cause = events.cause(created, text, is_it)?;
        return Ok(explain(
            "the batch was not there yet".to_owned(),
            vec![cause],
        ));
    };
    if let Some(deleted) = was.deleted_at {
        let is_it = |event: &Event| matches!(event, Event::BatchDeleted(it) if it.batch == id);
        let cause = events.cause(deleted, "it was deleted".to_owned(), is_it)?;
        return Ok(explain(
            "the batch was deleted before".to_owned(),
            vec![cause],
        ));
    }
    let rule = then.and_then(|then| then.rule(&was.definition.schedule).ok().flatten());
    let Some(rule) = rule else {
        return Ok(explain(timeless(&was), Vec::new()));
    };
    let version = Cause::fact(format!(
        "version {} was in force: {}",
        was.version,
        rule.describe()
    ));
    let mut causes = vec![version];
    let pause = pause(&was, events)?;
    causes.extend(pause.clone());
    let meant = rule
        .next_from(at)
        .filter(|slot| slot.0 - at.0 < SAME_MINUTE_US);
    let Some(slot) = meant else {
        causes.extend(around(&rule, now, events, id, at)?);
        return Ok(explain(
            "no slot of its schedule was then".to_owned(),
            causes,
        ));
    };
    let (answer, cause) = outcome(now, events, id, slot)?;
    // Slots of a pause are recorded together when it ends.
    let answer = match pause.filter(|_| cause.is_none()) {
        Some(pause) => pause.text,
        None => answer,
    };
    causes.extend(cause);
    Ok(explain(answer, causes))
}

/// Why a batch without times does not start by itself at an instant.
fn timeless(batch: &BatchView) -> String {
    let schedule = &batch.definition.schedule;
    match (batch.runs_after, schedule.triggers.is_empty()) {
        (Some(parent), _) => format!(
            "it has no times of its own: it starts when runs of the batch {parent} end, and none of them started it then"
        ),
        (None, false) => {
            "it has no times of its own: signals start it, and none came then".to_owned()
        }
        (None, true) => "it has no schedule: it starts when somebody asks".to_owned(),
    }
}

fn pause(was: &BatchView, events: &Events<'_>) -> Result<Option<Cause>, ViewsError> {
    if !was.paused {
        return Ok(None);
    }
    let why = was.paused_reason.as_ref();
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let until = was.paused_until.map(|at| format!(", until {at}"));
    let until = until.unwrap_or_default();
    let id = was.id;
    let is_it = |event: &Event| matches!(event, Event::BatchPaused(it) if it.batch == id);
    let found = events.near(was.updated_at, is_it)?;
    let who = found.as_ref().map(|entry| {
        let actor = &entry.recorded.actor;
        format!(" by {}", actor.strip_prefix("user:").unwrap_or(actor))
    });
    let who = who.unwrap_or_default();
    Ok(Some(Cause {
        seq: found.map(|entry| entry.seq()),
        ..Cause::at(
            was.updated_at,
            format!("its schedule was off, paused{who}{until}{why}"),
        )
    }))
}

/// The slots before and after an instant that is none.
fn around(
    rule: &Rule,
    now: &Views,
    events: &Events<'_>,
    id: BatchId,
    at: Timestamp,
) -> Result<Vec<Cause>, ViewsError> {
    let mut causes = Vec::new();
    if let Some(before) = rule.prev_before(at) {
        let (answer, cause) = outcome(now, events, id, before)?;
        let text = format!(
            "the slot before was {before}, {} earlier: {answer}",
            span(before, at)
        );
        let seq = cause.and_then(|cause| cause.seq);
        causes.push(Cause {
            seq,
            ..Cause::at(before, text)
        });
    }
    causes.push(match rule.next_after(at) {
        Some(next) => Cause::at(
            next,
            format!("the next slot was {next}, {} later", span(at, next)),
        ),
        None => Cause::fact("no slot follows".to_owned()),
    });
    Ok(causes)
}

/// What became of a slot.
fn outcome(
    now: &Views,
    events: &Events<'_>,
    id: BatchId,
    slot: Timestamp,
) -> Result<(String, Option<Cause>), ViewsError> {
    if let Some(record) = record(now, events, id, slot)? {
        let reason = record.reason.as_deref().unwrap_or("no reason is on record");
        let of_many = match record.count {
            1 => String::new(),
            count => format!(" (one of {count} slots in a row)"),
        };
        let (answer, text) = match (record.outcome, record.run) {
            (SlotOutcome::Fired, Some(run)) => {
                let text = format!("the slot {slot} has its run, {run}");
                (
                    format!("it did run: run {run} is for the slot {slot}"),
                    text,
                )
            }
            (outcome, _) => {
                let how = word(outcome);
                let text = format!("the slot {slot} was {how}{of_many}: {reason}");
                (format!("its slot {slot} was {how}: {reason}"), text)
            }
        };
        let cause = Cause {
            seq: Some(record.seq),
            ..Cause::at(record.at, text)
        };
        return Ok((answer, Some(cause)));
    }
    let plan = now.ledger(id)?.and_then(|ledger| ledger.plan);
    let waits = plan
        .as_ref()
        .is_some_and(|plan| plan.waiting.iter().any(|it| it.slot == slot));
    if waits {
        let answer = format!("its slot {slot} waits until earlier runs of the batch are over");
        return Ok((answer, None));
    }
    let answer = match plan {
        Some(plan) if slot <= plan.since => format!(
            "the slot {slot} is not one of the schedule in force, which counts from {}",
            plan.since
        ),
        _ => format!("the slot {slot} has no outcome yet"),
    };
    Ok((answer, None))
}

fn word(outcome: SlotOutcome) -> &'static str {
    match outcome {
        SlotOutcome::Fired => "fired",
        SlotOutcome::Missed => "missed",
        SlotOutcome::Skipped => "skipped",
        SlotOutcome::Superseded => "superseded by a later one",
        SlotOutcome::Cancelled => "cancelled",
        SlotOutcome::Alerted => "late, and an alert was given",
    }
}

/// The last word on a slot: an alert is followed by another record.
fn record(
    now: &Views,
    events: &Events<'_>,
    id: BatchId,
    slot: Timestamp,
) -> Result<Option<SlotView>, ViewsError> {
    let soon = match events.seq_at(Timestamp(slot.0 + RECORDED_WITHIN_US)) {
        Ok(seq) => Some(seq.next()),
        Err(PastError::Views(error)) => return Err(error),
        Err(PastError::TooEarly(_) | PastError::TooLate(_)) => None,
    };
    let covers = |record: &SlotView| record.first <= slot && slot <= record.last;
    let look = |before: Option<Seq>| -> Result<Option<SlotView>, ViewsError> {
        let page = now.slots(id, before, RECORDS_MAX)?;
        let mut found = page.items.into_iter().filter(covers).collect::<Vec<_>>();
        found.sort_by_key(|record| (record.outcome == SlotOutcome::Alerted, record.seq));
        Ok(found.into_iter().next())
    };
    match look(soon)? {
        Some(found) => Ok(Some(found)),
        None => look(None),
    }
}
