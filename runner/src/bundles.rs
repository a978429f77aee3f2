//! Code bundles: gzipped tar files of the blob store. What is inside comes from a stranger: nothing may land outside.
//!
//! One that is only imported from is unpacked once for each digest and shared by the runners of a data folder. One that
//! is worked in (that of a dev run) is unpacked for each run, since what a run writes there is no other run's business.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fasti_core::domain::ids::{Digest, RunId, RunnerId};
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry};

use crate::limits::{BUNDLE_BYTES_MAX, BUNDLE_ENTRIES_MAX, TREE_IDLE_MS_MAX};
use crate::outcome::SpawnFailure;
use crate::places::{Places, make_folder};

/// See the module.
#[derive(Debug)]
pub(crate) struct Bundles {
    places: Arc<Places>,
    runner: String,
    /// Those known to be there. Held while unpacking, so that one slot unpacks and the others wait for it.
    there: Mutex<HashSet<Digest>>,
    /// Runs that work in a tree of their own, and when they last began an attempt. Held while unpacking, too.
    trees: Mutex<HashMap<(RunId, Digest), Instant>>,
}

impl Bundles {
    /// Bundles below the data folder of `places`.
    pub(crate) fn new(places: Arc<Places>, runner: &RunnerId) -> Self {
        Self {
            places,
            runner: runner.to_string(),
            there: Mutex::default(),
            trees: Mutex::default(),
        }
    }

    /// Folder with the unpacked bundle, to import from.
    ///
    /// # Errors
    /// It is not stored, is not what its digest says, or holds something that it must not.
    pub(crate) fn unpacked(&self, digest: &Digest) -> Result<PathBuf, SpawnFailure> {
        let folder = self.places.bundles().join(digest.to_string());
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if there.contains(digest) && folder.is_dir() {
            return Ok(folder);
        }
        if !folder.is_dir() {
            let temporary = self
                .places
                .bundles()
                .join(format!(".{digest}.{}", self.runner));
            let unpacked = self.unpack(digest, &temporary, &folder);
            // Left over after a failure, or when another runner was faster.
            let _ = fs::remove_dir_all(&temporary);
            unpacked.map_err(|error| cannot_unpack(digest, &error))?;
        }
        there.insert(*digest);
        Ok(folder)
    }

    /// Folder with the unpacked bundle, for the attempts of one run to work in.
    ///
    /// # Errors
    /// As for [`unpacked`](Self::unpacked).
    pub(crate) fn tree(&self, digest: &Digest, run: RunId) -> Result<PathBuf, SpawnFailure> {
        let folder = self.places.tree(run, digest);
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if !trees.contains_key(&(run, *digest)) || !folder.is_dir() {
            let unpacked = self.unpack_whole(digest, &folder);
            unpacked.map_err(|error| {
                let _ = fs::remove_dir_all(&folder);
                cannot_unpack(digest, &error)
            })?;
        }
        trees.insert((run, *digest), Instant::now());
        Ok(folder)
    }

    /// Remove the trees of runs that have had no attempt for long; `busy` have one.
    pub(crate) fn tidy(&self, busy: impl FnOnce() -> BTreeSet<RunId>) {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        let old = Duration::from_millis(TREE_IDLE_MS_MAX);
        if trees.values().all(|used| used.elapsed() < old) {
            return;
        }
        let busy = busy();
        trees.retain(|(run, digest), used| {
            if busy.contains(run) {
                *used = Instant::now();
            }
            let keep = used.elapsed() < old;
            if !keep && let Err(error) = fs::remove_dir_all(self.places.tree(*run, digest)) {
                tracing::warn!(%error, %run, "cannot remove the working tree of a run");
            }
            keep
        });
    }

    fn unpack(&self, digest: &Digest, temporary: &Path, folder: &Path) -> io::Result<()> {
        self.unpack_whole(digest, temporary)?;
        // The name says that all of it is there, so all of it must be before the name is.
        rustix::fs::syncfs(File::open(temporary)?)?;
        match fs::rename(temporary, folder) {
            Err(_) if folder.is_dir() => Ok(()),
            renamed => renamed,
        }
    }

