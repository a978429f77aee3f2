//! Words that have no place in the tree: unfinished work, tests switched off, a machine's paths, registries.

use std::env;
use std::path::Path;

use super::tree::{File, Tree};

/// This check's own words stand in its own files.
fn is_own(file: &File) -> bool {
    file.path.starts_with("tests/tidy")
}

/// Findings for every line of some files that a test of lines does not let through.
fn lines<'a>(
    files: impl Iterator<Item = &'a File>,
    said: impl Fn(&File, &str) -> Option<String>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.filter(|file| !is_own(file)) {
        for (at, line) in file.lines() {
            if let Some(said) = said(file, line) {
                findings.push(format!("{}:{at}: {said}", file.path));
            }
        }
    }
    findings
}

/// Marks of unfinished work, compared without case except the first four.
const MARKS: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];
const PHRASES: [&str; 7] = [
    "todo!",
    "unimplemented!",
    "not implemented",
    "for now",
    "stub",
    "stubbed",
    "placeholder",
];

/// Words that say that something is not done yet.
pub(super) fn unfinished(tree: &Tree) -> Vec<String> {
    let files = tree.with(&["rs", "py", "ts", "tsx", "html", "css", "toml", "md", "sh"]);
    let files = files.filter(|file| !file.is_below("dist") && !file.is_below("golden"));
    lines(files, |file, line| {
        let lower = line.to_lowercase();
        // The hint in an empty input field is an attribute of that name.
        let attribute = |phrase: &str| {
            phrase == "placeholder"
                && file.is(&["tsx", "ts", "html", "css", "py"])
                && (lower.contains("placeholder=") || lower.contains("::placeholder"))
        };
        let mark = MARKS.iter().find(|mark| has_word(line, mark));
        let phrase = PHRASES
            .iter()
            .find(|phrase| has_word(&lower, phrase) && !attribute(phrase));
        mark.or(phrase)
            .map(|word| format!("`{word}` marks unfinished work: finish it or write an issue"))
    })
}

/// Tests that are there and do not run.
pub(super) fn switched_off(tree: &Tree) -> Vec<String> {
    // Parted, so that a search of the tree for these finds no match here.
    let rust = [concat!("#[", "ignore")];
    let python = [
        concat!("pytest.", "skip"),
        concat!("mark.", "skip"),
        concat!("mark.", "xfail"),
        concat!("pytest.import", "orskip"),
        concat!("unittest.", "skip"),
    ];
    let script = [
        concat!("test.", "skip"),
        concat!("it.", "skip"),
        concat!("describe.", "skip"),
        concat!("test.", "fixme"),
    ];
    lines(tree.with(&["rs", "py", "ts", "tsx"]), |file, line| {
        let words: &[&str] = if file.is(&["rs"]) {
            &rust
        } else if file.is(&["py"]) {
            &python
        } else {
            &script
        };
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(format!(
            "`{word}` switches a test off: make it run or remove it"
        ))
    })
}

/// Paths that only this machine has: the work tree, the folder around it, the home folder.
pub(super) fn paths_of_this_machine() -> Vec<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = env::var_os("HOME").unwrap_or_default();
    let folders = [Some(top), top.parent(), Some(Path::new(&home))];
    let mut paths: Vec<String> = folders
        .into_iter()
        .flatten()
        .map(|folder| format!("{}/", folder.display()))
        .filter(|path| is_particular(path))
        .collect();
    paths.dedup();
    paths
}

/// Whether a folder says something about a machine; every machine has the ones listed.
fn is_particular(path: &str) -> bool {
    let everywhere = [
        "/",
        "//",
        "/tmp/",
        "/home/",
        "/opt/",
        "/srv/",
        "/usr/",
        "/usr/src/",
        "/var/",
        "/var/tmp/",
        "/mnt/",
        "/data/",
    ];
    path.starts_with('/') && !everywhere.contains(&path)
}

/// Lines that name one of these paths.
pub(super) fn machine_paths(tree: &Tree, paths: &[String]) -> Vec<String> {
    lines(tree.files.iter(), |_, line| {
        let path = paths.iter().find(|path| line.contains(path.as_str()))?;
        Some(format!("names a path of this machine, `{path}`"))
    })
}

/// Files in which tools keep where they fetched something from.
const SETTINGS: [&str; 5] = [
    "package-lock.json",
    ".npmrc",
    "pip.conf",
    "python-requirements.txt",
    "requirements.txt",
];

/// Addresses of package registries: whoever builds this has their own.
pub(super) fn registry_addresses(tree: &Tree) -> Vec<String> {
    let files = tree.files.iter().filter(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        file.is(&["lock", "toml"]) || SETTINGS.contains(&name)
    });
    let words = [
        "proxy", "mirror", "registry", "index", "pypi", "crates", "npm",
    ];
    lines(files, |_, line| {
        let address = ["http://", "https://"]
            .iter()
            .find_map(|scheme| line.split_once(scheme))
            .and_then(|(_, rest)| rest.split(['"', ' ', '\'']).next())?;
        // Cargo writes this name for the default registry, wherever it really is.
        let is_default = address.starts_with("github.com/rust-lang/crates.io-index");
        (!is_default && words.iter().any(|word| address.contains(word)))
            .then(|| format!("names a registry, `{address}`"))
    })
}

/// Whether a word stands in a line with no letter, digit or underscore beside it.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(joins) && !line[at + word.len()..].starts_with(joins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found() {
        for line in [
            "// TODO: later",
            "    todo!()",
            "raise Error('Not implemented')",
            "# a stub",
            "// good enough for now",
        ] {
            let tree = Tree::of(&[("src/a.rs", line)]);
            assert_eq!(unfinished(&tree).len(), 1, "{line}");
        }
        let fine = Tree::of(&[
            ("src/a.rs", "// stubborn mastodon; FORTODO; for nowhere"),
            ("ui/web/a.tsx", "<input placeholder=\"name\">"),
            ("tests/tidy/words.rs", "TODO"),
        ]);
        assert!(unfinished(&fine).is_empty(), "{:?}", unfinished(&fine));
    }

    #[test]
    fn tests_that_do_not_run_are_found() {
        let tree = Tree::of(&[
            ("a.rs", concat!("#[", "ignore = \"slow\"]")),
            ("b.py", concat!("@pytest.mark.", "skipif(True)")),
            ("c.ts", concat!("it.", "skip('x')")),
            ("d.rs", "lines.by_ref().skip_while(f)"),
        ]);
        assert_eq!(switched_off(&tree).len(), 3);
    }

    #[test]
    fn machine_paths_are_found() {
        let tree = Tree::of(&[("docs/a.md", "see /somewhere/odd/x\nsee /elsewhere")]);
        let paths = ["/somewhere/odd/".to_owned()];
        assert_eq!(
            machine_paths(&tree, &paths),
            ["docs/a.md:1: names a path of this machine, `/somewhere/odd/`"]
        );
        assert!(!is_particular("/tmp/") && is_particular("/tmp/x/"));
        assert!(!paths_of_this_machine().is_empty());
    }

    #[test]
    fn registries_are_found() {
        let tree = Tree::of(&[
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/rust-lang/crates.io-index\"",
            ),
            ("a.toml", "url = \"https://mirror.example/simple\""),
            (
                "ui/package-lock.json",
                "\"resolved\": \"https://registry.example/x.tgz\"",
            ),
            ("b.toml", "homepage = \"https://example.org\""),
            ("README.md", "https://registry.example"),
        ]);
        assert_eq!(registry_addresses(&tree).len(), 2);
    }
}
