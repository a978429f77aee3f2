//! The one writer: commands in, durable events out.
//!
//! A thread of its own takes what waits in a bounded inbox, decides all of it on the current state, appends
//! the events as one commit, and only then answers, publishes and has the effects carried out. While the disk
//! syncs, the next commit gathers: group commit without a timer. If an append fails, the state is ahead of
//! the log: nothing is answered and the engine stops; the next start folds the log.

mod commit;
mod fold;
mod thread;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use fasti_domain::command::{Receipt, Request};
use fasti_domain::ids::{Digest, Seq};
use fasti_domain::rejection::Rejection;
use fasti_domain::state::State;
use tokio::sync::oneshot;

pub use commit::{Calls, Commit, Offered};
pub use fold::{Folded, fold, snapshot_bytes};
pub use thread::{EngineParts, EngineThread, StopReason, spawn};

use crate::feed::Feed;

/// Requests that may wait for the engine; beyond it callers are told to come back.
pub const INBOX_MAX: usize = 4_096;

/// Requests decided into one commit.
pub const COMMIT_REQUESTS_MAX: usize = 512;

/// Events after which a commit takes no further requests.
pub const COMMIT_EVENTS_MAX: usize = 8_192;

/// Why a request got no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was refused.
    #[error(transparent)]
    Rejected(#[from] Box<Rejection>),
    /// Too much waits; it may be tried again.
    #[error("the scheduler has {INBOX_MAX} requests waiting; try again in a moment")]
    Busy,
    /// The disk is full; what is there can be read, and writing resumes by itself when space returns.
    #[error("the disk is full: nothing can be written until space is freed")]
    DiskFull,
    /// The engine stopped, or stops before this could be durable: it may or may not have happened.
    #[error("the scheduler is stopping")]
    Stopped,
}

/// How the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStatus {
    /// Whether it takes requests.
    pub accepting: bool,
    /// Whether the disk is too full for new requests.
    pub disk_full: bool,
    /// Requests waiting.
    pub queue_len: usize,
    /// Last durable event.
    pub last_seq: Seq,
    /// How far recorded time is ahead of the clock, which went back.
    pub clock_ahead_ms: u64,
    /// Times that the clock jumped ahead since the start.
    pub clock_jumps: u64,
}

type Question = Box<dyn FnOnce(&State) + Send>;
type Reply = Box<dyn FnOnce(Result<Receipt, SubmitError>) + Send>;

/// What the inbox holds.
enum Message {
    Submit {
        request: Box<Request>,
        /// Small contents that the request names, under their digests.
        values: Vec<(Digest, Vec<u8>)>,
        reply: Reply,
    },
    /// A question to the state, asked between two commits.
    Inspect(Question),
    Stop,
}

#[derive(Default)]
struct Gauges {
    waiting: AtomicUsize,
    stopped: AtomicBool,
    disk_full: AtomicBool,
    /// A decided commit waits for space: nothing can be taken, not even the end of something.
    stuck: AtomicBool,
    /// Somebody asked for the end; looked at only while stuck.
    stop_asked: AtomicBool,
    clock_ahead_ms: AtomicU64,
    clock_jumps: AtomicU64,
}

/// The way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    inbox: mpsc::SyncSender<Message>,
    gauges: Arc<Gauges>,
    feed: Feed,
}

impl EngineHandle {
    /// Has a request decided; answers once its events are durable.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, request: Request) -> Result<Receipt, SubmitError> {
        self.submit_with(request, Vec::new()).await
    }

    /// As [`EngineHandle::submit`], with small contents that become durable in the same commit.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit_with(
        &self,
        request: Request,
        values: Vec<(Digest, Vec<u8>)>,
    ) -> Result<Receipt, SubmitError> {
        let (answer, receipt) = oneshot::channel();
        self.send(
            request,
            values,
            Box::new(|result| drop(answer.send(result))),
        )?;
        receipt.await.unwrap_or(Err(SubmitError::Stopped))
    }

    /// As [`EngineHandle::submit`] for threads.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub fn submit_blocking(&self, request: Request) -> Result<Receipt, SubmitError> {
        let (answer, receipt) = mpsc::sync_channel(1);
        self.send(
            request,
            Vec::new(),
            Box::new(move |result| drop(answer.send(result))),
        )?;
        receipt.recv().unwrap_or(Err(SubmitError::Stopped))
    }

    fn send(
        &self,
        request: Request,
        values: Vec<(Digest, Vec<u8>)>,
        reply: Reply,
    ) -> Result<(), SubmitError> {
        let message = Message::Submit {
            request: Box::new(request),
            values,
            reply,
        };
        self.post(message)
    }

    fn post(&self, message: Message) -> Result<(), SubmitError> {
        if self.gauges.stuck.load(Ordering::Acquire) {
            return Err(SubmitError::DiskFull);
        }
        self.gauges.waiting.fetch_add(1, Ordering::Relaxed);
        self.inbox.try_send(message).map_err(|error| {
            self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                mpsc::TrySendError::Full(_) => SubmitError::Busy,
                mpsc::TrySendError::Disconnected(_) => SubmitError::Stopped,
            }
        })
    }

    /// Asks the state something, between two commits: what it answers is durable.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn inspect<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, SubmitError> {
        let (answer, answered) = oneshot::channel();
        let ask = move |state: &State| drop(answer.send(question(state)));
        self.post(Message::Inspect(Box::new(ask)))?;
        answered.await.map_err(|_| SubmitError::Stopped)
    }

    /// Asks the engine to stop once everything before this is durable.
    pub fn stop(&self) {
        self.gauges.stop_asked.store(true, Ordering::Release);
        // A full inbox is being emptied: waiting for room is right here.
        self.gauges.waiting.fetch_add(1, Ordering::Relaxed);
        drop(self.inbox.send(Message::Stop));
    }

    /// How the engine is.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        EngineStatus {
            accepting: !self.gauges.stopped.load(Ordering::Acquire),
            disk_full: self.gauges.disk_full.load(Ordering::Relaxed),
            queue_len: self.gauges.waiting.load(Ordering::Relaxed),
            last_seq: self.feed.last(),
            clock_ahead_ms: self.gauges.clock_ahead_ms.load(Ordering::Relaxed),
            clock_jumps: self.gauges.clock_jumps.load(Ordering::Relaxed),
        }
    }

    /// Whether a decided commit waits for space: until there is some, nothing is taken, not even an end.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.gauges.stuck.load(Ordering::Acquire)
    }

    /// The durable events.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}