    fn unpack_whole(&self, digest: &Digest, folder: &Path) -> io::Result<()> {
        let mut file = File::open(self.places.blob(digest))?;
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash)?;
        if Digest(hash.finalize().into()) != *digest {
            return Err(wrong("the stored file has another digest"));
        }
        let _ = fs::remove_dir_all(folder);
        make_folder(folder)?;
        unpack(File::open(self.places.blob(digest))?, folder)
    }
}

fn cannot_unpack(digest: &Digest, error: &io::Error) -> SpawnFailure {
    SpawnFailure::new(format!("cannot unpack the code bundle {digest}"), error)
}

/// Unpack a gzipped tar file into `root`, an empty folder.
fn unpack(file: impl Read, root: &Path) -> io::Result<()> {
    let bounded = GzDecoder::new(file).take(BUNDLE_BYTES_MAX);
    let mut archive = Archive::new(bounded);
    for (count, entry) in archive.entries()?.enumerate() {
        if count >= BUNDLE_ENTRIES_MAX {
            return Err(wrong(&format!(
                "it has more than {BUNDLE_ENTRIES_MAX} entries"
            )));
        }
        unpack_entry(&mut entry?, root)?;
    }
    Ok(())
}

fn unpack_entry<R: Read>(entry: &mut Entry<'_, R>, root: &Path) -> io::Result<()> {
    let path = entry.path()?.into_owned();
    place(entry, &path, root).map_err(|error| {
        let path = path.to_string_lossy();
        wrong(&format!(
            "its entry `{}` cannot be unpacked: {error}",
            path.escape_debug()
        ))
    })
}

fn place<R: Read>(entry: &mut Entry<'_, R>, path: &Path, root: &Path) -> io::Result<()> {
    let kind = entry.header().entry_type();
    let name = inner(path)?;
    let Some(parent) = name.parent() else {
        // The root itself, as `./`.
        return if kind.is_dir() {
            Ok(())
        } else {
            Err(wrong("it has no name"))
        };
    };
    make_real_folders(root, parent)?;
    let target = root.join(&name);
    if kind.is_dir() {
        make_real_folders(root, &name)
    } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
        let executable = entry.header().mode()? & 0o100 != 0;
        let mode = if executable { 0o700 } else { 0o600 };
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&target)?;
        io::copy(entry, &mut file).map(drop)
    } else if kind.is_symlink() {
        match entry.link_name()? {
            Some(link) if stays_inside(parent, &link) => symlink(&link, &target),
            Some(_) | None => Err(wrong("it is a link that leads out of the bundle")),
        }
    } else if kind.is_pax_global_extensions() {
        Ok(())
    } else {
        Err(wrong("it is neither a file, a folder nor a symbolic link"))
    }
}

/// The path without `.`; refused when absolute or with `..`.
fn inner(path: &Path) -> io::Result<PathBuf> {
    let mut name = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => name.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(wrong("it leads out of the bundle"));
            }
        }
    }
    Ok(name)
}

/// Make the folders of `name` below `root`. None of them may be a link: what is written through a link could
/// land anywhere, and `..` in links would count from another place than it seems.
fn make_real_folders(root: &Path, name: &Path) -> io::Result<()> {
    let mut folder = root.to_owned();
    for part in name.components() {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(wrong("its folder is no folder")),
            Err(_) => fs::create_dir(&folder)?,
        }
    }
    Ok(())
}

/// Whether a link in the real folder `parent` stays inside. `..` may stand at the beginning only: after a
/// name, which can be a link itself, it could lead anywhere.
fn stays_inside(parent: &Path, link: &Path) -> bool {
    let mut depth = parent.components().count();
    let mut named = false;
    for component in link.components() {
        match component {
            Component::ParentDir if named || depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

fn wrong(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.to_owned())
}

#[cfg(test)]
mod tests;
