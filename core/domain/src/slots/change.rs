//! The schedule itself changes: saved anew, paused, resumed, deleted, read by another zone database.

use crate::batch::Batch;
use crate::definition::Definition;
use crate::event::{Event, ScheduleCancelled, SchedulePlanned, ScheduleSkipped};
use crate::ids::BatchId;
use crate::slots::NextSlot;
use crate::slots::due::fire_due;
use crate::slots::timing::{RunIds, Timing};
use crate::state::State;
use crate::time::Timestamp;

/// Slots of the old schedule that were due when a new one is saved: they get what they would have got.
pub(crate) fn close_for_change(
    state: &State,
    batch: &Batch,
    at: Timestamp,
    ids: &mut RunIds,
) -> Vec<Event> {
    if batch.paused {
        return passed_in_pause(state, batch, at);
    }
    let mut events = fire_due(state, batch.id, at, ids);
    let (Some(plan), Some(timing)) = (&batch.plan, state.timing(batch)) else {
        return events;
    };
    // Slots that came, but whose jitter had not passed.
    let due = plan.next.filter(|next| next.due <= at);
    let mark = due.map_or(plan.after, |next| timing.last_due(next.slot, at));
    if let Some((first, last, count)) = passed(&timing, mark, at) {
        let event = ScheduleSkipped {
            batch: batch.id,
            version: batch.version,
            first,
            last,
            count,
            reason: "its schedule was changed before its delay was over".to_owned(),
            next: timing.next(last),
        };
        events.push(event.into());
    }
    events
}

/// Slots of a batch that goes away: those that wait, and those that passed unseen.
pub(crate) fn close_for_end(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    let (Some(plan), Some(timing)) = (&batch.plan, state.timing(batch)) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    let mut cancel = |first, last, count| {
        let event = ScheduleCancelled {
            batch: batch.id,
            version: batch.version,
            first,
            last,
            count,
            reason: "its batch was deleted".to_owned(),
            next: None,
        };
        events.push(event.into());
    };
    if let (Some(first), Some(last)) = (plan.queue.front(), plan.queue.back()) {
        cancel(first.slot, last.slot, plan.queue.len() as u64);
    }
    if let Some((first, last, count)) = passed(&timing, plan.after, at) {
        cancel(first, last, count);
    }
    events
}

/// The plan of a batch that is saved; `None` when no rule starts it and none did.
pub(crate) fn plan_event(
    state: &State,
    known: Option<&Batch>,
    id: BatchId,
    version: u32,
    definition: &Definition,
    at: Timestamp,
) -> Option<Event> {
    let before = known.and_then(|batch| state.batch_definition(batch));
    let has_plan = known.is_some_and(|batch| batch.plan.is_some());
    let timing = Timing::of(state, id, definition);
    if timing.is_none() && !has_plan {
        return None;
    }
    if has_plan && before.is_some_and(|before| before.schedule == definition.schedule) {
        return None;
    }
    let event = SchedulePlanned {
        batch: id,
        version,
        after: at,
        next: timing.and_then(|timing| timing.next(at)),
    };
    Some(event.into())
}

/// The slot after an instant, by a definition that may not be saved yet.
pub(crate) fn next_slot(
    state: &State,
    id: BatchId,
    definition: &Definition,
    after: Timestamp,
) -> Option<NextSlot> {
    Timing::of(state, id, definition)?.next(after)
}

/// The schedule goes on after a pause: what passed meanwhile was skipped.
pub(crate) fn resume_events(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    passed_in_pause(state, batch, at)
}

fn passed_in_pause(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    let (Some(plan), Some(timing)) = (&batch.plan, state.timing(batch)) else {
        return Vec::new();
    };
    let Some((first, last, count)) = passed(&timing, plan.after, at) else {
        return Vec::new();
    };
    let event = ScheduleSkipped {
        batch: batch.id,
        version: batch.version,
        first,
        last,
        count,
        reason: "its batch was paused".to_owned(),
        next: timing.next(last),
    };
    vec![event.into()]
}

/// First, last and number of the slots in (`after`, `at`].
fn passed(
    timing: &Timing<'_>,
    after: Timestamp,
    at: Timestamp,
) -> Option<(Timestamp, Timestamp, u64)> {
    let first = timing.rule.next_after(after)?;
    let last = timing.rule.prev_before(at.plus_us(1))?;
    (first <= last).then(|| (first, last, timing.rule.count_between(after, last)))
}

/// Plans whose next slot is another one by the rules of this build: a zone has changed its mind.
pub(crate) fn replan(state: &State) -> Vec<Event> {
    let mut events = Vec::new();
    for batch in state.batches.values() {
        let (Some(plan), Some(timing)) = (&batch.plan, state.timing(batch)) else {
            continue;
        };
        let next = timing.next(plan.after);
        if next != plan.next {
            let event = SchedulePlanned {
                batch: batch.id,
                version: batch.version,
                after: plan.after,
                next,
            };
            events.push(event.into());
        }
    }
    events
}
