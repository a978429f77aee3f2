//! Where the output of attempts lies: plain files beside the log, one a stream, never in the log.

use std::path::{Path, PathBuf};

use fasti_domain::ids::RunId;

/// Task runs whose output shares a folder; keeps folders small in wide runs.
const INDEXES_PER_FOLDER: u32 = 1_000;

/// One of the two streams of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Ending of its files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Stdout => "out",
            Self::Stderr => "err",
        }
    }
}

/// File of one stream of one attempt: `<data>/output/<run>/<index/1000>/<index>.<attempt>.out`. A missing
/// file is empty output.
#[must_use]
pub fn path(data: &Path, run: RunId, index: u32, attempt: u32, stream: Stream) -> PathBuf {
    folder(data, run, index).join(format!("{index}.{attempt}.{}", stream.extension()))
}

/// Folder of [`path`].
#[must_use]
pub fn folder(data: &Path, run: RunId, index: u32) -> PathBuf {
    let group = index / INDEXES_PER_FOLDER;
    data.join("output")
        .join(run.to_string())
        .join(group.to_string())
}
