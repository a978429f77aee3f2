//! The folder an attempt works in: empty and private at its start, emptied at its end.
//!
//! It belongs to the slot, and an attempt that leaves nothing in it leaves it to the next one: making and
//! removing a folder for each attempt can cost more than the attempt (milliseconds on ext4 under load).

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::outcome::SpawnFailure;
use crate::places::{Places, make_folder};

/// Rights of the folder.
const MODE: u32 = 0o700;

/// Make the folder of a slot, unless the last attempt left it.
///
/// # Errors
/// It cannot be made.
pub(super) fn make(places: &Places, slot: usize) -> Result<PathBuf, SpawnFailure> {
    let folder = places.scratch(slot);
    let made = match fs::DirBuilder::new().mode(MODE).create(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&folder),
        made => made,
    };
    made.map_err(|error| SpawnFailure::new(format!("cannot make `{}`", folder.display()), &error))?;
    Ok(folder)
}

/// Remove everything that an attempt left in the folder of its slot.
pub(super) fn clear(places: &Places, slot: usize) {
    let folder = places.scratch(slot);
    let Ok(metadata) = fs::symlink_metadata(&folder) else {
        return;
    };
    if metadata.is_dir() {
        let empty = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
        if empty && metadata.permissions().mode() & 0o7777 == MODE {
            return;
        }
    }
    if let Err(error) = remove(&folder) {
        tracing::warn!(%error, folder = %folder.display(), "cannot clear a scratch folder");
        // The next attempt must not find it.
        let aside = (0u32..)
            .map(|n| folder.with_extension(format!("left-{n}")))
            .find(|path| !path.exists());
        if let Some(aside) = aside {
            let _ = fs::rename(&folder, aside);
        }
    }
}

/// A task may have taken away its own right to delete, so rights are given back once. It may also have put
/// something else in the folder's place.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return fs::remove_file(folder);
    }
    fs::remove_dir_all(folder).or_else(|_| {
        give_rights(folder);
        fs::remove_dir_all(folder)
    })
}

/// Make every folder below `top` writable for its owner. Iterative: a task may nest deeply.
fn give_rights(top: &Path) {
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        // Failures show when the removal is tried again.
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(MODE));
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::symlink;

    use fasti_core::domain::ids::RunnerId;

    use super::*;

    /// What the next attempt finds after `mess` was made of the folder.
    fn check(mess: impl FnOnce(&Path)) {
        let data = tempfile::tempdir().unwrap();
        let outside = data.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), "").unwrap();
        let places = Places::new(data.path().into(), &RunnerId::new("r").unwrap());
        let folder = make(&places, 3).unwrap();
        mess(&folder);
        clear(&places, 3);
        assert_eq!(make(&places, 3).unwrap(), folder);
        let metadata = fs::symlink_metadata(&folder).unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.permissions().mode() & 0o7777, MODE);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn every_attempt_finds_an_empty_private_folder() {
        check(|_| {});
        check(|folder| fs::write(folder.join("file"), "x").unwrap());
        check(|folder| fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap());
        check(|folder| fs::remove_dir(folder).unwrap());
        check(|folder| {
            fs::create_dir_all(folder.join("a/b")).unwrap();
            fs::set_permissions(folder.join("a"), fs::Permissions::from_mode(0o0)).unwrap();
        });
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        check(|folder| symlink(folder.join("../../../outside"), folder.join("link")).unwrap());
        check(|folder| {
            fs::remove_dir(folder).unwrap();
            symlink(folder.join("../../../outside"), folder).unwrap();
        });
        check(|folder| {
            fs::remove_dir(folder).unwrap();
            fs::write(folder, "").unwrap();
        });
    }
}
