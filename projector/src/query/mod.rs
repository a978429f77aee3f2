//! Questions to the views. All of them read one moment; none changes anything.
//!
//! What is in memory is looked up there, older things are read from the history. Lists are merged from both
//! by id, so that nobody notices.

mod batches;
mod candidates;
mod documents;
mod graph;
mod merge;
mod pools;
mod run_sets;
mod runs;
mod server;
mod slots;
mod stages;
mod task_runs;
mod waiting;

use std::borrow::Cow;
use std::sync::Arc;

use fasti_core::domain::definition::Definition;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest, RunId, TaskRunId};

use crate::error::ViewsError;
use crate::model::{BatchRow, RunRow, TaskCell};
use crate::views::Views;

impl Views {
    /// A definition that is or was in use.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn definition(&self, digest: Digest) -> Result<Option<Arc<Definition>>, ViewsError> {
        Ok(self
            .graph_of(digest)?
            .map(|graph| graph.definition().clone()))
    }

    /// A definition that is or was in use, as a graph.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn graph_of(&self, digest: Digest) -> Result<Option<Arc<Graph>>, ViewsError> {
        match self.model.definitions.get(&digest) {
            Some(used) => Ok(Some(used.graph.clone())),
            None => self.history.graph(digest),
        }
    }

    pub(crate) fn known_graph(&self, digest: Digest) -> Result<Arc<Graph>, ViewsError> {
        self.graph_of(digest)?.ok_or_else(|| ViewsError::Missing {
            what: format!("definition {digest}"),
        })
    }

    fn batch_row(&self, id: BatchId) -> Result<&BatchRow, ViewsError> {
        self.model
            .batches
            .get(&id)
            .ok_or_else(|| ViewsError::Missing {
                what: format!("batch {id}"),
            })
    }

    pub(crate) fn run_row(&self, id: RunId) -> Result<Option<Cow<'_, RunRow>>, ViewsError> {
        if let Some(run) = self.model.runs.get(&id) {
            return Ok(Some(Cow::Borrowed(&run.row)));
        }
        if let Some(run) = self.history.leaving().runs.get(&id) {
            return Ok(Some(Cow::Borrowed(&run.row)));
        }
        Ok(self.history.run(id)?.map(Cow::Owned))
    }

    /// The run whose own id, or one of whose task runs' ids, is `id`.
    fn run_around(&self, id: u64) -> Result<Option<Cow<'_, RunRow>>, ViewsError> {
        if let Some(run) = self.model.run_around(id) {
            return Ok(Some(Cow::Borrowed(&run.row)));
        }
        let before = self.history.leaving().runs.range(..=RunId(id)).next_back();
        if let Some((_, run)) = before.filter(|(_, run)| run.row.covers(id)) {
            return Ok(Some(Cow::Borrowed(&run.row)));
        }
        let before = self.history.run_before(id)?;
        Ok(before.filter(|row| row.covers(id)).map(Cow::Owned))
    }

    /// Task runs of a run: positions from `first` on, up to `end` (excluded; not beyond the last).
    pub(crate) fn cells(
        &self,
        row: &RunRow,
        first: u32,
        end: u32,
    ) -> Result<Cow<'_, [TaskCell]>, ViewsError> {
        let end = end.min(row.task_runs);
        let first = first.min(end);
        let range = first as usize..end as usize;
        let in_memory = match self.model.runs.get(&row.id) {
            Some(run) => Some(&run.cells),
            None => self
                .history
                .leaving()
                .runs
                .get(&row.id)
                .map(|run| &run.cells),
        };
        match in_memory {
            Some(cells) => Ok(Cow::Borrowed(cells.get(range).unwrap_or_default())),
            None => Ok(Cow::Owned(self.history.cells(row.id, first, end)?)),
        }
    }

    /// Whether `id` is a run's.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn is_run(&self, id: u64) -> Result<bool, ViewsError> {
        Ok(self.run_row(RunId(id))?.is_some())
    }

    /// Whether `id` is a task run's, so that one used in place of a run's can be named.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn is_task_run(&self, id: u64) -> Result<bool, ViewsError> {
        Ok(self.run_of(TaskRunId(id))?.is_some())
    }

    /// The run a task run belongs to.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn run_of(&self, id: TaskRunId) -> Result<Option<RunId>, ViewsError> {
        let run = self.run_around(id.0)?;
        Ok(run.map(|row| row.id).filter(|run| run.0 != id.0))
    }
}
