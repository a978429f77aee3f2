//! What the events of runs do to the state. Never decides, never fails: an event that speaks of something
//! unknown changes nothing.

use std::collections::BTreeMap;

use crate::attempt::Outcome;
use crate::backfill;
use crate::definition::PoolUse;
use crate::event::{
    AttemptFinished, AttemptLeased, AttemptStarted, RunCancelRequested, RunCreated,
    RunDeadlinePassed, RunEndMoved, RunFinished, RunStarted, TaskAttemptFailed, TaskFinished,
    TaskQueued, TaskSkipped,
};
use crate::graph::Graph;
use crate::ids::RunId;
use crate::pool;
use crate::ranges::{TaskRuns, index_in};
use crate::ready::ReadyRange;
use crate::run::{LiveAttempt, Node, Run, Stop, TaskProgress, TaskStatus};
use crate::state::{State, Timer};
use crate::time::Timestamp;

pub(crate) fn created(state: &mut State, event: &RunCreated) {
    state.last_id = state.last_id.max(event.run.0 + u64::from(event.task_runs));
    let Some(used) = state.definitions.get(&event.definition) else {
        return;
    };
    let graph = used.graph.clone();
    let tasks = (0..graph.task_count())
        .map(|task| TaskProgress {
            waits_for: u32::try_from(graph.parents(task).len()).unwrap_or(u32::MAX),
            missing: u32::try_from(graph.nodes(task).len()).unwrap_or(u32::MAX),
            is_skipped: false,
            children_left: u32::try_from(graph.children(task).len()).unwrap_or(u32::MAX),
        })
        .collect();
    let mut run = Run {
        id: event.run,
        batch: event.batch,
        batch_name: event.batch_name.clone(),
        tag: event.tag,
        definition: event.definition,
        run_type: event.run_type,
        scheduled_time: event.scheduled_time,
        rundate: event.rundate.clone(),
        started_at: None,
        run_set: event.run_set,
        signal: event.signal.clone(),
        fail_after_seconds: event.fail_after_seconds,
        stop: None,
        nodes: vec![Node::default(); graph.node_count() as usize],
        tasks,
        live: BTreeMap::new(),
        retry_at: BTreeMap::new(),
        deadline: event.ends_at,
        start_by: event.start_by,
        cancel_at: None,
        results: BTreeMap::new(),
        open: graph.node_count(),
        has_failure: false,
        first_failure: None,
        step: event.step,
        starts_at: event.starts_at,
    };
    for reuse in &event.reused {
        if let Some(index) = index_in(event.run, reuse.task_run) {
            if let Some(result) = &reuse.result {
                run.results.insert(index, result.clone());
            }
            end_node(&mut run, &graph, index, TaskStatus::Success);
        }
    }
    state.use_definition(event.definition);
    if let Some(batch) = state.batches.get_mut(&event.batch) {
        batch.live_runs.insert(event.run);
    }
    if let Some(set) = event.run_set.and_then(|id| state.run_sets.get_mut(&id)) {
        set.runs += 1;
        set.live += 1;
        backfill::run_created(set, event);
    }
    set_timers(state, event);
    state.live_task_runs += u64::from(run.task_runs());
    if let Some(replaced) = state.runs.insert(event.run, run) {
        state.live_task_runs -= u64::from(replaced.task_runs());
    }
}

fn set_timers(state: &mut State, event: &RunCreated) {
    if let Some(start_by) = event.start_by {
        state.timers.insert((start_by, Timer::StartBy(event.run)));
    }
    if let Some(starts_at) = event.starts_at {
        state.timers.insert((starts_at, Timer::Open(event.run)));
    }
    if let Some(ends_at) = event.ends_at {
        state.timers.insert((ends_at, Timer::Deadline(event.run)));
    }
}

/// It has started, or is to stop: no deadline for its start any more.
fn forget_start_by(state: &mut State, id: RunId) {
    let start_by = state.runs.get_mut(&id).and_then(|run| run.start_by.take());
    if let Some(start_by) = start_by {
        state.timers.remove(&(start_by, Timer::StartBy(id)));
    }
}

