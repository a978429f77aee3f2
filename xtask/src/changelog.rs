//! `cargo xtask changelog`: writes the topmost section of `CHANGELOG.md` from the fragments in `changelog.d/`.
//!
//! Released sections below it stay as they are.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

const FILE: &str = "CHANGELOG.md";
const FRAGMENTS: &str = "changelog.d";

/// Kinds of fragments, in the order of their headings.
const KINDS: [&str; 6] = [
    "added",
    "changed",
    "deprecated",
    "removed",
    "fixed",
    "security",
];

/// The verb: writes the section, and with `check` only says whether it is what the fragments add up to.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<bool> {
    let path = workspace.path(FILE);
    let before = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let after = joined(&before, &fragments(workspace)?);
    if before == after {
        return Ok(true);
    }
    if check {
        println!("{FILE} is not what {FRAGMENTS}/ adds up to: run `cargo xtask changelog`");
        return Ok(false);
    }
    fs::write(&path, after).with_context(|| format!("cannot write {FILE}"))?;
    Ok(true)
}

/// Texts of the fragments by kind and name.
fn fragments(workspace: &Workspace) -> Result<BTreeMap<(usize, String), String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(workspace.path(FRAGMENTS))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kind = name
            .strip_suffix(".md")
            .and_then(|stem| stem.rsplit_once('.'))
            .and_then(|(_, kind)| KINDS.iter().position(|known| *known == kind));
        if let Some(kind) = kind {
            found.insert((kind, name.into_owned()), fs::read_to_string(&path)?);
        }
    }
    Ok(found)
}

/// The changelog with its topmost section made of these texts.
fn joined(before: &str, fragments: &BTreeMap<(usize, String), String>) -> String {
    let top = before.find("\n## ").map_or(before.len(), |at| at + 1);
    let section = &before[top..];
    let released = section.find("\n## ").map_or("", |at| &section[at..]);
    let introduction = section
        .find("\n### ")
        .map_or(section.len() - released.len(), |at| {
            at.min(section.len() - released.len())
        });
    let mut out = before[..top + introduction].trim_end().to_owned();
    out.push('\n');
    let mut open = None;
    for ((kind, _), text) in fragments {
        if open != Some(*kind) {
            open = Some(*kind);
            let heading = KINDS[*kind];
            let (first, rest) = heading.split_at(1);
            out.extend(["\n### ", &first.to_uppercase(), rest, "\n\n"]);
        }
        out.extend(["- ", &text.trim().replace('\n', "\n  "), "\n"]);
    }
    out.push_str(released);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topmost_section_is_made_anew_and_the_rest_stays() {
        let before = "# Changelog\n\nFor users.\n\n## 0.2.0\n\nThe next.\n\n### Added\n\n- Old.\n\n## 0.1.0\n\n### Fixed\n\n- Kept.\n";
        let fragments = BTreeMap::from([
            ((0, "b.added.md".to_owned()), "Two\nlines.\n".to_owned()),
            ((0, "a.added.md".to_owned()), "One.\n".to_owned()),
            ((4, "c.fixed.md".to_owned()), "Mended.\n".to_owned()),
        ]);
        let after = joined(before, &fragments);
        assert_eq!(
            after,
            "# Changelog\n\nFor users.\n\n## 0.2.0\n\nThe next.\n\n### Added\n\n- One.\n- Two\n  lines.\n\n### Fixed\n\n- Mended.\n\n## 0.1.0\n\n### Fixed\n\n- Kept.\n"
        );
        assert_eq!(joined(&after, &fragments), after);
    }
}
