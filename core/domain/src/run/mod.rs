//! Runs: one execution of a definition, from creation to the end of its last task run.
//!
//! `create` makes them, `progress` moves them on, `stop` ends them early, `apply` is what their events do to
//! the state. This file holds what a run is.

pub(crate) mod apply;
pub(crate) mod create;
pub(crate) mod progress;
pub mod stop;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::{Process, ResultRef};
use crate::definition::Tag;
use crate::ids::{BatchId, Digest, RunId, RunSetId, RunnerId, TaskRunId, Token};
use crate::time::Timestamp;
use crate::trigger::RunSignal;

/// What made a run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunType {
    /// Its schedule.
    Scheduled,
    /// Somebody.
    Manual,
    /// The end of a run of another batch.
    RunAfter,
    /// A message from outside.
    Triggered,
    /// A repetition of everything.
    Rerun,
    /// A repetition of some of it.
    PartialRerun,
    /// Somebody at work on its code.
    DevRun,
}

impl RunType {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::RunAfter => "run_after",
            Self::Triggered => "triggered",
            Self::Rerun => "rerun",
            Self::PartialRerun => "partial_rerun",
            Self::DevRun => "dev_run",
        }
    }
}

/// Where a run stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Nothing of it has been given to a runner.
    Queued,
    /// It goes on.
    Running,
    /// Everything succeeded.
    Success,
    /// Something failed.
    Failure,
    /// Somebody stopped it.
    Cancelled,
}

impl RunStatus {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Success | Self::Failure | Self::Cancelled => true,
        }
    }
}

/// Where a task run stands.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Something it depends on is not over.
    #[default]
    Waiting,
    /// It waits for a runner, or for its next attempt.
    Queued,
    /// It has a process.
    Running,
    /// It succeeded, or an earlier one serves.
    Success,
    /// It failed, and no tries are left.
    Failure,
    /// It will not be executed.
    Skipped,
    /// Its run was cancelled before it was over.
    Cancelled,
}

impl TaskStatus {
    /// All, in the order of a task run's life.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Queued,
        Self::Running,
        Self::Success,
        Self::Failure,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Queued | Self::Running => false,
            Self::Success | Self::Failure | Self::Skipped | Self::Cancelled => true,
        }
    }
}

/// A task run that is not executed because an earlier one serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reuse {
    /// The task run that is not executed.
    pub task_run: TaskRunId,
    /// The one that was.
    pub from: TaskRunId,
    /// Its value.
    #[serde(default)]
    pub result: Option<ResultRef>,
    /// When the one that was executed began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
}

/// A live run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its batch.
    pub batch: BatchId,
    /// Name of the batch.
    pub batch_name: String,
    /// Tag of the batch.
    pub tag: Tag,
    /// Digest of its definition.
    pub definition: Digest,
    /// What made it.
    pub run_type: RunType,
    /// When it was due.
    pub scheduled_time: Timestamp,
    /// Date it is for, once known.
    pub rundate: Option<String>,
    /// When its first attempt was leased.
    pub started_at: Option<Timestamp>,
    /// The set it is in.
    pub run_set: Option<RunSetId>,
    /// The signal that made it.
    pub signal: Option<Arc<RunSignal>>,
    pub(crate) fail_after_seconds: Option<u64>,
    /// Why it is to stop, once it is.
    pub(crate) stop: Option<Stop>,
    /// One a task run.
    pub(crate) nodes: Vec<Node>,
    /// One a task.
    pub(crate) tasks: Vec<TaskProgress>,
    /// Leased attempts that are not over, by position.
    pub(crate) live: BTreeMap<u32, LiveAttempt>,
    /// When failed task runs will be queued again, by position.
    pub(crate) retry_at: BTreeMap<u32, Timestamp>,
    /// When it will be ended.
    pub(crate) deadline: Option<Timestamp>,
    /// When it is cancelled if nothing of it has been started.
    pub(crate) start_by: Option<Timestamp>,
    /// When it is cancelled whatever it does, and why.
    pub(crate) cancel_at: Option<(Timestamp, String)>,
    /// Values of ended task runs, by position.
    pub(crate) results: BTreeMap<u32, ResultRef>,
    /// Task runs that are not over.
    pub(crate) open: u32,
    /// Whether a task run failed.
    pub(crate) has_failure: bool,
    /// The task run that failed first, for the reason of the end.
    pub(crate) first_failure: Option<u32>,
    /// The step of a flow that it carries out.
    pub(crate) step: Option<u64>,
    /// Nothing of it is queued before this instant; `None` once it came.
    pub(crate) starts_at: Option<Timestamp>,
}

/// Why a run is to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stop {
    /// Somebody asked.
    Cancel(Option<String>),
    /// It went on too long.
    Deadline,
}

/// One task run of a live run. A few bytes: 100,000 of them are to cost little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) status: TaskStatus,
    /// Attempts leased so far.
    pub(crate) attempts: u16,
    /// Of these, how many were lost: nobody can say what became of them.
    pub(crate) lost: u8,
    /// Attempts that failed by themselves.
    pub(crate) failed: u16,
}

impl Node {
    /// What is over stays over.
    pub(crate) fn move_to(&mut self, status: TaskStatus) {
        if !self.status.is_final() {
            self.status = status;
        }
    }
}

/// How far a task is, over all its parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskProgress {
    /// Upstream tasks that have not succeeded whole.
    pub(crate) waits_for: u32,
    /// Parts that have not succeeded.
    pub(crate) missing: u32,
    /// Whether parts were skipped, and with them everything that waits for this task.
    pub(crate) is_skipped: bool,
    /// Tasks that wait for this one and were not skipped: once there are none, further parts that fail change
    /// nothing downstream.
    pub(crate) children_left: u32,
}

/// A leased attempt that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveAttempt {
    /// Its number.
    pub number: u32,
    /// Its token.
    pub token: Token,
    /// Its runner.
    pub runner: RunnerId,
    /// When it was leased.
    pub leased_at: Timestamp,
    /// Its process, once it has one.
    pub process: Option<Process>,
    /// When the process was started.
    pub started_at: Option<Timestamp>,
}

impl Run {
    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        if self.started_at.is_some() {
            RunStatus::Running
        } else {
            RunStatus::Queued
        }
    }

    /// Whether it is to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// Whether somebody asked for its end.
    pub(crate) fn is_cancelling(&self) -> bool {
        matches!(self.stop, Some(Stop::Cancel(_)))
    }

    /// When it will be cancelled, if its end was asked for together with that of many.
    #[must_use]
    pub fn cancel_at(&self) -> Option<Timestamp> {
        self.cancel_at.as_ref().map(|(at, _)| *at)
    }

    /// Number of task runs.
    #[must_use]
    pub fn task_runs(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// Where the task run at a position stands.
    #[must_use]
    pub fn task_status(&self, index: u32) -> Option<TaskStatus> {
        self.nodes.get(index as usize).map(|node| node.status)
    }

    /// Leased attempts that are not over, with the positions of their task runs.
    pub fn live_attempts(&self) -> impl Iterator<Item = (u32, &LiveAttempt)> {
        self.live.iter().map(|(index, attempt)| (*index, attempt))
    }

    /// Value of an ended task run.
    #[must_use]
    pub fn result(&self, index: u32) -> Option<&ResultRef> {
        self.results.get(&index)
    }
}
