//! What the publisher is at, for the status page, the metrics and `doctor`.

use fasti_domain::ids::Seq;
use tokio::sync::watch;

use super::agreement::Divergence;
use crate::feed::Feed;

/// What the publisher does now. None of these stops anything but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherState {
    /// Started; the server has not answered yet.
    Connecting,
    /// Events are in the stream as soon as they are durable.
    Following,
    /// Something did not work and is tried again within seconds.
    Waiting {
        /// What was tried and what came of it.
        error: String,
    },
    /// Stream and log disagree; nothing is sent until somebody decides which is right. Looked at again every
    /// few seconds.
    Diverged(Divergence),
    /// The server or its stream cannot be used as it is. Tried again every few seconds.
    Refused {
        /// Why, and what to do.
        error: String,
    },
    /// The server is shutting down, or the log has ended.
    Stopped,
}

impl PublisherState {
    /// One word: `connecting`, `following`, `waiting`, `diverged`, `refused`, `stopped`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Following => "following",
            Self::Waiting { .. } => "waiting",
            Self::Diverged(_) => "diverged",
            Self::Refused { .. } => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// What is wrong, if something is.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Waiting { error } | Self::Refused { error } => Some(error.clone()),
            Self::Diverged(divergence) => Some(divergence.to_string()),
            Self::Connecting | Self::Following | Self::Stopped => None,
        }
    }
}

/// See [`PublisherHandle::status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherStatus {
    /// Whether there is a connection.
    pub connected: bool,
    /// Version of the server, once connected.
    pub server_version: Option<String>,
    /// Name of the stream.
    pub stream: String,
    /// Last event known to be in the stream; 0 before the stream was looked at.
    pub stream_seq: Seq,
    /// Last event of the log; what is between the two waits to be published.
    pub log_seq: Seq,
    /// What the publisher does.
    pub state: PublisherState,
}

/// A publisher at work. Cheap to clone; dropping it stops nothing.
#[derive(Clone)]
pub struct PublisherHandle {
    feed: Feed,
    status: watch::Receiver<PublisherStatus>,
}

impl PublisherHandle {
    pub(super) fn new(feed: Feed, status: watch::Receiver<PublisherStatus>) -> Self {
        Self { feed, status }
    }

    /// What it is at now.
    #[must_use]
    pub fn status(&self) -> PublisherStatus {
        let status = self.status.borrow().clone();
        self.complete(status)
    }

    /// Waits until the status is as `test` wants it, or the publisher has stopped; answers with the status
    /// then. Looked at whenever the publisher gets on, not whenever the log grows.
    pub async fn wait_for(
        &self,
        mut test: impl FnMut(&PublisherStatus) -> bool,
    ) -> PublisherStatus {
        let mut status = self.status.clone();
        loop {
            let now = self.complete(status.borrow_and_update().clone());
            if test(&now) || now.state == PublisherState::Stopped || status.changed().await.is_err()
            {
                return now;
            }
        }
    }

    /// Waits until it has stopped, after its shutdown was asked for.
    pub async fn stopped(&self) {
        self.wait_for(|status| status.state == PublisherState::Stopped)
            .await;
    }

    fn complete(&self, mut status: PublisherStatus) -> PublisherStatus {
        status.log_seq = self.feed.last();
        status
    }
}
