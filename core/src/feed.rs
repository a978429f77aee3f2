//! The durable events, in order and without gaps, from any position on: what everything that follows the log
//! reads. Recent ones come decoded from memory, older ones from the log.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fasti_domain::event::Recorded;
use fasti_domain::ids::{LogId, Seq};
use tokio::sync::watch;

use crate::codec::{self, CodecError, Decoder};
use crate::ports::LogRead;
use crate::store::StoreError;

/// Events kept decoded in memory: enough for every follower that is not far behind.
const RING_EVENTS_MAX: usize = 16_384;

/// Bytes of records read from the log at a time.
const READ_BYTES_MAX: usize = 4 << 20;

/// One durable event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The event with its envelope.
    pub recorded: Recorded,
    /// Epoch of the writer.
    pub epoch: u32,
    /// First event of its commit.
    pub commit_first: Seq,
    /// Events in its commit.
    pub commit_len: u32,
    /// Chain hash up to and including this event.
    pub hash: [u8; 32],
}

impl Entry {
    /// Position.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.recorded.seq
    }

    /// Whether this is the last event of its commit.
    #[must_use]
    pub fn ends_commit(&self) -> bool {
        self.recorded.seq.0 + 1 == self.commit_first.0 + u64::from(self.commit_len)
    }
}

/// The feed has ended: the engine stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler has stopped")]
pub struct Closed;

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The store says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is no event.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The system gives no threads for reading.
    #[error("no thread for reading the log: {0}")]
    Threads(#[source] std::io::Error),
    /// The exact record of an event cannot be given.
    #[error("the exact record of event {seq}: {why}")]
    Exact {
        /// Position of the event.
        seq: Seq,
        /// Why not.
        why: String,
    },
}

/// A reader of durable events. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    log_id: LogId,
    reader: Box<dyn LogRead>,
    ring: Mutex<Ring>,
    grown: Condvar,
    last: watch::Sender<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    seq: Seq,
    is_closed: bool,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    is_closed: bool,
}

/// The writing end; held by the engine.
pub struct FeedWriter {
    shared: Arc<Shared>,
}

/// A feed over a log that ends at `last`.
#[must_use]
pub fn feed(log_id: LogId, last: Seq, reader: Box<dyn LogRead>) -> (FeedWriter, Feed) {
    let position = Position {
        seq: last,
        is_closed: false,
    };
    let shared = Arc::new(Shared {
        log_id,
        reader,
        ring: Mutex::default(),
        grown: Condvar::new(),
        last: watch::Sender::new(position),
    });
    let feed = Feed {
        shared: shared.clone(),
    };
    (FeedWriter { shared }, feed)
}

impl FeedWriter {
    /// Makes a durable commit visible to all readers.
    pub fn publish(&self, commit: Vec<Entry>) {
        let Some(last) = commit.last().map(Entry::seq) else {
            return;
        };
        let mut ring = self.shared.ring();
        ring.entries.extend(commit.into_iter().map(Arc::new));
        let surplus = ring.entries.len().saturating_sub(RING_EVENTS_MAX);
        ring.entries.drain(..surplus);
        // Under the lock, so that nobody sees the position before the entries.
        self.shared.last.send_modify(|position| position.seq = last);
        drop(ring);
        self.shared.grown.notify_all();
    }
}

impl Drop for FeedWriter {
    fn drop(&mut self) {
        self.shared.ring().is_closed = true;
        self.shared
            .last
            .send_modify(|position| position.is_closed = true);
        self.shared.grown.notify_all();
    }
}

impl Shared {
    /// The lock guards plain data that is whole between calls; a panic elsewhere does not spoil it.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> Seq {
        self.last.borrow().seq
    }
}

