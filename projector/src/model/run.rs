//! Runs as they are kept.

use std::sync::Arc;

use fasti_core::domain::event::RunCreated;
use fasti_core::domain::ids::{BatchId, Digest, RunId, RunSetId, Seq};
use fasti_core::domain::run::{RunStatus, RunType};
use fasti_core::domain::time::Timestamp;
use fasti_core::domain::trigger::RunSignal;
use serde::{Deserialize, Serialize};

use super::stages::Step;
use super::{Ownership, TaskCell};
use crate::rows::{StageCounts, TaskCounts};

/// A run with its task runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) row: RunRow,
    pub(crate) cells: Vec<TaskCell>,
    /// What its task runs with stages did, in order.
    pub(crate) steps: Vec<Step>,
}

/// A run without its task runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRow {
    pub(crate) id: RunId,
    pub(crate) batch: BatchId,
    pub(crate) version: Option<u32>,
    pub(crate) definition: Digest,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) run_type: RunType,
    pub(crate) status: RunStatus,
    pub(crate) rundate_is_custom: bool,
    pub(crate) rundate: Option<Arc<str>>,
    pub(crate) scheduled_time: Timestamp,
    pub(crate) created_at: Timestamp,
    pub(crate) created_seq: Seq,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) finished_seq: Option<Seq>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) cancel_requested_at: Option<Timestamp>,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) original_run: Option<RunId>,
    pub(crate) run_set: Option<RunSetId>,
    pub(crate) parent_run: Option<RunId>,
    pub(crate) start_by: Option<Timestamp>,
    pub(crate) signal: Option<Arc<RunSignal>>,
    pub(crate) requested_by: Arc<str>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) task_runs: u32,
    pub(crate) counts: TaskCounts,
    /// Nothing of it is queued before this instant.
    pub(crate) starts_at: Option<Timestamp>,
    /// Why somebody asked for its end.
    pub(crate) cancel_reason: Option<Arc<str>>,
    /// When it had gone on too long.
    pub(crate) deadline_passed_at: Option<Timestamp>,
    /// How far its task runs with stages are; `None` when it has none.
    pub(crate) stages: Option<Box<StageCounts>>,
}

impl RunRow {
    pub(super) fn new(event: &RunCreated, ownership: Arc<Ownership>) -> Self {
        Self {
            id: event.run,
            batch: event.batch,
            version: event.version,
            definition: event.definition,
            ownership,
            run_type: event.run_type,
            status: RunStatus::Queued,
            rundate_is_custom: event.rundate.is_some(),
            rundate: event.rundate.as_deref().map(Arc::from),
            scheduled_time: event.scheduled_time,
            created_at: Timestamp::default(),
            created_seq: Seq::default(),
            started_at: None,
            finished_at: None,
            finished_seq: None,
            deadline: event.ends_at,
            cancel_requested_at: None,
            reason: None,
            original_run: event.original_run,
            run_set: event.run_set,
            parent_run: event.parent_run,
            start_by: event.start_by,
            signal: event.signal.clone(),
            requested_by: event.requested_by.as_str().into(),
            key: None,
            task_runs: event.task_runs,
            counts: TaskCounts::all_waiting(event.task_runs),
            starts_at: event.starts_at,
            cancel_reason: None,
            deadline_passed_at: None,
            stages: None,
        }
    }

    /// Whether it is to stop: then nothing of its stages is counted any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.cancel_requested_at.is_some() || self.deadline_passed_at.is_some()
    }

    /// Whether `id` is the run's own or one of its task runs'.
    pub(crate) fn covers(&self, id: u64) -> bool {
        (self.id.0..=self.id.0 + u64::from(self.task_runs)).contains(&id)
    }
}
