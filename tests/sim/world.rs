//! The world: one step at a time, one thing happens. `durable` has the server's side of it.

mod durable;
mod links;

use std::collections::BTreeSet;

use fasti_core::domain::command::{Command, Request};
use fasti_core::domain::ids::{RunnerId, Token};
use fasti_core::domain::time::Timestamp;
use fasti_runner::supervisor::Input;

use super::client::{Intent, intend};
use super::dice::Dice;
use super::disk::Disk;
use super::machine::Machine;
use super::oracle::Oracle;
use super::server::{Asker, Server};
use super::tally::Tally;

/// 2024-03-31T00:50:00Z: ten minutes before clocks change in Europe.
const BEGIN: Timestamp = Timestamp(1_711_846_200_000_000);

/// Things that clients want in one world.
const INTENTS_MAX: usize = 40;

/// Rounds after which a world without faults must have come to rest.
const CALM_ROUNDS_MAX: u64 = 20_000;

/// How often what goes wrong; 0 never. Drawn once a seed, so that worlds differ in kind.
struct Faults {
    crash: u64,
    break_connection: u64,
    die: u64,
    terminate: u64,
    lose: u64,
    clock: u64,
    lose_answer: u64,
}

impl Faults {
    fn draw(dice: &mut Dice) -> Self {
        let mut once_in = |often: u64| if dice.once_in(3) { 0 } else { often };
        Self {
            crash: once_in(12),
            break_connection: once_in(6),
            die: once_in(30),
            terminate: once_in(50),
            lose: once_in(6),
            clock: once_in(12),
            lose_answer: once_in(6),
        }
    }
}

