//! The lock of a data directory: one process at a time, and a note for whoever comes second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{Result, StoreError};

const NAME: &str = "lock";
/// More than any note needs.
const MAX_NOTE_BYTES: u64 = 1024;

/// What the holder of a data directory says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Where it listens, once it does: `http://127.0.0.1:7450`.
    pub address: Option<String>,
}

/// Exclusive right to a data directory; given up when dropped, or by the system when the process ends.
#[derive(Debug)]
pub struct DirLock {
    file: File,
    path: PathBuf,
}

impl DirLock {
    /// Takes the lock of the existing directory `dir`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] at once if somebody has it; nothing is waited for or changed then.
    pub(super) fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let io = |e| StoreError::io("locking", &path, e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    dir: dir.to_owned(),
                    holder: describe(&path),
                });
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let lock = Self { file, path };
        lock.write(&format!("{}\n", std::process::id()))?;
        Ok(lock)
    }

    /// Leaves the address for others to find.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn announce(&self, address: &str) -> Result<()> {
        self.write(&format!("{}\n{address}\n", std::process::id()))
    }

    fn write(&self, note: &str) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(note.as_bytes(), 0))
            .map_err(|e| StoreError::io("writing", &self.path, e))
    }
}

/// Who holds the data directory `dir`, if anybody does. Takes nothing and changes nothing.
///
/// # Errors
/// The lock file is there but cannot be read.
pub fn holder(dir: &Path) -> Result<Option<Holder>> {
    let path = dir.join(NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("opening", &path, e)),
    };
    // A shared lock is refused exactly while somebody holds the exclusive one; it goes with `file`.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(note(&path)),
        Err(TryLockError::Error(e)) => Err(StoreError::io("locking", &path, e)),
    }
}

/// Holds the data directory `dir` against a scheduler, beside others who only look; changes nothing. `None` if it was
/// never locked by anybody.
pub(super) fn shared(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("opening", &path, e)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            dir: dir.to_owned(),
            holder: describe(&path),
        }),
        Err(TryLockError::Error(e)) => Err(StoreError::io("locking", &path, e)),
    }
}

fn note(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(MAX_NOTE_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.parse().ok()?;
    Some(Holder {
        pid,
        address: lines.next().map(str::to_owned),
    })
}

fn describe(path: &Path) -> String {
    match note(path) {
        Some(Holder {
            pid,
            address: Some(address),
        }) => format!("process {pid} at {address}"),
        Some(Holder { pid, address: None }) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()).unwrap(), None);
        let lock = DirLock::acquire(dir.path()).unwrap();
        lock.announce("http://127.0.0.1:7450").unwrap();
        let pid = std::process::id();
        let message = DirLock::acquire(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("process {pid} at http://127.0.0.1:7450")),
            "{message}"
        );
        let expected = Holder {
            pid,
            address: Some("http://127.0.0.1:7450".into()),
        };
        assert_eq!(holder(dir.path()).unwrap(), Some(expected));
        drop(lock);
        assert_eq!(holder(dir.path()).unwrap(), None);
        DirLock::acquire(dir.path()).unwrap();
    }
}
