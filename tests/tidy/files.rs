//! Files as such: how long they are, how they open, whether the compiler sees them.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::rust::modules;
use super::tree::{File, Tree};

/// A file longer than this holds more than one idea.
const LINES_MAX: usize = 600;

/// Source files that people write; what is not Rust below `golden` is what a test compares with.
fn sources(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.with(&["rs", "py", "ts", "tsx"])
        .filter(|file| !file.is_below("dist") && (file.is(&["rs"]) || !file.is_below("golden")))
}

/// Files over the limit.
pub(super) fn too_long(tree: &Tree) -> Vec<String> {
    sources(tree)
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines, at most {LINES_MAX}"))
        .collect()
}

/// Files that do not open by saying what they are for.
pub(super) fn without_introduction(tree: &Tree) -> Vec<String> {
    sources(tree)
        .filter(|file| !introduces_itself(file))
        .map(|file| format!("{}: opens without saying what it is for", file.path))
        .collect()
}

fn introduces_itself(file: &File) -> bool {
    let text = file.text.trim_start();
    if file.is(&["rs"]) {
        return text.starts_with("//!");
    }
    if file.is(&["py"]) {
        // A line for the shell and comments may stand first; an empty file only marks a folder.
        let first = text.lines().find(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        return first.is_none_or(|line| {
            let line = line.trim_start_matches(['r', 'R']);
            line.starts_with("\"\"\"") || line.starts_with("'''")
        });
    }
    text.starts_with("//") || text.starts_with("/*")
}

/// Rust files that no crate declares: they look like code and are never compiled.
pub(super) fn unreachable(tree: &Tree) -> Vec<String> {
    let mut open: Vec<String> = roots(tree)
        .into_iter()
        .filter(|path| tree.has(path))
        .collect();
    let roots: BTreeSet<String> = open.iter().cloned().collect();
    let mut reached = BTreeSet::new();
    while let Some(path) = open.pop() {
        let file = tree.files.iter().find(|file| file.path == path);
        let Some(file) = file.filter(|_| reached.insert(path.clone())) else {
            continue;
        };
        let folder = folder_of_modules(&path, roots.contains(&path));
        for module in modules(&file.text) {
            open.push(format!("{folder}{module}.rs"));
            open.push(format!("{folder}{module}/mod.rs"));
        }
    }
    tree.with(&["rs"])
        .filter(|file| !reached.contains(&file.path))
        .map(|file| format!("{}: no crate declares this module", file.path))
        .collect()
}

/// Where the modules that a file declares are, with a `/` at the end.
fn folder_of_modules(path: &str, is_root: bool) -> String {
    if is_root || path.ends_with("/mod.rs") {
        let end = path.rfind('/').map_or(0, |at| at + 1);
        return path[..end].to_owned();
    }
    format!("{}/", path.trim_end_matches(".rs"))
}

/// Files that Cargo hands to the compiler, by its rules for where they are.
fn roots(tree: &Tree) -> Vec<String> {
    let mut roots = Vec::new();
    for manifest in &tree.files {
        let Some(folder) = manifest.path.strip_suffix("Cargo.toml") else {
            continue;
        };
        let table: Table = manifest
            .text
            .parse()
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", manifest.path));
        for known in ["src/lib.rs", "src/main.rs", "build.rs"] {
            roots.push(format!("{folder}{known}"));
        }
        let package = table.get("package");
        let found_by_cargo =
            |key: &str| package.and_then(|it| it.get(key)) != Some(&Value::Boolean(false));
        for (kind, key) in [
            ("tests/", "autotests"),
            ("examples/", "autoexamples"),
            ("benches/", "autobenches"),
            ("src/bin/", "autobins"),
        ] {
            if found_by_cargo(key) {
                roots.extend(targets_in(tree, &format!("{folder}{kind}")));
            }
        }
        for kind in ["bin", "test", "example", "bench"] {
            let Some(Value::Array(targets)) = table.get(kind) else {
                continue;
            };
            let paths = targets.iter().filter_map(|it| it.get("path")?.as_str());
            roots.extend(paths.map(|path| format!("{folder}{path}")));
        }
    }
    roots
}

/// The files of a folder that are each a program, and the `main.rs` of its folders.
fn targets_in(tree: &Tree, folder: &str) -> Vec<String> {
    let is_target = |file: &&File| {
        let Some(rest) = file.path.strip_prefix(folder) else {
            return false;
        };
        match rest.split_once('/') {
            None => file.is(&["rs"]),
            Some((_, inner)) => inner == "main.rs",
        }
    };
    let targets = tree.files.iter().filter(is_target);
    targets.map(|file| file.path.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let long = "x\n".repeat(LINES_MAX + 1);
        let fits = "x\n".repeat(LINES_MAX);
        let tree = Tree::of(&[
            ("a.rs", &long),
            ("b.py", &fits),
            ("tests/golden/c.py", &long),
            ("ui/dist/d.ts", &long),
            ("e.md", &long),
        ]);
        assert_eq!(too_long(&tree), ["a.rs: 601 lines, at most 600"]);
    }

    #[test]
    fn files_open_with_an_introduction() {
        let good = Tree::of(&[
            ("a.rs", "//! What for.\n"),
            ("b.py", "#!/usr/bin/env python3\n\n\"\"\"What for.\"\"\"\n"),
            ("__init__.py", ""),
            ("c.ts", "/** What for. */"),
        ]);
        assert!(without_introduction(&good).is_empty());
        let bad = Tree::of(&[
            ("a.rs", "use std::fmt;\n//! Late."),
            ("b.py", "import os\n"),
            ("c.tsx", "import x;"),
        ]);
        assert_eq!(without_introduction(&bad).len(), 3);
    }

    #[test]
    fn forgotten_modules_are_found() {
        let tree = Tree::of(&[
            (
                "Cargo.toml",
                "[package]\nname = \"fasti\"\nautotests = false\n[[test]]\nname = \"main\"\npath = \"tests/main.rs\"\n",
            ),
            ("src/main.rs", "mod cli;"),
            ("src/cli/mod.rs", "mod run;"),
            ("src/cli/run.rs", ""),
            ("src/cli/lost.rs", ""),
            ("tests/main.rs", "mod tidy;\nmod sim;"),
            ("tests/tidy.rs", "mod words;"),
            ("tests/tidy/words.rs", ""),
            ("tests/sim/mod.rs", ""),
            ("tests/forgotten.rs", ""),
            ("core/Cargo.toml", "[package]\nname = \"fasti-core\"\n"),
            ("core/src/lib.rs", ""),
            ("core/tests/own.rs", "mod helper;"),
            ("core/tests/helper/mod.rs", ""),
            ("core/examples/show/main.rs", "mod part;"),
            ("core/examples/show/part.rs", ""),
        ]);
        let findings = unreachable(&tree);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("src/cli/lost.rs"));
        assert!(findings[1].starts_with("tests/forgotten.rs"));
    }
}
