//! One attempt that the runner holds, from its launch until the server has acknowledged its end.

use std::sync::Arc;

use fasti_core::domain::attempt::{Failure, Outcome, ResultRef};
use fasti_core::domain::flow::Gathered;
use fasti_core::domain::ids::{AttemptId, RunId, Token};
use fasti_core::domain::launch::{Launch, Program};

/// What a finished attempt's own code says: its value by reference, its bytes when small, its failure, and what it
/// left as a step.
pub(super) type Says = (
    Option<ResultRef>,
    Option<Vec<u8>>,
    Option<Failure>,
    Option<Arc<Gathered>>,
);

/// See the module.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) attempt: AttemptId,
    pub(super) phase: Phase,
    pub(super) timeout_ms: Option<u64>,
    pub(super) grace_ms: u64,
    /// Why it is being ended, once it is.
    pub(super) cause: Option<Cause>,
    /// Its one entry among the timers: the time limit while there is no cause, the KILL once there is one.
    pub(super) deadline_ms: Option<u64>,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Waits for a slot.
    Queued(Arc<Launch>),
    /// With the launcher, no process known yet.
    Handed,
    /// Has a process.
    Running,
    /// Over; its report is not acknowledged.
    Finished,
}

/// Why the runner ends an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server said so.
    Stop,
    /// Its time limit passed.
    Timeout { limit_ms: u64 },
    /// The runner ends.
    Closing,
}

impl Cause {
    /// The outcome to report for an attempt ended for this reason. A stop that nobody asked for tells the
    /// scheduler that this runner is closing: it gives it nothing more, and tries the task run elsewhere.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Stop | Self::Closing => Outcome::Stopped,
            Self::Timeout { limit_ms } => Outcome::TimedOut { limit_ms },
        }
    }
}

impl Entry {
    /// An attempt just launched.
    pub(super) fn queued(launch: Launch) -> Self {
        Self {
            attempt: launch.attempt,
            timeout_ms: launch.timeout_ms,
            grace_ms: launch.grace_ms,
            phase: Phase::Queued(Arc::new(launch)),
            cause: None,
            deadline_ms: None,
        }
    }

    /// An attempt known by name only. Its launch never arrived and it must not begin.
    pub(super) fn unknown(attempt: AttemptId) -> Self {
        Self::queued(Launch {
            attempt,
            token: Token([0; 16]),
            run: RunId(0),
            index: 0,
            env: std::collections::BTreeMap::new(),
            program: Program::Command {
                argv: Vec::new(),
                cwd: None,
                stdin: None,
            },
            timeout_ms: None,
            grace_ms: 0,
            staging: None,
            options: None,
        })
    }
}
