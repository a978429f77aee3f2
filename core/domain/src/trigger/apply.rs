//! What the events of triggers do to the state: signals that wait, with one timer a batch for the earliest.

use super::Held;
use crate::batch::Batch;
use crate::event::{TriggerFired, TriggerHeld, TriggerIgnored};
use crate::ids::BatchId;
use crate::state::{State, Timer};
use crate::time::Timestamp;

pub(crate) fn held(state: &mut State, event: &TriggerHeld) {
    change(state, event.batch, |batch| {
        let held = Held {
            signal: event.signal.clone(),
            since: event.since,
            due: event.due,
        };
        batch.held.insert(event.signal.trigger.clone(), held);
    });
}

pub(crate) fn fired(state: &mut State, event: &TriggerFired) {
    over(state, event.batch, &event.trigger, &event.signal);
}

pub(crate) fn ignored(state: &mut State, event: &TriggerIgnored) {
    over(state, event.batch, &event.trigger, &event.signal);
}

/// A batch is gone, with its timer.
pub(crate) fn clear(state: &mut State, batch: &Batch) {
    if let Some(due) = earliest(batch) {
        state.timers.remove(&(due, Timer::Signal(batch.id)));
    }
}

/// The signal waits no more, if it is the one that waited.
fn over(state: &mut State, batch: BatchId, trigger: &str, signal: &str) {
    change(state, batch, |batch| {
        let held = batch.held.get(trigger);
        if held.is_some_and(|held| held.signal.id == signal) {
            batch.held.remove(trigger);
        }
    });
}

fn change(state: &mut State, id: BatchId, change: impl FnOnce(&mut Batch)) {
    let Some(batch) = state.batches.get_mut(&id) else {
        return;
    };
    let before = earliest(batch);
    change(batch);
    let after = earliest(batch);
    if let Some(due) = before {
        state.timers.remove(&(due, Timer::Signal(id)));
    }
    if let Some(due) = after {
        state.timers.insert((due, Timer::Signal(id)));
    }
}

fn earliest(batch: &Batch) -> Option<Timestamp> {
    batch.held.values().map(|held| held.due).min()
}
