//! Task runs and attempts move on.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::definition::PoolUse;
use fasti_core::domain::event::{
    AttemptFinished, AttemptLeased, AttemptStarted, TaskAttemptFailed, TaskFinished, TaskQueued,
    TaskSkipped,
};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{RunId, RunnerId, TaskRunId};
use fasti_core::domain::ranges::{TaskRuns, index_in};
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;

use super::{AttemptRow, Model, OpenTaskRuns, PoolRow, Run, TaskCell, When};
use crate::rows::{PhaseCounts, RunnerView, TaskCounts};

/// The sums that task runs of a run are counted in, beside those of the run.
struct Sums<'a> {
    open: &'a mut OpenTaskRuns,
    phases: &'a mut PhaseCounts,
    pools: &'a mut BTreeMap<Arc<str>, PoolRow>,
    runners: &'a mut BTreeMap<RunnerId, RunnerView>,
    graph: Option<Arc<Graph>>,
}

/// One task run with the sums it is counted in.
struct Node<'a, 'b> {
    cell: &'a mut TaskCell,
    counts: &'a mut TaskCounts,
    sums: &'a mut Sums<'b>,
}

impl Node<'_, '_> {
    fn set_status(&mut self, status: TaskStatus) {
        self.counts.shift(self.cell.status, status);
        self.sums.open.shift(self.cell.status, status);
        self.cell.status = status;
    }
}

impl Sums<'_> {
    /// The share of a pool that attempts at a position take.
    fn pool_of(&self, index: u32) -> Option<&PoolUse> {
        let graph = self.graph.as_ref()?;
        let is_there = index < graph.node_count();
        is_there
            .then(|| graph.task(graph.locate(index).0).pool())
            .flatten()
    }

    /// The attempt at a position begins or ends.
    fn hold(&mut self, index: u32, id: TaskRunId, is_live: bool) {
        let Some(used) = self.pool_of(index).cloned() else {
            return;
        };
        let pool = self.pools.entry(used.pool.clone()).or_default();
        if is_live {
            pool.held.insert(id, used.units);
        } else {
            pool.held.remove(&id);
        }
        if pool.is_blank() {
            self.pools.remove(&used.pool);
        }
    }
}

/// Changes a task run of a run, and counts what that makes of it.
fn change(
    run: &mut Run,
    sums: &mut Sums<'_>,
    id: TaskRunId,
    change: impl FnOnce(&mut Node<'_, '_>),
) {
    let Some(index) = index_in(run.row.id, id) else {
        return;
    };
    let Some(cell) = run.cells.get_mut(index as usize) else {
        return;
    };
    let (before, was_live) = (cell.phase(), cell.has_live_attempt());
    let mut node = Node {
        cell,
        counts: &mut run.row.counts,
        sums,
    };
    change(&mut node);
    let (after, is_live) = (node.cell.phase(), node.cell.has_live_attempt());
    if before != after {
        sums.phases.shift(before, after);
    }
    if was_live != is_live {
        sums.hold(index, id, is_live);
    }
}

impl Model {
    /// A run in memory, with the sums its task runs are counted in.
    fn counted(&mut self, id: RunId) -> Option<(&mut Run, Sums<'_>)> {
        let run = self.runs.get_mut(&id)?;
        let graph = self.definitions.get(&run.row.definition);
        let of_batch = self.phase_counts.entry(run.row.batch).or_default();
        let sums = Sums {
            open: &mut self.open_task_runs,
            phases: of_batch.entry(run.row.ownership.clone()).or_default(),
            pools: &mut self.pools,
            runners: &mut self.runners,
            graph: graph.map(|used| used.graph.clone()),
        };
        Some((run, sums))
    }

    pub(super) fn tasks_queued(&mut self, event: &TaskQueued, at: Timestamp) {
        let Some((run, mut sums)) = self.counted(event.run) else {
            return;
        };
        for id in event.task_runs.iter() {
            change(run, &mut sums, id, |node| {
                node.set_status(TaskStatus::Queued);
                node.cell.queued_at = at.into();
                if let Some(detail) = &mut node.cell.detail {
                    detail.retry_at = None;
                }
            });
        }
    }

    pub(super) fn tasks_skipped(&mut self, event: &TaskSkipped, at: Timestamp) {
        let reason = Some(event.reason.as_str());
        self.end(event.run, &event.task_runs, TaskStatus::Skipped, reason, at);
    }

    pub(super) fn tasks_finished(&mut self, event: &TaskFinished, at: Timestamp) {
        let reason = event.reason.as_deref();
        self.end(event.run, &event.task_runs, event.status, reason, at);
    }

