//! Batches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Definition, RunStatus};

/// A batch: its present definition and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Batch {
    /// UUID, the same over all versions.
    pub(crate) id: String,
    /// Present version, from 1.
    pub(crate) version: u32,
    /// Whether its schedule is off.
    pub(crate) paused: bool,
    /// Why, when somebody said so.
    pub(crate) paused_reason: Option<String>,
    /// When its schedule is on again by itself.
    pub(crate) paused_until: Option<String>,
    /// Id of the batch whose ends start it.
    pub(crate) runs_after: Option<String>,
    /// The next slot of its schedule; null while it is paused.
    pub(crate) next_run: Option<String>,
    /// The run made last.
    pub(crate) last_run: Option<LastRun>,
    /// Runs ever made.
    pub(crate) run_count: u64,
    /// One line of English.
    pub(crate) schedule_description: String,
    /// When its first version was saved.
    pub(crate) created_at: String,
    /// When it was last saved, paused or resumed.
    pub(crate) updated_at: String,
    /// Who saved the first version.
    pub(crate) created_by: String,
    /// When it was deleted.
    pub(crate) deleted_at: Option<String>,
    /// The present definition.
    #[serde(flatten)]
    pub(crate) definition: Definition,
}

/// The newest run of a batch, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastRun {
    /// Its id.
    pub(crate) id: u64,
    /// Where it stands.
    pub(crate) status: RunStatus,
    /// When it was due.
    pub(crate) scheduled_time: String,
    /// When it ended.
    pub(crate) finished_at: Option<String>,
}

/// One version of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchVersion {
    /// Number, from 1.
    pub(crate) version: u32,
    /// When it was saved.
    pub(crate) saved_at: String,
    /// Who saved it.
    pub(crate) saved_by: String,
    /// SHA-256 of its content: the same for the same definition.
    pub(crate) digest: String,
    /// What it said.
    #[serde(flatten)]
    pub(crate) definition: Definition,
}

/// Body of a pause.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// Why, for people.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// When it is to be on again by itself, RFC 3339. Default: when somebody resumes it.
    #[serde(default)]
    pub(crate) until: Option<String>,
}
