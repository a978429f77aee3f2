//! Processes of tasks: what they have in mind, and how they take signals.

use std::sync::Arc;

use fasti_core::domain::attempt::{Outcome, Process, ResultRef, Usage};
use fasti_core::domain::ids::Digest;
use fasti_core::domain::launch::Launch;
use fasti_core::domain::time::Timestamp;
use fasti_runner::supervisor::{Ended, Input, StopSignal};

use super::dice::Dice;

/// What it would do if left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Succeed,
    Fail,
    Crash,
    /// Never comes into being.
    NoSpawn,
    /// Never ends by itself.
    Hang,
    /// Never ends by itself, nor when asked to.
    Ignore,
}

/// An attempt with the launcher.
pub(super) struct Proc {
    pub(super) launch: Arc<Launch>,
    plan: Plan,
    started: bool,
    signal: Option<StopSignal>,
}

impl Proc {
    pub(super) fn new(launch: Arc<Launch>, dice: &mut Dice, calm: bool) -> Self {
        let plan = match dice.small(20) {
            _ if calm => Plan::Succeed,
            0..3 => Plan::Fail,
            3 => Plan::Crash,
            4 => Plan::NoSpawn,
            5 => Plan::Hang,
            6 => Plan::Ignore,
            _ => Plan::Succeed,
        };
        Self {
            launch,
            plan,
            started: false,
            signal: None,
        }
    }

    /// Takes a signal; says whether it was asked and does not care.
    pub(super) fn signal(&mut self, signal: StopSignal) -> bool {
        if self.signal != Some(StopSignal::Kill) {
            self.signal = Some(signal);
        }
        self.started && self.plan == Plan::Ignore && signal == StopSignal::Term
    }

    pub(super) fn is_signalled(&self) -> bool {
        self.signal.is_some()
    }

    /// What happens next with it, if anything does; afterwards it may be gone.
    pub(super) fn progress(&mut self, at: Timestamp, calm: bool) -> Option<Input> {
        let token = self.launch.token;
        let ended = |outcome, signalled, result| Input::Ended {
            token,
            ended: Box::new(Ended {
                at,
                outcome,
                signalled,
                result,
                value: None,
                failure: None,
                usage: Usage::default(),
                gathered: None,
            }),
        };
        match (self.signal, self.started, self.plan) {
            (Some(StopSignal::Kill), ..) => {
                Some(ended(Outcome::Signaled { signal: 9 }, true, None))
            }
            (Some(StopSignal::Term), started, plan) if !started || plan != Plan::Ignore => {
                Some(ended(Outcome::Signaled { signal: 15 }, true, None))
            }
            (_, false, Plan::NoSpawn) => {
                let message = "no such file".to_owned();
                Some(ended(
                    Outcome::SpawnFailed { errno: 2, message },
                    false,
                    None,
                ))
            }
            (_, false, _) => {
                self.started = true;
                let process = Process {
                    pid: 1,
                    start_ticks: 1,
                };
                Some(Input::Started { token, at, process })
            }
            (_, true, Plan::Hang | Plan::Ignore) if !calm => None,
            (_, true, Plan::Fail) => Some(ended(Outcome::Exited { code: 1 }, false, None)),
            (_, true, Plan::Crash) => Some(ended(Outcome::Signaled { signal: 11 }, false, None)),
            (_, true, Plan::Succeed | Plan::NoSpawn | Plan::Hang | Plan::Ignore) => {
                let result = ResultRef {
                    sha256: Digest([1; 32]),
                    size: 3,
                    format: "pickle".to_owned(),
                };
                Some(ended(Outcome::Exited { code: 0 }, false, Some(result)))
            }
        }
    }
}
