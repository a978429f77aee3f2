//! The exact bytes of one record, and the hash chain over them. Pure: no files, no clock.
//!
//! Layout 1, fixed for ever (numbers little-endian):
//!
//! | bytes | field |
//! | --- | --- |
//! | 1 | layout, 1 |
//! | 1 | flags: 1 critical, 2 causation, 4 correlation, 8 trace, 16 payload beside the log, 32 key |
//! | 2 | version of the payload's shape |
//! | 8 | seq |
//! | 8 | instant, µs since 1970 |
//! | 4 | epoch |
//! | 4 + 4 | index in the commit, records in the commit |
//! | 8, 8 | causation, correlation, where flagged |
//! | 2 + n each | actor, name, key and trace (where flagged): length and UTF-8 |
//! | 4 + n | payload: length and bytes; or, flagged 16: 8 bytes length and 32 bytes SHA-256 |
//!
//! Position, commit and payload are inside, so the chain notices a record moved, a commit cut and a payload
//! exchanged alike. Where a large payload lies is not inside: moving it changes no hash.

use std::sync::LazyLock;

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::error::{Result, StoreError};
use crate::record::{NewRecord, RecordView, StoredRecord};

/// Payloads above this many bytes are stored beside the log.
pub const MAX_INLINE_BYTES: usize = 4096;
/// Longest actor, in bytes.
pub const MAX_ACTOR_BYTES: usize = 256;
/// Longest event name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// Longest idempotency key with its fingerprint, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// Longest trace context, in bytes.
pub const MAX_TRACE_BYTES: usize = 512;
/// Upper bound of one encoded record, in bytes.
pub(super) const MAX_RECORD_BYTES: usize = 32
    + 2 * 8
    + 4 * 2
    + MAX_ACTOR_BYTES
    + MAX_NAME_BYTES
    + MAX_KEY_BYTES
    + MAX_TRACE_BYTES
    + 4
    + MAX_INLINE_BYTES;

const LAYOUT: u8 = 1;
const CRITICAL: u8 = 1;
const CAUSATION: u8 = 2;
const CORRELATION: u8 = 4;
const TRACE: u8 = 8;
const BESIDE: u8 = 16;
const KEY: u8 = 32;
const KNOWN_FLAGS: u8 = CRITICAL | CAUSATION | CORRELATION | TRACE | BESIDE | KEY;

/// Chain hash before the first record.
pub const GENESIS: [u8; 32] = *b"fasti log: hash before record 1\n";

pub(super) static CHAIN_KEY: LazyLock<[u8; 32]> =
    LazyLock::new(|| blake3::derive_key("fasti 2026 log chain, record layout 1", b""));

/// Chain hash after a record: BLAKE3, keyed for this one use, over the hash before and the record's bytes.
#[must_use]
pub fn chain(previous: &[u8; 32], record_bytes: &[u8]) -> [u8; 32] {
    /// What BLAKE3 takes as one piece. Setting up for more takes longer than hashing a usual record.
    const PIECE: usize = blake3::CHUNK_LEN;
    let len = previous.len() + record_bytes.len();
    if len > PIECE {
        let mut hasher = blake3::Hasher::new_keyed(&CHAIN_KEY);
        hasher.update(previous).update(record_bytes);
        return *hasher.finalize().as_bytes();
    }
    let mut piece = [0; PIECE];
    let (first, rest) = piece.split_at_mut(previous.len());
    first.copy_from_slice(previous);
    rest[..record_bytes.len()].copy_from_slice(record_bytes);
    *blake3::keyed_hash(&CHAIN_KEY, &piece[..len]).as_bytes()
}

/// SHA-256 of `content`: its name in the store.
#[must_use]
pub fn digest_of(content: &[u8]) -> Digest {
    Digest(Sha256::digest(content).into())
}

/// Where a record stands; everything the writer adds to a [`NewRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Position of the record.
    pub seq: Seq,
    /// Epoch of the writer.
    pub epoch: u32,
    /// Position of the first record of the commit.
    pub commit_first: Seq,
    /// Records in the commit.
    pub commit_len: u32,
}

/// A payload as the record bytes name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// The payload itself.
    Inline(&'a [u8]),
    /// Stored beside the log under its digest.
    Beside {
        /// SHA-256 of the payload.
        digest: Digest,
        /// Its length in bytes.
        len: u64,
    },
}

/// Record bytes taken apart; borrows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    pub(super) place: Place,
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) causation: Option<Seq>,
    pub(super) correlation: Option<u64>,
    pub(super) key: Option<&'a str>,
    pub(super) trace: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) version: u16,
    pub(super) critical: bool,
    pub(super) payload: Payload<'a>,
}

impl<'a> Envelope<'a> {
    /// The record where it lies, with its payload, which the caller has fetched if it lies beside the log.
    pub(super) fn view<'b>(&self, payload: &'b [u8], hash: [u8; 32]) -> RecordView<'b>
    where
        'a: 'b,
    {
        RecordView {
            seq: self.place.seq,
            epoch: self.place.epoch,
            commit_first: self.place.commit_first,
            commit_len: self.place.commit_len,
            at: self.at,
            actor: self.actor,
            causation: self.causation,
            key: self.key,
            trace: self.trace,
            name: self.name,
            version: self.version,
            critical: self.critical,
            payload,
            hash,
        }
    }

    /// The record with its payload, which the caller has fetched if it lies beside the log.
    pub(super) fn into_record(self, payload: Vec<u8>, hash: [u8; 32]) -> StoredRecord {
        StoredRecord {
            seq: self.place.seq,
            epoch: self.place.epoch,
            commit_first: self.place.commit_first,
            commit_len: self.place.commit_len,
            record: NewRecord {
                at: self.at,
                actor: self.actor.to_owned(),
                causation: self.causation,
                correlation: self.correlation,
                key: self.key.map(str::to_owned),
                trace: self.trace.map(str::to_owned),
                name: self.name.to_owned(),
                version: self.version,
                critical: self.critical,
                payload,
            },
            hash,
        }
    }
}

