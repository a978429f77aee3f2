//! Slots that are due: which fire, which are missed.

use crate::batch::{Batch, bounded};
use crate::definition::Definition;
use crate::event::{Event, SchedulePlanned};
use crate::ids::BatchId;
use crate::slots::fire::Firing;
use crate::slots::passed::Passed;
use crate::slots::policy::{MADE_UP_DEFAULT, Misfire, Overlap};
use crate::slots::timing::{ON_TIME_US, RunIds, Timing};
use crate::slots::{NextSlot, Plan};
use crate::state::State;
use crate::time::Timestamp;

/// Everything that the plan of a batch calls for at `at`.
pub(crate) fn fire_due(state: &State, id: BatchId, at: Timestamp, ids: &mut RunIds) -> Vec<Event> {
    let Some((batch, plan, definition)) = planned(state, id) else {
        return Vec::new();
    };
    let Some(next) = plan.next.filter(|next| next.due <= at && !batch.paused) else {
        return Vec::new();
    };
    let Some(timing) = state.timing(batch) else {
        return unreadable(state, batch, plan, next);
    };
    let last = timing.last_due(next.slot, at);
    let mut chosen = choose(state, definition, &timing, plan.after, last, at);
    let mut events = Vec::new();
    events.extend(late(state, batch, &timing, plan, next, at));
    missed(batch, &timing, plan.after, last, &chosen, &mut events);
    if definition.schedule.policy.overlap == Overlap::CancelOld {
        newest_only(batch, &mut chosen, &mut events);
    }
    let mut firing = Firing::new(state, batch, plan, definition, at);
    for (position, slot) in chosen.iter().enumerate() {
        let following = match chosen.get(position + 1) {
            Some(next) => Some(*next),
            None => timing.next(last),
        };
        firing.slot(*slot, following, ids, &mut events);
    }
    events
}

/// Slots that are due and have no outcome yet, longer than a busy moment: whoever waits for them is told, before
/// it is decided what becomes of them.
fn late(
    state: &State,
    batch: &Batch,
    timing: &Timing<'_>,
    plan: &Plan,
    next: NextSlot,
    at: Timestamp,
) -> Option<Event> {
    // The latest due time that is too long ago.
    let too_long = at.plus_us(-ON_TIME_US - 1);
    if next.due > too_long {
        return None;
    }
    let last = timing.last_due(next.slot, too_long);
    let late = Passed::between(batch, timing, plan.after, last)?;
    let reason = if next.due < state.started_at {
        format!("the scheduler was away until {}", state.started_at)
    } else {
        "the scheduler was held up: the machine slept, its clock was set, or it had too much to do"
            .to_owned()
    };
    Some(late.alerted(reason))
}

/// Its schedule was saved, but this build cannot read it: a zone is gone, or a check became stricter. Its plan rests
/// where it is until a build can, or until it is saved anew; nothing is looked at again and again.
pub(super) fn unreadable(state: &State, batch: &Batch, plan: &Plan, next: NextSlot) -> Vec<Event> {
    let definition = state.batch_definition(batch);
    let problem = definition.and_then(|it| state.rule(&it.schedule).err());
    let problem = problem.map_or_else(String::new, |it| format!(": {}: {}", it.field, it.message));
    let reason = bounded(&format!(
        "this version cannot read the schedule, save it again{problem}"
    ));
    let planned = SchedulePlanned {
        batch: batch.id,
        version: batch.version,
        after: plan.after,
        next: None,
    };
    let alerted = Passed::one(batch, next.slot).alerted(reason);
    vec![alerted, planned.into()]
}

/// A run that the next slot would cancel at once is not made.
fn newest_only(batch: &Batch, chosen: &mut Vec<NextSlot>, events: &mut Vec<Event>) {
    let Some((newest, before)) = chosen.split_last() else {
        return;
    };
    let newest = *newest;
    if let Some(passed) = Passed::these(batch, before) {
        let reason = format!("the slot of {} took its place", newest.slot);
        events.push(passed.superseded(reason, Some(newest)));
    }
    *chosen = vec![newest];
}

fn planned(state: &State, id: BatchId) -> Option<(&Batch, &Plan, &Definition)> {
    let batch = state.batches.get(&id)?;
    Some((batch, batch.plan.as_ref()?, state.batch_definition(batch)?))
}

/// The slots in (`after`, `last`] that get their chance, oldest first: those on time, and of the late ones those
/// that the policy makes up for. Looked at from the newest, so that the number of the others does not matter.
fn choose(
    state: &State,
    definition: &Definition,
    timing: &Timing<'_>,
    after: Timestamp,
    last: Timestamp,
    at: Timestamp,
) -> Vec<NextSlot> {
    let policy = &definition.schedule.policy;
    let within_us = match policy.misfire_within_seconds {
        Some(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX / 2_000_000) * 1_000_000,
        None => i64::try_from(state.settings.catch_up_ms).unwrap_or(i64::MAX / 2_000) * 1_000,
    };
    let late_max = policy.misfire_max.unwrap_or(MADE_UP_DEFAULT) as usize;
    let mut chosen = Vec::new();
    let mut late = 0;
    for slot in timing.back_from(last, after) {
        let lateness_us = at.0.saturating_sub(slot.due.0);
        if lateness_us > ON_TIME_US {
            late += 1;
            let is_made_up_for = match policy.misfire {
                Misfire::Latest => chosen.is_empty() && lateness_us <= within_us,
                Misfire::All => late <= late_max,
                Misfire::Within => late <= late_max && lateness_us <= within_us,
                Misfire::Skip => false,
            };
            if !is_made_up_for {
                break;
            }
        }
        chosen.push(slot);
    }
    chosen.reverse();
    chosen
}

/// One event for all slots in (`after`, `last`] before the chosen ones.
fn missed(
    batch: &Batch,
    timing: &Timing<'_>,
    after: Timestamp,
    last: Timestamp,
    chosen: &[NextSlot],
    events: &mut Vec<Event>,
) {
    let until = match chosen.first() {
        Some(first) => first.slot.plus_us(-1),
        None => last,
    };
    if let Some(passed) = Passed::between(batch, timing, after, until) {
        let next = chosen.first().copied().or_else(|| timing.next(last));
        let reason = "they passed while the scheduler was away or held up";
        events.push(passed.missed(reason, next));
    }
}

/// A run of the batch is over: the oldest slot that waits gets its chance, whatever the schedule is by now.
pub(crate) fn fire_queued(
    state: &State,
    id: BatchId,
    at: Timestamp,
    ids: &mut RunIds,
) -> Vec<Event> {
    let Some((batch, plan, definition)) = planned(state, id) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    for waiting in &plan.queue {
        let mut firing = Firing::new(state, batch, plan, definition, at);
        let before = events.len();
        firing.run(*waiting, plan.next, ids, &mut events);
        let has_run = events[before..]
            .iter()
            .any(|event| matches!(event, Event::RunCreated(_)));
        if has_run {
            break;
        }
    }
    events
}
