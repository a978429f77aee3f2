//! Fragments of the changelog: `changelog.d/<what>.<kind>.md`, one per change that a user notices.

use super::tree::Tree;

/// Kinds of change, in the order of the changelog.
const KINDS: [&str; 6] = [
    "added",
    "changed",
    "deprecated",
    "removed",
    "fixed",
    "security",
];

/// Fragments that the changelog could not be built from.
pub(super) fn malformed(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(name) = file.path.strip_prefix("changelog.d/") else {
            continue;
        };
        if name == "README.md" {
            continue;
        }
        let parts: Vec<&str> = name.split('.').collect();
        let is_named = matches!(parts.as_slice(), [what, kind, "md"]
            if !what.is_empty() && KINDS.contains(kind));
        if !is_named {
            findings.push(format!(
                "{}: is not `<what>.<kind>.md` with a kind of {}",
                file.path,
                KINDS.join(", ")
            ));
        } else if file.text.trim().is_empty() {
            findings.push(format!("{}: says nothing", file.path));
        }
    }
    findings
}

#[test]
fn malformed_fragments_are_found() {
    let tree = Tree::of(&[
        ("changelog.d/retry-delay.fixed.md", "Retries wait again.\n"),
        ("changelog.d/README.md", "How to.\n"),
        ("changelog.d/retry.md", "No kind.\n"),
        ("changelog.d/retry.mended.md", "Unknown kind.\n"),
        ("changelog.d/empty.added.md", "\n"),
    ]);
    assert_eq!(malformed(&tree).len(), 3);
}
