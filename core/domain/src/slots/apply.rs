//! What the events of schedules do to the state. Never decides, never fails.

use std::collections::VecDeque;

use crate::event::{
    BatchPaused, BatchResumed, BatchSaved, ScheduleCancelled, ScheduleFired, ScheduleMissed,
    SchedulePlanned, ScheduleQueued, ScheduleSkipped, ScheduleSuperseded,
};
use crate::ids::BatchId;
use crate::slots::{NextSlot, Plan};
use crate::state::{State, Timer};
use crate::time::Timestamp;

pub(crate) fn planned(state: &mut State, event: &SchedulePlanned) {
    let Some(batch) = state.batches.get_mut(&event.batch) else {
        return;
    };
    let queue = batch.plan.take().map_or_else(VecDeque::new, |plan| {
        if let Some(next) = plan.next {
            state.timers.remove(&(next.due, Timer::Slot(event.batch)));
        }
        plan.queue
    });
    // Without a next slot and with nothing that waits there is no plan, but a schedule that has come to its end
    // keeps one: its slots are all accounted for.
    batch.plan = Some(Plan {
        after: event.after,
        next: None,
        queue,
    });
    advance(state, event.batch, event.after, event.next);
}

pub(crate) fn fired(state: &mut State, event: &ScheduleFired) {
    dequeue(state, event.batch, event.slot, event.slot);
    advance(state, event.batch, event.slot, event.next);
}

pub(crate) fn queued(state: &mut State, event: &ScheduleQueued) {
    if let Some(plan) = plan_mut(state, event.batch) {
        plan.queue.push_back(NextSlot {
            slot: event.slot,
            due: event.due,
        });
    }
    advance(state, event.batch, event.slot, event.next);
}

pub(crate) fn missed(state: &mut State, event: &ScheduleMissed) {
    advance(state, event.batch, event.last, event.next);
}

pub(crate) fn skipped(state: &mut State, event: &ScheduleSkipped) {
    dequeue(state, event.batch, event.first, event.last);
    advance(state, event.batch, event.last, event.next);
}

pub(crate) fn superseded(state: &mut State, event: &ScheduleSuperseded) {
    dequeue(state, event.batch, event.first, event.last);
    advance(state, event.batch, event.last, event.next);
}

pub(crate) fn cancelled(state: &mut State, event: &ScheduleCancelled) {
    dequeue(state, event.batch, event.first, event.last);
    advance(state, event.batch, event.last, event.next);
}

/// The batch whose ends start this one.
pub(crate) fn saved(state: &mut State, event: &BatchSaved) {
    let Some(batch) = state.batches.get_mut(&event.batch) else {
        return;
    };
    let before = std::mem::replace(&mut batch.runs_after, event.runs_after);
    if let Some(target) = before {
        unfollow(state, target, event.batch);
    }
    if let Some(target) = event.runs_after {
        state
            .followers
            .entry(target)
            .or_default()
            .insert(event.batch);
    }
}

pub(crate) fn paused(state: &mut State, event: &BatchPaused) {
    let Some(batch) = state.batches.get_mut(&event.batch) else {
        return;
    };
    batch.paused = true;
    batch.pause_reason.clone_from(&event.reason);
    let before = std::mem::replace(&mut batch.resume_at, event.until);
    if let Some(before) = before {
        state.timers.remove(&(before, Timer::Resume(event.batch)));
    }
    if let Some(next) = batch.plan.as_ref().and_then(|plan| plan.next) {
        state.timers.remove(&(next.due, Timer::Slot(event.batch)));
    }
    if let Some(until) = event.until {
        state.timers.insert((until, Timer::Resume(event.batch)));
    }
}

pub(crate) fn resumed(state: &mut State, event: &BatchResumed) {
    let Some(batch) = state.batches.get_mut(&event.batch) else {
        return;
    };
    batch.paused = false;
    batch.pause_reason = None;
    if let Some(until) = batch.resume_at.take() {
        state.timers.remove(&(until, Timer::Resume(event.batch)));
    }
    if let Some(next) = batch.plan.as_ref().and_then(|plan| plan.next) {
        state.timers.insert((next.due, Timer::Slot(event.batch)));
    }
}

/// A batch is gone, with its timers and links.
pub(crate) fn unplanned(state: &mut State, batch: &crate::batch::Batch) {
    if let Some(next) = batch.plan.as_ref().and_then(|plan| plan.next) {
        state.timers.remove(&(next.due, Timer::Slot(batch.id)));
    }
    if let Some(until) = batch.resume_at {
        state.timers.remove(&(until, Timer::Resume(batch.id)));
    }
    if let Some(target) = batch.runs_after {
        unfollow(state, target, batch.id);
    }
    // Those that ran after it are started by hand from now on.
    for follower in state.followers.remove(&batch.id).unwrap_or_default() {
        if let Some(follower) = state.batches.get_mut(&follower) {
            follower.runs_after = None;
        }
    }
}

fn unfollow(state: &mut State, target: BatchId, follower: BatchId) {
    if let Some(followers) = state.followers.get_mut(&target) {
        followers.remove(&follower);
        if followers.is_empty() {
            state.followers.remove(&target);
        }
    }
}

fn plan_mut(state: &mut State, batch: BatchId) -> Option<&mut Plan> {
    state.batches.get_mut(&batch)?.plan.as_mut()
}

fn dequeue(state: &mut State, batch: BatchId, first: Timestamp, last: Timestamp) {
    if let Some(plan) = plan_mut(state, batch) {
        plan.queue
            .retain(|waiting| waiting.slot < first || waiting.slot > last);
    }
}

/// The mark only grows; the timer goes with the next slot.
fn advance(state: &mut State, id: BatchId, mark: Timestamp, next: Option<NextSlot>) {
    let Some(batch) = state.batches.get_mut(&id) else {
        return;
    };
    let Some(plan) = &mut batch.plan else {
        return;
    };
    plan.after = plan.after.max(mark);
    let before = std::mem::replace(&mut plan.next, next);
    if let Some(before) = before {
        state.timers.remove(&(before.due, Timer::Slot(id)));
    }
    if let Some(next) = next.filter(|_| !batch.paused) {
        state.timers.insert((next.due, Timer::Slot(id)));
    }
}
