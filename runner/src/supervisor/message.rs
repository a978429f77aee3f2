//! What goes into the supervisor and what comes out of it. Plain data: no handles, no clocks.

use std::sync::Arc;

use fasti_core::domain::attempt::{Failure, Outcome, Process, ResultRef, Usage};
use fasti_core::domain::ids::Token;
use fasti_core::domain::launch::Launch;
use fasti_core::domain::time::Timestamp;
use fasti_core::protocol::runner_v1::{FromRunner, ToRunner};

/// Now, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Wall clock, for reports.
    pub at: Timestamp,
    /// Milliseconds on a clock that never jumps, for deadlines. Its zero is the caller's choice.
    pub uptime_ms: u64,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// There is a connection to a server.
    Connected,
    /// The connection is gone.
    Disconnected,
    /// The server said something.
    Server(ToRunner),
    /// An attempt handed out by [`Action::Start`] has a process.
    Started {
        /// Whose.
        token: Token,
        /// When.
        at: Timestamp,
        /// Which.
        process: Process,
    },
    /// The process of an attempt says how far it is.
    Progressed {
        /// Whose.
        token: Token,
        /// What it says, in order.
        marks: Vec<Mark>,
    },
    /// An attempt handed out by [`Action::Start`] is over, and no process of it is left.
    Ended {
        /// Whose.
        token: Token,
        /// How.
        ended: Box<Ended>,
    },
    /// The runner itself was told to end (SIGTERM).
    Terminate,
    /// Time passed; see [`next_wake_ms`](super::Supervisor::next_wake_ms).
    Wake,
}

/// A stage that an attempt has passed, or something that it says about one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The stage.
    pub stage: String,
    /// When it was seen.
    pub at: Timestamp,
    /// What else was said, as JSON text.
    pub detail: Option<String>,
    /// It is about a stage that goes on.
    pub is_note: bool,
}

/// How an attempt ended, as the launcher saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// What became of the process, whatever the reason.
    pub outcome: Outcome,
    /// Whether the runner had signalled the process before it ended.
    pub signalled: bool,
    /// Its return value.
    pub result: Option<ResultRef>,
    /// The bytes of a small return value.
    pub value: Option<Vec<u8>>,
    /// What its code says about a failure.
    pub failure: Option<Failure>,
    /// What it used.
    pub usage: Usage,
    /// What it left, if it is the run of a step.
    pub gathered: Option<std::sync::Arc<fasti_core::domain::flow::Gathered>>,
}

/// What to do now, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send this to the server; loses nothing if the connection is gone by then.
    Say(FromRunner),
    /// Begin this attempt as soon as a slot is free, in the order of these actions. Answered by
    /// [`Input::Ended`], and by [`Input::Started`] before it if there was a process.
    Start(Arc<Launch>),
    /// Signal the process group of this attempt, or withdraw the attempt if it has not begun.
    Signal {
        /// Whose.
        token: Token,
        /// Which.
        signal: StopSignal,
    },
    /// End the runner.
    Exit(Exit),
}

/// The two ways to end a process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// Asks.
    Term,
    /// Does not ask.
    Kill,
}

/// Why the runner ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Told to, and done.
    Done,
    /// Told to, and some tasks or reports did not make it in time.
    Late,
    /// The server does not want this runner.
    Refused {
        /// Its words, or ours when the runner refuses the server.
        reason: String,
    },
    /// No server came back and nothing runs.
    Abandoned,
}
