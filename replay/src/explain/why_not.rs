//! Why a batch did not run at some instant.

use fasti_core::domain::calendar::Rule;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use fasti_projector::rows::{BatchView, PlanView, SlotOutcome, SlotView};
use fasti_projector::{Views, ViewsError};

use super::events::Events;
use super::{Cause, Explanation, span};

/// A slot this close behind the instant asked for is the one that is meant.
const SAME_MINUTE_US: i64 = 60_000_000;

/// Records of slots looked at on each side of the instant.
const RECORDS_MAX: usize = 1_000;

/// What the views know of a batch at an instant, and of what became of that instant since.
pub struct AbsenceFacts {
    as_of: Seq,
    at: Timestamp,
    /// As it is now.
    batch: BatchView,
    /// As it was then; `None` if it was not there.
    was: Option<BatchView>,
    /// When it started by itself then.
    rule: Option<Rule>,
    /// The slot that is meant, if the instant is one.
    meant: Option<Slot>,
    /// The slot before the instant.
    before: Option<Slot>,
    /// The present plan.
    plan: Option<PlanView>,
}

/// A slot and the last word on it.
struct Slot {
    at: Timestamp,
    record: Option<SlotView>,
}

impl AbsenceFacts {
    /// By what a server knew at `at` (`then`; `None` before the log began) and what it knows `now`; `None` when there is
    /// no such batch.
    ///
    /// # Errors
    /// The views cannot be read.
    pub fn gather(
        then: Option<&Views>,
        now: &Views,
        id: BatchId,
        at: Timestamp,
    ) -> Result<Option<Self>, ViewsError> {
        let Some(batch) = now.batch(id)? else {
            return Ok(None);
        };
        let was = then.map(|then| then.batch(id)).transpose()?.flatten();
        let schedule = was.as_ref().map(|was| &was.definition.schedule);
        let rule = then.zip(schedule);
        let rule = rule.and_then(|(then, schedule)| then.rule(schedule).ok().flatten());
        let then = then.map_or(Seq(0), Views::as_of);
        let told = |slot: Option<Timestamp>| -> Result<Option<Slot>, ViewsError> {
            let slot = slot.map(|at| {
                Ok(Slot {
                    at,
                    record: record(now, id, at, then)?,
                })
            });
            slot.transpose()
        };
        let meant = rule.as_ref().and_then(|rule| rule.next_from(at));
        Ok(Some(Self {
            as_of: now.as_of(),
            at,
            meant: told(meant.filter(|slot| slot.0 - at.0 < SAME_MINUTE_US))?,
            before: told(rule.as_ref().and_then(|rule| rule.prev_before(at)))?,
            plan: now.ledger(id)?.and_then(|ledger| ledger.plan),
            batch,
            was,
            rule,
        }))
    }
}

/// See the module.
///
/// # Errors
/// The log cannot be read.
pub fn why_not(facts: &AbsenceFacts, feed: &Feed) -> Result<Explanation, ViewsError> {
    let events = &Events::new(feed, facts.as_of);
    let (answer, causes) = reasons(facts, events)?;
    Ok(Explanation {
        about: format!("`{}` at {}", facts.batch.name, facts.at),
        as_of: facts.as_of,
        answer,
        causes,
    })
}

