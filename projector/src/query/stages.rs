//! Steps of task runs with stages: what a log of the items of a run is made of.

use fasti_core::domain::ids::RunId;

use crate::error::ViewsError;
use crate::limits::STEPS_PER_ROW;
use crate::model::{RunRow, Step};
use crate::rows::{EndedTaskRun, StageCounts, StepView};
use crate::views::Views;

impl Views {
    /// Steps of a run from position `first` on, oldest first; fewer than `limit` only at the end. `None` when there is
    /// no such run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn steps(
        &self,
        run: RunId,
        first: u32,
        limit: u32,
    ) -> Result<Option<Vec<StepView>>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let Some(stages) = row.stages.as_deref() else {
            return Ok(Some(Vec::new()));
        };
        let end = first.saturating_add(limit).min(stages.steps);
        let mut steps = Vec::new();
        let mut next = first;
        while next < end {
            let found = self.stored_steps(&row, next, end)?;
            if found.is_empty() {
                break;
            }
            next += u32::try_from(found.len()).unwrap_or(u32::MAX);
            steps.extend(found.iter().map(|step| view(&row, stages, *step)));
        }
        Ok(Some(steps))
    }

    /// Position of the first step of a run that is later than `at_ms`; the number of its steps when none is.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn first_step_after(&self, run: RunId, at_ms: i64) -> Result<u32, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(0);
        };
        let Some(stages) = row.stages.as_deref() else {
            return Ok(0);
        };
        let (mut low, mut high) = (0, stages.steps);
        while low < high {
            let middle = low + (high - low) / 2;
            let step = self.stored_steps(&row, middle, middle + 1)?;
            let step_ms = step.first().map_or(i64::MAX, |step| {
                stages.first_ms.saturating_add(step.since_first_ms())
            });
            if step_ms > at_ms {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// What there is to say of a task run at a position, without what its definition says.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn ended_task_run(
        &self,
        run: RunId,
        index: u32,
    ) -> Result<Option<EndedTaskRun>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let cells = self.cells(&row, index, index.saturating_add(1))?;
        Ok(cells.first().map(|cell| EndedTaskRun {
            status: cell.status,
            passed: cell.passed,
            reason: cell.reason.clone(),
            started_at: cell.started_at.get(),
            finished_at: cell.finished_at.get(),
        }))
    }

    /// Some steps from `first` on, at least one unless there is none before `end`.
    fn stored_steps(&self, row: &RunRow, first: u32, end: u32) -> Result<Vec<Step>, ViewsError> {
        let in_memory = match self.model.runs.get(&row.id) {
            Some(run) => Some(&run.steps),
            None => self
                .history
                .leaving()
                .runs
                .get(&row.id)
                .map(|run| &run.steps),
        };
        if let Some(steps) = in_memory {
            let range = first as usize..(end as usize).min(steps.len());
            return Ok(steps.get(range).unwrap_or_default().to_vec());
        }
        let chunk = first / STEPS_PER_ROW;
        let start = chunk * STEPS_PER_ROW;
        let steps = self.history.steps(row.id, chunk)?;
        let range = (first - start) as usize..((end - start) as usize).min(steps.len());
        Ok(steps.get(range).unwrap_or_default().to_vec())
    }
}

fn view(row: &RunRow, stages: &StageCounts, step: Step) -> StepView {
    StepView {
        task_run: row.id.task_run(step.index()),
        index: step.index(),
        kind: step.kind(),
        at_ms: stages.first_ms.saturating_add(step.since_first_ms()),
    }
}
