//! Events as files for others: NDJSON for programs and people, Parquet for analysts. Both carry every record's
//! exact bytes, so that `import` builds the very same log from them.
//!
//! An export holds whole commits. It says which schema it follows, where it stands in the chain, and ends with a
//! checksum. The exact bytes hold rights too (lease tokens, the seed): a file of them is as secret as the log.

mod import;
mod ndjson;
mod parquet;

use std::io::Write;
use std::path::{Path, PathBuf};

use fasti_core::codec;
use fasti_core::domain::ids::{Digest, Seq};
use fasti_core::record::StoredRecord;
use fasti_core::store::{self, OpenOptions, Store};
use serde_json::Value;

pub use import::read;

use crate::error::ReplayError;

/// Name of the schema.
pub const SCHEMA: &str = "fasti.log.export";
/// Its version: raised with every change that a reader must know of.
pub const SCHEMA_VERSION: u32 = 1;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header line, a line an event, a line with the checksum.
    Ndjson,
    /// A row an event; checksum and schema version in the metadata.
    Parquet,
}

/// What to export, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Data folder of a stopped server, or a folder of segments.
    pub from: Origin,
    /// First event; the export begins with its commit.
    pub first: Seq,
    /// Last event; the export ends with its commit. `None`: the last there is.
    pub last: Option<Seq>,
}

/// Where exact records are had from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Data folder of a stopped server.
    Data(PathBuf),
    /// Folder of sealed segments, also of a running server.
    Segments(PathBuf),
}

/// What was exported or read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// First event.
    pub first: Seq,
    /// Last event.
    pub last: Seq,
    /// Events.
    pub records: u64,
    /// Chain hash after the last one.
    pub hash: [u8; 32],
    /// The file's checksum, in hex.
    pub checksum: String,
}

/// One event on its way out or in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    stored: StoredRecord,
    /// Exact bytes of the record.
    record: Vec<u8>,
    /// Contents that the record names and that are not in its bytes.
    contents: Vec<(Digest, Vec<u8>)>,
}

impl Row {
    /// The event as the API tells it; null if this version does not know it.
    fn data(&self) -> Value {
        codec::decode(&self.stored).map_or(Value::Null, |entry| codec::event_json(&entry))
    }
}

/// Something that takes rows and makes a file of them.
trait Sink {
    fn push(&mut self, row: &Row) -> Result<(), ReplayError>;
    fn finish(self: Box<Self>) -> Result<String, ReplayError>;
}

/// Writes the selected events to `out`.
///
/// # Errors
/// There are no such events, the log is damaged, or `out` refuses.
pub fn write(
    selection: &Selection,
    format: Format,
    out: Box<dyn Write + Send>,
    progress: &mut dyn FnMut(Seq),
) -> Result<Exported, ReplayError> {
    let mut sink: Box<dyn Sink> = match format {
        Format::Ndjson => Box::new(ndjson::Lines::new(out)),
        Format::Parquet => Box::new(parquet::Rows::new(out)?),
    };
    let mut exported: Option<Exported> = None;
    each(selection, &mut |row| {
        sink.push(&row)?;
        let seq = row.stored.seq;
        let so_far = exported.get_or_insert_with(|| Exported {
            first: seq,
            last: seq,
            records: 0,
            hash: [0; 32],
            checksum: String::new(),
        });
        so_far.last = seq;
        so_far.records += 1;
        so_far.hash = row.stored.hash;
        if seq.0.is_multiple_of(10_000) {
            progress(seq);
        }
        Ok(())
    })?;
    let mut exported = exported.ok_or(ReplayError::NoEvents {
        first: selection.first,
    })?;
    exported.checksum = sink.finish()?;
    Ok(exported)
}

/// Hands the exact records of the selected events to `visit`, with the contents that they name.
pub(crate) fn each_exact(
    selection: &Selection,
    visit: &mut import::Take<'_>,
) -> Result<(), ReplayError> {
    each(selection, &mut |row| {
        visit(row.stored.seq, &row.record, row.stored.hash, &row.contents)
    })
}

type Visit<'a> = dyn FnMut(Row) -> Result<(), ReplayError> + 'a;

fn each(selection: &Selection, visit: &mut Visit<'_>) -> Result<(), ReplayError> {
    match &selection.from {
        Origin::Data(data) => each_stored(data, selection, visit),
        Origin::Segments(dir) => each_sealed(dir, selection, visit),
    }
}

/// Whether `stored` is beyond the last commit wanted.
fn is_beyond(stored: &StoredRecord, last: Option<Seq>) -> bool {
    last.is_some_and(|last| stored.commit_first > last)
}

fn each_stored(
    data: &Path,
    selection: &Selection,
    visit: &mut Visit<'_>,
) -> Result<(), ReplayError> {
    let options = OpenOptions {
        create: false,
        ..OpenOptions::default()
    };
    let store = Store::open(data, options)?;
    let Some(first) = store.reader.read_one(selection.first.max(Seq(1)))? else {
        return Ok(());
    };
    let mut outcome = Ok(());
    store
        .reader
        .each(first.commit_first, &mut |exact, stored| {
            if is_beyond(stored, selection.last) {
                return false;
            }
            let mut contents = Vec::new();
            if stored.record.payload.len() > store::MAX_INLINE_BYTES {
                let payload = stored.record.payload.clone();
                contents.push((store::digest_of(&payload), payload));
            }
            for digest in codec::contents_of(stored) {
                if let Ok(Some(value)) = store.content.values.get(digest) {
                    contents.push((digest, value));
                }
            }
            outcome = visit(Row {
                stored: stored.clone(),
                record: exact.to_vec(),
                contents,
            });
            outcome.is_ok()
        })?;
    outcome
}

fn each_sealed(
    dir: &Path,
    selection: &Selection,
    visit: &mut Visit<'_>,
) -> Result<(), ReplayError> {
    let mut first = selection.first.max(Seq(1));
    store::each_sealed(dir, first, &mut |_, stored, _| {
        first = stored.commit_first;
        false
    })?;
    let mut outcome = Ok(());
    store::each_sealed(dir, first, &mut |exact, stored, sealed| {
        if is_beyond(stored, selection.last) {
            return false;
        }
        let mut contents = Vec::new();
        if stored.record.payload.len() > store::MAX_INLINE_BYTES {
            let payload = stored.record.payload.clone();
            contents.push((store::digest_of(&payload), payload));
        }
        for digest in codec::contents_of(stored) {
            if let Some(value) = sealed.get(digest) {
                contents.push((digest, value.to_vec()));
            }
        }
        outcome = visit(Row {
            stored: stored.clone(),
            record: exact.to_vec(),
            contents,
        });
        outcome.is_ok()
    })?;
    outcome
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}
