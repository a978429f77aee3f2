//! The views as data: a fold of the log. `apply` is the only code that changes it; it never fails, never
//! decides and knows no clock, so that two folds of the same log are equal.
//!
//! What is no longer kept in memory is put into an [`Outbox`] and forgotten here; `history` keeps it.

mod apply;
mod batches;
mod cell;
mod contents;
mod documents;
mod pools;
mod run;
mod run_sets;
mod runs;
mod server;
mod slots;
mod stages;
mod task_runs;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fasti_core::domain::calendars::CalendarRecord;
use fasti_core::domain::command::Settings;
use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::definition::{Definition, Tag};
use fasti_core::domain::flow::Flows;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest, LogId, RunId, RunSetId, RunnerId, Seq};
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::{RECENT_RUN_SETS_MAX, RECENT_RUNS_MAX, RECENT_TASK_RUNS_MAX};
use crate::rows::{
    DocumentView, DrainView, ImageView, PhaseCounts, RunCounts, RunnerView, ServerStart, SlotView,
    VersionView,
};

pub(crate) use batches::BatchRow;
#[cfg(test)]
pub(crate) use cell::Detail;
pub(crate) use cell::{AttemptRow, TaskCell, When};
pub(crate) use contents::Removal;
pub(crate) use pools::PoolRow;
pub(crate) use run::{Run, RunRow};
pub(crate) use run_sets::RunSetRow;
pub(crate) use slots::{Ledger, PlanRow};
pub(crate) use stages::Step;

/// All views.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Last event applied.
    pub(crate) seq: Seq,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// Chain hash there.
    pub(crate) hash: [u8; 32],
    pub(crate) log_id: Option<LogId>,
    pub(crate) settings: Settings,
    pub(crate) server_starts: VecDeque<ServerStart>,
    pub(crate) late_reports: u64,
    /// Times that slots had no outcome when it was due.
    pub(crate) alerts: u64,
    /// Events of later versions that were passed over.
    pub(crate) unknown_events: u64,
    /// What was removed beside the log, oldest first, by kind.
    pub(crate) removals: BTreeMap<ContentKind, VecDeque<Removal>>,
    /// Those of living batches and of runs in memory.
    pub(crate) definitions: BTreeMap<Digest, UsedDefinition>,
    /// All that ever were.
    pub(crate) batches: BTreeMap<BatchId, BatchRow>,
    pub(crate) batch_names: BTreeMap<(Arc<str>, Tag), Named>,
    /// Runs ever made, by batch and by whose they are.
    pub(crate) run_counts: BTreeMap<BatchId, BTreeMap<Arc<Ownership>, RunCounts>>,
    /// Live ones and those that finished recently.
    pub(crate) runs: BTreeMap<RunId, Box<Run>>,
    /// The finished ones of `runs`, in the order in which they finished.
    pub(crate) finished: VecDeque<RunId>,
    /// Task runs of these.
    pub(crate) finished_task_runs: u64,
    /// Task runs of live runs.
    pub(crate) open_task_runs: OpenTaskRuns,
    pub(crate) run_sets: BTreeMap<RunSetId, RunSetRow>,
    pub(crate) finished_run_sets: VecDeque<RunSetId>,
    pub(crate) runners: BTreeMap<RunnerId, RunnerView>,
    pub(crate) lost_runners: VecDeque<RunnerId>,
    /// Drained runners, also some that were lost or forgotten meanwhile.
    pub(crate) drains: BTreeMap<RunnerId, DrainView>,
    pub(crate) calendars: BTreeMap<String, CalendarRecord>,
    pub(crate) images: BTreeMap<String, ImageView>,
    pub(crate) bundles: BTreeMap<Digest, u64>,
    /// Documents of dialects by kind and key.
    pub(crate) documents: BTreeMap<String, BTreeMap<String, DocumentView>>,
    /// Last id given to a run, task run or run set.
    pub(crate) last_id: u64,
    pub(crate) flows: Flows,
    /// Task runs ever made, by batch and by whose they are.
    pub(crate) phase_counts: BTreeMap<BatchId, BTreeMap<Arc<Ownership>, PhaseCounts>>,
    pub(crate) pools: BTreeMap<Arc<str>, PoolRow>,
    /// What can be found from the rest; not part of a snapshot.
    #[serde(skip)]
    pub(crate) index: Index,
    /// Not part of a snapshot either: those of the program count.
    #[serde(skip)]
    pub(crate) kept: Kept,
}

