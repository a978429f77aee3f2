//! From what the system says about the end of a process to an [`Outcome`].

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use fasti_core::domain::attempt::Outcome;

/// Outcome for a raw wait status.
pub(crate) fn of_status(status: i32) -> Outcome {
    let exit = ExitStatus::from_raw(status);
    match (exit.code(), exit.signal()) {
        (Some(code), _) => Outcome::Exited { code },
        (None, Some(signal)) => Outcome::Signaled { signal },
        (None, None) => Outcome::Lost {
            message: format!("the wait status {status:#x} names neither an exit nor a signal"),
        },
    }
}

/// Why an attempt has no process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpawnFailure {
    /// Error number of the system, 0 when there is none.
    pub(crate) errno: i32,
    /// What was tried and what the system said.
    pub(crate) message: String,
}

impl SpawnFailure {
    /// `what` failed with `error`.
    pub(crate) fn new(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self {
            errno: error.raw_os_error().unwrap_or(0),
            message: format!("{what}: {error}"),
        }
    }

    /// A failure that is none of the system's.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self {
            errno: 0,
            message: message.into(),
        }
    }
}

impl From<SpawnFailure> for Outcome {
    fn from(failure: SpawnFailure) -> Self {
        Self::SpawnFailed {
            errno: failure.errno,
            message: failure.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_an_exit() {
        for code in 0..256 {
            assert_eq!(of_status(code << 8), Outcome::Exited { code });
        }
    }

    #[test]
    fn a_signal_is_a_signal_with_or_without_a_core() {
        for signal in 1..65 {
            assert_eq!(of_status(signal), Outcome::Signaled { signal });
        }
        assert_eq!(of_status(11 | 0x80), Outcome::Signaled { signal: 11 });
    }

    #[test]
    fn a_stopped_process_is_no_end() {
        assert!(matches!(of_status(0x137f), Outcome::Lost { .. }));
    }

    #[test]
    fn a_spawn_failure_keeps_the_number_of_the_system() {
        let failure = SpawnFailure::new("cannot start `/x`", &io::Error::from_raw_os_error(13));
        let Outcome::SpawnFailed { errno, message } = Outcome::from(failure) else {
            panic!("another outcome")
        };
        assert_eq!(errno, 13);
        assert!(
            message.starts_with("cannot start `/x`: Permission denied"),
            "{message}"
        );
        assert_eq!(SpawnFailure::plain("x").errno, 0);
    }
}
