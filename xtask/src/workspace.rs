//! Where things are in the work tree and in the target folder.
//!
//! The only place that knows paths; it creates nothing.

use std::env;
use std::path::{Path, PathBuf};

/// The work tree and its target folder.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace this program was built from, with the target folder Cargo uses for it.
    pub(crate) fn find() -> Self {
        // Cargo sets the variable at run time too, so that a moved tree is found without a rebuild.
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir
            .parent()
            .map_or_else(|| manifest_dir.clone(), Path::to_path_buf);
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Self { root, target }
    }

    /// The top of the work tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the top of the work tree.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Whether a file or folder is there.
    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    /// The folder of everything that set-up makes: `target/xtask`.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// A program built from this workspace, in the given profile folder (`debug` or `release`).
    pub(crate) fn built(&self, profile: &str, program: &str) -> PathBuf {
        let file = format!("{program}{}", env::consts::EXE_SUFFIX);
        self.target.join(profile).join(file)
    }

    /// Where nextest writes its results.
    pub(crate) fn nextest_results(&self, profile: &str) -> PathBuf {
        self.target.join(format!("nextest/{profile}/junit.xml"))
    }
}
