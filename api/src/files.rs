//! Files that flows use: those of the server's machine, and texts that are kept in the data folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a name must be.
pub(crate) const NAME_RULE: &str = "must be a name of 1 to 250 bytes without a slash";

/// Type of files that nobody gave one.
pub(crate) const DEFAULT_TYPE: &str = "application/octet-stream";

/// Whether a file can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=250).contains(&name.len()) && !name.contains(['/', '\0']) && name != "." && name != ".."
}

/// A file of the host that is used where it is, and its length.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn look_at(path: &Path) -> Result<(PathBuf, u64), String> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(format!("must be an absolute path: {shown}"));
    }
    let unread = |error: io::Error| format!("cannot be read ({error}): {shown}");
    let metadata = std::fs::metadata(path).map_err(unread)?;
    if !metadata.is_file() {
        return Err(format!("must be a file: {shown}"));
    }
    std::fs::File::open(path).map_err(unread)?;
    Ok((path.to_owned(), metadata.len()))
}

/// A text that is kept: in a folder of its digest, under its own name, durable before anybody hears of it.
///
/// # Errors
/// It cannot be written.
pub(crate) fn keep(folder: &Path, name: &str, content: &str) -> io::Result<(PathBuf, u64)> {
    // Writers of the same text do not share a half-written file.
    static TURN: AtomicU64 = AtomicU64::new(0);
    let digest = fasti_core::codec::sha256(content.as_bytes()).to_string();
    let shelf = folder.join(&digest[..2]);
    let place = shelf.join(&digest);
    std::fs::create_dir_all(&place)?;
    let path = place.join(name);
    let length = content.len() as u64;
    if !std::fs::metadata(&path).is_ok_and(|it| it.len() == length) {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let new = place.join(format!(".{}.{turn}.new", std::process::id()));
        std::fs::write(&new, content)?;
        std::fs::File::open(&new)?.sync_all()?;
        std::fs::rename(&new, &path)?;
    }
    let data = folder.parent().unwrap_or(folder);
    for dir in [place.as_path(), &shelf, folder, data] {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok((path.canonicalize()?, length))
}
