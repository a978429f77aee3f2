//! What one line of the log is, before and after storage: an envelope of fixed shape around an opaque payload.
//!
//! The envelope can be read for ever, whatever becomes of the events inside; [`crate::codec`] turns payloads
//! into events and back. Nothing here knows how records are laid out on disk (`store::log` does).

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

/// A record about to be appended. Its position is given by its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// When it happened; never earlier than the record before it.
    pub at: Timestamp,
    /// Who asked: `user:<name>`, `runner:<id>`, `schedule`, `system`.
    pub actor: String,
    /// The event that led to this one, if any.
    pub causation: Option<Seq>,
    /// The run this belongs to, if any: everything with the same correlation is one story.
    pub correlation: Option<u64>,
    /// Idempotency key of the command, on the first record it caused: `<fingerprint in hex>:<key>`.
    pub key: Option<String>,
    /// W3C trace context given with the request, if any.
    pub trace: Option<String>,
    /// Stable name, `noun.past_verb`.
    pub name: String,
    /// Version of the payload's shape, from 1.
    pub version: u16,
    /// A reader that does not know this name and version must refuse the log instead of passing over it.
    pub critical: bool,
    /// msgpack map with field names; any size (large ones are kept beside the log, see `store::log`).
    pub payload: Vec<u8>,
}

/// A record as read back: what was appended, where it stands, and the chain up to and including it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Position.
    pub seq: Seq,
    /// Epoch of the writer (1 on a single scheduler).
    pub epoch: u32,
    /// Position of the first record of the same commit.
    pub commit_first: Seq,
    /// Records in that commit.
    pub commit_len: u32,
    /// What was appended.
    pub record: NewRecord,
    /// Chain hash: BLAKE3 over the hash before it and this record's exact bytes.
    pub hash: [u8; 32],
}

/// What a record says, where it lies: nothing is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordView<'a> {
    /// Position.
    pub seq: Seq,
    /// Epoch of the writer.
    pub epoch: u32,
    /// Position of the first record of the same commit.
    pub commit_first: Seq,
    /// Records in that commit.
    pub commit_len: u32,
    /// When it happened.
    pub at: Timestamp,
    /// Who asked.
    pub actor: &'a str,
    /// The event that led to this one, if any.
    pub causation: Option<Seq>,
    /// Idempotency key of the command.
    pub key: Option<&'a str>,
    /// W3C trace context given with the request.
    pub trace: Option<&'a str>,
    /// Stable name.
    pub name: &'a str,
    /// Version of the payload's shape.
    pub version: u16,
    /// A reader that does not know this name and version must refuse the log.
    pub critical: bool,
    /// The payload, wherever it lay.
    pub payload: &'a [u8],
    /// Chain hash up to and including this record.
    pub hash: [u8; 32],
}

impl StoredRecord {
    /// The same, borrowed.
    #[must_use]
    pub fn view(&self) -> RecordView<'_> {
        let record = &self.record;
        RecordView {
            seq: self.seq,
            epoch: self.epoch,
            commit_first: self.commit_first,
            commit_len: self.commit_len,
            at: record.at,
            actor: &record.actor,
            causation: record.causation,
            key: record.key.as_deref(),
            trace: record.trace.as_deref(),
            name: &record.name,
            version: record.version,
            critical: record.critical,
            payload: &record.payload,
            hash: self.hash,
        }
    }
}

/// A record in the bytes that the chain is over, with what it takes to build it into a log again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactRecord {
    /// Position.
    pub seq: Seq,
    /// The record, exactly as stored.
    pub bytes: Vec<u8>,
    /// Chain hash up to and including it.
    pub hash: [u8; 32],
    /// Small contents that it names, and its payload if that lies beside the log.
    pub contents: Vec<(Digest, Vec<u8>)>,
}