/// See the module.
pub(super) struct World {
    dice: Dice,
    faults: Faults,
    is_calm: bool,
    now: Timestamp,
    /// How far the server's clock is off.
    skew_us: i64,
    disk: Disk,
    server: Option<Server>,
    machines: Vec<Machine>,
    intents: Vec<Intent>,
    oracle: Oracle,
    sessions: u64,
    /// Tokens of durable leases.
    leased: BTreeSet<Token>,
    /// Tokens that some launcher was handed.
    begun: BTreeSet<Token>,
    pub(super) tally: Tally,
    pub(super) steps: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            faults: Faults::draw(&mut dice),
            dice,
            is_calm: false,
            now: BEGIN,
            skew_us: 0,
            disk: Disk::default(),
            server: None,
            machines: Vec::new(),
            intents: Vec::new(),
            oracle: Oracle::default(),
            sessions: 0,
            leased: BTreeSet::new(),
            begun: BTreeSet::new(),
            tally: Tally::default(),
            steps: 0,
        }
    }

    /// Whether a fault happens now.
    fn strikes(&mut self, once_in: u64) -> bool {
        !self.is_calm && once_in > 0 && self.dice.once_in(once_in)
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        match self.dice.small(20) {
            0..4 => self.commit(),
            4..8 => self.deliver_something(),
            8..12 => self.progress_something(),
            12..14 => self.want_something(),
            14..16 => {
                let longest = match self.dice.small(60) {
                    0 => 60_000,
                    1..4 => 5_000,
                    _ => 150,
                };
                let ms = self.dice.below(longest);
                self.pass_ms(ms);
            }
            16 => self.connect_something(),
            17 if self.machines.iter().filter(|it| !it.is_gone).count() < 3 => self.add_machine(),
            _ => self.something_fails(),
        }
        self.wake_machines();
        self.check_begun();
    }

    fn pass_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    fn add_machine(&mut self) {
        let slots = 1 + self.dice.small(4);
        let number = self.machines.len();
        self.machines.push(Machine::new(number, slots, self.now));
        self.connect(number);
    }

    fn feed(&mut self, machine: usize, input: Input) {
        let Self {
            machines,
            now,
            dice,
            is_calm,
            tally,
            ..
        } = self;
        machines[machine].feed(*now, input, dice, *is_calm, tally);
    }

    fn wake_machines(&mut self) {
        for machine in 0..self.machines.len() {
            if self.machines[machine].is_due(self.now) {
                self.feed(machine, Input::Wake);
            }
        }
    }

    /// A launcher is handed nothing that is not durable, and nothing twice.
    fn check_begun(&mut self) {
        for machine in &mut self.machines {
            for token in machine.begun.drain(..) {
                assert!(self.leased.contains(&token), "began without a lease");
                assert!(self.begun.insert(token), "a token began twice");
            }
        }
    }

    fn some_machine(&mut self) -> Option<usize> {
        let there = (0..self.machines.len()).filter(|&it| !self.machines[it].is_gone);
        let there: Vec<usize> = there.collect();
        self.dice.pick(&there)
    }

    fn progress_something(&mut self) {
        if let Some(machine) = self.some_machine() {
            self.progress(machine);
        }
    }

    fn progress(&mut self, machine: usize) {
        let Self {
            machines,
            now,
            dice,
            is_calm,
            tally,
            ..
        } = self;
        machines[machine].progress(*now, dice, *is_calm, tally);
    }

    /// A client wants something new, asks, asks again, or asks once more although it was answered.
    fn want_something(&mut self) {
        if self.intents.len() < INTENTS_MAX && self.dice.once_in(2) {
            let state = self.server.as_ref().map(|server| &server.state);
            let intent = intend(&mut self.dice, self.intents.len(), state);
            self.intents.push(intent);
        }
        if !self.intents.is_empty() {
            let number = self.dice.index(self.intents.len());
            self.send(number);
        }
    }

    fn send(&mut self, number: usize) {
        let intent = &mut self.intents[number];
        let Some(server) = &mut self.server else {
            return;
        };
        if intent.is_in_flight || intent.answer.is_some() {
            self.tally.count("request was repeated");
        }
        intent.is_in_flight = true;
        let request = intent.request.clone();
        server.inbox.push_back((Asker::Client(number), request));
    }

    fn something_fails(&mut self) {
        if self.strikes(self.faults.clock) {
            let span = 10_000_000;
            self.skew_us = i64::try_from(self.dice.below(2 * span)).expect("small") - 10_000_000;
            if self.skew_us < 0 {
                self.tally.count("clock went back");
            }
        }
        if self.strikes(self.faults.lose) {
            self.lose_one();
        }
        let Some(machine) = self.some_machine() else {
            return;
        };
        if self.strikes(self.faults.break_connection) {
            self.tally.count("connection broke");
            self.disconnect(machine);
        }
        if self.strikes(self.faults.terminate) {
            self.tally.count("machine was terminated");
            self.feed(machine, Input::Terminate);
        }
        if self.strikes(self.faults.die) {
            self.tally.count("machine died");
            self.machines[machine].is_gone = true;
            self.machines[machine].connection = None;
        }
    }

    /// A runner without a connection is given up.
    fn lose_one(&mut self) {
        let unlinked = self.unlinked();
        let lost = if unlinked.is_empty() {
            return;
        } else {
            unlinked[self.dice.index(unlinked.len())].clone()
        };
        self.lose(lost);
    }

    fn lose(&mut self, runner: RunnerId) {
        let reason = "not seen for too long".to_owned();
        let request = Request::system(Command::LoseRunner { runner, reason });
        if let Some(server) = &mut self.server {
            server.inbox.push_back((Asker::Nobody, request));
        }
    }

    /// Faults stop: everything that was asked is answered, every run ends, every process is gone.
    pub(super) fn calm_down(&mut self) {
        self.is_calm = true;
        self.skew_us = 0;
        for intent in &mut self.intents {
            intent.is_in_flight = false;
        }
        for _ in 0..CALM_ROUNDS_MAX {
            if self.is_at_rest() {
                self.check_rest();
                return;
            }
            self.calm_round();
        }
        panic!("no rest without faults: {}", self.describe());
    }

    fn calm_round(&mut self) {
        if self.machines.iter().all(|machine| machine.is_gone) {
            self.add_machine();
        }
        for number in 0..self.intents.len() {
            let intent = &self.intents[number];
            if intent.answer.is_none() && !intent.is_in_flight {
                self.send(number);
            }
        }
        for machine in 0..self.machines.len() {
            self.connect(machine);
            self.deliver(machine);
            for _ in 0..4 {
                self.progress(machine);
            }
        }
        for runner in self.unlinked() {
            self.lose(runner);
        }
        self.pause_schedules();
        self.commit();
        self.pass_ms(20);
        self.wake_machines();
        self.check_begun();
    }

    /// Schedules would make runs for ever.
    fn pause_schedules(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let going = server.state.batches().filter(|batch| !batch.paused);
        let going: Vec<_> = going.map(|batch| batch.id).collect();
        for batch in going {
            let request = Request::system(Command::PauseBatch {
                batch,
                reason: None,
                until: None,
            });
            server.inbox.push_back((Asker::Nobody, request));
        }
    }

    fn is_at_rest(&self) -> bool {
        let Some(server) = &self.server else {
            return false;
        };
        let answered = |it: &Intent| it.answer.is_some();
        server.inbox.is_empty()
            && server.state.runs().next().is_none()
            && self.intents.iter().all(answered)
            && self.machines.iter().all(|it| it.is_gone || it.is_idle())
    }

    fn check_rest(&self) {
        let open: Vec<_> = self.oracle.open_attempts().collect();
        assert!(open.is_empty(), "attempts without an end: {open:?}");
        assert!(self.oracle.runs.is_empty());
        let state = self.disk.fold();
        self.oracle.rest(&state);
        assert_eq!(state.next_wake(), None, "a timer is left");
    }

    /// A number that stands for everything that happened.
    pub(super) fn trace(&self) -> u64 {
        self.disk.trace()
    }

    /// How things stand, for whoever looks for the reason.
    pub(super) fn describe(&self) -> String {
        let events: Vec<String> = self.disk.events().map(|it| format!("{it:?}")).collect();
        let last = &events[events.len().saturating_sub(12)..];
        let machines = self.machines.iter().filter(|it| !it.is_gone);
        let machines: Vec<String> = machines.map(Machine::describe).collect();
        format!(
            "{} steps, {} events, server up: {}, runners {machines:?}, last events:\n{}",
            self.steps,
            events.len(),
            self.server.is_some(),
            last.join("\n")
        )
    }
}
