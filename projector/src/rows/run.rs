//! Runs as they are listed.

use std::sync::Arc;

use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::{BatchId, Digest, RunId, RunSetId, Seq};
use fasti_core::domain::run::{RunStatus, RunType, TaskStatus};
use fasti_core::domain::time::Timestamp;
use fasti_core::domain::trigger::RunSignal;
use serde::{Deserialize, Serialize};

use super::StageCounts;
use crate::access::Access;
use crate::page::{Page, Total};

/// A run, living or finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Its batch.
    pub batch_id: BatchId,
    /// Name of the batch.
    pub batch_name: Arc<str>,
    /// Tag of the batch.
    pub tag: Tag,
    /// Saved version it is of; `None` for a definition that was not saved.
    pub version: Option<u32>,
    /// Digest of its definition; see [`Views::definition`](crate::Views::definition).
    pub definition: Digest,
    /// What made it.
    pub run_type: RunType,
    /// When it was due.
    pub scheduled_time: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its first attempt was leased.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Date it is for, `YYYY-MM-DD`, once known.
    pub rundate: Option<Arc<str>>,
    /// Whether the date was given by whoever asked for the run.
    pub rundate_is_custom: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it ended as it did.
    pub status_reason: Option<Arc<str>>,
    /// When it will be ended if it still goes on.
    pub deadline: Option<Timestamp>,
    /// When somebody asked for its end.
    pub cancel_requested_at: Option<Timestamp>,
    /// The run it repeats.
    pub original_run: Option<RunId>,
    /// The set it is in.
    pub run_set: Option<RunSetId>,
    /// The run whose end made it.
    pub parent_run: Option<RunId>,
    /// When it is cancelled if nothing of it has been started.
    pub start_by: Option<Timestamp>,
    /// The signal that made it.
    pub signal: Option<Arc<RunSignal>>,
    /// User who asked for it.
    pub requested_by: Arc<str>,
    /// User its tasks run for.
    pub run_as: String,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Six characters, `rwrwr-`.
    pub permissions: String,
    /// Words of its definition.
    pub labels: Vec<String>,
    /// Task runs by status.
    pub task_counts: TaskCounts,
    /// Nothing of it is queued before this instant.
    pub starts_at: Option<Timestamp>,
    /// Why somebody asked for its end.
    pub cancel_reason: Option<Arc<str>>,
    /// When it had gone on too long.
    pub deadline_passed_at: Option<Timestamp>,
    /// How far its task runs with stages are; `None` when it has none.
    pub stages: Option<StageCounts>,
    /// Key under which it was asked for.
    pub idempotency_key: Option<Arc<str>>,
    /// The event that made it.
    pub created_seq: Seq,
    /// The event that ended it.
    pub finished_seq: Option<Seq>,
}

impl RunView {
    /// Whose it is.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        Access {
            owner: &self.owner,
            group: &self.group,
            permissions: &self.permissions,
        }
    }

    /// Number of its task runs.
    #[must_use]
    pub fn task_runs(&self) -> u64 {
        self.task_counts.total()
    }
}

/// Number of task runs in each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts([u32; TaskStatus::ALL.len()]);

impl TaskCounts {
    pub(crate) fn all_waiting(count: u32) -> Self {
        let mut counts = Self::default();
        counts.0[TaskStatus::Waiting as usize] = count;
        counts
    }

    pub(crate) fn shift(&mut self, from: TaskStatus, to: TaskStatus) {
        let source = &mut self.0[from as usize];
        *source = source.saturating_sub(1);
        self.0[to as usize] += 1;
    }

    /// Task runs in one status.
    #[must_use]
    pub fn of(&self, status: TaskStatus) -> u32 {
        self.0[status as usize]
    }

    /// All statuses with their numbers, in the order of a task run's life.
    pub fn iter(&self) -> impl Iterator<Item = (TaskStatus, u32)> + '_ {
        TaskStatus::ALL.into_iter().zip(self.0)
    }

    /// All task runs.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }
}

/// Number of runs in each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts([u64; RunCounts::STATUSES.len()]);

impl RunCounts {
    /// All statuses of a run, in the order of its life.
    pub const STATUSES: [RunStatus; 5] = [
        RunStatus::Queued,
        RunStatus::Running,
        RunStatus::Success,
        RunStatus::Failure,
        RunStatus::Cancelled,
    ];

    pub(crate) fn add(&mut self, status: RunStatus) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }

    pub(crate) fn shift(&mut self, from: RunStatus, to: RunStatus) {
        let source = &mut self.0[from as usize];
        *source = source.saturating_sub(1);
        self.add(to);
    }

    /// Runs in one status.
    #[must_use]
    pub fn of(&self, status: RunStatus) -> u64 {
        self.0[status as usize]
    }

    /// All statuses with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (RunStatus, u64)> + '_ {
        Self::STATUSES.into_iter().zip(self.0)
    }

    /// All runs.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Which runs to list. All that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this batch.
    pub batch_id: Option<BatchId>,
    /// Of the batches of this name, deleted ones too. See
    /// [`Views::name_ever_existed`](crate::Views::name_ever_existed).
    pub batch_name: Option<String>,
    /// Of batches with this text in their name, in capitals or not.
    pub search: Option<String>,
    /// Of batches with this tag.
    pub tag: Option<Tag>,
    /// In one of these statuses; empty: in any.
    pub statuses: Vec<RunStatus>,
    /// For this date, `YYYY-MM-DD`.
    pub rundate: Option<String>,
    /// Due at this instant or later.
    pub scheduled_from: Option<Timestamp>,
    /// Due before this instant.
    pub scheduled_until: Option<Timestamp>,
    /// In this set.
    pub run_set: Option<RunSetId>,
    /// Its definition carries this label.
    pub label: Option<String>,
    /// Belongs to this user.
    pub owner: Option<String>,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The runs.
    pub page: Page<RunView, RunId>,
    /// How many there are on all pages. Exact unless dates, instants or a set are asked for and there are
    /// more than [`SCANNED_RUNS_MAX`](crate::limits::SCANNED_RUNS_MAX) runs to look at.
    pub total: Total,
}
