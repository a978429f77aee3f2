//! Virtual environments of images: each made once, kept below the data folder, never in use half made.
//!
//! ```text
//! environments/<id>/ready             names the build that is complete; written last
//! environments/<id>/<build>/venv/     the environment
//! environments/<id>/<build>/source/   the unpacked bundle it was made from
//! environments/<id>/<build>/log       what the installer printed
//! ```
//!
//! The id is a digest of the bundle and the interpreter. Each build has a folder of its own: an installer that
//! survived its server writes into a folder that nobody will use. Nothing of this is in the log: an environment can
//! be made again, and what an image uses is in the image's own record.

mod build;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fasti_api::{Environment, Stage};
use fasti_core::domain::ids::Digest;
use sha2::Digest as _;

use self::build::Build;
use crate::cli::{Python, find_python};

/// Builds at the same time; others wait. An installer is busy with the network, then with the disk.
const BUILDS_MAX: usize = 2;

/// Failed builds that are remembered.
const REMEMBERED_MAX: usize = 200;

/// See the module.
#[derive(Debug)]
pub(crate) struct Environments {
    shared: Arc<Shared>,
    data: PathBuf,
    python: Option<String>,
}

/// What the threads share.
#[derive(Debug, Default)]
struct Shared {
    known: Mutex<Known>,
    less: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    builds: HashMap<String, Arc<Build>>,
    building: usize,
    is_over: bool,
}

impl Environments {
    /// None asked for yet; `python` is the server's own interpreter, if it was named.
    pub(crate) fn new(data: &Path, python: Option<String>) -> Self {
        Self {
            shared: Arc::default(),
            // Programs are started in other folders than this one.
            data: std::path::absolute(data).unwrap_or_else(|_| data.to_owned()),
            python,
        }
    }

    /// End every build; asks end too.
    pub(crate) fn stop(&self) {
        let mut known = self.shared.known();
        known.is_over = true;
        for build in known.builds.values() {
            build.stop();
        }
        self.shared.less.notify_all();
    }

    fn folder(&self, id: &str) -> PathBuf {
        self.data.join("environments").join(id)
    }

    /// One that an earlier server made, perhaps.
    fn on_disk(&self, id: &str) -> Option<Environment> {
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| build::ready(&self.folder(id), id)).flatten()
    }
}

impl fasti_api::Environments for Environments {
    fn ask(&self, bundle: Digest, python: Option<&str>) -> Result<Environment, String> {
        let python = find_python(python.or(self.python.as_deref()))?;
        let id = id_of(bundle, &python);
        let mut known = self.shared.known();
        let is_failed = |build: &Build| build.environment().stage == Stage::Failed;
        match known.builds.get(&id) {
            Some(build) if !is_failed(build) => return Ok(build.environment()),
            Some(_) | None => {}
        }
        if let Some(ready) = self.on_disk(&id) {
            return Ok(ready);
        }
        if known.is_over {
            return Err("the server stops".to_owned());
        }
        if known.builds.len() >= REMEMBERED_MAX {
            known.builds.retain(|_, build| !is_failed(build));
        }
        let digest = bundle.to_string();
        let packed = self.data.join("blobs").join(&digest[..2]).join(&digest);
        let build = Arc::new(Build::new(id.clone(), self.folder(&id), packed, python));
        known.builds.insert(id, Arc::clone(&build));
        drop(known);
        let shared = Arc::clone(&self.shared);
        let work = Arc::clone(&build);
        std::thread::Builder::new()
            .name("environment".to_owned())
            .spawn(move || shared.run(&work))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(build.environment())
    }

    fn get(&self, id: &str) -> Option<Environment> {
        let build = self.shared.known().builds.get(id).cloned();
        match build {
            Some(build) => Some(build.environment()),
            None => self.on_disk(id),
        }
    }
}

impl Shared {
    /// One build, once it is its turn.
    fn run(&self, build: &Build) {
        let mut known = self.known();
        while known.building >= BUILDS_MAX && !known.is_over {
            known = self
                .less
                .wait(known)
                .unwrap_or_else(PoisonError::into_inner);
        }
        known.building += 1;
        let is_over = known.is_over;
        drop(known);
        if !is_over {
            build.run();
        }
        let mut known = self.known();
        known.building -= 1;
        // What is ready speaks for itself on the disk.
        if build.environment().stage == Stage::Ready {
            known.builds.remove(&build.environment().id);
        }
        drop(known);
        self.less.notify_one();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same content for the same interpreter has the same id. Another version under the same path is another one.
fn id_of(bundle: Digest, python: &Python) -> String {
    let mut hash = sha2::Sha256::new();
    for part in [bundle.to_string().as_str(), &python.path, &python.version] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_api::Environments as _;

    use super::*;

    #[test]
    fn content_and_interpreter_make_the_id() {
        let python = |path: &str, version: &str| Python {
            path: path.to_owned(),
            version: version.to_owned(),
        };
        let id = id_of(Digest([1; 32]), &python("/p", "3.11.7"));
        assert_eq!(id, id_of(Digest([1; 32]), &python("/p", "3.11.7")));
        for other in [
            id_of(Digest([2; 32]), &python("/p", "3.11.7")),
            id_of(Digest([1; 32]), &python("/q", "3.11.7")),
            id_of(Digest([1; 32]), &python("/p", "3.11.8")),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn what_was_never_asked_for_is_not_there() {
        let data = tempfile::tempdir().unwrap();
        let environments = Environments::new(data.path(), None);
        assert!(environments.get("../../etc").is_none());
        assert!(environments.get(&"0".repeat(32)).is_none());
        let why = environments.ask(Digest([1; 32]), Some("no-such-python"));
        assert!(why.unwrap_err().contains("no-such-python"));
    }
}
