//! `cargo xtask ui`: builds the page from its sources with npm.
//!
//! The built files in `ui/dist` are committed, so that the product builds without npm; `check` builds them
//! again and compares. A page without a build step has no `ui/package.json` and nothing to do here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{command, must};
use crate::report::Report;
use crate::workspace::Workspace;

/// What says that there is something to build.
const MANIFEST: &str = "ui/package.json";

/// Where the built files are.
const BUILT: &str = "ui/dist";

/// Built files with their content.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The verb: builds, and with `check` says whether that changed anything.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<bool> {
    if !workspace.has(MANIFEST) {
        println!("nothing to build: there is no {MANIFEST}, the page is plain files");
        return Ok(true);
    }
    let before = files(&workspace.path(BUILT))?;
    for arguments in [
        ["ci", "--ignore-scripts"].as_slice(),
        &["run", "build"],
        &["run", "test", "--if-present"],
    ] {
        let mut npm = command(workspace, "npm");
        must(npm.current_dir(workspace.path("ui")).args(arguments))?;
    }
    let changed = differences(&before, &files(&workspace.path(BUILT))?);
    for path in &changed {
        println!("changed by the build: {BUILT}/{}", path.display());
    }
    Ok(!check || changed.is_empty())
}

/// The page as one check.
pub(crate) fn checks(workspace: &Workspace, report: &mut Report) {
    if workspace.has(MANIFEST) {
        report.check("page", || run(workspace, true));
    } else {
        report.absent("page build", MANIFEST);
    }
}

/// Every file below a folder; none when there is no such folder.
fn files(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(current) = open.pop() {
        if !current.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&current)
            .with_context(|| format!("cannot list the folder {}", current.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_path_buf();
            found.insert(relative, content);
        }
    }
    Ok(found)
}

/// Files that came, went or changed.
fn differences(before: &Files, after: &Files) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = before.keys().chain(after.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| before.get(path) != after.get(path));
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_changes_nothing_shows_nothing() {
        let one = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
        let before = Files::from([one("same", "1"), one("other", "1"), one("gone", "1")]);
        let after = Files::from([one("same", "1"), one("other", "2"), one("new", "1")]);
        assert!(differences(&before, &before).is_empty());
        let names = ["gone", "new", "other"].map(PathBuf::from);
        assert_eq!(differences(&before, &after), names);
    }

    #[test]
    fn a_missing_folder_has_no_files() {
        assert!(files(Path::new("no/such/folder")).unwrap().is_empty());
    }
}
