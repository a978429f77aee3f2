//! Task runs and attempts move on.

use std::sync::Arc;

use fasti_core::domain::event::{
    AttemptFinished, AttemptLeased, AttemptStarted, TaskAttemptFailed, TaskFinished, TaskQueued,
    TaskSkipped,
};
use fasti_core::domain::ids::{RunId, TaskRunId};
use fasti_core::domain::ranges::{TaskRuns, index_in};
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;

use super::{AttemptRow, Model, OpenTaskRuns, Run, TaskCell, When};
use crate::rows::TaskCounts;

/// One task run with the sums it is counted in.
struct Node<'a> {
    cell: &'a mut TaskCell,
    counts: &'a mut TaskCounts,
    open: &'a mut OpenTaskRuns,
}

impl Node<'_> {
    fn set_status(&mut self, status: TaskStatus) {
        self.counts.shift(self.cell.status, status);
        self.open.shift(self.cell.status, status);
        self.cell.status = status;
    }
}

fn node<'a>(run: &'a mut Run, open: &'a mut OpenTaskRuns, id: TaskRunId) -> Option<Node<'a>> {
    let index = index_in(run.row.id, id)?;
    Some(Node {
        cell: run.cells.get_mut(index as usize)?,
        counts: &mut run.row.counts,
        open,
    })
}

impl Model {
    pub(super) fn tasks_queued(&mut self, event: &TaskQueued, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        for id in event.task_runs.iter() {
            if let Some(mut node) = node(run, &mut self.open_task_runs, id) {
                node.set_status(TaskStatus::Queued);
                node.cell.queued_at = at.into();
                if let Some(detail) = &mut node.cell.detail {
                    detail.retry_at = None;
                }
            }
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
        let Some(run) = self.runs.get_mut(&run) else {
            return;
        };
        let graph = run
            .row
            .stages
            .is_some()
            .then(|| self.definitions.get(&run.row.definition))
            .flatten()
            .map(|used| used.graph.clone());
        let reason: Option<Arc<str>> = reason.map(Arc::from);
        for id in task_runs.iter() {
            let node = node(run, &mut self.open_task_runs, id);
            let Some(mut node) = node.filter(|node| !node.cell.status.is_final()) else {
                continue;
            };
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
            if let Some(graph) = &graph {
                run.stages_ended(graph, id, status, at);
            }
        }
    }

    pub(super) fn attempts_leased(&mut self, event: &AttemptLeased, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        // The name as it is kept already, so that it is in memory once.
        let runner = self.runners.get_key_value(&event.runner);
        let runner = runner.map_or(&event.runner, |(name, _)| name).clone();
        for lease in &event.leases {
            let Some(node) = node(run, &mut self.open_task_runs, lease.task_run) else {
                continue;
            };
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
            if let Some(runner) = self.runners.get_mut(&event.runner) {
                runner.held_attempts += 1;
            }
        }
    }

    pub(super) fn attempts_started(&mut self, event: &AttemptStarted) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        for start in &event.starts {
            let Some(mut node) = node(run, &mut self.open_task_runs, start.task_run) else {
                continue;
            };
            let Some(attempt) = node.cell.live_attempt(start.number) else {
                continue;
            };
            let first_report = attempt.pid == 0;
            attempt.pid = start.process.pid;
            attempt.started_at = start.started_at.into();
            node.cell.started_at = node.cell.started_at.or(start.started_at.into());
            node.set_status(TaskStatus::Running);
            if let Some(runner) = self.runners.get_mut(&event.runner)
                && first_report
            {
                runner.running_attempts += 1;
            }
        }
    }

    pub(super) fn attempts_finished(&mut self, event: &AttemptFinished) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        for end in &event.ends {
            let Some(node) = node(run, &mut self.open_task_runs, end.task_run) else {
                continue;
            };
            let Some(attempt) = node.cell.live_attempt(end.number) else {
                continue;
            };
            attempt.finished_at = end.finished_at.into();
            attempt.outcome = Some(end.outcome.clone());
            attempt.reason = end.reason().map(Arc::from);
            attempt.usage = end.usage;
            let had_process = attempt.pid != 0;
            if end.outcome.is_success() {
                node.cell.detail_mut().result.clone_from(&end.result);
            }
            if let Some(runner) = self.runners.get_mut(&event.runner) {
                runner.held_attempts = runner.held_attempts.saturating_sub(1);
                runner.finished_attempts += 1;
                if had_process {
                    runner.running_attempts = runner.running_attempts.saturating_sub(1);
                }
            }
        }
    }

    /// Another attempt will follow; without one, the end of the task run is an event of its own.
    pub(super) fn attempt_failed(&mut self, event: &TaskAttemptFailed) {
        let (Some(run), Some(retry_at)) = (self.runs.get_mut(&event.run), event.retry_at) else {
            return;
        };
        if let Some(mut node) = node(run, &mut self.open_task_runs, event.task_run) {
            node.set_status(TaskStatus::Queued);
            node.cell.detail_mut().retry_at = Some(retry_at);
        }
    }
}
