//! Task runs and their attempts as they are listed.

use std::sync::Arc;

use fasti_core::domain::attempt::{Outcome, ResultRef, Usage};
use fasti_core::domain::definition::{Resources, Tag, Work};
use fasti_core::domain::ids::{BatchId, RunId, RunnerId, TaskRunId};
use fasti_core::domain::run::{RunType, TaskStatus};
use fasti_core::domain::time::Timestamp;

/// A task in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRunView {
    /// Its id.
    pub id: TaskRunId,
    /// Its run.
    pub run_id: RunId,
    /// Batch of the run.
    pub batch_id: BatchId,
    /// Name of the batch.
    pub batch_name: Arc<str>,
    /// Tag of the batch.
    pub tag: Tag,
    /// What made the run.
    pub run_type: RunType,
    /// When the run was due.
    pub scheduled_time: Timestamp,
    /// Date the run is for, once known.
    pub rundate: Option<Arc<str>>,
    /// Position in the run, parts expanded, from 0.
    pub index: u32,
    /// Position of its task in the definition, from 0.
    pub task_index: u32,
    /// Its name: the part's, or the task's.
    pub name: String,
    /// Name of the parallel task it is a part of; `None` for a plain task.
    pub group: Option<String>,
    /// Free text.
    pub description: String,
    /// What it runs.
    pub work: Work,
    /// Image; `None` means the host.
    pub image: Option<String>,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it ended as it did, unless it succeeded.
    pub status_reason: Option<Arc<str>>,
    /// Why it does not run yet, for people; `None` once it runs or is over.
    pub queue_reason: Option<String>,
    /// Which part of its parallel task it is, from 0; 0 for a plain task.
    pub part_num: u32,
    /// Parts of its task; 1 for a plain task.
    pub num_parts: u32,
    /// Number of the last attempt; 0 when there was none.
    pub attempt: u32,
    /// Attempts it may have by its own failures (`retries` + 1).
    pub max_attempts: u32,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
    /// When the next attempt will be queued, after a failed one.
    pub retry_at: Option<Timestamp>,
    /// When it was last queued.
    pub queued_at: Option<Timestamp>,
    /// When the process of its first attempt was started; for a reused one, of the one that was executed.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// What it needs.
    pub resources: Resources,
    /// Its `job_config` as JSON text.
    pub configuration: Option<String>,
    /// Runner of the last attempt.
    pub runner: Option<RunnerId>,
    /// Its value.
    pub result: Option<ResultRef>,
    /// The task run that was executed, when this one was not because that one serves.
    pub reused_from: Option<TaskRunId>,
}

/// One try at a task run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its number, from 1.
    pub number: u32,
    /// Its runner.
    pub runner: RunnerId,
    /// When it was leased.
    pub leased_at: Timestamp,
    /// When its process was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Its process.
    pub pid: Option<u32>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it failed; `None` for a success and for one that is not over.
    pub reason: Option<Arc<str>>,
    /// What it used; zeros until it is over.
    pub usage: Usage,
}

impl AttemptView {
    /// Exit code, when its process ended by itself.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match self.outcome.as_ref()? {
            Outcome::Exited { code } => Some(*code),
            Outcome::Signaled { .. }
            | Outcome::SpawnFailed { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Stopped
            | Outcome::Lost { .. } => None,
        }
    }
}

/// Which task runs of one name to list. All that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskRunFilter {
    /// In batches with this tag.
    pub tag: Option<Tag>,
    /// In one of these statuses; empty: in any.
    pub statuses: Vec<TaskStatus>,
    /// In runs for this date, `YYYY-MM-DD`.
    pub rundate: Option<String>,
    /// In runs due at this instant or later.
    pub scheduled_from: Option<Timestamp>,
    /// In runs due before this instant.
    pub scheduled_until: Option<Timestamp>,
}
