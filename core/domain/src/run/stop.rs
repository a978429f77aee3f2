//! A run is stopped: by somebody, by its deadline, or because its batch is removed.
//!
//! What has not started ends at once. Leased attempts end when their runner reports them: the engine tells
//! the runner to stop them once the request is durable.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{Principal, check_write};
use crate::batch::{Batch, bounded, resumed};
use crate::event::{
    BatchRunsCancelled, Event, RunCancelRequested, RunDeadlinePassed, TaskFinished, TaskQueued,
    TaskSkipped,
};
use crate::flow;
use crate::ids::{BatchId, RunId};
use crate::limits::{CANCEL_STEP_MS, CANCELS_PER_STEP, EVENTS_PER_WAKE_MAX, TIMERS_PER_WAKE_MAX};
use crate::ranges::TaskRuns;
use crate::rejection::Rejection;
use crate::run::create::open;
use crate::run::{Run, Stop, TaskStatus};
use crate::slots::{self, RunIds};
use crate::state::{State, Timer};
use crate::time::Timestamp;
use crate::trigger;

/// A run is to be ended at another instant than was said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunEndMoved {
    /// The run.
    pub run: RunId,
    /// Its batch.
    pub batch: BatchId,
    /// When it is ended if it still goes on, started or not.
    pub ends_at: Timestamp,
}

pub(crate) fn cancel(
    state: &State,
    principal: &Principal,
    id: RunId,
    reason: Option<&str>,
) -> Result<Vec<Event>, Rejection> {
    let run = state.runs.get(&id).ok_or(Rejection::UnknownRun { id })?;
    if let Some(used) = state.definitions.get(&run.definition) {
        check_write(principal, "cancel", used.graph.definition())?;
    }
    Ok(request(run, reason))
}

/// The runs of a batch that go on, or those of them with a label.
pub(crate) fn cancel_of_batch(
    state: &State,
    principal: &Principal,
    id: BatchId,
    label: Option<&str>,
    reason: Option<&str>,
) -> Result<Vec<Event>, Rejection> {
    let batch = state.check_batch_write(principal, "cancel runs of", id)?;
    let is_open = |run: &&Run| !run.is_cancelling() && run.cancel_at.is_none();
    if of_batch(state, batch, label).find(is_open).is_none() {
        return Ok(Vec::new());
    }
    Ok(vec![
        BatchRunsCancelled {
            batch: id,
            label: label.map(str::to_owned),
            reason: reason.map(bounded),
        }
        .into(),
    ])
}

fn of_batch<'a>(
    state: &'a State,
    batch: &'a Batch,
    label: Option<&'a str>,
) -> impl Iterator<Item = &'a Run> {
    let runs = batch.live_runs.iter().filter_map(|id| state.runs.get(id));
    runs.filter(move |run| {
        let has = |wanted: &str| {
            let used = state.definitions.get(&run.definition);
            used.is_some_and(|used| used.graph.definition().labels.iter().any(|l| l == wanted))
        };
        label.is_none_or(has)
    })
}

pub(crate) fn evolve_cancelled_of_batch(
    state: &mut State,
    event: &BatchRunsCancelled,
    at: Timestamp,
) {
    let Some(batch) = state.batches.get(&event.batch) else {
        return;
    };
    let runs = of_batch(state, batch, event.label.as_deref());
    let runs: Vec<RunId> = runs.map(|run| run.id).collect();
    let reason = event.reason.as_deref().unwrap_or("cancelled");
    cancel_by_and_by(state, runs.into_iter(), reason, at);
}

const LATE: &str = "it did not start in time";

/// Asks once; a second request changes nothing.
pub(crate) fn request(run: &Run, reason: Option<&str>) -> Vec<Event> {
    if run.is_cancelling() {
        return Vec::new();
    }
    vec![
        RunCancelRequested {
            run: run.id,
            batch: run.batch,
            reason: reason.map(bounded),
        }
        .into(),
    ]
}

/// Ends every task run without a live attempt.
pub(crate) fn stop(state: &State, id: RunId) -> Vec<Event> {
    let Some(run) = state.runs.get(&id) else {
        return Vec::new();
    };
    let idle = (0..run.task_runs()).filter(|&node| {
        !run.nodes[node as usize].status.is_final() && !run.live.contains_key(&node)
    });
    let task_runs = TaskRuns::from_indexes(id, idle);
    if task_runs.is_empty() {
        return Vec::new();
    }
    let event = match &run.stop {
        Some(Stop::Deadline) => TaskSkipped {
            run: id,
            batch: run.batch,
            task_runs,
            reason: "fail_after".to_owned(),
            because: None,
        }
        .into(),
        Some(Stop::Cancel(_)) | None => TaskFinished {
            run: id,
            batch: run.batch,
            task_runs,
            status: TaskStatus::Cancelled,
            reason: Some("cancelled".to_owned()),
        }
        .into(),
    };
    vec![event]
}

