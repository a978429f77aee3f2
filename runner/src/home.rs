//! The runner's own folder. Its `pid` file is held locked while the runner lives, so that others can tell
//! whether it does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::error::RunnerError;
use crate::places::Places;

/// The folder of a living runner. Removed at the end of the runner.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    /// Close-on-exec, so that no child holds the lock.
    _locked: File,
}

impl Home {
    /// Make the folder and take it.
    ///
    /// # Errors
    /// It cannot be made, or another process has it.
    pub(crate) fn take(places: &Places, id: &str) -> Result<Self, RunnerError> {
        let folder = places.home().to_owned();
        let fail = |source| RunnerError::Folder {
            path: places.home().to_owned(),
            source,
        };
        places.make_home().map_err(fail)?;
        let mut file = open(&folder.join("pid")).map_err(fail)?;
        if !try_lock(&file).map_err(fail)? {
            let mut holder = String::new();
            // Only for the message.
            let _ = (&file).take(20).read_to_string(&mut holder);
            let holder = holder.trim().to_owned();
            return Err(RunnerError::Taken {
                id: id.to_owned(),
                holder,
            });
        }
        file.set_len(0).map_err(fail)?;
        writeln!(file, "{}", std::process::id()).map_err(fail)?;
        Ok(Self {
            folder,
            _locked: file,
        })
    }

    /// Remove the folder: nothing of the runner is left.
    pub(crate) fn remove(self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "cannot remove the runner's folder");
        }
    }
}

/// Whether a runner lives in `folder`.
pub(crate) fn is_alive(folder: &Path) -> bool {
    match File::open(folder.join("pid")) {
        // A lock taken for the question is released with the file.
        Ok(file) => !matches!(try_lock(&file), Ok(true)),
        Err(_) => false,
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::domain::ids::RunnerId;

    use super::*;

    #[test]
    fn a_home_has_one_runner() {
        let data = tempfile::tempdir().unwrap();
        let places = Places::new(data.path().into(), &RunnerId::new("r-1").unwrap());
        assert!(!is_alive(places.home()));
        let home = Home::take(&places, "r-1").unwrap();
        assert!(is_alive(places.home()));
        let RunnerError::Taken { holder, .. } = Home::take(&places, "r-1").unwrap_err() else {
            panic!("another error")
        };
        assert_eq!(holder, std::process::id().to_string());
        home.remove();
        assert!(!places.home().exists());
        assert!(!is_alive(places.home()));
    }
}
