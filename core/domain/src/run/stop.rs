//! A run is stopped: by somebody, by its deadline, or because its batch is removed.
//!
//! What has not started ends at once. Leased attempts end when their runner reports them: the engine tells
//! the runner to stop them once the request is durable.

use crate::access::{Principal, check_write};
use crate::batch::{bounded, resumed};
use crate::event::{
    Event, RunCancelRequested, RunDeadlinePassed, TaskFinished, TaskQueued, TaskSkipped,
};
use crate::ids::RunId;
use crate::limits::{EVENTS_PER_WAKE_MAX, TIMERS_PER_WAKE_MAX};
use crate::ranges::TaskRuns;
use crate::rejection::Rejection;
use crate::run::{Run, Stop, TaskStatus};
use crate::slots::{self, RunIds};
use crate::state::{State, Timer};
use crate::time::Timestamp;

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

/// Asks once; a second request changes nothing.
pub(crate) fn request(run: &Run, reason: Option<&str>) -> Vec<Event> {
    if matches!(run.stop, Some(Stop::Cancel(_))) {
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
    let mut events: Vec<Event> = Vec::new();
    let mut retries: std::collections::BTreeMap<RunId, std::collections::BTreeSet<u32>> =
        std::collections::BTreeMap::new();
    let mut ending = std::collections::BTreeSet::new();
    let mut ids = RunIds::of(state);
    let due = state.timers.iter().take_while(|(due, _)| *due <= at);
    for (_, timer) in due.take(TIMERS_PER_WAKE_MAX) {
        // What is left is due at the next wake, which follows at once.
        if events.len() >= EVENTS_PER_WAKE_MAX {
            break;
        }
        match timer {
            Timer::Retry(run, node) => {
                retries.entry(*run).or_default().insert(*node);
            }
            Timer::StartBy(id) => {
                if let Some(run) = state.runs.get(id) {
                    ending.insert(*id);
                    events.extend(request(run, Some("it did not start in time")));
                }
            }
            Timer::Resume(id) => {
                if let Some(batch) = state.batches.get(id) {
                    events.extend(resumed(state, batch, at));
                }
            }
            Timer::Slot(id) => events.extend(slots::fire_due(state, *id, at, &mut ids)),
            Timer::Deadline(id) => {
                if let Some(run) = state.runs.get(id) {
                    ending.insert(*id);
                    events.push(
                        RunDeadlinePassed {
                            run: *id,
                            batch: run.batch,
                        }
                        .into(),
                    );
                }
            }
        }
    }
    // Two reasons to cancel a run at the same moment are one.
    let mut cancelled = std::collections::BTreeSet::new();
    events.retain(|event| {
        let Event::RunCancelRequested(event) = event else {
            return true;
        };
        cancelled.insert(event.run)
    });
    // A run that ends now gets no further attempts, even if one is due at the same moment.
    retries.retain(|id, _| !ending.contains(id) && !cancelled.contains(id));
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