impl Feed {
    /// Last durable event.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.shared.last()
    }

    /// Identity of the log.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.shared.log_id
    }

    /// Events after `after`, whole commits: about `max` of them, more only to complete a commit, fewer when their
    /// records have more than 4 MiB, none when there is nothing newer. Blocks on the disk when they are older than what memory holds. `after` must
    /// be the end of a commit (or 0) for the answer to begin with one.
    ///
    /// # Errors
    /// The log is damaged, or was written by a later version.
    pub fn read(&self, after: Seq, max: usize) -> Result<Vec<Arc<Entry>>, FeedError> {
        if after >= self.last() {
            return Ok(Vec::new());
        }
        if let Some(recent) = self.read_ring(after, max) {
            return Ok(recent);
        }
        self.read_log(after, max)
    }

    /// The event at this position; `None` beyond the end and at 0.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn get(&self, seq: Seq) -> Result<Option<Arc<Entry>>, FeedError> {
        Ok(self.span(seq, 1)?.pop().filter(|entry| entry.seq() == seq))
    }

    /// Events from `from` on (inclusive), at most `max`, fewer when their records have more than 4 MiB or there are no
    /// more: for whoever looks something up and does not care where commits begin and end.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn span(&self, from: Seq, max: usize) -> Result<Vec<Arc<Entry>>, FeedError> {
        let from = from.max(Seq(1));
        if from > self.last() {
            return Ok(Vec::new());
        }
        if let Some(recent) = self.span_of_ring(from, max) {
            return Ok(recent);
        }
        let records = self.shared.reader.read(from, max, READ_BYTES_MAX)?;
        let mut decoder = Decoder::default();
        let entries = records
            .iter()
            .map(|record| decoder.decode(&record.view()).map(Arc::new));
        Ok(entries.collect::<Result<_, _>>()?)
    }

    fn span_of_ring(&self, from: Seq, max: usize) -> Option<Vec<Arc<Entry>>> {
        let ring = self.shared.ring();
        let first = ring.entries.front()?.seq();
        let skip = usize::try_from(from.0.checked_sub(first.0)?).ok()?;
        let entries = ring.entries.iter().skip(skip).take(max);
        Some(entries.cloned().collect())
    }

    fn read_ring(&self, after: Seq, max: usize) -> Option<Vec<Arc<Entry>>> {
        let ring = self.shared.ring();
        let first = ring.entries.front()?.seq();
        let skip = usize::try_from(after.next().0.checked_sub(first.0)?).ok()?;
        let mut out = Vec::new();
        for entry in ring.entries.iter().skip(skip) {
            out.push(entry.clone());
            if out.len() >= max && entry.ends_commit() {
                break;
            }
        }
        Some(out)
    }

    fn read_log(&self, after: Seq, max: usize) -> Result<Vec<Arc<Entry>>, FeedError> {
        let mut out: Vec<Arc<Entry>> = Vec::new();
        let mut next = after.next();
        let mut bytes = 0;
        loop {
            let wanted = max.saturating_sub(out.len()).max(1);
            let records = self.shared.reader.read(next, wanted, READ_BYTES_MAX)?;
            if records.is_empty() {
                return Ok(out);
            }
            for record in &records {
                next = record.seq.next();
                bytes += record.record.payload.len();
                out.push(Arc::new(codec::decode(record)?));
            }
            let ends_commit = out.last().is_some_and(|entry| entry.ends_commit());
            let is_enough = out.len() >= max || bytes >= READ_BYTES_MAX || next > self.last();
            if ends_commit && is_enough {
                return Ok(out);
            }
        }
    }

    /// Hands all events after `after` up to the present end to `take`, in order, some at a time, from the log itself:
    /// for whoever goes through much of it.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn each(&self, after: Seq, take: &mut dyn FnMut(&[Entry])) -> Result<(), FeedError> {
        self.each_until(after, self.last(), take)
    }

    /// As [`Feed::each`], up to the event `last`.
    ///
    /// # Errors
    /// As [`Feed::read`].
    pub fn each_until(
        &self,
        after: Seq,
        last: Seq,
        take: &mut dyn FnMut(&[Entry]),
    ) -> Result<(), FeedError> {
        if after >= last {
            return Ok(());
        }
        self.shared.reader.each(after.next(), last, take)
    }

    /// Waits until there is an event after `seq`; answers with the last position.
    ///
    /// # Errors
    /// The engine stopped and there will be none.
    pub async fn wait_beyond(&self, seq: Seq) -> Result<Seq, Closed> {
        let mut last = self.shared.last.subscribe();
        let position = last
            .wait_for(|position| position.seq > seq || position.is_closed)
            .await
            .map_err(|_| Closed)?;
        if position.seq > seq {
            Ok(position.seq)
        } else {
            Err(Closed)
        }
    }

    /// As [`Feed::wait_beyond`] for threads; answers with the last position after `timeout` too, then not
    /// beyond `seq`.
    ///
    /// # Errors
    /// The engine stopped and there will be none.
    pub fn wait_beyond_blocking(&self, seq: Seq, timeout: Duration) -> Result<Seq, Closed> {
        let until = Instant::now() + timeout;
        let mut ring = self.shared.ring();
        loop {
            let last = self.shared.last();
            if last > seq {
                return Ok(last);
            }
            if ring.is_closed {
                return Err(Closed);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(last);
            }
            let (guard, _) = self
                .shared
                .grown
                .wait_timeout(ring, left)
                .unwrap_or_else(PoisonError::into_inner);
            ring = guard;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_domain::event::{Event, RunCancelRequested};
    use fasti_domain::ids::{BatchId, RunId};
    use fasti_domain::time::Timestamp;

    use super::*;
    use crate::mem::MemLog;
    use crate::ports::LogWrite;

    fn entries(log: &mut MemLog, count: u64) -> Vec<Entry> {
        let record = |number: u64| {
            codec::encode(&Recorded {
                seq: Seq(0),
                at: Timestamp(7),
                actor: "system".into(),
                causation: None,
                key: None,
                trace: None,
                event: Event::from(RunCancelRequested {
                    run: RunId(number),
                    batch: BatchId([1; 16]),
                    reason: None,
                }),
            })
        };
        let appended = log.append((1..=count).map(record).collect(), &[]).unwrap();
        let stored = appended.records.iter();
        stored.map(|it| codec::decode(it).unwrap()).collect()
    }

    fn seqs(found: &[Arc<Entry>]) -> Vec<u64> {
        found.iter().map(|entry| entry.seq().0).collect()
    }

    #[test]
    fn single_events_are_found_inside_of_commits_in_the_log_and_in_memory() {
        let mut log = MemLog::default();
        let mut written = Vec::new();
        for count in [1, 5, 4] {
            written.push(entries(&mut log, count));
        }
        for is_in_memory in [false, true] {
            let last = if is_in_memory { Seq(0) } else { Seq(10) };
            let (writer, feed) = feed(LogId([1; 16]), last, Box::new(log.clone()));
            if is_in_memory {
                written
                    .iter()
                    .for_each(|commit| writer.publish(commit.clone()));
            }
            let get = |seq| feed.get(Seq(seq)).unwrap().map(|entry| entry.seq().0);
            assert_eq!(
                [0, 1, 4, 10, 11].map(get),
                [None, Some(1), Some(4), Some(10), None]
            );
            assert_eq!(seqs(&feed.span(Seq(4), 3).unwrap()), [4, 5, 6]);
            assert_eq!(seqs(&feed.span(Seq(9), 8).unwrap()), [9, 10]);
            assert_eq!(seqs(&feed.span(Seq(0), 2).unwrap()), [1, 2]);
            assert!(feed.span(Seq(11), 2).unwrap().is_empty());
            assert_eq!(
                seqs(&feed.read(Seq(1), 2).unwrap()),
                [2, 3, 4, 5, 6],
                "whole commits"
            );
        }
    }
}
