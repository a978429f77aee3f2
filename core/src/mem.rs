//! A log in memory and a clock that is set by hand: for tests, simulation, and runs without a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

use crate::ports::{Clock, ExactRead, LogRead, LogWrite};
use crate::record::{ExactRecord, NewRecord, StoredRecord};
use crate::store::{
    Appended, GENESIS, MAX_INLINE_BYTES, Place, StoreError, chain, digest_of, encode,
};

/// A log that lives as long as its last handle. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct MemLog {
    records: Arc<Mutex<Vec<StoredRecord>>>,
}

impl MemLog {
    /// Everything in it.
    #[must_use]
    pub fn records(&self) -> Vec<StoredRecord> {
        self.lock().clone()
    }

    /// The lock guards a vector that is whole between calls.
    fn lock(&self) -> MutexGuard<'_, Vec<StoredRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogWrite for MemLog {
    fn append(
        &mut self,
        records: Vec<NewRecord>,
        _values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StoreError> {
        let mut all = self.lock();
        let mut seq = Seq(all.len() as u64);
        let mut hash = all.last().map_or(GENESIS, |last| last.hash);
        let first = seq.next();
        let commit_len = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let mut stored = Vec::with_capacity(records.len());
        let mut bytes = Vec::new();
        for record in records {
            seq = seq.next();
            let place = Place {
                seq,
                epoch: 1,
                commit_first: first,
                commit_len,
            };
            bytes.clear();
            encode(&record, place, &mut bytes);
            hash = chain(&hash, &bytes);
            stored.push(StoredRecord {
                seq,
                epoch: 1,
                commit_first: first,
                commit_len,
                record,
                hash,
            });
        }
        all.extend(stored.iter().cloned());
        Ok(Appended {
            first,
            last: seq,
            hash,
            records: stored,
        })
    }

    fn check_room(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl LogRead for MemLog {
    fn read(
        &self,
        from: Seq,
        max_records: usize,
        _max_bytes: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let skip = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(self
            .lock()
            .iter()
            .skip(skip)
            .take(max_records)
            .cloned()
            .collect())
    }
}

impl ExactRead for MemLog {
    fn read_exact(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<ExactRecord>, StoreError> {
        let exact = |stored: StoredRecord| {
            let place = Place {
                seq: stored.seq,
                epoch: stored.epoch,
                commit_first: stored.commit_first,
                commit_len: stored.commit_len,
            };
            let mut bytes = Vec::new();
            encode(&stored.record, place, &mut bytes);
            let payload = stored.record.payload;
            let is_beside = payload.len() > MAX_INLINE_BYTES;
            ExactRecord {
                seq: stored.seq,
                bytes,
                hash: stored.hash,
                contents: is_beside
                    .then(|| (digest_of(&payload), payload))
                    .into_iter()
                    .collect(),
            }
        };
        let records = self.read(from, max_records, max_bytes)?;
        Ok(records.into_iter().map(exact).collect())
    }
}

/// A clock that moves when it is told to. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    /// What it shows, and how far it was moved forwards.
    now: Arc<Mutex<(Timestamp, Duration)>>,
}

impl ManualClock {
    /// A clock showing `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: Arc::new(Mutex::new((now, Duration::ZERO))),
        }
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: Timestamp) {
        let mut shown = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let forwards = u64::try_from(now.0.saturating_sub(shown.0.0)).unwrap_or(0);
        *shown = (now, shown.1 + Duration::from_micros(forwards));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn steady(&self) -> Duration {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
