//! The loop that keeps the stream a copy of the log: connect, compare, fill up, follow; on any doubt again from
//! the start. It remembers nothing that the stream does not say, so it can be killed anywhere.

use std::time::Duration;

use fasti_domain::ids::Seq;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::agreement::agreed;
use super::beside;
use super::cloudevent::{Message, source};
use super::config::NatsConfig;
use super::connection::{Connection, Trouble};
use super::outbox::{ExactSource, MESSAGES_MAX, Outbox};
use super::sending::send;
use super::status::{PublisherHandle, PublisherState, PublisherStatus};
use super::stream::EventStream;
use crate::feed::{Feed, FeedError};

/// Messages of the first piece after a doubt; each success allows four times as many. What failed because it
/// was large or slow then gets through in smaller pieces.
const FIRST_MESSAGES_MAX: usize = 16;

/// For one piece; the server forgets an unfinished batch sooner.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after the first failure; doubled by each further one.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// With nothing to send, the stream is looked at this often, so that a lost one is refilled without waiting
/// for the next event.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes of a message kept free for its headers where the server takes less than we would send.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// Publishes the log. See [`Publisher::spawn`].
pub struct Publisher {
    feed: Feed,
    config: NatsConfig,
    exact: Option<ExactSource>,
    source: String,
    status: watch::Sender<PublisherStatus>,
}

