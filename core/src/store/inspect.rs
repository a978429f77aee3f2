//! Looking at a stopped log without leaving a mark: evidence must not change by being looked at.
//!
//! sled cannot open a database without writing to it, so a copy is opened instead: in a folder of its own among the
//! system's temporary files (`TMPDIR`), removed in the end. Where the file system shares blocks between copies this
//! costs nothing; elsewhere the size of the database in space and in reading. Segments, payloads and the head file are
//! read where they lie.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fasti_domain::ids::Seq;

use super::blob::Blobs;
use super::database::Database;
use super::error::{Result, StoreError};
use super::head::{self, Found};
use super::lock::{self, DirLock};
use super::reader::LogReader;
use super::recover::{self, Findings};
use super::value::{Content, Values};
use super::{OpenOptions, head_path};

/// What is read where it lies: through links beside the copy of the database.
const LINKED: [&str; 2] = ["segments", "anchor.pub"];

/// A stopped log that was opened from a copy. Goes with its copy when dropped.
#[derive(Debug)]
pub struct Inspection {
    pub(super) database: Arc<Database>,
    pub(super) blobs: Blobs,
    pub(super) found: Found,
    /// Removed last: after sled has let go of its files.
    _scratch: Scratch,
    _shared: Option<File>,
}

impl Inspection {
    /// Copies and opens the log in the data directory `dir`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Locked`], what is wrong with the log, or there is no space for the copy.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let db = dir.join("log").join("db");
        if !db.exists() && !head_path(dir).exists() {
            let dir = dir.to_owned();
            return Err(StoreError::NotFound { dir });
        }
        let shared = lock::shared(dir)?;
        let found = head::read(&head_path(dir))?;
        if !db.exists() {
            recover::compare(found, &Findings::NOTHING, &head_path(dir))?;
        }
        let scratch = Scratch::make()?;
        let opened = Self::open_copy(dir, &scratch);
        let database = opened.map_err(|error| scratch.translated(error, dir))?;
        Ok(Self {
            database: Arc::new(database),
            blobs: Blobs::look(&dir.join("blobs")),
            found,
            _scratch: scratch,
            _shared: shared,
        })
    }

    fn open_copy(dir: &Path, scratch: &Scratch) -> Result<Database> {
        let copy = scratch.0.join("log");
        fs::create_dir(&copy).map_err(|e| StoreError::io("making directory", &copy, e))?;
        if dir.join("log").exists() {
            copy_all(&dir.join("log"), &copy)?;
        }
        let whole = dir
            .canonicalize()
            .map_err(|e| StoreError::io("looking up", dir, e))?;
        for name in LINKED {
            let (target, link) = (whole.join(name), scratch.0.join(name));
            symlink(&target, &link).map_err(|e| StoreError::io("linking to", &target, e))?;
        }
        let lock = Arc::new(DirLock::acquire(&scratch.0)?);
        Database::open(&copy, OpenOptions::default().cache_bytes, lock)
    }

    /// The error with the paths of the log that was copied.
    pub(super) fn translated(&self, error: StoreError, dir: &Path) -> StoreError {
        self._scratch.translated(error, dir)
    }

    /// Lets readers see everything up to the end of the last whole commit.
    pub(super) fn show(&self, findings: &Findings) {
        self.database.publish(findings.end);
    }

    /// Reads the events.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.database), self.blobs.clone())
    }

    /// Contents by digest.
    #[must_use]
    pub fn content(&self) -> Content {
        Content {
            values: Values::new(Arc::clone(&self.database)),
            blobs: self.blobs.clone(),
        }
    }

    /// Last position.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.database.durable().seq
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let reading = |e| StoreError::io("reading directory", from, e);
    for entry in fs::read_dir(from).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let is_dir = entry.file_type().map_err(reading)?.is_dir();
        if is_dir {
            fs::create_dir(&target).map_err(|e| StoreError::io("making directory", &target, e))?;
            copy_all(&source, &target)?;
        } else {
            fs::copy(&source, &target)
                .map_err(|e| StoreError::io("copying for the check into", &target, e))?;
            writable(&target)?;
        }
    }
    Ok(())
}

/// Copies take over the rights of what they were made from, which may be none to write.
fn writable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|e| StoreError::io("opening up", path, e))
}

/// A folder that goes when dropped.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let base = std::env::temp_dir();
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = base.join(format!("fasti-verify-{}-{number}", std::process::id()));
            let made = {
                use std::os::unix::fs::DirBuilderExt;
                fs::DirBuilder::new().mode(0o700).create(&path)
            };
            match made {
                Ok(()) => return Ok(Self(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::io("making directory", &path, e)),
            }
        }
    }

    /// The error, with paths of the copy turned into those of the original.
    fn translated(&self, mut error: StoreError, dir: &Path) -> StoreError {
        if let StoreError::Damaged { file, .. } = &mut error
            && let Ok(inside) = file.strip_prefix(&self.0)
        {
            *file = dir.join(inside);
        }
        error
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a copy that was made for a check stays behind");
        }
    }
}
