//! What the process of an item (`fasti item`) is told on its standard input, version 1: the same for all items of a
//! job, so it says nothing about one of them, and no secret stands in it.

use std::path::{Path, PathBuf};

use fasti_domain::ids::Digest;
use serde::{Deserialize, Serialize};

/// Stages of an item, in order; delivered is who succeeded.
pub const STAGES: [&str; 4] = ["gathered", "preprocessed", "predicted", "delivered"];

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSpec {
    /// Project, as deliveries name it.
    pub project: String,
    /// Name of the job.
    pub job_name: String,
    /// What deliveries put before the id of the batch to name the job.
    pub job_prefix: String,
    /// The data set.
    pub dataset: DatasetRef,
    /// Program and arguments that predict; `None`: the item's own fields are the prediction.
    #[serde(default)]
    pub predictor: Option<Vec<String>>,
    /// Where predictions go.
    pub destinations: Vec<Destination>,
    /// Which addresses may be reached.
    pub targets: Targets,
    /// Bytes fetched for one item at most.
    pub item_bytes_max: u64,
}

/// Which addresses may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    /// Addresses of this machine and of its network may be reached, and everything over plain http: a server that
    /// listens on this machine alone is asked by nobody else.
    pub local: bool,
    /// Hosts that may be reached wherever they are, also over plain http.
    #[serde(default)]
    pub allowed: Vec<String>,
}

/// A data set in the blob store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRef {
    /// Id, as deliveries name it.
    pub id: String,
    /// The uploaded file: a line an item.
    pub file: Digest,
    /// Where each item begins and ends in it: two numbers of eight bytes, big-endian.
    pub index: Digest,
}

/// Where predictions go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Its id.
    pub id: String,
    /// Address.
    pub endpoint: String,
    /// Where the key lies that deliveries are signed with.
    #[serde(default)]
    pub secret: Option<SecretPath>,
    /// Attempts after the first.
    pub max_retries: u32,
    /// Longest wait between two.
    pub max_backoff_ms: u64,
}

/// A file below the folder of secrets, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretPath(String);

impl SecretPath {
    /// Folder of all secrets, in the data folder.
    pub const FOLDER: &str = "secrets";

    /// The secret of this name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        (!name.is_empty() && name.chars().all(is_word)).then(|| Self(name.to_owned()))
    }

    /// Where it lies, seen from the data folder.
    #[must_use]
    pub fn relative(&self) -> PathBuf {
        Path::new(Self::FOLDER).join(&self.0)
    }
}

impl TryFrom<String> for SecretPath {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(&name).ok_or_else(|| format!("`{}` is no name of a secret", name.escape_debug()))
    }
}

impl From<SecretPath> for String {
    fn from(path: SecretPath) -> Self {
        path.0
    }
}
