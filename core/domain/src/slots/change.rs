//! The schedule itself changes: saved anew, paused, resumed, deleted, read by another zone database.

use crate::batch::Batch;
use crate::definition::Definition;
use crate::event::{Event, SchedulePlanned};
use crate::ids::BatchId;
use crate::slots::NextSlot;
use crate::slots::due::{fire_due, unreadable};
use crate::slots::passed::Passed;
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
    if let Some(passed) = Passed::between(batch, &timing, mark, at) {
        let reason = "its schedule was changed before its delay was over";
        events.push(passed.skipped(reason, timing.next(passed.last())));
    }
    events
}

/// Slots of a batch that goes away: those that wait, and those that passed unseen.
pub(crate) fn close_for_end(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    let unseen = batch.plan.as_ref().and_then(|plan| {
        let timing = state.timing(batch)?;
        Passed::between(batch, &timing, plan.after, at)
    });
    let waiting = Passed::waiting(batch);
    let all = waiting.into_iter().chain(unseen);
    all.map(|passed| passed.cancelled("its batch was deleted", None))
        .collect()
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
    if has_plan && before.is_some_and(|it| it.schedule.has_slots_of(&definition.schedule)) {
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

/// What passed in a pause was skipped.
pub(crate) fn passed_in_pause(state: &State, batch: &Batch, at: Timestamp) -> Vec<Event> {
    let (Some(plan), Some(timing)) = (&batch.plan, state.timing(batch)) else {
        return Vec::new();
    };
    let passed = Passed::between(batch, &timing, plan.after, at);
    let skipped = |it: Passed<'_>| it.skipped("its batch was paused", timing.next(it.last()));
    passed.map(skipped).into_iter().collect()
}

/// Plans whose next slot is another one by the rules of this build: a zone has changed its mind.
pub(crate) fn replan(state: &State) -> Vec<Event> {
    let mut events = Vec::new();
    for batch in state.batches.values() {
        let Some(plan) = &batch.plan else {
            continue;
        };
        let Some(timing) = state.timing(batch) else {
            let next = plan.next.map(|next| unreadable(state, batch, plan, next));
            events.extend(next.into_iter().flatten());
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
