//! Slots that are due: which fire, which are missed.

use crate::batch::Batch;
use crate::definition::Definition;
use crate::event::Event;
use crate::ids::BatchId;
use crate::slots::fire::Firing;
use crate::slots::passed::Passed;
use crate::slots::policy::{MADE_UP_DEFAULT, MADE_UP_MAX, Misfire};
use crate::slots::timing::{ON_TIME_US, RunIds, Timing};
use crate::slots::{NextSlot, Plan};
use crate::state::State;
use crate::time::Timestamp;

/// Everything that the plan of a batch calls for at `at`.
pub(crate) fn fire_due(state: &State, id: BatchId, at: Timestamp, ids: &mut RunIds) -> Vec<Event> {
    let Some((batch, plan, definition)) = planned(state, id) else {
        return Vec::new();
    };
    let Some(timing) = state.timing(batch) else {
        return Vec::new();
    };
    let Some(next) = plan.next.filter(|next| next.due <= at && !batch.paused) else {
        return Vec::new();
    };
    let last = timing.last_due(next.slot, at);
    let chosen = choose(state, definition, &timing, plan.after, last, at);
    let mut events = Vec::new();
    missed(batch, &timing, plan.after, last, &chosen, &mut events);
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
    let mut slot = Some(last);
    while let Some(this) = slot.filter(|slot| *slot > after)
        && chosen.len() < MADE_UP_MAX as usize
    {
        let due = timing.due(this);
        let lateness_us = at.0.saturating_sub(due.0);
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
        chosen.push(NextSlot { slot: this, due });
        slot = timing.rule.prev_before(this);
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
    let deadline = definition.schedule.policy.start_deadline_seconds;
    let mut events = Vec::new();
    for waiting in &plan.queue {
        let waited_us = at.0.saturating_sub(waiting.slot.0);
        let is_too_late = deadline
            .and_then(|seconds| i64::try_from(seconds).ok())
            .is_some_and(|seconds| waited_us > seconds.saturating_mul(1_000_000));
        if is_too_late {
            let reason = "its start deadline passed while it waited for an earlier run";
            let passed = Passed::one(batch, waiting.slot);
            events.push(passed.skipped(reason, plan.next));
            continue;
        }
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
