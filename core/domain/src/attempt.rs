//! One try at a task run: how it is told apart, how it can end, what it leaves.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::bounded;
use crate::flow::Gathered;
use crate::ids::{AttemptId, Digest, TaskRunId, Token};
use crate::stages::StageMark;
use crate::time::Timestamp;

/// How an attempt ended. Every way is here; only `Exited` with code 0 is a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The process ended by itself.
    Exited {
        /// Exit code, 0 to 255.
        code: i32,
    },
    /// A signal ended the process.
    Signaled {
        /// Signal number.
        signal: i32,
    },
    /// The process could not be started.
    SpawnFailed {
        /// Error number of the system, 0 when there is none.
        errno: i32,
        /// What was tried and what the system said.
        message: String,
    },
    /// The task's own time limit passed; its process group was ended.
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// The run was cancelled, or its deadline passed, and the process group was ended (or never started).
    Stopped,
    /// The runner went away and cannot say what became of it.
    Lost {
        /// How that was noticed.
        message: String,
    },
}

impl Outcome {
    /// Whether dependents may go on.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }

    /// One short line for people: `exit code 3`, `signal 9`.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Exited { code } => format!("exit code {code}"),
            Self::Signaled { signal } => format!("signal {signal}"),
            Self::SpawnFailed { message, .. } => format!("could not start: {message}"),
            Self::TimedOut { limit_ms } => format!("time limit of {limit_ms} ms passed"),
            Self::Stopped => "stopped".to_owned(),
            Self::Lost { message } => format!("lost: {message}"),
        }
    }
}

/// A process, told apart from later ones with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Process {
    /// Process id, also the id of its process group.
    pub pid: u32,
    /// Start time in clock ticks since boot (field 22 of `/proc/<pid>/stat`); 0 where unknown.
    #[serde(default)]
    pub start_ticks: u64,
}

/// A stored return value, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResultRef {
    /// Digest of the bytes, and their name in the store.
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
    /// How to read them: `pickle`.
    pub format: String,
}

/// What an attempt used.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Usage {
    /// Processor time, user and system, in microseconds.
    #[serde(default)]
    pub cpu_us: u64,
    /// Largest resident memory of the main process in KiB.
    #[serde(default)]
    pub max_rss_kib: u64,
    /// Bytes written to stdout.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// Bytes written to stderr.
    #[serde(default)]
    pub stderr_bytes: u64,
}

/// Why the task's own code says it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// Class: `exception`, `argument_resolution`, `entrypoint`, `unserialisable`, `interrupted`.
    pub reason: String,
    /// One line.
    pub message: String,
}

/// The right to run one attempt, given to a runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Lease {
    /// The task run.
    pub task_run: TaskRunId,
    /// Number of the attempt, from 1.
    pub number: u32,
    /// What the runner shows with every report.
    pub token: Token,
}

impl Lease {
    /// The attempt leased.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        AttemptId {
            task_run: self.task_run,
            number: self.number,
        }
    }
}

/// An attempt has a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AttemptStart {
    /// The task run.
    pub task_run: TaskRunId,
    /// Number of the attempt.
    pub number: u32,
    /// When the process was started, by the runner's clock.
    pub started_at: Timestamp,
    /// The process.
    pub process: Process,
}

/// An attempt is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AttemptEnd {
    /// The task run.
    pub task_run: TaskRunId,
    /// Number of the attempt.
    pub number: u32,
    /// When it ended, by the runner's clock.
    pub finished_at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// Its return value, if it returned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRef>,
    /// What its own code says about a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it used.
    #[serde(default)]
    pub usage: Usage,
    /// What it left, if it is the run of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<Arc<Gathered>>,
}

impl AttemptEnd {
    /// The attempt that ended.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        AttemptId {
            task_run: self.task_run,
            number: self.number,
        }
    }

    /// With its texts cut to what an event keeps.
    pub(crate) fn bounded(&self) -> Self {
        let mut end = self.clone();
        if let Outcome::SpawnFailed { message, .. } | Outcome::Lost { message } = &mut end.outcome {
            *message = bounded(message);
        }
        if let Some(failure) = &mut end.failure {
            failure.reason = bounded(&failure.reason);
            failure.message = bounded(&failure.message);
        }
        end
    }

    /// Why it failed, for people; `None` for a success.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if self.outcome.is_success() {
            return None;
        }
        Some(match &self.failure {
            Some(failure) => failure.message.clone(),
            None => self.outcome.summary(),
        })
    }
}

/// What a runner says of one attempt. The token proves that it speaks of a lease of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// Token of the lease.
    pub token: Token,
    /// What happened.
    pub news: AttemptNews,
}

/// See [`AttemptReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptNews {
    /// Its process runs.
    Started(AttemptStart),
    /// Its process reports how far it is.
    Progressed(StageMark),
    /// It is over.
    Finished(AttemptEnd),
}
