//! How a job stands and how it ended, in the words of this dialect.

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::run::TaskStatus;
use fasti_projector::rows::{Phase, TaskRunView};

use super::super::wire::{Container, FailureCode, Status};

/// Numbers by which the system says that there is no such program, or that it may not be run.
const NO_SUCH_FILE: i32 = 2;
const NOT_PERMITTED: [i32; 2] = [8, 13];

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Ended {
    pub(in super::super) reason: String,
    pub(in super::super) container: Option<Container>,
    pub(in super::super) failure: Option<FailureCode>,
}

/// Where a job in this phase stands; `is_limited`: its project has a limit, which holds it back until it is leased.
pub(in super::super) fn status(phase: Phase, is_limited: bool) -> Status {
    match phase {
        Phase::Waiting => Status::SubmittedToRescale,
        Phase::Queued if is_limited => Status::SubmittedToRescale,
        Phase::Queued => Status::Runnable,
        Phase::Leased => Status::Starting,
        Phase::Running => Status::Running,
        Phase::Success => Status::Succeeded,
        Phase::Failure | Phase::Skipped | Phase::Cancelled => Status::Failed,
    }
}

/// How far a task run is.
pub(in super::super) fn phase(view: &TaskRunView) -> Phase {
    let last = view.attempts.last();
    Phase::of(view.status, last.is_some_and(|last| last.outcome.is_none()))
}

/// How a task run ended; `None` while it goes on.
pub(in super::super) fn ended(view: &TaskRunView) -> Option<Ended> {
    let outcome = view.attempts.last().and_then(|last| last.outcome.as_ref());
    let said = view.status_reason.as_deref();
    let end = |reason: String, exit_code: Option<i32>, failure| {
        let container = exit_code.map(|code| Container {
            exit_code: Some(code),
            reason: Some(reason.clone()),
        });
        Some(Ended {
            reason,
            container,
            failure,
        })
    };
    match view.status {
        TaskStatus::Waiting | TaskStatus::Queued | TaskStatus::Running => None,
        TaskStatus::Success => end("Completed".to_owned(), Some(0), None),
        TaskStatus::Cancelled => {
            let code = outcome.and_then(exit_code);
            end("Cancelled by a user".to_owned(), code, None)
        }
        TaskStatus::Skipped => end(
            said.unwrap_or("never started").to_owned(),
            None,
            Some(FailureCode::Unknown),
        ),
        TaskStatus::Failure => {
            let failure = outcome.map_or(FailureCode::Unknown, failure_code);
            let reason = outcome.map(Outcome::summary);
            let reason = match (said, reason) {
                // The deadline of a run that was started elsewhere.
                (Some("fail_after"), _) => "the run took too long".to_owned(),
                (Some(said), _) if !said.is_empty() => said.to_owned(),
                (_, Some(reason)) => reason,
                (_, None) => "failed".to_owned(),
            };
            end(reason, outcome.and_then(exit_code), Some(failure))
        }
    }
}

fn exit_code(outcome: &Outcome) -> Option<i32> {
    match outcome {
        Outcome::Exited { code } => Some(*code),
        Outcome::Signaled { signal } => Some(128 + signal),
        Outcome::SpawnFailed { errno, .. } if *errno == NO_SUCH_FILE => Some(127),
        Outcome::SpawnFailed { errno, .. } if NOT_PERMITTED.contains(errno) => Some(126),
        Outcome::SpawnFailed { .. }
        | Outcome::TimedOut { .. }
        | Outcome::Stopped
        | Outcome::Lost { .. } => None,
    }
}

fn failure_code(outcome: &Outcome) -> FailureCode {
    match outcome {
        Outcome::Exited { .. } | Outcome::Signaled { .. } => FailureCode::NonZeroExitCode,
        Outcome::SpawnFailed { .. } => FailureCode::StartingContainer,
        Outcome::TimedOut { .. } => FailureCode::Timeout,
        Outcome::Lost { .. } => FailureCode::InfrastructureFault,
        Outcome::Stopped => FailureCode::Unknown,
    }
}
