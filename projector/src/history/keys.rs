//! Keys of the rows: a letter for the kind, then ids in big-endian, so that they sort.

use fasti_core::domain::ids::{BatchId, Digest, RunId, RunSetId, Seq};

use super::Among;

pub(super) fn definition(digest: Digest) -> Vec<u8> {
    [b"d".as_slice(), &digest.0].concat()
}

pub(super) fn version(batch: BatchId, version: u32) -> Vec<u8> {
    [b"v".as_slice(), &batch.0, &version.to_be_bytes()].concat()
}

pub(super) fn slots(batch: BatchId, seq: Seq) -> Vec<u8> {
    [b"l".as_slice(), &batch.0, &seq.0.to_be_bytes()].concat()
}

/// A run with a row of its own.
pub(super) fn run(id: RunId) -> Vec<u8> {
    with_id(b"R", id.0)
}

pub(super) fn task_runs(run: RunId, chunk: u32) -> Vec<u8> {
    [b"t".as_slice(), &run.0.to_be_bytes(), &chunk.to_be_bytes()].concat()
}

pub(super) fn steps(run: RunId, chunk: u32) -> Vec<u8> {
    [b"p".as_slice(), &run.0.to_be_bytes(), &chunk.to_be_bytes()].concat()
}

pub(super) fn run_set(id: RunSetId) -> Vec<u8> {
    with_id(b"g", id.0)
}

/// What the keys of a list begin with; an id follows, or the number of a shelf.
pub(super) fn among(among: Among) -> Vec<u8> {
    match among {
        Among::Runs => b"r".to_vec(),
        Among::Batch(batch) => [b"b".as_slice(), &batch.0].concat(),
        Among::RunSet(set) => [b"s".as_slice(), &set.0.to_be_bytes()].concat(),
        Among::RunSets => b"g".to_vec(),
    }
}

pub(super) fn with_id(prefix: &[u8], id: u64) -> Vec<u8> {
    [prefix, &id.to_be_bytes()].concat()
}

/// What a small row is of, as far as it belongs to a moment.
pub(super) enum Kept {
    /// Slots, by the event.
    Slots(Seq),
    /// A run set.
    RunSet(RunSetId),
    /// Something else.
    Other,
}

/// What the small row under a key is of.
pub(super) fn kind(key: &[u8]) -> Kept {
    match (key.first(), last_id(key)) {
        (Some(b'l'), Some(seq)) => Kept::Slots(Seq(seq)),
        (Some(b'g'), Some(id)) => Kept::RunSet(RunSetId(id)),
        _ => Kept::Other,
    }
}

/// The id at the end of a key.
pub(super) fn last_id(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}