/// Whether the record keeps the bounds of the layout.
///
/// # Errors
/// [`StoreError::Invalid`] naming the field.
pub fn check(record: &NewRecord) -> Result<()> {
    let bound = |field: &str, len: usize, max: usize| {
        if len <= max {
            return Ok(());
        }
        Err(StoreError::Invalid {
            why: format!(
                "{field} of `{}` has {len} bytes, at most {max} fit",
                record.name
            ),
        })
    };
    bound("name", record.name.len(), MAX_NAME_BYTES)?;
    bound("actor", record.actor.len(), MAX_ACTOR_BYTES)?;
    bound(
        "idempotency key",
        record.key.as_ref().map_or(0, String::len),
        MAX_KEY_BYTES,
    )?;
    bound(
        "trace",
        record.trace.as_ref().map_or(0, String::len),
        MAX_TRACE_BYTES,
    )
}

/// Appends the record bytes to `out`. Expects a record that passed [`check`].
pub fn encode(record: &NewRecord, place: Place, out: &mut Vec<u8>) {
    let beside = record.payload.len() > MAX_INLINE_BYTES;
    let mut flags = 0;
    for (flag, set) in [
        (CRITICAL, record.critical),
        (CAUSATION, record.causation.is_some()),
        (CORRELATION, record.correlation.is_some()),
        (TRACE, record.trace.is_some()),
        (BESIDE, beside),
        (KEY, record.key.is_some()),
    ] {
        if set {
            flags |= flag;
        }
    }
    let index = u32::try_from(place.seq.0 - place.commit_first.0)
        .expect("a commit has at most u32::MAX records");
    out.extend_from_slice(&[LAYOUT, flags]);
    out.extend_from_slice(&record.version.to_le_bytes());
    out.extend_from_slice(&place.seq.0.to_le_bytes());
    out.extend_from_slice(&record.at.0.to_le_bytes());
    out.extend_from_slice(&place.epoch.to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&place.commit_len.to_le_bytes());
    if let Some(causation) = record.causation {
        out.extend_from_slice(&causation.0.to_le_bytes());
    }
    if let Some(correlation) = record.correlation {
        out.extend_from_slice(&correlation.to_le_bytes());
    }
    put_text(out, &record.actor);
    put_text(out, &record.name);
    for text in [&record.key, &record.trace].into_iter().flatten() {
        put_text(out, text);
    }
    if beside {
        out.extend_from_slice(&(record.payload.len() as u64).to_le_bytes());
        out.extend_from_slice(&digest_of(&record.payload).0);
    } else {
        let len = u32::try_from(record.payload.len()).expect("inline payloads are at most 4 KiB");
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&record.payload);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let len = u16::try_from(text.len()).expect("texts passed `check`");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Takes record bytes apart. All of `bytes` must belong to the record.
///
/// # Errors
/// A fragment saying what does not fit; the caller knows the position.
pub(super) fn decode(bytes: &[u8]) -> std::result::Result<Envelope<'_>, String> {
    let mut rest = Cursor(bytes);
    let [layout, flags] = rest.array()?;
    if layout != LAYOUT {
        return Err(format!(
            "record layout {layout} is unknown, this build knows {LAYOUT}"
        ));
    }
    if flags & !KNOWN_FLAGS != 0 {
        return Err(format!("record flags {flags:#x} are unknown"));
    }
    let version = u16::from_le_bytes(rest.array()?);
    let seq = rest.u64()?;
    let at = Timestamp(i64::from_le_bytes(rest.array()?));
    let epoch = rest.u32()?;
    let index = rest.u32()?;
    let commit_len = rest.u32()?;
    let commit_first = seq
        .checked_sub(u64::from(index))
        .filter(|_| index < commit_len);
    let commit_first = Seq(commit_first.ok_or("index in the commit is out of range")?);
    let causation = (flags & CAUSATION != 0)
        .then(|| rest.u64())
        .transpose()?
        .map(Seq);
    let correlation = (flags & CORRELATION != 0).then(|| rest.u64()).transpose()?;
    let actor = rest.text()?;
    let name = rest.text()?;
    let key = (flags & KEY != 0).then(|| rest.text()).transpose()?;
    let trace = (flags & TRACE != 0).then(|| rest.text()).transpose()?;
    let payload = if flags & BESIDE != 0 {
        let len = rest.u64()?;
        Payload::Beside {
            digest: Digest(rest.array()?),
            len,
        }
    } else {
        let len = rest.u32()?;
        Payload::Inline(rest.take(len as usize)?)
    };
    if !rest.0.is_empty() {
        return Err(format!("{} bytes too many in the record", rest.0.len()));
    }
    Ok(Envelope {
        place: Place {
            seq: Seq(seq),
            epoch,
            commit_first,
            commit_len,
        },
        at,
        actor,
        causation,
        correlation,
        key,
        trace,
        name,
        version,
        critical: flags & CRITICAL != 0,
        payload,
    })
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> std::result::Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(len).ok_or_else(|| {
            format!(
                "record is cut: {len} bytes expected, {} there",
                self.0.len()
            )
        })?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> std::result::Result<[u8; N], String> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take gave N bytes"))
    }

    fn u32(&mut self) -> std::result::Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> std::result::Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> std::result::Result<&'a str, String> {
        let len = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.take(usize::from(len))?)
            .map_err(|_| "text is not UTF-8".to_owned())
    }
}
