//! Images and bundles: where the code of a task is. Records only; the bytes are in folders and in the blob
//! store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::Tag;
use crate::ids::Digest;

/// Where code and interpreter for an image name are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Name tasks use.
    pub name: String,
    /// Folder put first on the import path, readable by the runners.
    #[serde(default)]
    pub path: Option<String>,
    /// Packed source tree instead of a folder.
    #[serde(default)]
    pub bundle: Option<Digest>,
    /// Interpreter; the runner's default when not given.
    #[serde(default)]
    pub python: Option<String>,
    /// Tags it may be used under.
    pub tags: Vec<Tag>,
    /// Environment variables of its tasks.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Who registered it.
    pub owner: String,
}