/// Its start has come, or it is to stop before.
fn forget_start(state: &mut State, id: RunId) {
    let starts_at = state.runs.get_mut(&id).and_then(|run| run.starts_at.take());
    if let Some(starts_at) = starts_at {
        state.timers.remove(&(starts_at, Timer::Open(id)));
    }
}

/// It is to stop already, or over.
fn forget_cancel(state: &mut State, id: RunId) {
    let run = state.runs.get_mut(&id);
    if let Some((at, _)) = run.and_then(|run| run.cancel_at.take()) {
        state.timers.remove(&(at, Timer::Cancel(id)));
    }
}

pub(crate) fn started(state: &mut State, event: &RunStarted, at: Timestamp) {
    forget_start_by(state, event.run);
    if let Some(run) = state.runs.get_mut(&event.run) {
        run.started_at = Some(at);
        run.rundate = Some(event.rundate.clone());
        let ends_at = run.deadline;
        set_deadline(state, event.run, event.deadline.or(ends_at));
    }
}

pub(crate) fn end_moved(state: &mut State, event: &RunEndMoved) {
    set_deadline(state, event.run, Some(event.ends_at));
}

fn set_deadline(state: &mut State, id: RunId, deadline: Option<Timestamp>) {
    let Some(run) = state.runs.get_mut(&id) else {
        return;
    };
    if let Some(before) = run.deadline.take() {
        state.timers.remove(&(before, Timer::Deadline(id)));
    }
    run.deadline = deadline;
    if let Some(deadline) = deadline {
        state.timers.insert((deadline, Timer::Deadline(id)));
    }
}

pub(crate) fn cancel_requested(state: &mut State, event: &RunCancelRequested) {
    forget_start_by(state, event.run);
    forget_start(state, event.run);
    forget_cancel(state, event.run);
    if let Some(run) = state.runs.get_mut(&event.run) {
        run.stop = Some(Stop::Cancel(event.reason.clone()));
    }
    state.ready.remove_run(event.run);
}

pub(crate) fn deadline_passed(state: &mut State, event: &RunDeadlinePassed) {
    forget_start(state, event.run);
    if let Some(run) = state.runs.get_mut(&event.run) {
        if run.stop.is_none() {
            run.stop = Some(Stop::Deadline);
        }
        if let Some(deadline) = run.deadline.take() {
            state.timers.remove(&(deadline, Timer::Deadline(event.run)));
        }
    }
    state.ready.remove_run(event.run);
}

pub(crate) fn finished(state: &mut State, event: &RunFinished) {
    forget_start_by(state, event.run);
    forget_start(state, event.run);
    forget_cancel(state, event.run);
    let Some(run) = state.runs.remove(&event.run) else {
        return;
    };
    state.live_task_runs -= u64::from(run.task_runs());
    state.ready.remove_run(event.run);
    if let Some(deadline) = run.deadline {
        state.timers.remove(&(deadline, Timer::Deadline(event.run)));
    }
    for (node, at) in run.retry_at {
        state.timers.remove(&(at, Timer::Retry(event.run, node)));
    }
    if let Some(batch) = state.batches.get_mut(&run.batch) {
        batch.live_runs.remove(&event.run);
    }
    if let Some(set) = run.run_set.and_then(|id| state.run_sets.get_mut(&id)) {
        set.count_end(event.status);
    }
    state.release_definition(run.definition);
}

