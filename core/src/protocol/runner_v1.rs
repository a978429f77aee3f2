//! Runner protocol, version 1.
//!
//! The runner connects, says [`FromRunner::Hello`] with everything it still holds, and gets
//! [`ToRunner::Welcome`]. From then on the server sends launches (each only after its lease is durable) and
//! stops, the runner sends numbered reports. A report is kept by the runner until a [`ToRunner::Ack`] covers
//! it: the server acknowledges once the facts are durable. After a lost connection both sides simply connect
//! again and repeat what is not acknowledged; a runner starts a token once, a report is applied once.

use fasti_domain::attempt::AttemptReport;
use fasti_domain::ids::{AttemptId, LogId, RunnerId, Token};
use fasti_domain::launch::Launch;
use fasti_domain::runner::RunnerInfo;
use serde::{Deserialize, Serialize};

/// Version of this protocol; both sides refuse another.
pub const VERSION: u32 = 1;

/// Longest frame either side accepts, in bytes.
pub const FRAME_BYTES_MAX: usize = 256 << 20;

/// Values up to this size, in bytes, travel inside reports and launches; larger ones are files of the blob
/// store that both sides reach.
pub const INLINE_BYTES_MAX: u64 = 4096;

/// What the values of dependencies may take inside one launch, about, in bytes; more go as one blob that all
/// launches of the task name. Below what a start costs anyway, far above what most tasks get.
pub const UPSTREAM_BYTES_PER_LAUNCH_MAX: usize = 64 << 10;

/// From the server to a runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToRunner {
    /// Answer to `Hello`.
    Welcome {
        /// Protocol spoken.
        protocol: u32,
        /// The log this server writes. A runner that has worked for another log refuses.
        log_id: LogId,
    },
    /// The server cannot use this runner; it ends its tasks and itself.
    Refused {
        /// Why.
        reason: String,
    },
    /// Start these, as slots become free, in this order.
    Start {
        /// What to start. Tokens already known are passed over.
        launches: Vec<Launch>,
    },
    /// End these attempts: TERM, their grace, KILL, for the whole process group. Not yet started ones are
    /// dropped. Either way each is reported finished.
    Stop {
        /// Which.
        attempts: Vec<StopAttempt>,
    },
    /// All reports up to this number are durable and may be forgotten.
    Ack {
        /// Number of the last durable report.
        through: u64,
    },
    /// The server stops.
    Shutdown {
        /// What becomes of running attempts.
        mode: ShutdownMode,
    },
    /// Answer to `Ping`.
    Pong,
}

/// One attempt to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its token.
    pub token: Token,
}

/// What becomes of running attempts when the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutdownMode {
    /// End them, report, then end the runner.
    Kill,
    /// Take no more, let them finish, report, then end the runner.
    Wait,
    /// Let them run; the runner waits for a server to come back.
    Leave,
}

/// From a runner to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRunner {
    /// First message.
    Hello {
        /// Protocol spoken.
        protocol: u32,
        /// Log this runner has worked for, if any.
        log_id: Option<LogId>,
        /// Who it is.
        info: RunnerInfo,
        /// Attempts it holds: queued, running, or finished and not yet acknowledged.
        held: Vec<Held>,
    },
    /// Facts, numbered without gaps from 1 over the life of the runner; repeated until acknowledged.
    Reports {
        /// Number of the first one.
        first: u64,
        /// The facts.
        reports: Vec<Report>,
    },
    /// Sign of life.
    Ping,
    /// The runner is done and will close the connection.
    Bye,
}

/// An attempt that the runner holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its token.
    pub token: Token,
}

/// A fact about an attempt, with its small return value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The fact.
    pub report: AttemptReport,
    /// Bytes of the return value when they are at most [`INLINE_BYTES_MAX`]; larger ones are in the blob store
    /// before the report is sent.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub value: Option<Vec<u8>>,
}

impl FromRunner {
    /// The runner's name, when the message says it.
    #[must_use]
    pub fn runner(&self) -> Option<&RunnerId> {
        match self {
            Self::Hello { info, .. } => Some(&info.runner),
            Self::Reports { .. } | Self::Ping | Self::Bye => None,
        }
    }
}
