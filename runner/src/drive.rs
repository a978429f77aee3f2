//! The event loop: carries messages, news and time to the supervisor, and its actions to the launcher and the
//! server. One thread, no decisions.

mod connection;
mod signals;

use std::path::Path;
use std::time::Duration;

use fasti_core::protocol::runner_v1::{FromRunner, ToRunner};

use self::connection::Connection;
use self::signals::Signals;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::error::RunnerError;
use crate::launcher::Launcher;
use crate::limits::{OUTGOING_BYTES_MAX, OUTPUT_SHOWN_MS, RECONNECT_MS};
use crate::supervisor::{Action, Exit, Input, Supervisor};

/// Pause between housekeeping.
const TIDY_MS: u64 = 1_000;

/// Longest wait for the last words to be taken by the server.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Everything the loop holds.
struct Drive<'a> {
    config: &'a Config,
    clock: Clock,
    supervisor: Supervisor,
    launcher: &'a Launcher,
    connection: Option<Connection>,
    retry_at_ms: u64,
    retry_ms: u64,
    tidy_at_ms: u64,
    outlets_at_ms: u64,
}

/// What woke the loop.
enum Woken {
    News,
    Time,
    Terminate,
    Message(ToRunner),
    Written,
    Lost,
}

/// Work until the supervisor says that the runner ends.
///
/// # Errors
/// Signals cannot be set up.
pub(crate) async fn drive(config: &Config, launcher: &Launcher) -> Result<Exit, RunnerError> {
    let clock = Clock::start();
    let supervisor = Supervisor::new(config::info(config), config.patience, clock.now());
    let signals = Signals::set_up();
    let mut signals = signals.map_err(|source| RunnerError::System {
        what: "signals",
        source,
    })?;
    let mut drive = Drive {
        config,
        clock,
        supervisor,
        launcher,
        connection: None,
        retry_at_ms: 0,
        retry_ms: RECONNECT_MS.0,
        tidy_at_ms: TIDY_MS,
        outlets_at_ms: 0,
    };
    let mut actions = Vec::new();
    loop {
        drive.connect_if_due(&mut actions).await;
        if actions.is_empty() {
            let woken = drive.wait(&mut signals).await;
            drive.take_in(woken, &mut actions);
        }
        if let Some(exit) = drive.perform(&mut actions) {
            if let Some(connection) = &mut drive.connection {
                // The server may be gone or stuck; it learns of the end by the closed connection too.
                let _ = tokio::time::timeout(LAST_WORDS, connection.flush()).await;
            }
            return Ok(exit);
        }
    }
}

impl Drive<'_> {
    /// Connect when there is no connection and the pause is over.
    async fn connect_if_due(&mut self, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        if self.connection.is_some() || self.retry_at_ms > now.uptime_ms {
            return;
        }
        match Connection::open(&self.config.socket).await {
            Ok(connection) => {
                self.connection = Some(connection);
                self.supervisor.handle(now, Input::Connected, actions);
            }
            Err(error) => {
                tracing::debug!(%error, "cannot reach the server");
                // Without its data folder no server will ever come back.
                if folder_is_gone(&self.config.data) {
                    self.supervisor.handle(now, Input::Terminate, actions);
                }
                self.back_off();
            }
        }
    }

    fn back_off(&mut self) {
        self.retry_at_ms = self.clock.now().uptime_ms + self.retry_ms;
        self.retry_ms = (self.retry_ms * 2).min(RECONNECT_MS.1);
    }

    async fn wait(&mut self, signals: &mut Signals) -> Woken {
        let mut wake_ms = self
            .supervisor
            .next_wake_ms()
            .unwrap_or(u64::MAX)
            .min(self.tidy_at_ms);
        if self.connection.is_none() {
            wake_ms = wake_ms.min(self.retry_at_ms);
        }
        if self.launcher.is_busy() {
            wake_ms = wake_ms.min(self.outlets_at_ms);
        }
        let time = tokio::time::sleep_until(self.clock.instant(wake_ms).into());
        let server = async {
            match &mut self.connection {
                Some(connection) => connection.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.launcher.news().rung() => Woken::News,
            event = server => match event {
                connection::Event::Message(message) => Woken::Message(message),
                connection::Event::Written => Woken::Written,
                connection::Event::Lost => Woken::Lost,
            },
            () = signals.terminate() => Woken::Terminate,
            () = time => Woken::Time,
        }
    }

    /// Tell the supervisor everything that there is to tell.
    fn take_in(&mut self, woken: Woken, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        match woken {
            Woken::News | Woken::Written => {}
            Woken::Time => self.supervisor.handle(now, Input::Wake, actions),
            Woken::Terminate => self.supervisor.handle(now, Input::Terminate, actions),
            Woken::Message(message) => {
                self.retry_ms = RECONNECT_MS.0;
                self.supervisor.handle(now, Input::Server(message), actions);
            }
            Woken::Lost => {
                self.connection = None;
                self.back_off();
                self.supervisor.handle(now, Input::Disconnected, actions);
            }
        }
        while let Some(message) = self.connection.as_mut().and_then(Connection::next_now) {
            self.supervisor.handle(now, Input::Server(message), actions);
        }
        for input in self.launcher.news().take() {
            self.supervisor.handle(now, input, actions);
        }
        if self.tidy_at_ms <= now.uptime_ms {
            self.tidy_at_ms = now.uptime_ms + TIDY_MS;
            self.launcher.tidy();
        }
        if self.outlets_at_ms <= now.uptime_ms {
            self.outlets_at_ms = now.uptime_ms + OUTPUT_SHOWN_MS;
            self.launcher.tidy_outlets();
        }
    }

    /// Do what the supervisor said, then send the reports there are.
    fn perform(&mut self, actions: &mut Vec<Action>) -> Option<Exit> {
        for action in actions.drain(..) {
            match action {
                Action::Say(message) => say(&mut self.connection, &message),
                Action::Start(launch) => self.launcher.start(launch),
                Action::Signal { token, signal } => self.launcher.signal(token, signal),
                Action::Exit(exit) => return Some(exit),
            }
        }
        while self
            .connection
            .as_ref()
            .is_some_and(|it| it.unwritten() < OUTGOING_BYTES_MAX)
        {
            let Some(reports) = self.supervisor.next_reports() else {
                break;
            };
            say(&mut self.connection, &reports);
        }
        None
    }
}

fn say(connection: &mut Option<Connection>, message: &FromRunner) {
    if let Some(connection) = connection {
        connection.say(message);
    }
}

fn folder_is_gone(folder: &Path) -> bool {
    matches!(folder.try_exists(), Ok(false))
}