fn reasons(facts: &AbsenceFacts, events: &Events<'_>) -> Result<(String, Vec<Cause>), ViewsError> {
    let id = facts.batch.id;
    let Some(was) = &facts.was else {
        let (created, by) = (facts.batch.created_at, &facts.batch.created_by);
        let is_it = |event: &Event| matches!(event, Event::BatchSaved(it) if it.batch == id);
        let cause = events.cause(created, format!("{by} saved it first"), is_it)?;
        return Ok(("the batch was not there yet".to_owned(), vec![cause]));
    };
    if let Some(deleted) = was.deleted_at {
        let is_it = |event: &Event| matches!(event, Event::BatchDeleted(it) if it.batch == id);
        let cause = events.cause(deleted, "it was deleted".to_owned(), is_it)?;
        return Ok(("the batch was deleted before".to_owned(), vec![cause]));
    }
    let Some(rule) = &facts.rule else {
        return Ok((timeless(was), Vec::new()));
    };
    let (version, said) = (was.version, rule.describe());
    let mut causes = vec![Cause::fact(format!(
        "version {version} was in force: {said}"
    ))];
    let pause = pause(was, events)?;
    causes.extend(pause.clone());
    let Some(slot) = &facts.meant else {
        causes.extend(around(facts, rule));
        return Ok(("no slot of its schedule was then".to_owned(), causes));
    };
    let (answer, cause) = outcome(slot, facts);
    // Slots of a pause are recorded together when it ends.
    let answer = match pause.filter(|_| cause.is_none()) {
        Some(pause) => pause.text,
        None => answer,
    };
    causes.extend(cause);
    Ok((answer, causes))
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
fn around(facts: &AbsenceFacts, rule: &Rule) -> Vec<Cause> {
    let at = facts.at;
    let mut causes = Vec::new();
    if let Some(before) = &facts.before {
        let (answer, cause) = outcome(before, facts);
        let (slot, since) = (before.at, span(before.at, at));
        causes.push(Cause {
            seq: cause.and_then(|cause| cause.seq),
            ..Cause::at(
                slot,
                format!("the slot before was {slot}, {since} earlier: {answer}"),
            )
        });
    }
    causes.push(match rule.next_after(at) {
        Some(next) => Cause::at(
            next,
            format!("the next slot was {next}, {} later", span(at, next)),
        ),
        None => Cause::fact("no slot follows".to_owned()),
    });
    causes
}

/// What became of a slot.
fn outcome(slot: &Slot, facts: &AbsenceFacts) -> (String, Option<Cause>) {
    let (at, plan) = (slot.at, facts.plan.as_ref());
    let Some(record) = &slot.record else {
        let waits = plan.is_some_and(|plan| plan.waiting.iter().any(|it| it.slot == at));
        let answer = match plan {
            _ if waits && facts.batch.paused => {
                format!(
                    "its slot {at} waits, and no slot that waits starts before the batch is resumed"
                )
            }
            _ if waits => format!("its slot {at} waits until earlier runs of the batch are over"),
            Some(plan) if at <= plan.since => format!(
                "the slot {at} is not one of the schedule in force, which counts from {}",
                plan.since
            ),
            Some(_) | None => format!("the slot {at} has no outcome yet"),
        };
        return (answer, None);
    };
    let reason = record.reason.as_deref().unwrap_or("no reason is on record");
    let (answer, text) = match record.run {
        Some(run) => (
            format!("it did run: run {run} is for the slot {at}"),
            format!("the slot {at} has its run, {run}"),
        ),
        None => {
            let how = word(record.outcome);
            let of_many = match record.count {
                1 => String::new(),
                count => format!(" (one of {count} slots in a row)"),
            };
            (
                format!("its slot {at} was {how}: {reason}"),
                format!("the slot {at} was {how}{of_many}: {reason}"),
            )
        }
    };
    let cause = Cause {
        seq: Some(record.seq),
        ..Cause::at(record.at, text)
    };
    (answer, Some(cause))
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

/// The last word on a slot, among the records around the event `then`: an alert is followed by another record.
fn record(
    now: &Views,
    id: BatchId,
    slot: Timestamp,
    then: Seq,
) -> Result<Option<SlotView>, ViewsError> {
    let before = now.slots(id, Some(then.next()), RECORDS_MAX)?.items;
    let after = now.slots_after(id, then, RECORDS_MAX)?;
    let records = before.into_iter().chain(after);
    let covering = records.filter(|record| record.first <= slot && slot <= record.last);
    Ok(covering.min_by_key(|record| (record.outcome == SlotOutcome::Alerted, record.seq)))
}
