//! Stages of a task that its processes report to have passed, in order: progress of an item, seen by whoever follows.

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, RunId, RunnerId, TaskRunId};
use crate::time::Timestamp;

/// The process of an attempt says that it has passed a stage of its task, or something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StageMark {
    /// The task run.
    pub task_run: TaskRunId,
    /// Number of the attempt.
    pub number: u32,
    /// The stage; one of its task's.
    pub stage: String,
    /// When, by the runner's clock.
    pub at: Timestamp,
    /// What else it says, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// It is about a stage that goes on: nothing was passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_note: bool,
}

/// The processes of attempts say that they have passed stages of their task, or something about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TaskProgressed {
    /// The run.
    pub run: RunId,
    /// Its batch.
    pub batch: BatchId,
    /// The runner.
    pub runner: RunnerId,
    /// What they say, in order.
    pub marks: Vec<StageMark>,
}
