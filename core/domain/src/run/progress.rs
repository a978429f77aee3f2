//! A run moves on: ended attempts become ended task runs or retries, these open or skip what waits for them,
//! and the last one closes the run.

use std::collections::BTreeSet;

use crate::batch::bounded;
use crate::calendar::rundate::{rundate, zone};
use crate::command::{SettledEnd, SettledKind};
use crate::definition::{RetryPolicy, Task};
use crate::event::{
    Event, RunFinished, RunStarted, TaskAttemptFailed, TaskFinished, TaskQueued, TaskSkipped,
};
use crate::graph::Graph;
use crate::ids::{AttemptId, RunId};
use crate::limits::LOST_RETRIES_MAX;
use crate::ranges::{TaskRuns, index_in};
use crate::run::{Run, RunStatus, Stop, TaskStatus};
use crate::slots;
use crate::state::State;
use crate::time::Timestamp;

/// The first attempt of a run was leased.
pub(crate) fn begin(state: &State, id: RunId, at: Timestamp) -> Vec<Event> {
    let Some(run) = state.runs.get(&id).filter(|run| run.started_at.is_none()) else {
        return Vec::new();
    };
    let Some(used) = state.definitions.get(&run.definition) else {
        return Vec::new();
    };
    let schedule = &used.graph.definition().schedule;
    let date = run.rundate.clone().unwrap_or_else(|| {
        let zone = zone(schedule.timezone.as_deref()).unwrap_or(chrono_tz::Tz::UTC);
        rundate(at, zone, schedule.rundate_offset.unwrap_or(0)).to_string()
    });
    vec![
        RunStarted {
            run: id,
            batch: run.batch,
            rundate: date,
            deadline: run
                .fail_after_seconds
                .map(|s| at.plus_ms(s.saturating_mul(1000)))
                .into_iter()
                .chain(run.deadline)
                .min(),
        }
        .into(),
    ]
}

/// Ended attempts: success, another try, or the end of the task run.
pub(crate) fn settle(state: &State, id: RunId, ends: &[SettledEnd], at: Timestamp) -> Vec<Event> {
    let Some(run) = state.runs.get(&id) else {
        return Vec::new();
    };
    let Some(used) = state.definitions.get(&run.definition) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    let mut succeeded = BTreeSet::new();
    for end in ends {
        let Some(index) = index_in(id, end.task_run) else {
            continue;
        };
        match &end.end {
            SettledKind::Success => {
                succeeded.insert(index);
            }
            SettledKind::Stopped => events.push(stopped(run, index)),
            SettledKind::Lost(_) if run.stop.is_some() => events.push(stopped(run, index)),
            SettledKind::Failure(_, reason) | SettledKind::TimedOut(reason) => {
                let task = used.graph.task(used.graph.locate(index).0);
                let failed = u32::from(run.nodes[index as usize].failed);
                let delay = retry_delay(state, task, end, failed);
                failed_attempt(run, end, index, reason, delay, at, &mut events);
            }
            // Among them what a runner stopped that was told to end, which is not counted.
            SettledKind::Lost(reason) => {
                let lost = u32::from(run.nodes[index as usize].lost);
                // A step is tried again by its flow, which counts its tries.
                let again = lost <= LOST_RETRIES_MAX && run.step.is_none();
                let delay = again.then_some(0);
                failed_attempt(run, end, index, reason, delay, at, &mut events);
            }
        }
    }
    if !succeeded.is_empty() {
        let finished = TaskFinished {
            run: id,
            batch: run.batch,
            task_runs: TaskRuns::from_indexes(id, succeeded),
            status: TaskStatus::Success,
            reason: None,
        };
        events.insert(0, finished.into());
    }
    events
}

/// Wait before the next attempt of a task that failed so often; `None` when it is not tried again.
fn retry_delay(state: &State, task: &Task, end: &SettledEnd, failed: u32) -> Option<u64> {
    let default = state.settings.retry_delay_ms;
    let Some(options) = task.options.as_ref() else {
        return (failed <= task.retries).then_some(default);
    };
    let policy = options.retry.as_ref();
    let is_worth_it = match &end.end {
        SettledKind::Failure(outcome, _) => policy.is_none_or(|it| it.takes(outcome)),
        SettledKind::TimedOut(_) => {
            !options.timeout_is_final && policy.is_none_or(|it| it.only_codes.is_empty())
        }
        SettledKind::Success | SettledKind::Lost(_) | SettledKind::Stopped => false,
    };
    let after = AttemptId {
        task_run: end.task_run,
        number: end.number,
    };
    let delay = |it: &RetryPolicy| it.delay_ms(failed, default, &state.seed, after);
    (failed <= task.retries && is_worth_it).then(|| policy.map_or(default, delay))
}

fn failed_attempt(
    run: &Run,
    end: &SettledEnd,
    index: u32,
    reason: &str,
    delay_ms: Option<u64>,
    at: Timestamp,
    events: &mut Vec<Event>,
) {
    let delay_ms = delay_ms.filter(|_| run.stop.is_none());
    let reason = bounded(reason);
    events.push(
        TaskAttemptFailed {
            run: run.id,
            batch: run.batch,
            task_run: end.task_run,
            number: end.number,
            reason: reason.clone(),
            retry_at: delay_ms.map(|delay| at.plus_ms(delay)),
        }
        .into(),
    );
    if delay_ms.is_none() {
        events.push(
            TaskFinished {
                run: run.id,
                batch: run.batch,
                task_runs: TaskRuns::from_indexes(run.id, [index]),
                status: TaskStatus::Failure,
                reason: Some(reason),
            }
            .into(),
        );
    }
}