    fn end(
        &mut self,
        run: RunId,
        task_runs: &TaskRuns,
        status: TaskStatus,
        reason: Option<&str>,
        at: Timestamp,
    ) {
        let Some((run, mut sums)) = self.counted(run) else {
            return;
        };
        let graph = sums.graph.clone().filter(|_| run.row.stages.is_some());
        let reason: Option<Arc<str>> = reason.map(Arc::from);
        for id in task_runs.iter() {
            change(run, &mut sums, id, |node| {
                if node.cell.status.is_final() {
                    return;
                }
                node.set_status(status);
                node.cell.reason.clone_from(&reason);
                let attempt = node
                    .cell
                    .attempts()
                    .last()
                    .map(|attempt| attempt.finished_at);
                node.cell.finished_at = attempt.unwrap_or_default().or(at.into());
                if let Some(detail) = &mut node.cell.detail {
                    detail.retry_at = None;
                }
            });
            if let Some(graph) = &graph {
                run.stages_ended(graph, id, status, at);
            }
        }
    }

    pub(super) fn attempts_leased(&mut self, event: &AttemptLeased, at: Timestamp) {
        let Some((run, mut sums)) = self.counted(event.run) else {
            return;
        };
        // The name as it is kept already, so that it is in memory once.
        let runner = sums.runners.get_key_value(&event.runner);
        let runner = runner.map_or(&event.runner, |(name, _)| name).clone();
        for lease in &event.leases {
            change(run, &mut sums, lease.task_run, |node| {
                let detail = node.cell.detail_mut();
                // Most task runs have one attempt; growing by doubling would keep room for four.
                detail.attempts.reserve_exact(1);
                detail.attempts.push(AttemptRow {
                    number: lease.number,
                    pid: 0,
                    runner: runner.clone(),
                    leased_at: at,
                    started_at: When::default(),
                    finished_at: When::default(),
                    outcome: None,
                    reason: None,
                    usage: fasti_core::domain::attempt::Usage::default(),
                });
                if let Some(runner) = node.sums.runners.get_mut(&event.runner) {
                    runner.held_attempts += 1;
                }
            });
        }
    }

    pub(super) fn attempts_started(&mut self, event: &AttemptStarted) {
        let Some((run, mut sums)) = self.counted(event.run) else {
            return;
        };
        for start in &event.starts {
            change(run, &mut sums, start.task_run, |node| {
                let Some(attempt) = node.cell.live_attempt(start.number) else {
                    return;
                };
                let first_report = attempt.pid == 0;
                attempt.pid = start.process.pid;
                attempt.started_at = start.started_at.into();
                node.cell.started_at = node.cell.started_at.or(start.started_at.into());
                node.set_status(TaskStatus::Running);
                if let Some(runner) = node.sums.runners.get_mut(&event.runner)
                    && first_report
                {
                    runner.running_attempts += 1;
                }
            });
        }
    }

    pub(super) fn attempts_finished(&mut self, event: &AttemptFinished) {
        let Some((run, mut sums)) = self.counted(event.run) else {
            return;
        };
        for end in &event.ends {
            change(run, &mut sums, end.task_run, |node| {
                let Some(attempt) = node.cell.live_attempt(end.number) else {
                    return;
                };
                attempt.finished_at = end.finished_at.into();
                attempt.outcome = Some(end.outcome.clone());
                attempt.reason = end.reason().map(Arc::from);
                attempt.usage = end.usage;
                let had_process = attempt.pid != 0;
                if end.outcome.is_success() {
                    node.cell.detail_mut().result.clone_from(&end.result);
                }
                if let Some(runner) = node.sums.runners.get_mut(&event.runner) {
                    runner.held_attempts = runner.held_attempts.saturating_sub(1);
                    runner.finished_attempts += 1;
                    if had_process {
                        runner.running_attempts = runner.running_attempts.saturating_sub(1);
                    }
                }
            });
        }
    }

    /// Another attempt will follow; without one, the end of the task run is an event of its own.
    pub(super) fn attempt_failed(&mut self, event: &TaskAttemptFailed) {
        let Some(retry_at) = event.retry_at else {
            return;
        };
        let Some((run, mut sums)) = self.counted(event.run) else {
            return;
        };
        change(run, &mut sums, event.task_run, |node| {
            node.set_status(TaskStatus::Queued);
            node.cell.detail_mut().retry_at = Some(retry_at);
        });
    }
}