pub(crate) fn queued(state: &mut State, event: &TaskQueued) {
    forget_start(state, event.run);
    let Some(run) = state.runs.get_mut(&event.run) else {
        return;
    };
    let Some(graph) = state
        .definitions
        .get(&run.definition)
        .map(|used| used.graph.clone())
    else {
        return;
    };
    for index in event.task_runs.indexes(event.run) {
        if let Some(at) = run.retry_at.remove(&index) {
            state.timers.remove(&(at, Timer::Retry(event.run, index)));
        }
        if let Some(node) = run.nodes.get_mut(index as usize) {
            node.move_to(TaskStatus::Queued);
        }
    }
    for (first, last) in event.task_runs.ranges() {
        let bounds = index_in(event.run, *first).zip(index_in(event.run, *last));
        let Some((first, last)) = bounds.filter(|(_, last)| *last < graph.node_count()) else {
            continue;
        };
        enqueue(state, &graph, event.run, first, last + 1);
    }
}

/// Adds positions to the queue, cut where the priority or the share of a pool changes.
fn enqueue(state: &mut State, graph: &Graph, run: RunId, first: u32, end: u32) {
    let default = graph.definition().priority;
    let mut from = first;
    while from < end {
        let (task, _) = graph.locate(from);
        let priority = graph.task(task).priority.unwrap_or(default);
        let pool = graph.task(task).pool();
        let mut to = graph.nodes(task).end;
        let mut next = task + 1;
        while to < end
            && graph.task(next).priority.unwrap_or(default) == priority
            && graph.task(next).pool() == pool
        {
            to = graph.nodes(next).end;
            next += 1;
        }
        let end = to.min(end);
        state.ready.push(
            priority,
            pool,
            ReadyRange {
                run,
                first: from,
                end,
            },
        );
        from = end;
    }
}

/// The share of a pool that attempts at a position take.
fn pool_of(graph: &Graph, index: u32) -> Option<&PoolUse> {
    if index >= graph.node_count() {
        return None;
    }
    graph.task(graph.locate(index).0).pool()
}

pub(crate) fn leased(state: &mut State, event: &AttemptLeased, at: Timestamp) {
    let Some(run) = state.runs.get_mut(&event.run) else {
        return;
    };
    let graph = state
        .definitions
        .get(&run.definition)
        .map(|used| used.graph.clone());
    for lease in &event.leases {
        let Some(index) = index_in(event.run, lease.task_run) else {
            continue;
        };
        let Some(node) = run.nodes.get_mut(index as usize) else {
            continue;
        };
        node.attempts = node.attempts.saturating_add(1);
        run.live.insert(
            index,
            LiveAttempt {
                number: lease.number,
                token: lease.token,
                runner: event.runner.clone(),
                leased_at: at,
                process: None,
                started_at: None,
            },
        );
        state.ready.remove(event.run, index);
        let pool = graph.as_ref().and_then(|graph| pool_of(graph, index));
        if let Some(used) = pool {
            pool::take(&mut state.pools, used, event.run, index);
        }
        if let Some(runner) = state.runners.get_mut(&event.runner) {
            runner.held.insert((event.run, index));
        }
    }
}

pub(crate) fn attempts_started(state: &mut State, event: &AttemptStarted) {
    let Some(run) = state.runs.get_mut(&event.run) else {
        return;
    };
    for start in &event.starts {
        let Some(index) = index_in(event.run, start.task_run) else {
            continue;
        };
        let attempt = run
            .live
            .get_mut(&index)
            .filter(|attempt| attempt.number == start.number);
        if let Some(attempt) = attempt {
            attempt.process = Some(start.process.clone());
            attempt.started_at = Some(start.started_at);
            if let Some(node) = run.nodes.get_mut(index as usize) {
                node.move_to(TaskStatus::Running);
            }
        }
    }
}

