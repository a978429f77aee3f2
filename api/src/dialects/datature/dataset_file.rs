//! The file of a dataset: a line an item, read once, in constant memory; the places of its items are kept beside it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;

use fasti_core::domain::ids::Digest;
use fasti_core::domain::limits::TASK_RUNS_MAX;
use fasti_core::store::{Blobs, StoreError};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Bytes of a line.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of an entry of the index: where an item begins and ends.
const ENTRY_BYTES: usize = 16;

/// What a file of items holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) count: u32,
    pub(super) index: Digest,
    /// Bytes of the index.
    pub(super) index_bytes: u64,
}

/// Why a file is no dataset, for whoever sent it.
#[derive(Debug)]
pub(super) enum Unusable {
    Content(String),
    Store(StoreError),
}

impl From<StoreError> for Unusable {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[derive(Deserialize)]
struct Line {
    url: String,
}

/// Reads a file that is in the blob store, and keeps the places of its items.
///
/// # Errors
/// The first line that is no item, with its number; no items, or too many.
pub(super) fn read(blobs: &Blobs, digest: Digest) -> Result<Items, Unusable> {
    let content = |text: String| Err(Unusable::Content(text));
    let Some(file) = blobs.open_file(digest)? else {
        return content("the file is gone".to_owned());
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut index = blobs.writer((TASK_RUNS_MAX * ENTRY_BYTES) as u64)?;
    let (mut start, mut count, mut line) = (0_u64, 0_u32, Vec::new());
    for number in 1_u64.. {
        line.clear();
        let mut limited = (&mut reader).take(LINE_BYTES_MAX + 1);
        let bytes = match limited.read_until(b'\n', &mut line) {
            Ok(bytes) => bytes as u64,
            Err(error) => return content(format!("the file cannot be read: {error}")),
        };
        if bytes == 0 {
            break;
        }
        if bytes > LINE_BYTES_MAX {
            return content(format!(
                "line {number} is longer than {LINE_BYTES_MAX} bytes"
            ));
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            if let Err(why) = check(text) {
                return content(format!("line {number} {why}"));
            }
            if count as usize == TASK_RUNS_MAX {
                return content(format!(
                    "there are more than {TASK_RUNS_MAX} items; split the file"
                ));
            }
            let indent = (line.len() - line.trim_ascii_start().len()) as u64;
            let from = start + indent;
            index.write(&from.to_be_bytes())?;
            index.write(&(from + text.len() as u64).to_be_bytes())?;
            count += 1;
        }
        start += bytes;
    }
    if count == 0 {
        return content(
            "there are no items in the file; write a JSON object with a `url` a line".to_owned(),
        );
    }
    let (index, index_bytes) = index.commit()?;
    Ok(Items {
        count,
        index,
        index_bytes,
    })
}

fn check(text: &[u8]) -> Result<(), String> {
    if serde_json::from_slice::<IgnoredAny>(text).is_err() {
        return Err("is no JSON".to_owned());
    }
    if text.first() != Some(&b'{') {
        return Err("is no JSON object".to_owned());
    }
    match serde_json::from_slice::<Line>(text) {
        Ok(line) if !line.url.trim().is_empty() => Ok(()),
        Ok(_) => Err("has an empty `url`".to_owned()),
        Err(_) => Err("has no `url` that is a text".to_owned()),
    }
}

/// Addresses of items, by their positions.
pub(super) struct Urls {
    file: Option<File>,
    index: Option<File>,
}

impl Urls {
    /// Those of a file and its index; of files that are gone, no address is known.
    pub(super) fn open(blobs: &Blobs, file: Digest, index: Digest) -> Self {
        Self {
            file: blobs.open_file(file).ok().flatten(),
            index: blobs.open_file(index).ok().flatten(),
        }
    }

    /// The address of an item; empty when it is not known any more.
    pub(super) fn url(&self, position: u32) -> String {
        self.line(position)
            .and_then(|line| serde_json::from_slice::<Line>(&line).ok())
            .map(|line| line.url)
            .unwrap_or_default()
    }

    fn line(&self, position: u32) -> Option<Vec<u8>> {
        let mut entry = [0; ENTRY_BYTES];
        let place = u64::from(position) * ENTRY_BYTES as u64;
        self.index.as_ref()?.read_exact_at(&mut entry, place).ok()?;
        let (start, end) = entry.split_first_chunk::<8>()?;
        let (start, end) = (
            u64::from_be_bytes(*start),
            u64::from_be_bytes(*end.first_chunk()?),
        );
        let mut line = vec![0; usize::try_from(end.checked_sub(start)?).ok()?];
        self.file.as_ref()?.read_exact_at(&mut line, start).ok()?;
        Some(line)
    }
}
