//! Which crate may depend on what, read from the manifests: the middle column of the table of crates.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::tree::Tree;

/// Our crates and which of ours each may depend on.
const INWARD: &[(&str, &[&str])] = &[
    ("fasti-domain", &[]),
    ("fasti-core", &["fasti-domain"]),
    ("fasti-projector", &["fasti-core"]),
    ("fasti-replay", &["fasti-core", "fasti-projector"]),
    ("fasti-runner", &["fasti-core"]),
    ("fasti-ui", &[]),
    (
        "fasti-api",
        &["fasti-core", "fasti-projector", "fasti-replay", "fasti-ui"],
    ),
    (
        "fasti",
        &[
            "fasti-core",
            "fasti-projector",
            "fasti-replay",
            "fasti-runner",
            "fasti-api",
            "fasti-ui",
        ],
    ),
    ("xtask", &[]),
];

/// Crates from outside that only these of ours may depend on.
const ENTRANCES: &[(&str, &[&str])] = &[
    ("sled", &["fasti-core"]),
    ("async-nats", &["fasti-core"]),
    ("warp", &["fasti-api"]),
    ("petgraph", &["fasti-domain"]),
    ("anyhow", &["fasti", "xtask"]),
];

/// All that the pure domain may depend on.
const DOMAIN: &[&str] = &[
    "serde",
    "serde_json",
    "chrono",
    "chrono-tz",
    "petgraph",
    "thiserror",
    "siphasher",
    // Describes types; does nothing at run time (decision 0039).
    "schemars",
];

/// One manifest with a package.
struct Manifest {
    path: String,
    name: String,
    table: Table,
}

impl Manifest {
    /// Names of the dependencies in these tables, such as `dependencies`; also those of single platforms.
    fn dependencies(&self, kinds: &[&str]) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut tables = vec![&self.table];
        if let Some(Value::Table(platforms)) = self.table.get("target") {
            tables.extend(platforms.values().filter_map(Value::as_table));
        }
        for table in tables {
            for kind in kinds {
                if let Some(Value::Table(dependencies)) = table.get(*kind) {
                    names.extend(dependencies.keys().cloned());
                }
            }
        }
        names
    }
}

fn manifests(tree: &Tree) -> Vec<Manifest> {
    let named = |file: &&super::tree::File| file.path.rsplit('/').next() == Some("Cargo.toml");
    let mut found = Vec::new();
    for file in tree.files.iter().filter(named) {
        let table: Table = file
            .text
            .parse()
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.path));
        let name = table.get("package").and_then(|package| package.get("name"));
        if let Some(name) = name.and_then(Value::as_str).map(str::to_owned) {
            found.push(Manifest {
                path: file.path.clone(),
                name,
                table,
            });
        }
    }
    found
}

/// Our crates that depend outward, in the product or in their tests.
pub(super) fn directions(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests(tree) {
        let Some((_, may)) = INWARD.iter().find(|(name, _)| *name == manifest.name) else {
            findings.push(format!(
                "{}: `{}` has no place in the table of crates (name it in tests/tidy/manifests.rs)",
                manifest.path, manifest.name
            ));
            continue;
        };
        let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
        for dependency in manifest.dependencies(&kinds) {
            let is_ours = INWARD.iter().any(|(name, _)| *name == dependency);
            // The root's tests look into every room; its product code goes through core.
            let is_root_test = manifest.name == "fasti"
                && !manifest
                    .dependencies(&["dependencies"])
                    .contains(&dependency);
            if is_ours && !may.contains(&dependency.as_str()) && !is_root_test {
                findings.push(format!(
                    "{}: `{}` must not depend on `{dependency}`",
                    manifest.path, manifest.name
                ));
            }
        }
    }
    findings
}

/// Crates from outside that a crate of ours must not depend on.
pub(super) fn outside_crates(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests(tree) {
        for dependency in manifest.dependencies(&["dependencies", "build-dependencies"]) {
            let barred = ENTRANCES
                .iter()
                .any(|(name, may)| *name == dependency && !may.contains(&manifest.name.as_str()));
            let impure = manifest.name == "fasti-domain" && !DOMAIN.contains(&dependency.as_str());
            if barred || impure {
                findings.push(format!(
                    "{}: `{}` must not depend on `{dependency}`",
                    manifest.path, manifest.name
                ));
            }
        }
    }
    findings
}

/// The crate with the audited file, which `forbid` would not let through: it repeats the workspace's lints.
const HOLDS_AUDITED: &str = "fasti-runner";

