//! Exact records for whoever carries the log elsewhere: the bytes that the chain is over, and with them what they
//! name and what nobody else could give back.

use fasti_domain::ids::{Digest, Seq};

use super::envelope::{MAX_INLINE_BYTES, digest_of};
use super::error::Result;
use super::reader::LogReader;
use crate::ports::ExactRead;
use crate::record::{ExactRecord, StoredRecord};

/// Reads exact records. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ExactReader {
    reader: LogReader,
    references: fn(&StoredRecord) -> Vec<Digest>,
}

impl ExactReader {
    /// Exact records of the log that `reader` reads; `references` says which small contents a record names.
    #[must_use]
    pub fn new(reader: LogReader, references: fn(&StoredRecord) -> Vec<Digest>) -> Self {
        Self { reader, references }
    }

    fn contents(&self, stored: &StoredRecord) -> Result<Vec<(Digest, Vec<u8>)>> {
        let mut contents = Vec::new();
        let payload = &stored.record.payload;
        if payload.len() > MAX_INLINE_BYTES {
            contents.push((digest_of(payload), payload.clone()));
        }
        for digest in (self.references)(stored) {
            let value = self
                .reader
                .database
                .guard("reading a value", stored.seq, |db| db.values.get(digest.0))?;
            // One that is not there was large, or its time was up.
            if let Some(value) = value {
                contents.push((digest, value.to_vec()));
            }
        }
        Ok(contents)
    }
}

impl ExactRead for ExactReader {
    fn read_exact(
        &self,
        from: Seq,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<ExactRecord>> {
        let mut records: Vec<ExactRecord> = Vec::new();
        let mut bytes = 0;
        let mut failed = None;
        self.reader.each(from, &mut |exact, stored| {
            let contents = match self.contents(stored) {
                Ok(contents) => contents,
                Err(error) => {
                    failed = Some(error);
                    return false;
                }
            };
            bytes += exact.len() + contents.iter().map(|(_, it)| it.len()).sum::<usize>();
            records.push(ExactRecord {
                seq: stored.seq,
                bytes: exact.to_vec(),
                hash: stored.hash,
                contents,
            });
            records.len() < max_records && bytes < max_bytes
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(records),
        }
    }
}
