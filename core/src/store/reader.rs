//! Reading the log: whole commits up to the durable end, every record proven by its hash.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::blob::Blobs;
use super::database::Database;
use super::error::Result;
use super::head::Head;
use super::links::Step;
use super::stretch::fetch;
use super::walk::Walk;
use crate::record::StoredRecord;

/// Read access to the log. Cheap to clone, usable from any thread; calls block on the disk.
#[derive(Debug, Clone)]
pub struct LogReader {
    pub(super) database: Arc<Database>,
    pub(super) blobs: Blobs,
}

impl LogReader {
    pub(super) fn new(database: Arc<Database>, blobs: Blobs) -> Self {
        Self { database, blobs }
    }

    /// End of the durable log: nothing beyond it is ever given to a reader.
    #[must_use]
    pub fn last(&self) -> Head {
        self.database.durable()
    }

    /// Records from `from` on (inclusive): at most `max_records`, and no more after `max_bytes` of record
    /// bytes are reached; at least one if there is one. Empty beyond the end. May stop inside a commit: a
    /// record says which commit it belongs to.
    ///
    /// # Errors
    /// [`Damaged`](super::error::StoreError::Damaged) where a record is missing or not what was written; what precedes it can be
    /// had by asking for less.
    pub fn read(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredRecord>> {
        let mut scan = self.scan(from)?;
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < max_records && (bytes < max_bytes || records.is_empty()) {
            let Some(record) = scan.next() else { break };
            let record = record?;
            bytes += record.record.payload.len() + RECORD_OVERHEAD_BYTES;
            records.push(record);
        }
        Ok(records)
    }

    /// The record at `seq`; `None` beyond the end and at 0.
    ///
    /// # Errors
    /// [`Damaged`](super::error::StoreError::Damaged) if it is missing or not what was written.
    pub fn read_one(&self, seq: Seq) -> Result<Option<StoredRecord>> {
        if seq == Seq(0) {
            return Ok(None);
        }
        Ok(self.read(seq, 1, 0)?.pop())
    }

    /// All records from `from` on (inclusive) up to the end as it is now. Ends after the first error.
    ///
    /// # Errors
    /// [`Damaged`](super::error::StoreError::Damaged) if not even the first entry can be found.
    pub fn scan(&self, from: Seq) -> Result<Scan> {
        let from = from.max(Seq(1));
        let upto = self.last().seq;
        let walk = if from > upto {
            None
        } else {
            Some(Walk::new(&self.database, from)?)
        };
        Ok(Scan {
            walk,
            blobs: self.blobs.clone(),
            from,
            upto,
        })
    }
}

impl LogReader {
    /// Hands the exact bytes of every record from `from` on (inclusive) to `visit`, with what they say, up to the end as it is now or until `visit` says `false`.
    ///
    /// # Errors
    /// [`Damaged`](super::error::StoreError::Damaged) where a record is missing or not what was written.
    pub fn each(
        &self,
        from: Seq,
        visit: &mut dyn FnMut(&[u8], &StoredRecord) -> bool,
    ) -> Result<()> {
        let (from, upto) = (from.max(Seq(1)), self.last().seq);
        if from > upto {
            return Ok(());
        }
        let mut walk = Walk::new(&self.database, from)?;
        while walk.next_seq() <= upto {
            let seq = walk.next_seq();
            let Some(step) = walk.step()? else {
                return Err(walk.damaged(seq, "event is missing although it was durable"));
            };
            if seq < from {
                continue;
            }
            let exact = step.record.to_vec();
            if !visit(&exact, &resolve(step, &self.blobs)?) {
                break;
            }
        }
        Ok(())
    }

    /// As [`LogReader::each`], without taking the records apart.
    ///
    /// # Errors
    /// As [`LogReader::each`].
    pub fn each_exact(
        &self,
        from: Seq,
        visit: &mut dyn FnMut(&[u8], [u8; 32]) -> bool,
    ) -> Result<()> {
        let (from, upto) = (from.max(Seq(1)), self.last().seq);
        if from > upto {
            return Ok(());
        }
        let mut walk = Walk::new(&self.database, from)?;
        while walk.next_seq() <= upto {
            let seq = walk.next_seq();
            let Some(step) = walk.step()? else {
                return Err(walk.damaged(seq, "event is missing although it was durable"));
            };
            if seq >= from && !visit(step.record, step.hash) {
                break;
            }
        }
        Ok(())
    }
}

/// About what an envelope takes, for counting bytes.
const RECORD_OVERHEAD_BYTES: usize = 80;

/// Iterator over stored records, see [`LogReader::scan`].
pub struct Scan {
    walk: Option<Walk>,
    blobs: Blobs,
    from: Seq,
    upto: Seq,
}

impl Scan {
    fn advance(&mut self) -> Result<Option<StoredRecord>> {
        let Some(walk) = &mut self.walk else {
            return Ok(None);
        };
        loop {
            let seq = walk.next_seq();
            if seq > self.upto {
                return Ok(None);
            }
            // Records before `from` in its frame are stepped over: the chain needs them.
            match walk.step()? {
                Some(_) if seq < self.from => {}
                Some(step) => return resolve(step, &self.blobs).map(Some),
                None => {
                    let why = format!(
                        "event is missing, the log was durable up to seq {}",
                        self.upto
                    );
                    return Err(walk.damaged(seq, why));
                }
            }
        }
    }
}

impl Iterator for Scan {
    type Item = Result<StoredRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let outcome = self.advance().transpose();
        if !matches!(outcome, Some(Ok(_))) {
            self.walk = None;
        }
        outcome
    }
}

/// The record with its payload fetched from wherever it lies.
pub(super) fn resolve(step: Step<'_>, blobs: &Blobs) -> Result<StoredRecord> {
    let payload = fetch(step.envelope.payload, step.envelope.place.seq, blobs)?;
    Ok(step.envelope.into_record(payload.into_owned(), step.hash))
}
