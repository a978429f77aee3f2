//! Conventions of the tree as failing tests: what Cargo and Clippy cannot say.
//!
//! Every check is a function from a [`Tree`] to findings, one line each, so that its own tests feed it small
//! trees and see it fail. This page runs all of them on the real tree. A check that is in the way is changed
//! here with its reason, never worked around.
//!
//! Where to look next: `tidy/walls.rs` (which crate may name what), `tidy/manifests.rs` (which crate may
//! depend on what), `tidy/files.rs`, `tidy/words.rs`, `tidy/changelog.rs`.

mod changelog;
mod files;
mod manifests;
mod rust;
mod tree;
mod walls;
mod words;

use tree::Tree;

/// Runs one check on the work tree; the failure lists every finding.
fn holds(check: impl Fn(&Tree) -> Vec<String>) {
    let tree = Tree::of_workspace();
    let findings = check(&tree);
    assert!(
        findings.is_empty(),
        "{} finding(s):\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[test]
fn files_are_short() {
    holds(files::too_long);
}

#[test]
fn modules_introduce_themselves() {
    holds(files::without_introduction);
}

#[test]
fn every_rust_file_is_compiled() {
    holds(files::unreachable);
}

#[test]
fn crates_name_only_what_they_may() {
    holds(walls::crossed);
}

#[test]
fn unsafe_code_is_in_audited_files_only() {
    holds(walls::unsafe_code);
}

#[test]
fn crates_depend_inward() {
    holds(manifests::directions);
}

#[test]
fn outside_crates_enter_through_one_crate() {
    holds(manifests::outside_crates);
}

#[test]
fn manifests_follow_the_workspace() {
    holds(manifests::habits);
}

#[test]
fn nothing_is_left_unfinished() {
    holds(words::unfinished);
}

#[test]
fn no_test_is_switched_off() {
    holds(words::switched_off);
}

#[test]
fn no_path_of_a_machine() {
    holds(|tree| words::machine_paths(tree, &words::paths_of_this_machine()));
}

#[test]
fn no_address_of_a_registry() {
    holds(words::registry_addresses);
}

#[test]
fn changelog_fragments_are_well_formed() {
    holds(changelog::malformed);
}