impl Publisher {
    /// Starts publishing everything in `feed`, from wherever the stream is, until `shutdown` or the end of
    /// the feed. Never fails: what does not work is in the status and tried again.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn spawn(feed: Feed, config: NatsConfig, shutdown: CancellationToken) -> PublisherHandle {
        Self::spawn_with(feed, None, config, shutdown)
    }

    /// As [`Publisher::spawn`], and every message carries the exact record of its event, sealed, so that the log can
    /// be built anew from the stream.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn spawn_with(
        feed: Feed,
        exact: Option<ExactSource>,
        config: NatsConfig,
        shutdown: CancellationToken,
    ) -> PublisherHandle {
        let (status, seen) = watch::channel(PublisherStatus {
            connected: false,
            server_version: None,
            stream: config.tenant.stream(),
            stream_seq: Seq(0),
            log_seq: feed.last(),
            state: PublisherState::Connecting,
        });
        let handle = PublisherHandle::new(feed.clone(), seen);
        let publisher = Self {
            source: source(feed.log_id()),
            feed,
            config,
            exact,
            status,
        };
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = publisher.run() => {}
            }
            publisher.disconnected(PublisherState::Stopped);
        });
        handle
    }

    /// Until the feed has ended and everything is published.
    async fn run(&self) {
        let mut failures = 0;
        loop {
            let before = self.status.borrow().stream_seq;
            let Err(trouble) = self.session().await else {
                return;
            };
            let got_on = self.status.borrow().stream_seq > before;
            failures = if got_on { 1 } else { failures + 1 };
            self.troubled(trouble);
            sleep(self.pause(failures)).await;
        }
    }

    /// One connection, from its beginning to its first doubt.
    async fn session(&self) -> Result<(), Trouble> {
        let connection = Connection::open(&self.config).await?;
        let version = connection.client.server_info().version;
        self.status.send_modify(|status| {
            status.connected = true;
            status.server_version = Some(version);
        });
        tokio::select! {
            biased;
            trouble = connection.lost() => Err(trouble),
            done = self.keep_up(&connection) => done.map_err(|trouble| connection.explained(trouble)),
        }
    }

    /// Compares and follows, and compares again whenever there was nothing to send for a while.
    async fn keep_up(&self, connection: &Connection) -> Result<(), Trouble> {
        loop {
            let stream = EventStream::open(connection, &self.config, &self.source).await?;
            let after = self.compared(&stream).await?;
            self.following(after);
            if self.follow(connection, &stream, after).await? {
                return Ok(());
            }
        }
    }

    /// Where to go on, if the end of the stream is in the log.
    async fn compared(&self, stream: &EventStream) -> Result<Seq, Trouble> {
        let tail = stream.tail.clone();
        let (feed, own) = (self.feed.clone(), self.source.clone());
        let agreed = blocking(move || {
            agreed(&tail, feed.last(), &own, |seq| {
                let found = feed.get(seq)?;
                Ok::<_, FeedError>(found.map(|entry| entry.hash))
            })
        });
        Ok(joined(agreed).await???)
    }

    /// Sends what comes, until nothing has come for a while; whether the feed has ended.
    async fn follow(
        &self,
        connection: &Connection,
        stream: &EventStream,
        after: Seq,
    ) -> Result<bool, Trouble> {
        let room = connection
            .client
            .max_payload()
            .saturating_sub(HEADER_BYTES_MAX);
        let outbox = Outbox::new(
            self.feed.clone(),
            self.config.clone(),
            self.exact.clone(),
            after,
            room,
        );
        let mut messages_max = FIRST_MESSAGES_MAX;
        let mut ahead = prepared(outbox, messages_max);
        loop {
            let (outbox, piece) = joined(ahead).await?;
            let piece = piece?;
            let Some(last) = piece.last().map(|message| message.seq) else {
                match timeout(LOOK_INTERVAL, self.feed.wait_beyond(outbox.after)).await {
                    Ok(Ok(_)) => ahead = prepared(outbox, messages_max),
                    Ok(Err(_closed)) => return Ok(true),
                    Err(_nothing_came) => return Ok(false),
                }
                continue;
            };
            messages_max = (messages_max * 4).min(MESSAGES_MAX);
            // The next piece is made while this one is on its way.
            ahead = prepared(outbox, messages_max);
            let sending = async {
                beside::store(connection, &self.config, &piece).await?;
                send(connection, stream, piece).await
            };
            match timeout(SEND_TIMEOUT, sending).await {
                Ok(sent) => sent?,
                Err(_elapsed) => {
                    return Err(Trouble::Away(format!(
                        "cannot publish event {last}: the server is too slow"
                    )));
                }
            }
            self.status.send_modify(|status| status.stream_seq = last);
        }
    }

    /// Stream and log agree up to `seq`.
    fn following(&self, seq: Seq) {
        self.status.send_modify(|status| {
            if status.state != PublisherState::Following {
                let log_seq = self.feed.last().0;
                tracing::info!(
                    stream = status.stream,
                    seq = seq.0,
                    log_seq,
                    "publishing to NATS"
                );
            }
            status.stream_seq = seq;
            status.state = PublisherState::Following;
        });
    }

    fn troubled(&self, trouble: Trouble) {
        let state = match trouble {
            Trouble::Away(error) => PublisherState::Waiting { error },
            Trouble::Refused(error) => PublisherState::Refused { error },
            Trouble::Diverged(divergence) => PublisherState::Diverged(divergence),
            trouble @ Trouble::Log(_) => PublisherState::Waiting {
                error: trouble.to_string(),
            },
        };
        let is_new = self.status.borrow().state.name() != state.name();
        let needs_somebody = matches!(
            state,
            PublisherState::Diverged(_) | PublisherState::Refused { .. }
        );
        let error = state.error().unwrap_or_default();
        match (is_new, needs_somebody) {
            (true, true) => tracing::error!(error, "not publishing to NATS"),
            (true, false) => tracing::warn!(error, "not publishing to NATS; trying again"),
            (false, _) => tracing::debug!(error, "still not publishing to NATS"),
        }
        self.disconnected(state);
    }

    fn disconnected(&self, state: PublisherState) {
        self.status.send_modify(|status| {
            status.connected = false;
            status.state = state;
        });
    }

    /// How long to wait after so many failures in a row. The log's identity spreads servers that lost the same
    /// NATS at the same moment.
    fn pause(&self, failures: u32) -> Duration {
        let pause = PAUSE_MIN
            .saturating_mul(1 << failures.clamp(1, 16).saturating_sub(1))
            .min(PAUSE_MAX);
        let bytes = self.feed.log_id().0;
        let spread = u32::from(bytes[failures as usize % bytes.len()]);
        // Between three quarters and all of it.
        pause.saturating_mul(768 + spread) / 1024
    }
}

type Prepared = (Outbox, Result<Vec<Message>, FeedError>);

/// Makes the next piece on a thread that may block.
fn prepared(mut outbox: Outbox, messages_max: usize) -> JoinHandle<Prepared> {
    blocking(move || {
        let piece = outbox.next_piece(messages_max);
        (outbox, piece)
    })
}

fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

async fn joined<T>(task: JoinHandle<T>) -> Result<T, Trouble> {
    task.await
        .map_err(|error| Trouble::away("prepare events for NATS", error))
}
