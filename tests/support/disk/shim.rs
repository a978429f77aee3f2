//! Builds the library that is loaded into servers, and sets its variables.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::trace::Trace;

const SOURCE: &str = include_str!("recorder.c");

/// The built library, and what it is to do in servers that it is loaded into.
pub(crate) struct Shim {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Shim {
    /// Builds it with `cc`, which every Rust tool chain needs for linking.
    pub(crate) fn build() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("fasti-shim-")
            .tempdir()
            .unwrap();
        let source = folder.path().join("recorder.c");
        std::fs::write(&source, SOURCE).unwrap();
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("recorder.so"))
            .arg(&source)
            .args(["-ldl", "-lpthread"])
            .status()
            .unwrap_or_else(|error| panic!("cannot run `cc`, which these tests need: {error}"));
        assert!(status.success(), "building the recorder: {status}");
        Self {
            folder,
            settings: Vec::new(),
        }
    }

    /// Sets one of the variables that `recorder.c` lists, for servers started from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(set, _)| *set != name);
        self.settings.push((name, value.into()));
    }

    /// Forgets all settings.
    pub(crate) fn clear(&mut self) {
        self.settings.clear();
    }

    /// File of the records.
    fn trace_file(&self) -> PathBuf {
        self.folder.path().join("trace")
    }

    /// The variables with which a server on `data` is recorded.
    pub(crate) fn variables(&self, data: &Path) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut all = vec![
            (
                "LD_PRELOAD".to_owned(),
                text(&self.folder.path().join("recorder.so")),
            ),
            ("RECORDER_ROOT".to_owned(), text(data)),
            ("RECORDER_TRACE".to_owned(), text(&self.trace_file())),
        ];
        let set = self.settings.iter();
        all.extend(set.map(|(name, value)| ((*name).to_owned(), value.clone())));
        all
    }

    /// The trace, for adding marks and for reading.
    pub(crate) fn trace(&self) -> Trace {
        Trace::at(&self.trace_file())
    }
}
