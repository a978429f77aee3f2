//! A runner: the real supervisor, with processes and a connection that are not.

use std::collections::{BTreeMap, VecDeque};

use fasti_core::domain::ids::{RunnerId, Token};
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::time::Timestamp;
use fasti_core::protocol::runner_v1::{FromRunner, ToRunner};
use fasti_runner::supervisor::{Action, Exit, Input, Moment, Patience, StopSignal, Supervisor};

use super::dice::Dice;
use super::process::Proc;
use super::tally::Tally;

/// Messages that the connection takes before the runner waits.
const IN_FLIGHT_MAX: usize = 8;

/// A connection, with what is on its way. Whoever breaks it loses that.
#[derive(Default)]
pub(super) struct Connection {
    /// Tells it from earlier ones of the same runner.
    pub(super) session: u64,
    pub(super) to_server: VecDeque<FromRunner>,
    pub(super) to_runner: VecDeque<ToRunner>,
    /// The server works on a message and takes no other before.
    pub(super) is_busy: bool,
}

/// See the module.
pub(super) struct Machine {
    pub(super) info: RunnerInfo,
    supervisor: Supervisor,
    booted: Timestamp,
    procs: Vec<Proc>,
    pub(super) connection: Option<Connection>,
    /// It ended, or died.
    pub(super) is_gone: bool,
    /// Tokens handed to the launcher since the last look.
    pub(super) begun: Vec<Token>,
}

impl Machine {
    pub(super) fn new(number: usize, slots: u32, now: Timestamp) -> Self {
        let info = RunnerInfo {
            runner: RunnerId::new(&format!("r{number}")).expect("a good name"),
            host: "host".to_owned(),
            boot_id: "boot".to_owned(),
            pid: 1,
            version: "0".to_owned(),
            capacity: Capacity {
                slots,
                cpu_mhz: 4000,
                memory_mb: 1000,
            },
            labels: BTreeMap::new(),
        };
        let patience = Patience {
            idle_ms: 1_000,
            unreported_ms: 20_000,
        };
        let moment = Moment {
            at: now,
            uptime_ms: 0,
        };
        Self {
            supervisor: Supervisor::new(info.clone(), patience, moment),
            info,
            booted: now,
            procs: Vec::new(),
            connection: None,
            is_gone: false,
            begun: Vec::new(),
        }
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment {
            at: now,
            uptime_ms: u64::try_from((now.0 - self.booted.0) / 1000).unwrap_or(0),
        }
    }

    /// Whether its supervisor wants to be woken by now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let wake = self.supervisor.next_wake_ms();
        !self.is_gone && wake.is_some_and(|at| at <= self.moment(now).uptime_ms)
    }

    pub(super) fn feed(
        &mut self,
        now: Timestamp,
        input: Input,
        dice: &mut Dice,
        calm: bool,
        tally: &mut Tally,
    ) {
        if self.is_gone {
            return;
        }
        let mut actions = Vec::new();
        self.supervisor
            .handle(self.moment(now), input, &mut actions);
        for action in actions {
            match action {
                Action::Say(message) => self.say(message),
                Action::Start(launch) => {
                    self.begun.push(launch.token);
                    self.procs.push(Proc::new(launch, dice, calm));
                }
                Action::Signal { token, signal } => {
                    let procs = self.procs.iter_mut();
                    for proc in procs.filter(|it| it.launch.token == token) {
                        if proc.signal(signal) {
                            tally.count("process ignored TERM");
                        }
                        if signal == StopSignal::Term && proc.launch.timeout_ms.is_some() {
                            tally.count("timeout of a task");
                        }
                    }
                }
                Action::Exit(exit) => {
                    if exit == Exit::Abandoned {
                        tally.count("runner gave up");
                    }
                    self.is_gone = true;
                }
            }
        }
        self.pump();
    }

    fn say(&mut self, message: FromRunner) {
        if let Some(connection) = &mut self.connection {
            connection.to_server.push_back(message);
        }
    }

    /// Sends reports while the connection has room.
    fn pump(&mut self) {
        let room = |it: &Option<Connection>| {
            it.as_ref()
                .is_some_and(|it| it.to_server.len() < IN_FLIGHT_MAX)
        };
        while room(&self.connection) {
            let Some(message) = self.supervisor.next_reports() else {
                break;
            };
            self.say(message);
        }
    }

    /// Something happens with one of the processes that have a slot.
    pub(super) fn progress(
        &mut self,
        now: Timestamp,
        dice: &mut Dice,
        calm: bool,
        tally: &mut Tally,
    ) {
        let running = self.procs.len().min(self.info.capacity.slots as usize);
        if running == 0 || self.is_gone {
            return;
        }
        // Signals also reach what waits for a slot, which is then withdrawn.
        let index = if dice.once_in(3) {
            dice.index(self.procs.len())
        } else {
            dice.index(running)
        };
        let proc = &mut self.procs[index];
        if index >= running && !proc.is_signalled() {
            return;
        }
        let Some(input) = proc.progress(now, calm) else {
            return;
        };
        if let Input::Ended { .. } = input {
            self.procs.remove(index);
        }
        self.feed(now, input, dice, calm, tally);
    }

    /// Whether nothing runs on it.
    pub(super) fn is_idle(&self) -> bool {
        self.procs.is_empty()
    }

    /// What it would say it holds; for a look at it from outside.
    pub(super) fn describe(&self) -> String {
        let procs = self.procs.iter().map(|it| it.launch.attempt.to_string());
        let procs: Vec<_> = procs.collect();
        let connection = self.connection.as_ref().map(|it| it.to_server.len());
        format!("{} runs {procs:?}, unsent {connection:?}", self.info.runner)
    }
}
