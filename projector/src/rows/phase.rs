//! How far task runs are, with what the status of a task run does not tell.

use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a task run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Something it depends on is not over.
    Waiting,
    /// It waits for a runner, for room in its pool, or for its next attempt.
    Queued,
    /// A runner has it, and has not started its process.
    Leased,
    /// It has a process.
    Running,
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// It will not be executed.
    Skipped,
    /// It was cancelled.
    Cancelled,
}

impl Phase {
    /// All, in the order of a task run's life.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Queued,
        Self::Leased,
        Self::Running,
        Self::Success,
        Self::Failure,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// From the status, and whether an attempt goes on.
    #[must_use]
    pub fn of(status: TaskStatus, has_live_attempt: bool) -> Self {
        match status {
            TaskStatus::Waiting => Self::Waiting,
            TaskStatus::Queued if has_live_attempt => Self::Leased,
            TaskStatus::Queued => Self::Queued,
            TaskStatus::Running => Self::Running,
            TaskStatus::Success => Self::Success,
            TaskStatus::Failure => Self::Failure,
            TaskStatus::Skipped => Self::Skipped,
            TaskStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// Number of task runs in each phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseCounts([u64; Phase::ALL.len()]);

impl PhaseCounts {
    pub(crate) fn add(&mut self, phase: Phase, count: u64) {
        self.0[phase as usize] += count;
    }

    pub(crate) fn shift(&mut self, from: Phase, to: Phase) {
        let source = &mut self.0[from as usize];
        *source = source.saturating_sub(1);
        self.0[to as usize] += 1;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }

    /// Task runs in one phase.
    #[must_use]
    pub fn of(&self, phase: Phase) -> u64 {
        self.0[phase as usize]
    }

    /// All task runs.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// A limit of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolLimitView {
    /// How many units there may be in use.
    pub units: u64,
    /// When it was set first.
    pub created_at: Timestamp,
    /// Who set it first.
    pub created_by: String,
    /// When it was set last.
    pub updated_at: Timestamp,
    /// Who set it last.
    pub updated_by: String,
}

/// A pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolView {
    /// Its limits, by the name of who set each.
    pub limits: std::collections::BTreeMap<String, PoolLimitView>,
    /// The smallest of them; `None`: as much as one likes.
    pub capacity: Option<u64>,
    /// What live attempts take.
    pub used: u64,
}
