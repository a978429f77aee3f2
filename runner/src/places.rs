//! Where everything lies below the data folder, and how it is made. The server reads output and blobs at the
//! same places.
//!
//! ```text
//! output/<run>/<index / 1000>/<index>.<attempt number>.{out,err,use}
//! blobs/<first two digits>/<sha256>
//! products/<attempt>/                files that the command of a step left
//! runner/bundles/<sha256>/            unpacked code, shared by the runners
//! runner/<id>/pid                     held locked while the runner lives
//! runner/<id>/scratch/<slot>/         working folder of the attempt in a slot
//! runner/<id>/spare/<slot>.{out,err}  output of the attempt in a slot, until there is some
//! runner/<id>/trees/<run>.<sha256>/   unpacked code that the attempts of a run work in
//! runner/<id>/private/<attempt>.*     large return value on its way; what a container sees
//! runner/containers                   engines that ran containers
//! runner/<id>/workers/<n>.log         what interpreters say before and beside tasks
//! ```

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fasti_core::domain::ids::{AttemptId, Digest, RunId, RunnerId};
use fasti_core::domain::launch::Launch;

use crate::limits::FOLDERS_CACHED_MAX;

/// Paths of one runner, all absolute.
#[derive(Debug)]
pub(crate) struct Places {
    data: PathBuf,
    home: PathBuf,
    /// Output folders known to exist.
    made: Mutex<HashSet<(u64, u32)>>,
}

/// The two output streams.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// Ending of its files.
    fn extension(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

impl Places {
    /// Places of runner `id` below `data`, an absolute path.
    pub(crate) fn new(data: PathBuf, id: &RunnerId) -> Self {
        let home = data.join("runner").join(&*id.0);
        Self {
            data,
            home,
            made: Mutex::default(),
        }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Folder of all runners.
    pub(crate) fn runners(&self) -> PathBuf {
        self.data.join("runner")
    }

    /// Folder of this runner.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Make the folders of this runner.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub(crate) fn make_home(&self) -> io::Result<()> {
        for folder in ["scratch", "spare", "private", "workers"] {
            make_folder(&self.home.join(folder))?;
        }
        make_folder(&self.bundles())
    }

    /// Unpacked bundles.
    pub(crate) fn bundles(&self) -> PathBuf {
        self.data.join("runner").join("bundles")
    }

    /// Unpacked code that a run works in.
    pub(crate) fn tree(&self, run: RunId, digest: &Digest) -> PathBuf {
        self.home.join("trees").join(format!("{run}.{digest}"))
    }

    /// Working folder of the attempt in a slot.
    pub(crate) fn scratch(&self, slot: usize) -> PathBuf {
        self.home.join("scratch").join(slot.to_string())
    }

    /// A file of the runner about an attempt, outside of the attempt's own folder.
    pub(crate) fn private(&self, attempt: AttemptId, what: &str) -> PathBuf {
        self.home.join("private").join(format!("{attempt}.{what}"))
    }

    /// Folders of an attempt in a container.
    pub(crate) fn boxed(&self, attempt: AttemptId) -> PathBuf {
        self.private(attempt, "box")
    }

    /// Folder of what the command of a step leaves.
    pub(crate) fn products(&self, attempt: AttemptId) -> PathBuf {
        self.data.join("products").join(attempt.to_string())
    }

    /// Log of an interpreter.
    pub(crate) fn worker_log(&self, number: u64) -> PathBuf {
        self.home.join("workers").join(format!("{number}.log"))
    }

    /// Folder of the stored values.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.data.join("blobs")
    }

    /// A stored value.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        blob_in(&self.blobs(), digest)
    }

    /// An output file.
    pub(crate) fn output(&self, launch: &Launch, stream: Stream) -> PathBuf {
        let (index, number) = (launch.index, launch.attempt.number);
        let extension = stream.extension();
        self.output_folder(launch)
            .join(format!("{index}.{number}.{extension}"))
    }

    /// File of a slot for output, before it is known whether there is any.
    pub(crate) fn spare(&self, slot: usize, stream: Stream) -> PathBuf {
        let name = format!("{slot}.{}", stream.extension());
        self.home.join("spare").join(name)
    }

    /// Do something that needs the folder of the output files.
    ///
    /// # Errors
    /// The folder cannot be made, or what `action` says.
    pub(crate) fn in_output_folder<T>(
        &self,
        launch: &Launch,
        action: impl Fn() -> io::Result<T>,
    ) -> io::Result<T> {
        self.make_output_folder(launch)?;
        match action() {
            // The folder was removed since it was made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.made().remove(&(launch.run.0, launch.index / 1000));
                self.make_output_folder(launch)?;
                action()
            }
            done => done,
        }
    }

    /// Make the folder of the output files, unless it is known to be there.
    fn make_output_folder(&self, launch: &Launch) -> io::Result<()> {
        let key = (launch.run.0, launch.index / 1000);
        if self.made().contains(&key) {
            return Ok(());
        }
        make_folder(&self.output_folder(launch))?;
        let mut made = self.made();
        if made.len() >= FOLDERS_CACHED_MAX {
            made.clear();
        }
        made.insert(key);
        Ok(())
    }

    fn output_folder(&self, launch: &Launch) -> PathBuf {
        let group = (launch.index / 1000).to_string();
        self.data
            .join("output")
            .join(launch.run.to_string())
            .join(group)
    }

    fn made(&self) -> std::sync::MutexGuard<'_, HashSet<(u64, u32)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Open a file for appending, made if need be, for its owner alone.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Make a folder and those above it, for their owner alone.
///
/// # Errors
/// One of them cannot be made.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Where a value lies in a folder of blobs.
pub(crate) fn blob_in(blobs: &Path, digest: &Digest) -> PathBuf {
    let name = digest.to_string();
    blobs.join(&name[..2]).join(name)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use fasti_core::domain::ids::{TaskRunId, Token};
    use fasti_core::domain::launch::Program;

    use super::*;

    pub(crate) fn launch(index: u32) -> Launch {
        Launch {
            attempt: AttemptId {
                task_run: TaskRunId(8231),
                number: 2,
            },
            token: Token([1; 16]),
            run: RunId(8000),
            index,
            env: BTreeMap::new(),
            program: Program::Command {
                argv: vec![],
                cwd: None,
                stdin: None,
            },
            timeout_ms: None,
            grace_ms: 0,
            staging: None,
            options: None,
        }
    }

    #[test]
    fn paths_are_where_the_server_looks() {
        let places = Places::new("/d".into(), &RunnerId::new("local-1").unwrap());
        let output = places.output(&launch(2230), Stream::Err);
        assert_eq!(output, Path::new("/d/output/8000/2/2230.2.err"));
        let blob = places.blob(&Digest([0xab; 32]));
        assert_eq!(blob, Path::new(&format!("/d/blobs/ab/{}", "ab".repeat(32))));
        let scratch = places.scratch(3);
        assert_eq!(scratch, Path::new("/d/runner/local-1/scratch/3"));
    }

    #[test]
    fn a_removed_output_folder_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path().into(), &RunnerId::new("r").unwrap());
        let make = || open_append(&places.output(&launch(0), Stream::Out));
        places.in_output_folder(&launch(0), make).unwrap();
        std::fs::remove_dir_all(folder.path().join("output")).unwrap();
        let file = places.in_output_folder(&launch(0), make).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let made = folder.path().join("output/8000");
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
