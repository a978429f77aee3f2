//! Connections between runners and the server: greeting, delivery, loss.

use fasti_core::domain::access::Principal;
use fasti_core::domain::command::{Command, Request};
use fasti_core::domain::ids::RunnerId;
use fasti_core::domain::launching::UpstreamLists;
use fasti_core::domain::rejection::Rejection;
use fasti_core::engine::Commit;
use fasti_core::protocol::runner_v1::{FromRunner, Held, Report, ToRunner, VERSION};
use fasti_runner::supervisor::Input;

use super::World;
use crate::sim::machine::Connection;
use crate::sim::server::{Asker, reconcile};

impl World {
    pub(super) fn connect_something(&mut self) {
        if let Some(machine) = self.some_machine() {
            self.connect(machine);
        }
    }

    /// A runner that has no connection makes one, if there is a server.
    pub(super) fn connect(&mut self, machine: usize) {
        let it = &mut self.machines[machine];
        let is_ready = self
            .server
            .as_ref()
            .is_some_and(|it| it.state.log_id.is_some());
        if it.is_gone || it.connection.is_some() || !is_ready {
            return;
        }
        self.sessions += 1;
        it.connection = Some(Connection {
            session: self.sessions,
            ..Connection::default()
        });
        self.feed(machine, Input::Connected);
    }

    /// A connection breaks, and what was on its way is lost.
    pub(super) fn disconnect(&mut self, machine: usize) {
        if self.machines[machine].connection.take().is_some() {
            self.feed(machine, Input::Disconnected);
        }
    }

    /// Runners that joined, were not lost, and have no connection.
    pub(super) fn unlinked(&self) -> Vec<RunnerId> {
        let Some(server) = &self.server else {
            return Vec::new();
        };
        let is_linked = |id: &RunnerId| {
            let mut machines = self.machines.iter();
            machines.any(|it| it.info.runner == *id && it.connection.is_some() && !it.is_gone)
        };
        let runners = server.state.runners().map(|it| it.info.runner.clone());
        runners.filter(|id| !is_linked(id)).collect()
    }

    pub(super) fn deliver_something(&mut self) {
        if let Some(machine) = self.some_machine() {
            self.deliver(machine);
        }
    }

    /// One message each way, if there is one.
    pub(super) fn deliver(&mut self, machine: usize) {
        let Some(connection) = &mut self.machines[machine].connection else {
            return;
        };
        let session = connection.session;
        let to_runner = connection.to_runner.pop_front();
        let to_server = if connection.is_busy {
            None
        } else {
            connection.to_server.pop_front()
        };
        if let Some(message) = to_server {
            self.serve(machine, session, message);
        }
        if let Some(message) = to_runner {
            self.feed(machine, Input::Server(message));
        } else {
            // There is room on the connection again.
            self.feed(machine, Input::Wake);
        }
    }

    fn serve(&mut self, machine: usize, session: u64, message: FromRunner) {
        let Some(server) = &mut self.server else {
            return;
        };
        let it = &mut self.machines[machine];
        let runner = it.info.runner.clone();
        let Some(connection) = &mut it.connection else {
            return;
        };
        let (asker, command) = match message {
            FromRunner::Hello { info, held, .. } => {
                connection.to_runner.push_back(ToRunner::Welcome {
                    protocol: VERSION,
                    log_id: server.state.log_id.expect("runners connect to a log"),
                });
                let asker = Asker::Join {
                    machine,
                    session,
                    held,
                };
                (asker, Command::JoinRunner { info })
            }
            FromRunner::Reports { first, reports } => {
                let asker = Asker::Report {
                    machine,
                    session,
                    through: first + reports.len() as u64 - 1,
                };
                let news = |it: Report| it.report;
                let reports = reports.into_iter().map(news).collect();
                (
                    asker,
                    Command::Report {
                        runner: runner.clone(),
                        reports,
                    },
                )
            }
            FromRunner::Ping => {
                connection.to_runner.push_back(ToRunner::Pong);
                return;
            }
            FromRunner::Bye => {
                self.disconnect(machine);
                return;
            }
        };
        connection.is_busy = true;
        let principal = Principal {
            actor: format!("runner:{runner}").into(),
            user: runner.to_string(),
            groups: Vec::new(),
            is_admin: true,
        };
        let request = Request {
            command,
            principal,
            key: None,
            trace: None,
        };
        server.inbox.push_back((asker, request));
    }

    /// The connection of a machine, if it is still the one meant.
    fn connection(&mut self, machine: usize, session: u64) -> Option<&mut Connection> {
        let connection = self.machines[machine].connection.as_mut();
        connection.filter(|it| it.session == session)
    }

    /// The runner's join is durable: it is told what to change.
    pub(super) fn welcome(&mut self, machine: usize, session: u64, held: &[Held]) {
        let Some(server) = &self.server else {
            return;
        };
        let messages = reconcile(&server.state, &self.machines[machine].info.runner, held);
        if let Some(connection) = self.connection(machine, session) {
            connection.is_busy = false;
            connection.to_runner.extend(messages);
        }
    }

    /// The runner's reports are durable, or it is not known any more.
    pub(super) fn acknowledge(
        &mut self,
        machine: usize,
        session: u64,
        through: u64,
        refused: Option<Rejection>,
    ) {
        if let Some(connection) = self.connection(machine, session) {
            connection.is_busy = false;
            let message = match refused {
                None => ToRunner::Ack { through },
                Some(rejection) => ToRunner::Refused {
                    reason: rejection.to_string(),
                },
            };
            connection.to_runner.push_back(message);
        }
    }

    /// What a durable commit calls for reaches the runners that have a connection.
    pub(super) fn carry_out(&mut self, commit: &Commit) {
        let Some(server) = &self.server else {
            return;
        };
        let calls = commit.effects(&server.state, &mut UpstreamLists::default());
        let starts = calls.starts.into_iter().map(|(runner, launch)| {
            let launches = vec![launch];
            (runner, ToRunner::Start { launches })
        });
        let stops = calls.stops.into_iter().map(|(runner, attempt)| {
            let attempts = vec![attempt];
            (runner, ToRunner::Stop { attempts })
        });
        for (runner, message) in starts.chain(stops) {
            let mut machines = self.machines.iter_mut();
            let machine = machines.find(|it| it.info.runner == runner);
            if let Some(connection) = machine.and_then(|it| it.connection.as_mut()) {
                connection.to_runner.push_back(message);
            }
        }
    }
}