pub(crate) fn attempts_finished(state: &mut State, event: &AttemptFinished) {
    let Some(run) = state.runs.get_mut(&event.run) else {
        return;
    };
    let graph = state
        .definitions
        .get(&run.definition)
        .map(|used| used.graph.clone());
    for end in &event.ends {
        let Some(index) = index_in(event.run, end.task_run) else {
            continue;
        };
        if run
            .live
            .get(&index)
            .is_none_or(|attempt| attempt.number != end.number)
        {
            continue;
        }
        let Some(attempt) = run.live.remove(&index) else {
            continue;
        };
        if let Some(used) = graph.as_ref().and_then(|graph| pool_of(graph, index)) {
            pool::give_back(&mut state.pools, used, event.run, index);
        }
        // The lease says whose slot it was, whoever brought the news.
        if let Some(runner) = state.runners.get_mut(&attempt.runner) {
            runner.held.remove(&(event.run, index));
            let started = attempt.started_at;
            runner.learn(started.map(|started| end.finished_at.0.saturating_sub(started.0)));
            // Stopped although nobody asked for it: the runner is ending.
            runner.is_leaving |= end.outcome == Outcome::Stopped && run.stop.is_none();
        }
        let Some(node) = run.nodes.get_mut(index as usize) else {
            continue;
        };
        match &end.outcome {
            outcome if outcome.is_success() => {
                if let Some(result) = &end.result {
                    run.results.insert(index, result.clone());
                }
            }
            Outcome::Lost { .. } => node.lost = node.lost.saturating_add(1),
            // Its run is to stop, or its runner was told to end: by somebody who may do so as often as they
            // like. A task is not to blame for it, and a runner that says so takes nothing more.
            Outcome::Stopped => {}
            Outcome::Exited { .. }
            | Outcome::Signaled { .. }
            | Outcome::SpawnFailed { .. }
            | Outcome::TimedOut { .. } => node.failed = node.failed.saturating_add(1),
        }
    }
}

pub(crate) fn attempt_failed(state: &mut State, event: &TaskAttemptFailed) {
    let Some(run) = state.runs.get_mut(&event.run) else {
        return;
    };
    let (Some(at), Some(index)) = (event.retry_at, index_in(event.run, event.task_run)) else {
        return;
    };
    if let Some(node) = run.nodes.get_mut(index as usize) {
        node.move_to(TaskStatus::Queued);
        run.retry_at.insert(index, at);
        state.timers.insert((at, Timer::Retry(event.run, index)));
    }
}

pub(crate) fn tasks_finished(state: &mut State, event: &TaskFinished) {
    end_nodes(state, event.run, &event.task_runs, event.status);
}

pub(crate) fn tasks_skipped(state: &mut State, event: &TaskSkipped) {
    end_nodes(state, event.run, &event.task_runs, TaskStatus::Skipped);
}

fn end_nodes(state: &mut State, id: RunId, task_runs: &TaskRuns, status: TaskStatus) {
    let Some(run) = state.runs.get_mut(&id) else {
        return;
    };
    let Some(graph) = state
        .definitions
        .get(&run.definition)
        .map(|used| used.graph.clone())
    else {
        return;
    };
    for index in task_runs.indexes(id) {
        if let Some(at) = run.retry_at.remove(&index) {
            state.timers.remove(&(at, Timer::Retry(id, index)));
        }
        end_node(run, &graph, index, status);
    }
}

/// One task run is over; its task, and those that wait for it, learn of it.
fn end_node(run: &mut Run, graph: &Graph, index: u32, status: TaskStatus) {
    let Some(node) = run.nodes.get_mut(index as usize) else {
        return;
    };
    if node.status.is_final() {
        return;
    }
    node.status = status;
    run.open -= 1;
    if status == TaskStatus::Failure {
        run.has_failure = true;
        run.first_failure = run.first_failure.or(Some(index));
    }
    let (task, _) = graph.locate(index);
    let progress = &mut run.tasks[task as usize];
    if status == TaskStatus::Skipped && !progress.is_skipped {
        progress.is_skipped = true;
        for &parent in graph.parents(task) {
            run.tasks[parent as usize].children_left -= 1;
        }
    }
    if status != TaskStatus::Success {
        return;
    }
    let progress = &mut run.tasks[task as usize];
    progress.missing -= 1;
    if progress.missing == 0 {
        for &child in graph.children(task) {
            run.tasks[child as usize].waits_for -= 1;
        }
    }
}
