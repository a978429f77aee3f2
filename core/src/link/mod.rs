//! The server's end of the runner protocol on one machine: a Unix socket that runners connect to.
//!
//! What the engine decides goes out through [`Links`]; what runners report goes in as commands, and is
//! acknowledged once durable. Losing a connection loses nothing: the runner connects again and both sides
//! repeat what is open. Whether a runner is gone for good is decided by whoever started it, not here.

mod hand_over;
mod packed;
mod session;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fasti_domain::ids::{LogId, RunnerId};
use fasti_domain::launch::Launch;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::hand_over::HandOver;
use crate::engine::EngineHandle;
use crate::ports::{Effects, SignTokens};
use crate::protocol::runner_v1::{ShutdownMode, StopAttempt, ToRunner};
use crate::store::Content;

/// What every session needs.
#[derive(Clone)]
pub struct LinkParts {
    /// Where reports go.
    pub engine: EngineHandle,
    /// Where small values come from.
    pub content: Content,
    /// The log this server writes.
    pub log_id: LogId,
    /// Environment of every attempt, such as the server's address.
    pub env: BTreeMap<String, String>,
    /// Signs the tokens that tasks ask for; `None`: they get none.
    pub signer: Option<Arc<dyn SignTokens>>,
    /// The sessions.
    pub links: Links,
}

/// The connected runners. Cheap to clone.
#[derive(Clone, Default)]
pub struct Links {
    senders: Arc<Mutex<BTreeMap<RunnerId, Sender>>>,
    /// Grows with every joined session, so that others can wait for one.
    joined: Arc<watch::Sender<u64>>,
}

#[derive(Clone)]
struct Sender {
    session: u64,
    heard: Arc<Mutex<Instant>>,
    messages: mpsc::UnboundedSender<ToRunner>,
}

impl Links {
    /// The lock guards a map that is whole between calls.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<RunnerId, Sender>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends to a connected runner. To one that is not connected nothing is sent: it is told when it comes
    /// back. Unbounded, but what is sent is bounded by the leases a runner may hold.
    fn send(&self, runner: &RunnerId, message: ToRunner) {
        if let Some(sender) = self.lock().get(runner) {
            drop(sender.messages.send(message));
        }
    }

    /// Names of the connected runners.
    #[must_use]
    pub fn connected(&self) -> Vec<RunnerId> {
        self.lock().keys().cloned().collect()
    }

    /// Connected runners that have said nothing for `limit`, and for how long: stopped, or hung. They say
    /// something every few seconds of themselves.
    #[must_use]
    pub fn silent(&self, limit: Duration) -> Vec<(RunnerId, Duration)> {
        let mut silent = Vec::new();
        for (runner, sender) in self.lock().iter() {
            let heard = sender.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let ago = heard.elapsed();
            if ago >= limit {
                silent.push((runner.clone(), ago));
            }
        }
        silent
    }

    /// Waits until `runner` is connected and has joined.
    pub async fn wait_for(&self, runner: &RunnerId) {
        let mut joined = self.joined.subscribe();
        // The sender lives as long as `self`.
        drop(joined.wait_for(|_| self.lock().contains_key(runner)).await);
    }

    /// Waits until `runner` is not connected.
    pub async fn wait_gone(&self, runner: &RunnerId) {
        let mut changed = self.joined.subscribe();
        drop(
            changed
                .wait_for(|_| !self.lock().contains_key(runner))
                .await,
        );
    }

    /// Tells every connected runner what to do when the server stops.
    pub fn shutdown(&self, mode: impl Fn(&RunnerId) -> ShutdownMode) {
        for (runner, sender) in self.lock().iter() {
            drop(
                sender
                    .messages
                    .send(ToRunner::Shutdown { mode: mode(runner) }),
            );
        }
    }

    fn register(
        &self,
        runner: &RunnerId,
        messages: mpsc::UnboundedSender<ToRunner>,
        heard: Arc<Mutex<Instant>>,
    ) -> u64 {
        let mut session = 0;
        self.joined.send_modify(|count| {
            *count += 1;
            session = *count;
        });
        let sender = Sender {
            session,
            heard,
            messages,
        };
        self.lock().insert(runner.clone(), sender);
        session
    }

    fn announce(&self) {
        self.joined.send_modify(|_| {});
    }

    fn unregister(&self, runner: &RunnerId, session: u64) {
        let mut senders = self.lock();
        if senders
            .get(runner)
            .is_some_and(|sender| sender.session == session)
        {
            senders.remove(runner);
            // Whoever is told looks at the map: not before it is free.
            drop(senders);
            self.announce();
        }
    }
}

impl Effects for Links {
    fn start(&mut self, runner: &RunnerId, launches: Vec<Launch>) {
        self.send(runner, ToRunner::Start { launches });
    }

    fn stop(&mut self, runner: &RunnerId, attempts: Vec<StopAttempt>) {
        self.send(runner, ToRunner::Stop { attempts });
    }
}

/// Path of the socket in a data directory.
#[must_use]
pub fn socket_path(data: &std::path::Path) -> PathBuf {
    data.join("runner.sock")
}

/// Serves runners until `listener` fails; sessions end with it.
///
/// # Errors
/// The socket cannot accept any more.
pub async fn serve(listener: UnixListener, parts: LinkParts) -> std::io::Result<()> {
    let mut sessions = JoinSet::new();
    // One for all sessions: a runner that comes back is sent what another one was sent.
    let hand_over = Arc::new(HandOver::new(
        parts.content.clone(),
        parts.env.clone(),
        parts.signer.clone(),
    ));
    loop {
        let (stream, _) = listener.accept().await?;
        let (parts, hand_over) = (parts.clone(), hand_over.clone());
        sessions.spawn(async move {
            if let Err(error) = session::run(stream, parts, hand_over).await {
                tracing::warn!(%error, "the connection to a runner ended");
            }
        });
        while sessions.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn who_says_nothing_is_named() {
        let links = Links::default();
        let runner = RunnerId::new("r").unwrap();
        let (messages, _kept) = mpsc::unbounded_channel();
        let heard = Arc::new(Mutex::new(Instant::now()));
        links.register(&runner, messages, heard.clone());
        let limit = Duration::from_mins(1);
        assert!(links.silent(limit).is_empty());
        *heard.lock().unwrap() = Instant::now().checked_sub(limit).unwrap();
        assert_eq!(links.silent(limit)[0].0, runner);
    }
}
