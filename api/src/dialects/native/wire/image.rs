//! Images and bundles: where the code of a task is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tag;

/// Where code and interpreter for an image name are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Image {
    /// Name tasks use.
    pub(crate) name: String,
    /// Folder put first on the import path.
    pub(crate) path: Option<String>,
    /// Packed source tree instead of a folder.
    pub(crate) bundle: Option<String>,
    /// Interpreter; null: the server's.
    pub(crate) python: Option<String>,
    /// Tags it may be used under.
    pub(crate) tags: Vec<Tag>,
    /// Environment variables of its tasks.
    pub(crate) env: BTreeMap<String, String>,
    /// Who registered it.
    pub(crate) owner: String,
    /// When it was registered last.
    pub(crate) updated_at: String,
    /// Container that its tasks run in; null: processes of the host.
    pub(crate) container: Option<Container>,
}

/// A container image and what runs it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Container {
    /// Reference: `[registry[:port]/]name[:tag][@sha256:digest]`, at most 512 bytes.
    pub(crate) image: String,
    /// Engine that runs it. Default (null): the one of the configuration, or the first that works.
    #[serde(default)]
    pub(crate) engine: Option<Engine>,
}

/// A program that runs containers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// Podman.
    Podman,
    /// Docker.
    Docker,
}

/// Body that registers an image. Give `path` or `bundle`, or neither for installed packages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageBody {
    /// The name again; must be the one of the address.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Folder put first on the import path, readable by the runners.
    #[serde(default)]
    pub(crate) path: Option<String>,
    /// Packed source tree instead: the id that `POST /bundles` gave.
    #[serde(default)]
    pub(crate) bundle: Option<String>,
    /// Interpreter. Default: the server's; in a container `python3` of its image.
    #[serde(default)]
    pub(crate) python: Option<String>,
    /// Tags it may be used under. Default: all.
    #[serde(default)]
    pub(crate) tags: Option<Vec<Tag>>,
    /// Environment variables of its tasks.
    #[serde(default)]
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// Container that its tasks run in; refused where neither podman nor docker works. Default: processes of the host.
    #[serde(default)]
    pub(crate) container: Option<Container>,
}

/// Asks for a virtual environment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentBody {
    /// What is to be in it: the id that `POST /bundles` gave.
    pub(crate) bundle: String,
    /// Interpreter it is made with. Default: the server's.
    #[serde(default)]
    pub(crate) python: Option<String>,
}

/// A virtual environment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Environment {
    /// Its id: the same for the same bundle and interpreter.
    pub(crate) id: String,
    /// `queued`, `building`, `ready` or `failed`.
    pub(crate) status: &'static str,
    /// What is done at the moment, or what could not be done.
    pub(crate) step: String,
    /// The end of what the installer printed.
    pub(crate) output: String,
    /// Bytes that it printed in all.
    pub(crate) output_bytes: u64,
    /// Its interpreter, once it is ready: the `python` of images.
    pub(crate) python: Option<String>,
}

/// A stored source tree.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BundleAnswer {
    /// SHA-256 of its bytes.
    pub(crate) id: String,
    /// Its length in bytes.
    pub(crate) size: u64,
}
