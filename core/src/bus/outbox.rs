//! The log as messages, piece by piece: reads the feed and encodes, off the async threads.
//!
//! Bounded: about one read of the log and one piece in memory, whatever the backlog.

use std::collections::VecDeque;
use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::cloudevent::{BODY_BYTES_MAX, Message, message};
use super::config::NatsConfig;
use super::sealed::StreamKey;
use crate::feed::{Entry, Feed, FeedError};
use crate::ports::ExactRead;
use crate::record::ExactRecord;

/// Messages in one piece: the server takes no more in one atomic batch.
pub(super) const MESSAGES_MAX: usize = 1_000;

/// Bytes in one piece, unless a single message has more.
const BYTES_MAX: usize = 1 << 20;

/// Bytes of a sealed record that travel in a header; larger ones go beside the stream.
const RECORD_BYTES_MAX: usize = 256 << 10;

/// Where exact records come from, and what they are sealed with.
#[derive(Clone)]
pub struct ExactSource {
    /// Reads them.
    pub reader: Arc<dyn ExactRead>,
    /// Seals them.
    pub key: StreamKey,
}

/// Everything after a position, as messages.
pub(super) struct Outbox {
    feed: Feed,
    config: NatsConfig,
    exact: Option<ExactSource>,
    /// Bytes that a message may have, but for the small headers.
    room: usize,
    read: VecDeque<Arc<Entry>>,
    records: VecDeque<ExactRecord>,
    /// Last event handed out.
    pub(super) after: Seq,
}

impl Outbox {
    /// The events after `after`, with their exact records where there is a source of them, in messages of at most
    /// `room` bytes; payloads that are too large for it are left out.
    pub(super) fn new(
        feed: Feed,
        config: NatsConfig,
        exact: Option<ExactSource>,
        after: Seq,
        room: usize,
    ) -> Self {
        Self {
            feed,
            config,
            exact,
            room,
            read: VecDeque::new(),
            records: VecDeque::new(),
            after,
        }
    }

    /// The next messages in order, at most `messages_max`; none when there is nothing newer. Blocks.
    pub(super) fn next_piece(&mut self, messages_max: usize) -> Result<Vec<Message>, FeedError> {
        if self.read.is_empty() {
            self.refill()?;
        }
        let mut piece = Vec::with_capacity(messages_max.min(self.read.len()));
        let mut bytes = 0;
        while piece.len() < messages_max
            && let Some(entry) = self.read.front()
        {
            let mut message = message(
                self.feed.log_id(),
                &self.config.tenant,
                entry,
                self.config.encoding,
                self.room.min(BODY_BYTES_MAX),
            );
            self.carry(&mut message)?;
            bytes += message.size();
            if bytes > BYTES_MAX && !piece.is_empty() {
                break;
            }
            self.after = message.seq;
            self.read.pop_front();
            self.records.pop_front();
            piece.push(message);
        }
        Ok(piece)
    }

    fn refill(&mut self) -> Result<(), FeedError> {
        self.read = self.feed.read(self.after, MESSAGES_MAX)?.into();
        self.records.clear();
        if let Some(exact) = &self.exact
            && let Some(first) = self.read.front()
        {
            let count = self.read.len();
            let records = exact.reader.read_exact(first.seq(), count, usize::MAX)?;
            self.records = records.into();
        }
        Ok(())
    }

    /// Adds the exact record of the event that is next.
    fn carry(&self, message: &mut Message) -> Result<(), FeedError> {
        let Some(exact) = &self.exact else {
            return Ok(());
        };
        let seq = message.seq;
        let failed = |why: String| FeedError::Exact { seq, why };
        let record = self.records.front().filter(|record| record.seq == seq);
        let record = record.ok_or_else(|| failed("it is not where its event is".to_owned()))?;
        let sealed = exact.key.seal(record).map_err(failed)?;
        let left = self.room.saturating_sub(message.body.len());
        message.carry(sealed, left.min(RECORD_BYTES_MAX));
        Ok(())
    }
}
