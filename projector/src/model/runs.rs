//! Runs come, move on and leave the memory.

use std::sync::Arc;

use fasti_core::domain::event::{
    Recorded, RunCancelRequested, RunCreated, RunDeadlinePassed, RunEndMoved, RunFinished,
    RunStarted,
};
use fasti_core::domain::ids::RunId;
use fasti_core::domain::ranges::index_in;
use fasti_core::domain::run::{RunStatus, TaskStatus};
use fasti_core::domain::time::Timestamp;

use super::{Model, Outbox, Run, RunRow, TaskCell};
use crate::rows::{LastRun, Phase};

impl Model {
    pub(super) fn run_created(&mut self, event: &RunCreated, recorded: &Recorded) {
        self.last_id = self.last_id.max(event.run.0 + u64::from(event.task_runs));
        let Some(ownership) = self.use_definition(event.definition) else {
            return;
        };
        let mut row = RunRow::new(event, ownership.clone());
        row.created_at = recorded.at;
        row.created_seq = recorded.seq;
        row.key = recorded.key.as_ref().map(|key| key.key.as_str().into());
        let mut run = Run {
            cells: vec![TaskCell::default(); event.task_runs as usize],
            row,
            steps: Vec::new(),
        };
        run.row.stages = self.stages_of(event.definition);
        self.open_task_runs.waiting += u64::from(event.task_runs);
        let phases = self.phase_counts.entry(event.batch).or_default();
        let phases = phases.entry(ownership.clone()).or_default();
        phases.add(Phase::Waiting, u64::from(event.task_runs));
        for reuse in &event.reused {
            let index = index_in(event.run, reuse.task_run);
            let cell = index.and_then(|index| run.cells.get_mut(index as usize));
            let Some(cell) = cell.filter(|cell| !cell.status.is_final()) else {
                continue;
            };
            self.open_task_runs.shift(cell.status, TaskStatus::Success);
            run.row.counts.shift(cell.status, TaskStatus::Success);
            phases.shift(cell.phase(), Phase::Success);
            cell.status = TaskStatus::Success;
            cell.started_at = reuse.started_at.into();
            cell.finished_at = reuse.finished_at.into();
            let detail = cell.detail_mut();
            detail.reused_from = Some(reuse.from);
            detail.result.clone_from(&reuse.result);
        }
        let counts = self.run_counts.entry(event.batch).or_default();
        counts.entry(ownership).or_default().add(RunStatus::Queued);
        if let Some(batch) = self.batches.get_mut(&event.batch) {
            batch.last_run = Some(LastRun {
                id: event.run,
                status: RunStatus::Queued,
                scheduled_time: event.scheduled_time,
                finished_at: None,
            });
        }
        if let Some(set) = event.run_set {
            self.index.by_run_set.insert((set, event.run));
            if let Some(set) = self.run_sets.get_mut(&set) {
                set.counts.add(RunStatus::Queued);
            }
        }
        self.index.by_batch.insert((event.batch, event.run));
        self.index.live.insert(event.run);
        self.runs.insert(event.run, Box::new(run));
    }

    pub(super) fn run_started(&mut self, event: &RunStarted, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        run.row.started_at = Some(at);
        run.row.deadline = event.deadline;
        if run.row.rundate.as_deref() != Some(event.rundate.as_str()) {
            run.row.rundate = Some(event.rundate.as_str().into());
        }
        self.set_run_status(event.run, RunStatus::Running);
    }

    pub(super) fn run_cancel_requested(&mut self, event: &RunCancelRequested, at: Timestamp) {
        if let Some(run) = self.runs.get_mut(&event.run) {
            run.row.cancel_requested_at.get_or_insert(at);
            run.row.cancel_reason = event.reason.as_deref().map(Arc::from);
        }
    }

    pub(super) fn run_end_moved(&mut self, event: &RunEndMoved) {
        if let Some(run) = self.runs.get_mut(&event.run) {
            run.row.deadline = Some(event.ends_at);
        }
    }

    pub(super) fn run_deadline_passed(&mut self, event: &RunDeadlinePassed, at: Timestamp) {
        if let Some(run) = self.runs.get_mut(&event.run) {
            run.row.deadline_passed_at.get_or_insert(at);
        }
    }

    pub(super) fn run_finished(
        &mut self,
        event: &RunFinished,
        recorded: &Recorded,
        out: &mut Outbox,
    ) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        run.row.finished_at = Some(recorded.at);
        run.row.finished_seq = Some(recorded.seq);
        run.row.reason = event.reason.as_deref().map(Arc::from);
        let task_runs = u64::from(run.row.task_runs);
        self.set_run_status(event.run, event.status);
        self.index.live.remove(&event.run);
        self.finished.push_back(event.run);
        self.finished_task_runs += task_runs;
        self.evict_runs(out);
    }

    fn set_run_status(&mut self, id: RunId, status: RunStatus) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let row = &mut run.row;
        let before = std::mem::replace(&mut row.status, status);
        let counts = self.run_counts.get_mut(&row.batch);
        if let Some(counts) = counts.and_then(|counts| counts.get_mut(&row.ownership)) {
            counts.shift(before, status);
        }
        if let Some(set) = row.run_set.and_then(|set| self.run_sets.get_mut(&set)) {
            set.counts.shift(before, status);
        }
        let batch = self.batches.get_mut(&row.batch);
        let last = batch.and_then(|batch| batch.last_run.as_mut());
        if let Some(last) = last.filter(|last| last.id == id) {
            last.status = status;
            last.finished_at = row.finished_at;
        }
    }

    /// Moves those that finished first out of memory, as far as there are too many. The last one stays.
    fn evict_runs(&mut self, out: &mut Outbox) {
        let kept = self.kept;
        while self.finished.len() > kept.runs
            || (self.finished_task_runs > kept.task_runs && self.finished.len() > 1)
        {
            let Some(run) = self
                .finished
                .pop_front()
                .and_then(|id| self.runs.remove(&id))
            else {
                return;
            };
            let row = &run.row;
            self.finished_task_runs -= u64::from(row.task_runs);
            self.index.by_batch.remove(&(row.batch, row.id));
            if let Some(set) = row.run_set {
                self.index.by_run_set.remove(&(set, row.id));
            }
            self.release_definition(row.definition);
            out.runs.push(*run);
        }
    }
}
