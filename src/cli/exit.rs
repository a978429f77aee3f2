//! Exit codes. Frozen: scripts depend on them.

use std::process::ExitCode;

use fasti_core::store::StoreError;

use super::read;

/// Why a command did not do what was asked; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing is wrong.
    Done = 0,
    /// Something inside went wrong.
    Internal = 1,
    /// The request is wrong.
    Usage = 2,
    /// It speaks of something that is not there.
    NotFound = 3,
    /// It does not fit what is there.
    Conflict = 4,
    /// It is not allowed.
    Denied = 5,
    /// Nobody answered.
    Unreachable = 6,
    /// The history is not whole.
    VerifyFailed = 7,
    /// The run waited for failed.
    RunFailed = 10,
    /// The run waited for was cancelled.
    RunCancelled = 11,
    /// The run waited for went on too long.
    RunTimedOut = 12,
    /// The run waited for cannot be followed any more: its server went away.
    RunLost = 13,
}

/// An error that knows its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// Whether the message was shown already, such as a report.
    said: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            said: false,
        }
    }

    /// Whether an error has this exit code.
    pub(crate) fn is(error: &anyhow::Error, exit: Exit) -> bool {
        error
            .downcast_ref::<Self>()
            .is_some_and(|failure| failure.exit == exit)
    }

    /// For output that nobody reads any more, as of `head`: nothing is wrong, and nothing is said.
    pub(crate) fn unread() -> Self {
        Self {
            exit: Exit::Done,
            message: String::new(),
            said: true,
        }
    }

    /// For a command whose output says everything already.
    pub(crate) fn said(exit: Exit) -> Self {
        Self {
            exit,
            message: String::new(),
            said: true,
        }
    }
}

/// Prints the chain of an error on one line and answers with its exit code.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let failure = error.downcast_ref::<Failure>();
    if failure.is_none_or(|failure| !failure.said) {
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        let mut line = String::new();
        for part in chain {
            // A source often repeats what its error already said.
            if !line.ends_with(&part) {
                if !line.is_empty() {
                    line.push_str(": ");
                }
                line.push_str(&part);
            }
        }
        // A message of several lines is our own, about a file; the rest of it may come from anywhere.
        let lines: Vec<String> = line.lines().map(read::plain).collect();
        eprintln!("fasti: {}", lines.join("\n"));
    }
    let exit = failure.map_or(Exit::Internal, |failure| failure.exit);
    ExitCode::from(exit as u8)
}

/// Something else is in the way.
pub(crate) fn conflict(message: String) -> anyhow::Error {
    Failure::new(Exit::Conflict, message).into()
}

/// A store that cannot be opened, with the exit code that says whose turn it is.
#[expect(
    clippy::needless_pass_by_value,
    reason = "made to be handed to map_err"
)]
pub(crate) fn store_failure(error: StoreError) -> anyhow::Error {
    let exit = match &error {
        StoreError::Locked { .. } => Exit::Conflict,
        StoreError::NotFound { .. } => Exit::NotFound,
        StoreError::Damaged { .. } | StoreError::ShortLog { .. } | StoreError::HeadLost { .. } => {
            Exit::VerifyFailed
        }
        StoreError::Io { .. }
        | StoreError::DiskFull { .. }
        | StoreError::Poisoned { .. }
        | StoreError::NewerFormat { .. }
        | StoreError::Invalid { .. }
        | StoreError::TooLarge { .. } => Exit::Internal,
    };
    Failure::new(exit, error.to_string()).into()
}
