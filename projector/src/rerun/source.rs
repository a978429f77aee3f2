//! The finished run that is to be repeated.

use std::sync::Arc;

use fasti_core::domain::attempt::ResultRef;
use fasti_core::domain::command::Hashed;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, RunId, TaskRunId};
use fasti_core::domain::run::{RunStatus, TaskStatus};
use fasti_core::domain::time::Timestamp;
use fasti_core::domain::trigger::RunSignal;

use crate::error::ViewsError;
use crate::views::Views;

/// A run as far as a repetition needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The run.
    pub run: RunId,
    /// Its batch.
    pub batch: BatchId,
    /// Where it stands; only finished ones can be repeated.
    pub status: RunStatus,
    /// Saved version it is of.
    pub version: Option<u32>,
    /// Date it was for, when whoever asked for it gave one: its repetitions are for the same.
    pub custom_rundate: Option<String>,
    /// The signal that started it: its repetitions get the same payload.
    pub signal: Option<Arc<RunSignal>>,
    /// Its definition.
    pub definition: Hashed,
    /// The definition as a graph.
    pub graph: Arc<Graph>,
    /// Its task runs, by position.
    pub nodes: Vec<SourceNode>,
}

/// A task run of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceNode {
    /// Its id.
    pub id: TaskRunId,
    /// Where it stands.
    pub status: TaskStatus,
    /// Its value.
    pub result: Option<ResultRef>,
    /// The task run that was executed, when this one was not.
    pub reused_from: Option<TaskRunId>,
    /// When it (or the one that was executed) began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it cannot serve in another version of the batch. `None` in its own.
    pub change: Option<Change>,
}

/// What sets a task of one version apart from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The other version does not have it.
    New,
    /// It is executed in another way, or after other tasks.
    Different,
}

impl Views {
    /// What [`plan`](crate::rerun::plan) needs of a run; `None` when there is no such run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn rerun_source(&self, run: RunId) -> Result<Option<Source>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let graph = self.known_graph(row.definition)?;
        let cells = self.cells(&row, 0, row.task_runs)?;
        let nodes = (0..).zip(cells.iter()).map(|(index, cell)| {
            let detail = cell.detail.as_deref();
            SourceNode {
                id: run.task_run(index),
                status: cell.status,
                result: detail.and_then(|detail| detail.result.clone()),
                reused_from: detail.and_then(|detail| detail.reused_from),
                started_at: cell.started_at.get(),
                finished_at: cell.finished_at.get(),
                change: None,
            }
        });
        let rundate = row.rundate.as_deref().filter(|_| row.rundate_is_custom);
        Ok(Some(Source {
            run,
            batch: row.batch,
            status: row.status,
            version: row.version,
            custom_rundate: rundate.map(str::to_owned),
            signal: row.signal.clone(),
            definition: Hashed {
                digest: row.definition,
                definition: graph.definition().clone(),
            },
            nodes: nodes.collect(),
            graph,
        }))
    }
}
