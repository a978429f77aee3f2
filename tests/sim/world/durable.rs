//! The server's side: commits, crashes at the worst moment, restarts.

use fasti_core::domain::command::{Command, Receipt, Request, Settings};
use fasti_core::domain::event::{Event, Recorded};
use fasti_core::domain::ids::LogId;
use fasti_core::domain::rejection::Rejection;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::Commit;

use super::World;
use crate::sim::oracle::Oracle;
use crate::sim::server::{Asker, Server};

/// Requests decided into one commit.
const REQUESTS_MAX: u64 = 6;

/// When the server crashes, seen from the commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crash {
    /// The commit is not on the disk.
    Before,
    /// It is, and nobody was told.
    After,
}

impl World {
    fn wall(&self) -> Timestamp {
        self.now.plus_us(self.skew_us)
    }

    /// Some of what waits is decided and becomes durable, unless the server crashes over it.
    pub(super) fn commit(&mut self) {
        let wall = self.wall();
        let Some(server) = &mut self.server else {
            if self.is_calm || self.dice.once_in(4) {
                self.restart();
            }
            return;
        };
        if server.state.next_wake().is_some_and(|at| at <= wall) {
            let wake = Request::system(Command::Wake);
            server.inbox.push_back((Asker::Nobody, wake));
        }
        let mut commit = Commit::default();
        let mut answers = Vec::new();
        for _ in 0..=self.dice.below(REQUESTS_MAX) {
            let Some((asker, request)) = server.inbox.pop_front() else {
                break;
            };
            let before = commit.len();
            let answer = commit.offer(&mut server.state, &request, wall);
            for recorded in &commit.events()[before..] {
                self.oracle.see(recorded);
            }
            self.oracle.rest(&server.state);
            answers.push((asker, answer));
        }
        if answers.is_empty() {
            return;
        }
        let crash = self.strikes(self.faults.crash).then(|| {
            if self.dice.once_in(2) {
                Crash::Before
            } else {
                Crash::After
            }
        });
        match crash {
            Some(Crash::Before) => {
                self.tally.count("commit vanished in a crash");
                self.crash();
                return;
            }
            Some(Crash::After) => {
                self.tally.count("commit survived a crash");
                self.make_durable(commit.events());
                self.crash();
                return;
            }
            None => self.make_durable(commit.events()),
        }
        self.carry_out(&commit);
        for (asker, answer) in answers {
            self.answer(asker, answer);
        }
        if self.dice.once_in(20)
            && let Some(server) = &self.server
        {
            self.disk.write_snapshot(&server.state);
        }
    }

    fn make_durable(&mut self, events: &[Recorded]) {
        self.disk.append(events);
        for recorded in events {
            if let Event::AttemptLeased(event) = &recorded.event {
                self.leased.extend(event.leases.iter().map(|it| it.token));
            }
            self.tally.count(recorded.event.name());
        }
    }

    /// The memory of the server is gone, and with it every connection.
    fn crash(&mut self) {
        self.server = None;
        // What did not become durable never happened.
        let mut oracle = Oracle::default();
        for recorded in self.disk.events() {
            oracle.see(&recorded);
        }
        self.oracle = oracle;
        for machine in 0..self.machines.len() {
            self.disconnect(machine);
        }
    }

    fn restart(&mut self) {
        if self.disk.has_snapshot() {
            self.tally.count("restart from a snapshot");
        }
        let state = self.disk.fold();
        if state.log_id.is_some() {
            self.oracle.rest(&state);
        }
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.dice.next().to_le_bytes());
        let create = Command::CreateLog {
            log_id: LogId(seed),
            seed,
        };
        let start = Command::StartServer {
            version: "0".to_owned(),
            host: "host".to_owned(),
            tz_database: "2024a".to_owned(),
            settings: Settings {
                retry_delay_ms: 200,
                grace_ms: 100,
                ..Settings::default()
            },
        };
        let first = [create, start].map(|command| (Asker::Nobody, Request::system(command)));
        self.server = Some(Server {
            state,
            inbox: first.into(),
        });
    }

    fn answer(&mut self, asker: Asker, answer: Result<Receipt, Rejection>) {
        match asker {
            Asker::Nobody => {}
            Asker::Client(number) => {
                if !self.strikes(self.faults.lose_answer) {
                    self.intents[number].take(answer);
                }
            }
            Asker::Join {
                machine,
                session,
                held,
            } => self.welcome(machine, session, &held),
            Asker::Report {
                machine,
                session,
                through,
            } => self.acknowledge(machine, session, through, answer.err()),
        }
    }
}
