//! Making files outlive a power cut: the few system calls that do, each with its reason. Knows nothing of
//! what the files hold.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{Result, StoreError};

/// Prefix of temporary files; what bears it under a held lock is left over and may go.
const TMP_PREFIX: &str = "tmp-";

/// Makes `dir` (and what leads to it) readable by the owner only, if it is not there.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| StoreError::io("creating directory", dir, e))
}

/// Makes the names in `dir` durable: a new or renamed file may vanish in a power cut before this.
pub(super) fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|handle| handle.sync_all())
        .map_err(|e| StoreError::io("syncing directory", dir, e))
}

/// Makes content and length of the file at `path` durable.
pub(super) fn sync_file(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|handle| handle.sync_all())
        .map_err(|e| StoreError::io("syncing file", path, e))
}

/// Bytes an unprivileged process may still write on the file system of `path`.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    fs4::available_space(path)
}

/// A new file with a name of its own in `dir`, and that name.
pub(super) fn create_tmp(dir: &Path) -> Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!("{TMP_PREFIX}{}-{number}", std::process::id()));
    // A left-over of an earlier process with the same id is nobody's any more: the caller holds the lock.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map(|file| (file, path.clone()))
        .map_err(|e| StoreError::io("creating file", &path, e))
}

/// Removes temporary files that an earlier process left in `dir`. Only under the lock of the data directory.
pub(super) fn remove_tmp(dir: &Path) -> Result<()> {
    let entries = fs::read_dir(dir).map_err(|e| StoreError::io("reading directory", dir, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| StoreError::io("reading directory", dir, e))?;
        if entry.file_name().to_string_lossy().starts_with(TMP_PREFIX) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| StoreError::io("removing file", &path, e))?;
        }
    }
    Ok(())
}

/// Puts `parts` into `target` so that after any crash either the old content or all of the new is there:
/// temporary file in `tmp_dir` (same file system), fsync, rename, fsync of the folder.
pub(super) fn replace_file(tmp_dir: &Path, target: &Path, parts: &[&[u8]]) -> Result<()> {
    let (mut file, tmp) = create_tmp(tmp_dir)?;
    let written = parts
        .iter()
        .try_for_each(|part| file.write_all(part))
        .and_then(|()| file.sync_all());
    if let Err(e) = written {
        // The write failed; that the left-over cannot be removed either is no news (it goes at the next start).
        drop(fs::remove_file(&tmp));
        return Err(StoreError::io("writing file", target, e));
    }
    rename(&tmp, target)
}

/// Gives the synced file `tmp` its durable name.
pub(super) fn rename(tmp: &Path, target: &Path) -> Result<()> {
    fs::rename(tmp, target).map_err(|e| StoreError::io("renaming into", target, e))?;
    match target.parent() {
        Some(folder) => sync_dir(folder),
        None => Ok(()),
    }
}
