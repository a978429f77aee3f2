//! The log as messages, piece by piece: reads the feed and encodes, off the async threads.
//!
//! Bounded: about one read of the log and one piece in memory, whatever the backlog.

use std::collections::VecDeque;
use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::cloudevent::{Message, message};
use super::config::NatsConfig;
use crate::feed::{Entry, Feed, FeedError};

/// Messages in one piece: the server takes no more in one atomic batch.
pub(super) const MESSAGES_MAX: usize = 1_000;

/// Bytes in one piece, unless a single message has more.
const BYTES_MAX: usize = 1 << 20;

/// Everything after a position, as messages.
pub(super) struct Outbox {
    feed: Feed,
    config: NatsConfig,
    body_bytes_max: usize,
    read: VecDeque<Arc<Entry>>,
    /// Last event handed out.
    pub(super) after: Seq,
}

impl Outbox {
    /// The events after `after`; payloads of more than `body_bytes_max` are left out of their messages.
    pub(super) fn new(feed: Feed, config: NatsConfig, after: Seq, body_bytes_max: usize) -> Self {
        Self {
            feed,
            config,
            body_bytes_max,
            read: VecDeque::new(),
            after,
        }
    }

    /// The next messages in order, at most `messages_max`; none when there is nothing newer. Blocks.
    pub(super) fn next_piece(&mut self, messages_max: usize) -> Result<Vec<Message>, FeedError> {
        if self.read.is_empty() {
            self.read = self.feed.read(self.after, MESSAGES_MAX)?.into();
        }
        let mut piece = Vec::with_capacity(messages_max.min(self.read.len()));
        let mut bytes = 0;
        while piece.len() < messages_max
            && let Some(entry) = self.read.front()
        {
            let message = message(
                self.feed.log_id(),
                &self.config.tenant,
                entry,
                self.config.encoding,
                self.body_bytes_max,
            );
            bytes += message.size();
            if bytes > BYTES_MAX && !piece.is_empty() {
                break;
            }
            self.after = message.seq;
            self.read.pop_front();
            piece.push(message);
        }
        Ok(piece)
    }
}
