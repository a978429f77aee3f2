//! Documents of dialects.

use std::sync::Arc;

use fasti_core::domain::ids::{Digest, Seq};
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A document as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    /// Version, from 1.
    pub version: u32,
    /// What it holds, JSON.
    pub body: Arc<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it had its present version.
    pub updated_at: Timestamp,
    /// Who gave it that.
    pub updated_by: String,
    /// Where that stands in the log.
    pub seq: Seq,
    /// Contents of the blob store that it needs.
    pub blobs: Vec<Digest>,
}