/// Time has passed: retries are queued, deadlines end runs, pauses end, slots get their chance. At most
/// [`TIMERS_PER_WAKE_MAX`] at once.
pub(crate) fn wake(state: &State, at: Timestamp) -> Vec<Event> {
    let due: Vec<Timer> = state
        .timers
        .iter()
        .take_while(|(due, _)| *due <= at)
        .take(TIMERS_PER_WAKE_MAX)
        .map(|(_, timer)| *timer)
        .collect();
    let mut events = ends(state, &due);
    // A slot finds the runs that end now over: it gets its chance at the next wake, which follows at once.
    let is_for_slots = events.is_empty();
    // So does one whose batch was just started by a signal: which runs go on is its policy's business.
    let mut signalled = BTreeSet::new();
    let mut retries: BTreeMap<RunId, BTreeSet<u32>> = BTreeMap::new();
    let mut ids = RunIds::of(state);
    let mut has_filled = false;
    for timer in due {
        // What is left is due at the next wake.
        if events.len() >= EVENTS_PER_WAKE_MAX {
            break;
        }
        match timer {
            Timer::Retry(run, node) => {
                retries.entry(run).or_default().insert(node);
            }
            Timer::Resume(id) => {
                if let Some(batch) = state.batches.get(&id) {
                    events.extend(resumed(state, batch, at));
                }
            }
            Timer::Slot(id) if is_for_slots && !signalled.contains(&id) => {
                events.extend(slots::fire_due(state, id, at, &mut ids));
            }
            Timer::Cancel(id) => events.extend(cancelled(state, id)),
            // One set at a time: each numbers its flows on.
            Timer::FillFlows(id) if !has_filled => {
                has_filled = true;
                events.extend(flow::fill(state, id));
            }
            Timer::Signal(id) => {
                signalled.insert(id);
                events.extend(trigger::fire_held(state, id, at, &mut ids));
            }
            Timer::Open(id) => {
                if is_over_by(state, id, at) {
                    continue;
                }
                events.extend(open(state, id, at));
            }
            Timer::Slot(_) | Timer::StartBy(_) | Timer::Deadline(_) | Timer::FillFlows(_) => {}
        }
    }
    let ending = ended_once(&mut events);
    // A run that ends now gets no further attempts, even if one is due at the same moment.
    retries.retain(|id, _| !ending.contains(id));
    for (id, nodes) in retries {
        if let Some(run) = state.runs.get(&id) {
            events.push(
                TaskQueued {
                    run: id,
                    batch: run.batch,
                    task_runs: TaskRuns::from_indexes(id, nodes),
                }
                .into(),
            );
        }
    }
    events
}

/// The runs that end by these events. Two reasons to cancel one at the same moment are one.
fn ended_once(events: &mut Vec<Event>) -> BTreeSet<RunId> {
    let mut ending = BTreeSet::new();
    let mut cancelled = BTreeSet::new();
    events.retain(|event| {
        if let Event::RunDeadlinePassed(event) = event {
            ending.insert(event.run);
        }
        let Event::RunCancelRequested(event) = event else {
            return true;
        };
        cancelled.insert(event.run)
    });
    ending.extend(cancelled);
    ending
}

/// Whether a run ends no later than now, so that it need not begin.
fn is_over_by(state: &State, id: RunId, at: Timestamp) -> bool {
    let deadline = state.runs.get(&id).and_then(|run| run.deadline);
    deadline.is_some_and(|deadline| deadline <= at)
}

/// Has a run end at another instant.
pub(crate) fn move_end(
    state: &State,
    principal: &Principal,
    id: RunId,
    ends_at: Timestamp,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let run = state.runs.get(&id).ok_or(Rejection::UnknownRun { id })?;
    if let Some(used) = state.definitions.get(&run.definition) {
        check_write(principal, "cancel", used.graph.definition())?;
    }
    if run.starts_at.unwrap_or(at).max(at) >= ends_at {
        return Err(Rejection::invalid(
            "ends_at",
            "a run must end after it starts, and later than now; cancel it to end it at once",
        ));
    }
    if run.is_stopping() || run.deadline == Some(ends_at) {
        return Ok(Vec::new());
    }
    Ok(vec![
        RunEndMoved {
            run: id,
            batch: run.batch,
            ends_at,
        }
        .into(),
    ])
}

fn cancelled(state: &State, id: RunId) -> Vec<Event> {
    let run = state.runs.get(&id);
    let asked = run.and_then(|run| Some((run, run.cancel_at.as_ref()?)));
    asked
        .map(|(run, (_, reason))| request(run, Some(reason)))
        .unwrap_or_default()
}

/// Many runs are to end: so many at a time, and something else may happen in between. One commit for all would hold
/// everything up.
pub(crate) fn cancel_by_and_by(
    state: &mut State,
    runs: impl Iterator<Item = RunId>,
    reason: &str,
    at: Timestamp,
) {
    for (index, id) in (0..).zip(runs) {
        let at = at.plus_ms(index / CANCELS_PER_STEP * CANCEL_STEP_MS);
        let run = state.runs.get_mut(&id);
        let Some(run) = run.filter(|run| !run.is_cancelling() && run.cancel_at.is_none()) else {
            continue;
        };
        run.cancel_at = Some((at, reason.to_owned()));
        state.timers.insert((at, Timer::Cancel(id)));
    }
}

/// Runs that did not start in time, or went on too long.
fn ends(state: &State, due: &[Timer]) -> Vec<Event> {
    let mut events = Vec::new();
    for timer in due {
        match timer {
            Timer::StartBy(id) => {
                let run = state.runs.get(id);
                events.extend(run.into_iter().flat_map(|run| request(run, Some(LATE))));
            }
            Timer::Deadline(id) => {
                if let Some(run) = state.runs.get(id) {
                    let batch = run.batch;
                    events.push(RunDeadlinePassed { run: *id, batch }.into());
                }
            }
            Timer::Retry(..)
            | Timer::Resume(_)
            | Timer::Slot(_)
            | Timer::Signal(_)
            | Timer::Open(_)
            | Timer::Cancel(_)
            | Timer::FillFlows(_) => {}
        }
    }
    events
}
