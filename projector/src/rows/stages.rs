//! How far the task runs of a task with stages are.

use fasti_core::domain::ids::TaskRunId;
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Task runs by the stages that they have passed. Nothing of a run is counted here any more once it is to stop, and
/// no count ever falls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCounts {
    /// One a task that has stages, in the order of the definition.
    pub tasks: Vec<TaskStages>,
    /// Number of steps; see [`Views::steps`](crate::Views::steps).
    pub steps: u32,
    /// Instant of the last step, in milliseconds.
    pub last_step_ms: i64,
    /// Bytes of [`StepView`]s begin at this instant, in milliseconds.
    pub(crate) first_ms: i64,
}

/// See [`StageCounts`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStages {
    /// Position of the task in the definition.
    pub task: u32,
    /// For each stage: task runs that have passed it.
    pub passed: Vec<u32>,
    /// For each stage: task runs that failed in it.
    pub failed: Vec<u32>,
}

impl StageCounts {
    /// The counts of one task.
    #[must_use]
    pub fn of(&self, task: u32) -> Option<&TaskStages> {
        self.tasks.iter().find(|known| known.task == task)
    }

    pub(crate) fn of_mut(&mut self, task: u32) -> Option<&mut TaskStages> {
        self.tasks.iter_mut().find(|known| known.task == task)
    }
}

/// Something that a task run with stages did. The steps of a run have instants of their own, so that they can be
/// told apart by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepView {
    /// The task run.
    pub task_run: TaskRunId,
    /// Its position in the run.
    pub index: u32,
    /// What it did.
    pub kind: StepKind,
    /// When, in milliseconds; later than the step before.
    pub at_ms: i64,
}

/// See [`StepView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// It passed this stage (by position).
    Passed(u8),
    /// It succeeded.
    Succeeded,
    /// It failed; in which stage says [`EndedTaskRun`].
    Failed,
}

/// What there is to say of a task run that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedTaskRun {
    /// Success or failure.
    pub status: TaskStatus,
    /// Stages that it has passed.
    pub passed: u8,
    /// Why it failed.
    pub reason: Option<std::sync::Arc<str>>,
    /// When its first process was started.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}