/// How much of what is finished stays in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Runs. Default: [`RECENT_RUNS_MAX`].
    pub runs: usize,
    /// Task runs of these; the run that finished last stays whatever its size. Default:
    /// [`RECENT_TASK_RUNS_MAX`].
    pub task_runs: u64,
    /// Run sets. Default: [`RECENT_RUN_SETS_MAX`].
    pub run_sets: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            runs: RECENT_RUNS_MAX,
            task_runs: RECENT_TASK_RUNS_MAX,
            run_sets: RECENT_RUN_SETS_MAX,
        }
    }
}

/// Ways to find runs in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Index {
    pub(crate) by_batch: BTreeSet<(BatchId, RunId)>,
    pub(crate) by_run_set: BTreeSet<(RunSetId, RunId)>,
    /// Runs that are not over.
    pub(crate) live: BTreeSet<RunId>,
}

/// A definition that something in memory uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UsedDefinition {
    pub(crate) graph: Arc<Graph>,
    pub(crate) ownership: Arc<Ownership>,
    /// Living batches whose present version it is, and runs in memory.
    pub(crate) uses: u64,
}

/// Batches of one name and tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) living: Option<BatchId>,
    /// All that ever were, in the order they were made.
    pub(crate) all: Vec<BatchId>,
}

/// What runs have from their definition and are listed and filtered by. Shared between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Ownership {
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) permissions: String,
    pub(crate) run_as: String,
    pub(crate) labels: Vec<String>,
}

/// Task runs that are not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenTaskRuns {
    pub(crate) waiting: u64,
    pub(crate) queued: u64,
    pub(crate) running: u64,
}

/// What leaves the memory.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) runs: Vec<Run>,
    pub(crate) run_sets: Vec<(RunSetId, RunSetRow)>,
    pub(crate) definitions: Vec<(Digest, Arc<Definition>)>,
    pub(crate) versions: Vec<(BatchId, VersionView)>,
    pub(crate) slots: Vec<(BatchId, SlotView)>,
}

impl Ownership {
    fn of(definition: &Definition) -> Self {
        Self {
            owner: definition.owner.clone(),
            group: definition.group.clone(),
            permissions: definition.permissions.clone(),
            run_as: definition.run_as.clone(),
            labels: definition.labels.clone(),
        }
    }
}

impl OpenTaskRuns {
    pub(crate) fn shift(&mut self, from: TaskStatus, to: TaskStatus) {
        if let Some(count) = self.of(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.of(to) {
            *count += 1;
        }
    }

    fn of(&mut self, status: TaskStatus) -> Option<&mut u64> {
        match status {
            TaskStatus::Waiting => Some(&mut self.waiting),
            TaskStatus::Queued => Some(&mut self.queued),
            TaskStatus::Running => Some(&mut self.running),
            TaskStatus::Success
            | TaskStatus::Failure
            | TaskStatus::Skipped
            | TaskStatus::Cancelled => None,
        }
    }
}

impl Model {
    /// After reading a snapshot: finds again what is not part of it, and shares again what was shared.
    pub(crate) fn relink(&mut self) {
        self.index = Index::default();
        for (id, run) in &mut self.runs {
            let row = &mut run.row;
            self.index.by_batch.insert((row.batch, *id));
            if let Some(set) = row.run_set {
                self.index.by_run_set.insert((set, *id));
            }
            if !row.status.is_final() {
                self.index.live.insert(*id);
            }
            if let Some(used) = self.definitions.get(&row.definition) {
                row.ownership = used.ownership.clone();
            }
        }
    }

    /// The run that `id` lies in, if it is in memory.
    pub(crate) fn run_around(&self, id: u64) -> Option<&Run> {
        let (_, run) = self.runs.range(..=RunId(id)).next_back()?;
        run.row.covers(id).then_some(&**run)
    }
}

/// User of an actor as the log records it: `user:alice` is `alice`, `system` stays.
pub(crate) fn user_of(actor: &str) -> String {
    actor.strip_prefix("user:").unwrap_or(actor).to_owned()
}
