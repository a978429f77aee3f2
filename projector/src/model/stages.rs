//! How far task runs with stages are: counts, and a list of their steps in the order in which they came.

use fasti_core::domain::event::TaskProgressed;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{Digest, TaskRunId};
use fasti_core::domain::ranges::index_in;
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Model, Run};
use crate::rows::{StageCounts, StepKind, TaskStages};

const INDEX_BITS: u32 = 20;
const KIND_BITS: u32 = 4;
const FAILED: u64 = (1 << KIND_BITS) - 1;
const SUCCEEDED: u64 = FAILED - 1;

/// One step in eight bytes: milliseconds since the first, kind, position of the task run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Step(u64);

impl Step {
    fn new(since_first_ms: i64, kind: StepKind, index: u32) -> Self {
        let kind = match kind {
            StepKind::Passed(stage) => u64::from(stage).min(SUCCEEDED - 1),
            StepKind::Succeeded => SUCCEEDED,
            StepKind::Failed => FAILED,
        };
        let since = u64::try_from(since_first_ms).unwrap_or(0);
        Self(since << (INDEX_BITS + KIND_BITS) | kind << INDEX_BITS | u64::from(index))
    }

    pub(crate) fn since_first_ms(self) -> i64 {
        i64::try_from(self.0 >> (INDEX_BITS + KIND_BITS)).unwrap_or(i64::MAX)
    }

    pub(crate) fn kind(self) -> StepKind {
        match self.0 >> INDEX_BITS & FAILED {
            FAILED => StepKind::Failed,
            SUCCEEDED => StepKind::Succeeded,
            stage => StepKind::Passed(u8::try_from(stage).unwrap_or(u8::MAX)),
        }
    }

    pub(crate) fn index(self) -> u32 {
        u32::try_from(self.0 & ((1 << INDEX_BITS) - 1)).unwrap_or(u32::MAX)
    }
}

impl Model {
    /// The counts that a run of a definition begins with; `None` when no task of it has stages.
    pub(super) fn stages_of(&self, definition: Digest) -> Option<Box<StageCounts>> {
        let graph = &self.definitions.get(&definition)?.graph;
        let with_stages = (0..graph.task_count()).filter_map(|task| {
            let stages = graph.task(task).stages().len();
            (stages > 0).then(|| TaskStages {
                task,
                passed: vec![0; stages],
                failed: vec![0; stages],
            })
        });
        let tasks: Vec<TaskStages> = with_stages.collect();
        (!tasks.is_empty()).then(|| {
            Box::new(StageCounts {
                tasks,
                ..StageCounts::default()
            })
        })
    }

    pub(super) fn tasks_progressed(&mut self, event: &TaskProgressed, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&event.run) else {
            return;
        };
        let Some(used) = self.definitions.get(&run.row.definition) else {
            return;
        };
        for mark in event.marks.iter().filter(|mark| !mark.is_note) {
            let Some(index) = index_in(event.run, mark.task_run) else {
                continue;
            };
            let stages = used.graph.task(used.graph.locate(index).0).stages();
            if let Some(stage) = stages.iter().position(|known| *known == mark.stage) {
                run.pass(&used.graph, index, stage + 1, at);
            }
        }
    }
}

impl Run {
    /// A task run has passed so many stages. Passed again, by another attempt, they count once.
    fn pass(&mut self, graph: &Graph, index: u32, upto: usize, at: Timestamp) {
        if self.row.is_stopping() {
            return;
        }
        let Some(cell) = self.cells.get_mut(index as usize) else {
            return;
        };
        let before = usize::from(cell.passed);
        if upto <= before {
            return;
        }
        cell.passed = u8::try_from(upto).unwrap_or(u8::MAX);
        let stages = self.row.stages.as_mut();
        let counts = stages.and_then(|stages| stages.of_mut(graph.locate(index).0));
        let Some(counts) = counts else {
            return;
        };
        for passed in counts.passed.iter_mut().take(upto).skip(before) {
            *passed += 1;
        }
        for stage in before..upto {
            self.step(
                StepKind::Passed(u8::try_from(stage).unwrap_or(u8::MAX)),
                index,
                at,
            );
        }
    }

    /// A task run came to its end: a success has passed everything, a failure is of the stage that it was in.
    pub(super) fn stages_ended(
        &mut self,
        graph: &Graph,
        id: TaskRunId,
        status: TaskStatus,
        at: Timestamp,
    ) {
        let Some(index) = index_in(self.row.id, id).filter(|_| !self.row.is_stopping()) else {
            return;
        };
        let (task, _) = graph.locate(index);
        let stages = graph.task(task).stages().len();
        if stages == 0 {
            return;
        }
        let kind = match status {
            TaskStatus::Success => {
                self.pass(graph, index, stages, at);
                StepKind::Succeeded
            }
            TaskStatus::Failure => {
                self.fail(task, index);
                StepKind::Failed
            }
            TaskStatus::Waiting
            | TaskStatus::Queued
            | TaskStatus::Running
            | TaskStatus::Skipped
            | TaskStatus::Cancelled => return,
        };
        self.step(kind, index, at);
    }

    fn fail(&mut self, task: u32, index: u32) {
        let passed = self.cells.get(index as usize).map_or(0, |cell| cell.passed);
        let stages = self.row.stages.as_mut();
        let Some(counts) = stages.and_then(|stages| stages.of_mut(task)) else {
            return;
        };
        let last = counts.failed.len().saturating_sub(1);
        if let Some(failed) = counts.failed.get_mut(usize::from(passed).min(last)) {
            *failed += 1;
        }
    }

    /// Later than the step before, whatever the clock says.
    fn step(&mut self, kind: StepKind, index: u32, at: Timestamp) {
        let Some(stages) = &mut self.row.stages else {
            return;
        };
        let now_ms = at.0.div_euclid(1_000);
        let at_ms = if stages.steps == 0 {
            stages.first_ms = now_ms;
            now_ms
        } else {
            now_ms.max(stages.last_step_ms + 1)
        };
        stages.last_step_ms = at_ms;
        stages.steps += 1;
        self.steps
            .push(Step::new(at_ms - stages.first_ms, kind, index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_what_was_put_in() {
        let kinds = [
            StepKind::Passed(0),
            StepKind::Passed(13),
            StepKind::Succeeded,
            StepKind::Failed,
        ];
        for kind in kinds {
            for (since, index) in [(0, 0), (1, 99_999), (1 << 39, (1 << 20) - 1)] {
                let step = Step::new(since, kind, index);
                let back = (step.since_first_ms(), step.kind(), step.index());
                assert_eq!(back, (since, kind, index));
            }
        }
    }
}
