//! The world as the engine sees it: a clock, a log, something that carries out what was decided. The real
//! ones are in `store`, `link` and the binary; tests and simulation bring their own.

use std::time::Duration;

use fasti_domain::ids::{Digest, RunnerId, Seq};
use fasti_domain::launch::Launch;
use fasti_domain::time::Timestamp;

use crate::ahead;
use crate::codec;
use crate::feed::{Entry, FeedError};
use crate::protocol::runner_v1::StopAttempt;
use crate::record::{ExactRecord, NewRecord, StoredRecord};
use crate::store::{Appended, Log, LogReader, StoreError};

/// Where the time of events comes from. Read by the engine alone.
pub trait Clock: Send {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Time since some instant, by a clock that nobody sets.
    fn steady(&self) -> Duration;
}

/// Signs what attempts are given to prove who they are.
pub trait SignTokens: Send + Sync + std::fmt::Debug {
    /// A token that says `claims` (a JSON object) and holds for so long from now on.
    ///
    /// # Errors
    /// The claims are no object, or there is no key.
    fn sign(&self, claims: &str, lifetime: Duration) -> Result<String, String>;
}

/// The one place events are appended to.
pub trait LogWrite: Send {
    /// Appends one commit with the small contents it names; durable when it returns.
    ///
    /// # Errors
    /// See [`Log::append`].
    fn append(
        &mut self,
        records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StoreError>;

    /// Whether a commit can be taken now; asked before anything is decided, so that a full disk refuses a
    /// command instead of leaving the state ahead of the log.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`].
    fn check_room(&mut self) -> Result<(), StoreError>;
}

/// Reading what is durable.
pub trait LogRead: Send + Sync {
    /// Records from `from` on (inclusive), at most `max_records`, about `max_bytes`.
    ///
    /// # Errors
    /// The log is damaged.
    fn read(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// Hands the events from `from` to `upto` (both inclusive) to `take`, in order, some at a time.
    ///
    /// # Errors
    /// The log is damaged, or was written by a later version.
    fn each(&self, from: Seq, upto: Seq, take: &mut dyn FnMut(&[Entry])) -> Result<(), FeedError> {
        const RECORDS: usize = 1_000;
        const BYTES: usize = 4 << 20;
        let mut next = from.max(Seq(1));
        while next <= upto {
            let records = self.read(next, RECORDS, BYTES)?;
            let wanted = records.iter().take_while(|record| record.seq <= upto);
            let entries = wanted.map(codec::decode).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = entries.last() else {
                return Ok(());
            };
            next = last.seq().next();
            take(&entries);
        }
        Ok(())
    }
}

/// Reading what is durable in its exact bytes.
pub trait ExactRead: Send + Sync {
    /// Records from `from` on (inclusive), at most `max_records`, no more once `max_bytes` are reached.
    ///
    /// # Errors
    /// The log is damaged.
    fn read_exact(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<ExactRecord>, StoreError>;
}

/// Carries out what a durable commit calls for. Must not block.
pub trait Effects: Send {
    /// Leased attempts to start.
    fn start(&mut self, runner: &RunnerId, launches: Vec<Launch>);

    /// Attempts to end.
    fn stop(&mut self, runner: &RunnerId, attempts: Vec<StopAttempt>);
}

impl LogWrite for Log {
    fn append(
        &mut self,
        records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StoreError> {
        Log::append_from_reserve(self, records, values)
    }

    fn check_room(&mut self) -> Result<(), StoreError> {
        Log::check_room(self)
    }
}

impl LogRead for LogReader {
    fn read(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        LogReader::read(self, from, max_records, max_bytes)
    }

    fn each(&self, from: Seq, upto: Seq, take: &mut dyn FnMut(&[Entry])) -> Result<(), FeedError> {
        ahead::each(self, from, upto, take)
    }
}
