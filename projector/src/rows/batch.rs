//! Batches as they are listed.

use std::sync::Arc;

use fasti_core::domain::batch::SavedFrom;
use fasti_core::domain::definition::{Definition, Tag};
use fasti_core::domain::ids::{BatchId, Digest, RunId};
use fasti_core::domain::run::RunStatus;
use fasti_core::domain::slots::NextSlot;
use fasti_core::domain::time::Timestamp;

use super::RunCounts;
use crate::access::Access;

/// A batch: living, or deleted and kept for its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// Its id.
    pub id: BatchId,
    /// Its name.
    pub name: String,
    /// Its tag.
    pub tag: Tag,
    /// Present version, from 1.
    pub version: u32,
    /// Digest of the present definition.
    pub digest: Digest,
    /// The present definition.
    pub definition: Arc<Definition>,
    /// Where the present version came from.
    pub saved_from: SavedFrom,
    /// Whether its schedule is off.
    pub paused: bool,
    /// Why it is off, when somebody said so.
    pub paused_reason: Option<String>,
    /// When it is on again by itself.
    pub paused_until: Option<Timestamp>,
    /// Batch whose ends start it.
    pub runs_after: Option<BatchId>,
    /// The slot of its schedule that comes; `None` while it is paused.
    pub next_slot: Option<NextSlot>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When its first version was saved.
    pub created_at: Timestamp,
    /// User who saved the first version; `system` for the scheduler itself.
    pub created_by: String,
    /// When it was last saved, paused or resumed.
    pub updated_at: Timestamp,
    /// Runs ever made.
    pub run_count: u64,
    /// Runs by status.
    pub run_counts: RunCounts,
    /// The run made last.
    pub last_run: Option<LastRun>,
}

impl BatchView {
    /// Whose it is.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        Access::from(self.definition.as_ref())
    }
}

/// The newest run of a batch, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastRun {
    /// Its id.
    pub id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was due.
    pub scheduled_time: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// One version of a batch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VersionView {
    /// Number, from 1.
    pub version: u32,
    /// Digest of its definition.
    pub digest: Digest,
    /// When it was saved.
    pub at: Timestamp,
    /// User who saved it.
    pub by: String,
    /// How it came into being.
    pub saved_from: SavedFrom,
}

/// Which batches to list. The default lists all living ones but those that only dev runs made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchFilter {
    /// Exactly this name.
    pub name: Option<String>,
    /// With this text in the name, in capitals or not.
    pub search: Option<String>,
    /// This tag.
    pub tag: Option<Tag>,
    /// Carries this label.
    pub label: Option<String>,
    /// Belongs to this user.
    pub owner: Option<String>,
    /// Deleted ones too.
    pub include_deleted: bool,
    /// Those too that only dev runs made.
    pub include_dev_runs: bool,
}
