//! What a server forgets when it crashes: the state, and what waits to be decided.

use std::collections::{BTreeSet, VecDeque};

use fasti_core::domain::command::Request;
use fasti_core::domain::ids::{RunnerId, Token};
use fasti_core::domain::launch::Launch;
use fasti_core::domain::launching::launches_of;
use fasti_core::domain::run::Run;
use fasti_core::domain::state::State;
use fasti_core::protocol::runner_v1::{Held, StopAttempt, ToRunner};

/// Who is answered.
pub(super) enum Asker {
    /// The intent of this number.
    Client(usize),
    /// A runner that said hello on this connection, with what it holds.
    Join {
        machine: usize,
        session: u64,
        held: Vec<Held>,
    },
    /// A runner that reported on this connection, up to this number.
    Report {
        machine: usize,
        session: u64,
        through: u64,
    },
    /// Nobody.
    Nobody,
}

/// See the module.
pub(super) struct Server {
    pub(super) state: State,
    pub(super) inbox: VecDeque<(Asker, Request)>,
}

/// What a runner that came (back) is told: what it should hold and does not, what it holds and should not.
pub(super) fn reconcile(state: &State, runner: &RunnerId, held: &[Held]) -> Vec<ToRunner> {
    let launches = launches_of(state, runner);
    let known: BTreeSet<Token> = held.iter().map(|held| held.token).collect();
    let live: BTreeSet<Token> = launches.iter().map(|launch| launch.token).collect();
    let is_stopping = |launch: &Launch| state.run(launch.run).is_some_and(Run::is_stopping);
    let mut attempts: Vec<StopAttempt> = held
        .iter()
        .filter(|held| !live.contains(&held.token))
        .map(|held| StopAttempt {
            attempt: held.attempt,
            token: held.token,
        })
        .collect();
    attempts.extend(
        launches
            .iter()
            .filter(|launch| is_stopping(launch))
            .map(|launch| StopAttempt {
                attempt: launch.attempt,
                token: launch.token,
            }),
    );
    let mut launches = launches;
    launches.retain(|launch| !known.contains(&launch.token));
    let mut messages = Vec::new();
    if !launches.is_empty() {
        messages.push(ToRunner::Start { launches });
    }
    if !attempts.is_empty() {
        messages.push(ToRunner::Stop { attempts });
    }
    messages
}
