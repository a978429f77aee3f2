//! Segments on another disk: above a bound the oldest ones are moved into an archive folder, and a link stays in
//! their place, so that readers, audits and rebuilds find them as ever.
//!
//! Safe to end at any instruction: the copy is whole, named, synced and read back before the link takes the place of
//! the file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use fasti_domain::ids::Seq;

use super::archive::Archive;
use crate::store::durable;
use crate::store::error::{Result, StoreError};

/// Segments that stay, whatever the bound says: they are read the most.
const KEPT_SEGMENTS: usize = 2;
/// Name of a link in the making.
const LINK: &str = "tmp-link";

/// Where segments go, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offload {
    /// Folder on another disk.
    pub to: PathBuf,
    /// The oldest ones go when all that are still here take more than this many bytes.
    pub keep_bytes: u64,
}

/// Moves at most one segment; answers with where it is now.
pub(super) fn step(archive: &Archive, offload: &Offload) -> Result<Option<(Seq, PathBuf)>> {
    let mut here = Vec::new();
    let mut bytes = 0;
    for (first, _, path) in archive.list() {
        let meta =
            fs::symlink_metadata(&path).map_err(|e| StoreError::io("looking up", &path, e))?;
        if !meta.is_symlink() {
            bytes += meta.len();
            here.push((first, path));
        }
    }
    if bytes <= offload.keep_bytes || here.len() <= KEPT_SEGMENTS {
        return Ok(None);
    }
    let (first, path) = here.swap_remove(0);
    let moved = copy(&path, &offload.to)?;
    // Read back: what cannot be read there must not be the only copy.
    let (was, is) = (Archive::info(&path, first)?, Archive::info(&moved, first)?);
    if was != is {
        let why = "the copy in the archive folder is not the segment";
        return Err(StoreError::damaged(first, &moved, why));
    }
    let link = archive.dir().join(LINK);
    drop(fs::remove_file(&link));
    symlink(&moved, &link).map_err(|e| StoreError::io("linking to", &moved, e))?;
    durable::rename(&link, &path)?;
    Ok(Some((first, moved)))
}

/// Copies a file into a folder, durably.
fn copy(path: &Path, to: &Path) -> Result<PathBuf> {
    durable::make_dir(to)?;
    let to = to
        .canonicalize()
        .map_err(|e| StoreError::io("looking up", to, e))?;
    let bytes = fs::read(path).map_err(|e| StoreError::io("reading", path, e))?;
    let target = to.join(path.file_name().unwrap_or_default());
    durable::replace_file(&to, &target, &[&bytes])?;
    Ok(target)
}
