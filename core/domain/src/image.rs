//! Images and bundles: where the code of a task is. Records only; the bytes are in folders and in the blob
//! store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::container::Container;
use crate::definition::Tag;
use crate::ids::Digest;

/// Where code and interpreter for an image name are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Image {
    /// Name tasks use.
    pub name: String,
    /// Folder put first on the import path, readable by the runners.
    #[serde(default)]
    pub path: Option<String>,
    /// Packed source tree instead of a folder.
    #[serde(default)]
    pub bundle: Option<Digest>,
    /// Interpreter; the runner's default when not given. In a container a program of its image, `python3` when not
    /// given.
    #[serde(default)]
    pub python: Option<String>,
    /// Tags it may be used under.
    pub tags: Vec<Tag>,
    /// Environment variables of its tasks.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Who registered it.
    pub owner: String,
    /// Container that its tasks run in; processes of the host when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

/// What is shown in place of a secret.
pub const HIDDEN: &str = "***";

impl Image {
    /// Whether somebody may read the values of variables that look like secrets: whoever may change the image.
    #[must_use]
    pub fn shows_secrets_to(&self, principal: &Principal) -> bool {
        principal.is_admin || principal.user == self.owner
    }

    /// Its variables, with [`HIDDEN`] for every value whose name says that it is a secret.
    #[must_use]
    pub fn env_without_secrets(&self) -> BTreeMap<String, String> {
        let shown = self.env.iter().map(|(name, value)| {
            let value = if is_secret(name) { HIDDEN } else { value };
            (name.clone(), value.to_owned())
        });
        shown.collect()
    }
}

/// Whether the name of a variable says that its value is a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 6] = ["TOKEN", "PASSWORD", "PASSWD", "SECRET", "KEY", "CREDENTIAL"];
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_secret() {
        for name in [
            "DB_PASSWORD",
            "github_token",
            "AWS_SECRET_ACCESS_KEY",
            "apiKey",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "LANG", "OMP_NUM_THREADS"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