/// The workspace's lints with `unsafe_code` denied instead of forbidden.
fn lints_without_forbid(tree: &Tree) -> Option<Value> {
    let root = tree.files.iter().find(|file| file.path == "Cargo.toml")?;
    let table: Table = root.text.parse().ok()?;
    let mut lints = table.get("workspace")?.get("lints")?.clone();
    *lints.get_mut("rust")?.get_mut("unsafe_code")? = Value::String("deny".to_owned());
    Some(lints)
}

/// Manifests that go their own way: versions, lints or names that are not the workspace's.
pub(super) fn habits(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let own_lints = lints_without_forbid(tree);
    for manifest in manifests(tree) {
        let Manifest { path, name, table } = &manifest;
        if !name.starts_with("fasti") && name != "xtask" {
            findings.push(format!(
                "{path}: the name `{name}` lacks the prefix `fasti-`"
            ));
        }
        let inherits = |value: Option<&Value>| {
            value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
        };
        let lints = table.get("lints");
        let repeats = name == HOLDS_AUDITED && lints == own_lints.as_ref();
        if !(inherits(lints) || repeats) {
            findings.push(format!("{path}: lacks `[lints] workspace = true`"));
        }
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(Value::Table(dependencies)) = table.get(kind) else {
                continue;
            };
            for (dependency, _) in dependencies.iter().filter(|(_, it)| !inherits(Some(it))) {
                findings.push(format!(
                    "{path}: the version of `{dependency}` belongs into [workspace.dependencies]"
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, rest: &str) -> Tree {
        let text = format!("[package]\nname = \"{name}\"\n{rest}");
        Tree::of(&[("x/Cargo.toml", &text)])
    }

    #[test]
    fn outward_dependencies_are_found() {
        let good = "[dependencies]\nfasti-core.workspace = true\n";
        let bad = "[dev-dependencies]\nfasti-api.workspace = true\n";
        assert!(directions(&tree("fasti-projector", good)).is_empty());
        assert_eq!(directions(&tree("fasti-projector", bad)).len(), 1);
        assert_eq!(directions(&tree("fasti-domain", good)).len(), 1);
        assert_eq!(directions(&tree("fasti-extra", "")).len(), 1);
    }

    #[test]
    fn only_tests_of_the_root_reach_the_domain_itself() {
        let tests = "[dev-dependencies]\nfasti-domain.workspace = true\n";
        let product = "[dependencies]\nfasti-domain.workspace = true\n";
        assert!(directions(&tree("fasti", tests)).is_empty());
        assert_eq!(directions(&tree("fasti", product)).len(), 1);
    }

    #[test]
    fn outside_crates_have_one_entrance() {
        let sled = "[dependencies]\nsled.workspace = true\n";
        assert!(outside_crates(&tree("fasti-core", sled)).is_empty());
        assert_eq!(outside_crates(&tree("fasti-replay", sled)).len(), 1);
        let platform = "[target.'cfg(unix)'.dependencies]\nwarp = \"1\"\n";
        assert_eq!(outside_crates(&tree("fasti-core", platform)).len(), 1);
        let tokio = "[dependencies]\ntokio.workspace = true\n";
        assert_eq!(outside_crates(&tree("fasti-domain", tokio)).len(), 1);
        assert!(outside_crates(&tree("fasti-core", tokio)).is_empty());
    }

    #[test]
    fn only_one_crate_repeats_the_lints_and_all_of_them() {
        let root = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n";
        let check = |name: &str, lints: &str| {
            let text = format!("[package]\nname = \"{name}\"\n[lints.rust]\n{lints}");
            habits(&Tree::of(&[("Cargo.toml", root), ("x/Cargo.toml", &text)])).len()
        };
        let whole = "unsafe_code = \"deny\"\nmissing_docs = \"warn\"\n";
        assert_eq!(check(HOLDS_AUDITED, whole), 0);
        assert_eq!(check(HOLDS_AUDITED, "unsafe_code = \"deny\"\n"), 1);
        assert_eq!(check("fasti-core", whole), 1);
    }

    #[test]
    fn manifests_inherit() {
        let good = "[lints]\nworkspace = true\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [] }\n";
        assert!(habits(&tree("fasti-core", good)).is_empty());
        assert_eq!(habits(&tree("fasti-core", "")).len(), 1);
        assert_eq!(
            habits(&tree("core", "[dependencies]\na = \"1\"\n")).len(),
            3
        );
    }
}