/// An attempt was ended because its run is to stop: cancelled, or a failure when the deadline passed.
fn stopped(run: &Run, index: u32) -> Event {
    let (status, reason) = match &run.stop {
        Some(Stop::Deadline) => (TaskStatus::Failure, "fail_after"),
        Some(Stop::Cancel(_)) | None => (TaskStatus::Cancelled, "cancelled"),
    };
    TaskFinished {
        run: run.id,
        batch: run.batch,
        task_runs: TaskRuns::from_indexes(run.id, [index]),
        status,
        reason: Some(reason.to_owned()),
    }
    .into()
}

/// Some task runs are over: queue what now waits for nothing, skip what waits in vain, close the run.
pub(crate) fn advance(state: &State, id: RunId, ended: &TaskRuns) -> Vec<Event> {
    let Some(run) = state.runs.get(&id) else {
        return Vec::new();
    };
    let Some(used) = state.definitions.get(&run.definition) else {
        return Vec::new();
    };
    let graph: &Graph = &used.graph;
    if run.open == 0 {
        return vec![finish(state, run, graph)];
    }
    if run.stop.is_some() {
        return Vec::new();
    }
    let mut opened = BTreeSet::new();
    let mut in_vain = BTreeSet::new();
    let mut blamed = None;
    let mut last_task = None;
    for index in ended.indexes(id) {
        let (task, _) = graph.locate(index);
        match run.nodes[index as usize].status {
            TaskStatus::Success
                if last_task != Some(task) && run.tasks[task as usize].missing == 0 =>
            {
                let ready = graph
                    .children(task)
                    .iter()
                    .filter(|&&child| run.tasks[child as usize].waits_for == 0);
                opened.extend(ready.copied());
                last_task = Some(task);
            }
            TaskStatus::Failure => {
                blamed = blamed.or(Some(index));
                // Every part that fails comes here: only the first has somebody to skip.
                if run.tasks[task as usize].children_left > 0 {
                    in_vain.extend(graph.children(task).iter().copied());
                }
            }
            TaskStatus::Waiting
            | TaskStatus::Queued
            | TaskStatus::Running
            | TaskStatus::Success
            | TaskStatus::Skipped
            | TaskStatus::Cancelled => {}
        }
    }
    let mut events = Vec::new();
    events.extend(queue_tasks(run, graph, &opened));
    events.extend(skip_downstream(run, graph, in_vain, blamed));
    events
}

fn waiting_nodes(run: &Run, graph: &Graph, tasks: &BTreeSet<u32>) -> TaskRuns {
    let nodes = tasks
        .iter()
        .flat_map(|&task| graph.nodes(task))
        .filter(|&node| run.nodes[node as usize].status == TaskStatus::Waiting);
    TaskRuns::from_indexes(run.id, nodes)
}

fn queue_tasks(run: &Run, graph: &Graph, tasks: &BTreeSet<u32>) -> Option<Event> {
    let task_runs = waiting_nodes(run, graph, tasks);
    (!task_runs.is_empty()).then(|| {
        TaskQueued {
            run: run.id,
            batch: run.batch,
            task_runs,
        }
        .into()
    })
}

fn skip_downstream(
    run: &Run,
    graph: &Graph,
    roots: BTreeSet<u32>,
    blamed: Option<u32>,
) -> Option<Event> {
    let mut reached = BTreeSet::new();
    let mut stack: Vec<u32> = roots.into_iter().collect();
    while let Some(task) = stack.pop() {
        // What was skipped already is not walked through again.
        if !run.tasks[task as usize].is_skipped && reached.insert(task) {
            stack.extend_from_slice(graph.children(task));
        }
    }
    let task_runs = waiting_nodes(run, graph, &reached);
    if task_runs.is_empty() {
        return None;
    }
    let blamed = blamed?;
    Some(
        TaskSkipped {
            run: run.id,
            batch: run.batch,
            task_runs,
            reason: format!("`{}` did not succeed", graph.node_name(blamed)),
            because: Some(run.id.task_run(blamed)),
        }
        .into(),
    )
}

fn finish(state: &State, run: &Run, graph: &Graph) -> Event {
    let failed = || {
        run.first_failure
            .map(|index| format!("`{}` failed", graph.node_name(index)))
    };
    let (status, reason) = match &run.stop {
        Some(Stop::Cancel(reason)) => (
            RunStatus::Cancelled,
            Some(reason.clone().unwrap_or_else(|| "cancelled".to_owned())),
        ),
        Some(Stop::Deadline) => (RunStatus::Failure, Some("fail_after".to_owned())),
        None if run.has_failure => (RunStatus::Failure, failed()),
        None => (RunStatus::Success, None),
    };
    RunFinished {
        run: run.id,
        batch: run.batch,
        status,
        reason,
        starts: slots::children_of(state, run, status),
    }
    .into()
}
