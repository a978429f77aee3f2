//! What can go wrong in the store, sorted by what a caller may do about it.

use std::io;
use std::path::{Path, PathBuf};

use fasti_domain::ids::Seq;

use super::verify::FirstBad;

/// What to do about a log that cannot be trusted.
pub(super) const REMEDY_DAMAGED: &str = "stop the scheduler, keep a copy of the data directory, see the extent \
     with `fasti log verify`, then rebuild with `fasti log restore`";
/// What to do about a log shorter than what was once durable.
pub(super) const REMEDY_SHORT: &str = "keep a copy of the data directory, then rebuild with `fasti log restore`, \
     or start with `--accept-loss` to go on without the missing events";

/// Why the store did not do as asked. Messages are fragments that fit after "error: ".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process (or another handle in this one) holds the data directory. Nothing was touched.
    #[error("data directory {} is in use by {holder}", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// What the holder wrote about itself: process id and, once known, address.
        holder: String,
    },
    /// There is no log here, and making one was not asked for.
    #[error("no log in {}: check the path, or create one by starting the scheduler", dir.display())]
    NotFound {
        /// The data directory.
        dir: PathBuf,
    },
    /// The operating system refused. After such an error in an append the log is poisoned.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No space left (or less than the reserve). Nothing was acknowledged; reads go on.
    #[error("no space left for {}: free some; {free_bytes} bytes are free, {needed_bytes} are needed", path.display())]
    DiskFull {
        /// Where space is missing.
        path: PathBuf,
        /// Bytes free when last asked.
        free_bytes: u64,
        /// Bytes wanted, including the reserve.
        needed_bytes: u64,
    },
    /// An earlier append failed after it may have reached the disk in part. Only a restart can tell what is
    /// there, so nothing is appended any more.
    #[error("log is closed for writing after an earlier failure ({why}): restart the scheduler")]
    Poisoned {
        /// The earlier failure.
        why: String,
    },
    /// Stored bytes are not what was written.
    #[error("log is damaged at seq {seq} ({}): {why}: {remedy}", file.display())]
    Damaged {
        /// First position that cannot be trusted; 0 when no position is known.
        seq: Seq,
        /// The file concerned.
        file: PathBuf,
        /// What is wrong.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The log ends earlier than it once did.
    #[error("log ends at seq {found_seq} although seq {head_seq} was once durable: {remedy}")]
    ShortLog {
        /// Last position known to have been durable.
        head_seq: Seq,
        /// Last position found.
        found_seq: Seq,
        /// What to do.
        remedy: &'static str,
    },
    /// The head file is missing or unreadable, so nobody can say whether the log is whole.
    #[error("head file {} is {why}: check with `fasti log verify`, then start with `--accept-loss`", path.display())]
    HeadLost {
        /// The head file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Written by a newer Fasti.
    #[error("{what} has format {found}, this build reads up to {supported}: use a newer Fasti")]
    NewerFormat {
        /// Which structure.
        what: &'static str,
        /// Format found.
        found: u16,
        /// Highest format known.
        supported: u16,
    },
    /// The caller broke a rule of the store. Nothing was written.
    #[error("cannot store this: {why}")]
    Invalid {
        /// Which rule, with the value.
        why: String,
    },
    /// More bytes than the caller's own limit.
    #[error("content is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
}

/// The first bad thing that an audit found, as the refusal it is.
impl From<&FirstBad> for StoreError {
    fn from(bad: &FirstBad) -> Self {
        Self::damaged(bad.seq, &bad.file, bad.why.clone())
    }
}

/// Short name for the results of this module.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Damage at a position, with the usual remedy.
    pub(super) fn damaged(seq: Seq, file: &Path, why: impl Into<String>) -> Self {
        Self::Damaged {
            seq,
            file: file.to_owned(),
            why: why.into(),
            remedy: REMEDY_DAMAGED,
        }
    }

    /// An operating system error, told apart from a full disk.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        if full {
            let free_bytes = super::durable::free_bytes(path).unwrap_or(0);
            return Self::DiskFull {
                path: path.to_owned(),
                free_bytes,
                needed_bytes: 0,
            };
        }
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// An error of the embedded database at or after `seq`.
    pub(super) fn sled(doing: &'static str, seq: Seq, dir: &Path, error: sled::Error) -> Self {
        match error {
            sled::Error::Io(source) => Self::io(doing, dir, source),
            sled::Error::Corruption { at, .. } => {
                let place = at.map_or_else(String::new, |at| format!(" at {at:?}"));
                Self::damaged(
                    seq,
                    &dir.join("db"),
                    format!("{doing}: corrupted data{place}"),
                )
            }
            other @ (sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)) => {
                Self::damaged(seq, &dir.join("db"), format!("{doing}: {other}"))
            }
        }
    }
}
