//! The text files of a work tree, read once; in the checks' own tests, a few made-up ones.

use std::fs;
use std::path::Path;

/// Folders that hold what tools made or fetched.
const NOT_OURS: [&str; 9] = [
    ".git",
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".idea",
];

/// Files above this size are data; no check reads them.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One text file.
#[derive(Debug)]
pub(super) struct File {
    /// From the top of the tree, with `/`.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
}

impl File {
    /// Whether the name ends in `.<one of extensions>`.
    pub(super) fn is(&self, extensions: &[&str]) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.')
            .is_some_and(|(_, extension)| extensions.contains(&extension))
    }

    /// Whether a folder of this name is on the path.
    pub(super) fn is_below(&self, folder: &str) -> bool {
        let mut folders: Vec<&str> = self.path.split('/').collect();
        folders.pop();
        folders.contains(&folder)
    }

    /// Lines with their number, from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, at)| (at, line))
    }
}

/// All text files of a tree, sorted by path.
#[derive(Debug)]
pub(super) struct Tree {
    /// The files.
    pub(super) files: Vec<File>,
}

impl Tree {
    /// The tree this test was built from.
    pub(super) fn of_workspace() -> Self {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut tree = Self { files: Vec::new() };
        tree.read(top, "");
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        let has_this_file = tree.files.iter().any(|file| file.path == "tests/main.rs");
        assert!(
            has_this_file,
            "cannot find the work tree at {}",
            top.display()
        );
        tree
    }

    /// A made-up tree.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        Self {
            files: files.collect(),
        }
    }

    /// The files with one of these extensions.
    pub(super) fn with(&self, extensions: &'static [&str]) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is(extensions))
    }

    /// Whether there is a file at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    fn read(&mut self, folder: &Path, prefix: &str) {
        let entries = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            // Other tests come and go with files of their own; what vanished meanwhile is not part of the tree.
            let Ok(metadata) = fs::symlink_metadata(entry.path()) else {
                continue;
            };
            if metadata.is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    self.read(&entry.path(), &format!("{path}/"));
                }
            } else if metadata.is_file()
                && metadata.len() <= FILE_BYTES_MAX
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                self.files.push(File { path, text });
            }
        }
    }
}

#[test]
fn a_file_knows_its_kind_and_folders() {
    let tree = Tree::of(&[("a/golden/b.rs", ""), ("a/.rs", ""), ("rs", "")]);
    let [file, hidden, bare] = tree.files.as_slice() else {
        panic!("three files");
    };
    assert!(file.is(&["py", "rs"]) && !file.is(&["toml"]));
    assert!(hidden.is(&["rs"]) && !bare.is(&["rs"]));
    assert!(file.is_below("golden") && !file.is_below("b.rs"));
    assert_eq!(tree.with(&["rs"]).count(), 2);
}
