//! How two runs differ.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{RunStatus, TaskStatus};

/// Two versions of a batch side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchDiff {
    /// UUID of the batch.
    pub(crate) batch_id: String,
    /// Its name.
    pub(crate) batch_name: String,
    /// The version that it is compared with.
    pub(crate) from: u32,
    /// The version that is compared.
    pub(crate) to: u32,
    /// Fields in which they differ, 200 at most.
    pub(crate) definition: Vec<DefinitionChange>,
    /// Position in the log this is as of.
    pub(crate) as_of_seq: u64,
}

/// Two runs side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunDiff {
    /// The run that is compared.
    pub(crate) run: DiffRun,
    /// With this one.
    pub(crate) with: DiffRun,
    /// Fields in which the definition of the run is not that of the other one.
    pub(crate) definition: Vec<DefinitionChange>,
    /// Tasks that differ, 1,000 at most: those of the run in its order, then those that only the other one has.
    pub(crate) tasks: Vec<TaskDiff>,
    /// Tasks that differ, those that are not listed included.
    pub(crate) different: u64,
    /// Tasks that ended alike with equal values.
    pub(crate) same: u64,
    /// Position in the log this is as of.
    pub(crate) as_of_seq: u64,
}

/// One of the runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffRun {
    /// Id of the run.
    pub(crate) id: u64,
    /// Name of its batch.
    pub(crate) batch_name: String,
    /// Saved version; null for a definition that was not saved.
    pub(crate) definition_version: Option<u32>,
    /// Digest of its definition.
    pub(crate) definition_digest: String,
    /// Where it stands.
    pub(crate) status: RunStatus,
    /// Date it is for.
    pub(crate) rundate: Option<String>,
    /// When it began.
    pub(crate) started_at: Option<String>,
    /// When it ended.
    pub(crate) finished_at: Option<String>,
}

/// A field that is not the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DefinitionChange {
    /// Path of the field, such as `tasks.load.retries`.
    pub(crate) field: String,
    /// What it is in the other run; null when it is not there. A long value is told by its length.
    pub(crate) before: Value,
    /// What it is in the run.
    pub(crate) after: Value,
}

/// One task in both.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskDiff {
    /// Its name.
    pub(crate) name: String,
    /// In the run; null when it is not there.
    pub(crate) run: Option<TaskSide>,
    /// In the other one.
    pub(crate) with: Option<TaskSide>,
}

/// How a task fared in one run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskSide {
    /// Id of the task run.
    pub(crate) id: u64,
    /// Where it stands.
    pub(crate) status: TaskStatus,
    /// Why it ended so; null for a success.
    pub(crate) status_reason: Option<String>,
    /// Attempts it had.
    pub(crate) attempts: u32,
    /// From its first process to its end, in milliseconds.
    pub(crate) duration_ms: Option<i64>,
    /// SHA-256 of its value; null without one.
    pub(crate) result_sha256: Option<String>,
}
