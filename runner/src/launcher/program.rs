//! Which file a program name means. Looked up once for each `PATH`, since a lookup costs as many system calls
//! as `PATH` has folders.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::Access;

use crate::limits::PROGRAMS_CACHED_MAX;
use crate::outcome::SpawnFailure;

/// Programs found so far.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    found: Mutex<HashMap<(OsString, String), PathBuf>>,
}

impl Programs {
    /// The file to execute for `name`: searched for in `path` when it has no slash, else seen from `cwd`.
    ///
    /// # Errors
    /// There is no such program in `path`, or none that may be executed.
    pub(crate) fn find(
        &self,
        name: &str,
        path: &OsStr,
        cwd: &Path,
    ) -> Result<PathBuf, SpawnFailure> {
        if name.contains('/') {
            return Ok(cwd.join(name));
        }
        let key = (path.to_owned(), name.to_owned());
        if let Some(file) = self.found().get(&key) {
            return Ok(file.clone());
        }
        let file = search(name, path)?;
        let mut found = self.found();
        if found.len() >= PROGRAMS_CACHED_MAX {
            found.clear();
        }
        found.insert(key, file.clone());
        Ok(file)
    }

    /// Forget where `name` was: it is there no longer. `true` when it was known.
    pub(crate) fn forget(&self, name: &str, path: &OsStr) -> bool {
        self.found()
            .remove(&(path.to_owned(), name.to_owned()))
            .is_some()
    }

    fn found(&self) -> MutexGuard<'_, HashMap<(OsString, String), PathBuf>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn search(name: &str, path: &OsStr) -> Result<PathBuf, SpawnFailure> {
    let mut forbidden = None;
    // Relative folders in PATH would mean something else for each working folder.
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        let file = folder.join(name);
        if !file.is_file() {
            continue;
        }
        if rustix::fs::access(&file, Access::EXEC_OK).is_ok() {
            return Ok(file);
        }
        forbidden.get_or_insert(file);
    }
    let (errno, what) = match forbidden {
        Some(file) => (libc::EACCES, format!("cannot start `{}`", file.display())),
        None => {
            let folders = path.display();
            (
                libc::ENOENT,
                format!(
                    "cannot find the program `{}` in PATH ({folders})",
                    name.escape_debug()
                ),
            )
        }
    };
    Err(SpawnFailure::new(
        what,
        &io::Error::from_raw_os_error(errno),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn make(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_first_executable_in_path_wins_and_is_remembered() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(first.path().join("tool")).unwrap();
        let file = make(second.path(), "tool", 0o700);
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        let programs = Programs::default();
        assert_eq!(programs.find("tool", &path, Path::new("/")).unwrap(), file);
        fs::remove_file(&file).unwrap();
        assert_eq!(programs.find("tool", &path, Path::new("/")).unwrap(), file);
        assert!(programs.forget("tool", &path));
        assert_eq!(
            programs
                .find("tool", &path, Path::new("/"))
                .unwrap_err()
                .errno,
            libc::ENOENT
        );
    }

    #[test]
    fn a_file_that_may_not_be_executed_is_told_apart_from_none() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), "tool", 0o600);
        let failure = Programs::default()
            .find("tool", folder.path().as_os_str(), Path::new("/"))
            .unwrap_err();
        assert_eq!(failure.errno, libc::EACCES);
    }

    #[test]
    fn a_name_with_a_slash_is_seen_from_the_working_folder() {
        let programs = Programs::default();
        let found = programs
            .find("bin/x", OsStr::new("/bin"), Path::new("/srv/code"))
            .unwrap();
        assert_eq!(found, Path::new("/srv/code/bin/x"));
        assert_eq!(
            programs
                .find("/bin/x", OsStr::new(""), Path::new("/srv/code"))
                .unwrap(),
            Path::new("/bin/x")
        );
    }
}
