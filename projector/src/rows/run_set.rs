//! Run sets as they are listed.

use std::sync::Arc;

use fasti_core::domain::backfill::Backfill;
use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::{BatchId, RunSetId};
use fasti_core::domain::time::Timestamp;

use super::RunCounts;

/// Many runs made together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSetView {
    /// Its id.
    pub id: RunSetId,
    /// Batch its runs are of.
    pub batch_id: BatchId,
    /// Name of the batch.
    pub batch_name: Arc<str>,
    /// Tag of the batch.
    pub tag: Tag,
    /// For people.
    pub title: String,
    /// Free words.
    pub labels: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// User who made it.
    pub created_by: String,
    /// Whether it takes no more runs.
    pub closed: bool,
    /// The slots that it has runs for, if it is a backfill.
    pub backfill: Option<Backfill>,
    /// Whether it makes no runs until it is resumed.
    pub paused: bool,
    /// Why it is paused, when nobody asked for it.
    pub pause_reason: Option<String>,
    /// When its last run ended, once it is closed.
    pub finished_at: Option<Timestamp>,
    /// Runs by status.
    pub counts: RunCounts,
}
