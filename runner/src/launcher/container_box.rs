//! The folders that an attempt in a container sees, and where it sees them. They are made for it alone and removed with
//! it; nothing else of the host is shown.
//!
//! ```text
//! private/<attempt>.box/env        its variables; not shown
//! private/<attempt>.box/scratch/   /fasti/scratch   working folder
//! private/<attempt>.box/attempt/   /fasti/attempt   its task, value, failure, progress
//! private/<attempt>.box/values/    /fasti/values    large values of its dependencies, to be read
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fasti_core::domain::ids::{AttemptId, Digest};
use fasti_core::domain::launch::{Launch, PythonCall};
use serde::Deserialize;

use super::scratch;
use crate::limits::WORKER_FRAME_BYTES_MAX;
use crate::outcome::SpawnFailure;
use crate::places::{Places, make_folder};
use crate::result;
use crate::worker::{TaskPlaces, task_file};

/// Working folder.
pub(super) const SCRATCH: &str = "/fasti/scratch";
/// What goes between runner and interpreter, and the file of progress.
pub(super) const ATTEMPT: &str = "/fasti/attempt";
/// Large values of dependencies.
pub(super) const VALUES: &str = "/fasti/values";
/// The packages `fasti` and `dt`.
pub(super) const SDK: &str = "/fasti/sdk";
/// The bundle.
pub(super) const CODE: &str = "/fasti/code";
/// The folder of the image.
pub(super) const PATH: &str = "/fasti/path";
/// Input files of a step.
pub(super) const INPUT: &str = "/fasti/in";
/// What a step makes.
pub(super) const OUTPUT: &str = "/fasti/out";

/// See the module.
#[derive(Debug)]
pub(super) struct AttemptBox {
    folder: PathBuf,
}

impl AttemptBox {
    pub(super) fn make(places: &Places, attempt: AttemptId) -> Result<Self, SpawnFailure> {
        let own = Self {
            folder: places.boxed(attempt),
        };
        let made = match fs::remove_dir_all(&own.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => make_folder(&own.scratch()).and_then(|()| make_folder(&own.attempt())),
        };
        made.map_err(|error| own.failure("cannot make", &error))?;
        Ok(own)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    pub(super) fn attempt(&self) -> PathBuf {
        self.folder.join("attempt")
    }

    /// The variables, in a file that only the engine reads.
    pub(super) fn write_env(&self, text: &str) -> Result<PathBuf, SpawnFailure> {
        let path = self.folder.join("env");
        write(&path, text.as_bytes()).map_err(|error| self.failure("cannot write", &error))?;
        Ok(path)
    }

    /// What the interpreter in the container reads.
    pub(super) fn write_task(
        &self,
        launch: &Launch,
        call: &PythonCall,
        workdir: &str,
        import_path: Vec<PathBuf>,
    ) -> Result<(), SpawnFailure> {
        let files = TaskPlaces {
            cwd: workdir.into(),
            import_path,
            stdout: None,
            stderr: None,
            result: Path::new(ATTEMPT).join(result::VALUE),
            failure: Path::new(ATTEMPT).join(result::FAILURE),
        };
        let task = task_file(launch, call, &files, Path::new(VALUES))?;
        write(&self.attempt().join("task.json"), &task)
            .map_err(|error| self.failure("cannot write the task into", &error))
    }

    /// Show the values that do not travel in the task: links to them, so that no byte is copied. `None` when there
    /// are none.
    pub(super) fn lay_out_values(
        &self,
        places: &Places,
        call: &PythonCall,
    ) -> Result<Option<PathBuf>, SpawnFailure> {
        let failed = |error: io::Error| self.failure("cannot lay out the values in", &error);
        let wanted = values(places, call).map_err(failed)?;
        if wanted.is_empty() {
            return Ok(None);
        }
        let values = self.folder.join("values");
        for digest in wanted {
            let name = digest.to_string();
            let folder = values.join(&name[..2]);
            make_folder(&folder).map_err(failed)?;
            link(&places.blob(&digest), &folder.join(name)).map_err(failed)?;
        }
        Ok(Some(values))
    }

    /// Remove everything; `otherwise` is tried with what the runner may not remove.
    pub(super) fn remove(&self, otherwise: impl FnOnce(&Path)) {
        if scratch::remove(&self.folder).is_ok() {
            return;
        }
        otherwise(&self.folder);
        if let Err(error) = scratch::remove(&self.folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            let folder = self.folder.display();
            tracing::warn!(%error, %folder, "cannot remove what a container left");
        }
    }

    fn failure(&self, what: &str, error: &io::Error) -> SpawnFailure {
        SpawnFailure::new(format!("{what} `{}`", self.folder.display()), error)
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)
}

/// Another name of a file, or a copy where the file system has no second names.
pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => fs::copy(from, to).map(drop),
    }
}

/// Values that are files.
fn values(places: &Places, call: &PythonCall) -> io::Result<BTreeSet<Digest>> {
    let parts = call.upstreams.iter().flat_map(|upstream| &upstream.parts);
    let mut digests: BTreeSet<Digest> = parts
        .filter(|value| value.inline.is_none())
        .filter_map(|value| value.result.as_ref())
        .map(|result| result.sha256)
        .collect();
    if let Some(packed) = &call.packed_upstreams {
        digests.insert(*packed);
        digests.extend(packed_values(&places.blob(packed))?);
    }
    Ok(digests)
}

/// The values that a file of packed values names in its first line.
fn packed_values(file: &Path) -> io::Result<Vec<Digest>> {
    #[derive(Deserialize)]
    struct Head {
        parts: Vec<Part>,
    }
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        blob: Option<String>,
    }
    let mut line = Vec::new();
    BufReader::new(File::open(file)?)
        .take(WORKER_FRAME_BYTES_MAX as u64)
        .read_until(b'\n', &mut line)?;
    let heads: Vec<Head> = serde_json::from_slice(&line)?;
    let blobs = heads.iter().flat_map(|head| &head.parts);
    let blobs = blobs.filter_map(|part| part.blob.as_deref());
    blobs
        .map(|text| text.parse().map_err(io::Error::other))
        .collect()
}
