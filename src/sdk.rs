//! The Python packages, carried inside the binary: the runner puts them on the import path of its workers,
//! so that a machine with only an interpreter runs tasks, always with the version that fits.

use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest, Sha256};

static SOURCES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/python/src");

/// Writes the packages below `data`, once per content; answers with the folder to put on the import path.
pub(crate) fn unpack(data: &Path) -> io::Result<PathBuf> {
    let mut files = Vec::new();
    collect(&SOURCES, &mut files);
    files.sort();
    let mut hash = Sha256::new();
    for (path, contents) in &files {
        hash.update(path.to_string_lossy().as_bytes());
        hash.update([0]);
        hash.update(contents);
    }
    let digest: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = data.join("python").join(digest);
    if folder.is_dir() {
        return Ok(folder);
    }
    let half = folder.with_extension(format!("{}.part", std::process::id()));
    for (path, contents) in &files {
        let path = half.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, contents)?;
    }
    match std::fs::rename(&half, &folder) {
        // Another server made it meanwhile: the content is the same.
        Err(_) if folder.is_dir() => std::fs::remove_dir_all(&half).map(|()| folder),
        Err(error) => Err(error),
        Ok(()) => Ok(folder),
    }
}

fn collect(dir: &'static Dir<'static>, files: &mut Vec<(&'static Path, &'static [u8])>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, files),
            DirEntry::File(file) => {
                let is_source = file
                    .path()
                    .extension()
                    .is_some_and(|e| e == "py" || e == "typed");
                if is_source {
                    files.push((file.path(), file.contents()));
                }
            }
        }
    }
}
