//! What the views no longer keep in memory: old runs with their task runs, versions of batches, definitions.
//! Rows are functions of the log alone, so that writing one twice changes nothing.
//!
//! What has left the model waits here, still readable, until the follower has written it to the table outside
//! of the lock: encoding a run of 100,000 task runs must not keep readers waiting.

mod ids;
mod keys;
mod leaving;
mod rows;
mod shelf;
mod table;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest, RunId, RunSetId, Seq};
use serde::de::IgnoredAny;

use crate::error::ViewsError;
use crate::limits::{CACHED_GRAPHS_MAX, LEAVING_RUNS_MAX, TASK_RUNS_PER_ROW};
use crate::model::{Model, Outbox, RunRow, RunSetRow, Step, TaskCell};
use crate::page::Order;
use crate::rows::{SlotView, VersionView};

use shelf::Kind;

pub(crate) use ids::{Among, Ids};
pub(crate) use leaving::Leaving;
pub(crate) use table::Row;
pub use table::{HistoryTable, MemoryTable};
pub(crate) use writer::HistoryWriter;

/// Task runs in the row of a run, if it is a small one.
type Cells = Option<Vec<TaskCell>>;

/// A moment.
#[derive(Debug, Clone, Copy)]
struct Until {
    /// Last id given.
    id: u64,
    /// Last event.
    seq: Seq,
}

/// The table and what is on its way to it.
pub(crate) struct History {
    table: Arc<dyn HistoryTable>,
    leaving: Leaving,
    /// Views of the past pass over what came later.
    until: Option<Until>,
    /// Definitions of old runs, most recently used last. A cache.
    graphs: Mutex<VecDeque<(Digest, Arc<Graph>)>>,
}

impl History {
    pub(crate) fn new(table: Arc<dyn HistoryTable>) -> Self {
        Self {
            table,
            leaving: Leaving::default(),
            until: None,
            graphs: Mutex::default(),
        }
    }

    /// The history as it was when `model` was, out of what it is now; `leaving` is of then already.
    pub(crate) fn of_past(table: Arc<dyn HistoryTable>, leaving: Leaving, model: &Model) -> Self {
        Self {
            leaving,
            until: Some(Until {
                id: model.last_id,
                seq: model.seq,
            }),
            ..Self::new(table)
        }
    }

    /// Last id that was given.
    fn last_id(&self) -> u64 {
        self.until.map_or(u64::MAX, |until| until.id)
    }

    pub(crate) fn table(&self) -> &Arc<dyn HistoryTable> {
        &self.table
    }

    /// Takes in what left the model.
    pub(crate) fn take(&mut self, out: Outbox) {
        self.leaving.take(out);
    }

    /// What has not been written yet.
    pub(crate) fn leaving(&self) -> &Leaving {
        &self.leaving
    }

    /// Whether so much waits to be written that it must be done now.
    pub(crate) fn is_full(&self) -> bool {
        self.leaving.runs.len() > LEAVING_RUNS_MAX
    }

    /// Gives away what has not been written yet, to be written by somebody else.
    pub(crate) fn take_all(&mut self) -> Leaving {
        std::mem::take(&mut self.leaving)
    }

    /// After `written` went to the table.
    pub(crate) fn forget(&mut self, written: &Leaving) {
        self.leaving.forget(written);
    }

    /// Rows between two keys (the second excluded) in order, what is on its way included.
    pub(crate) fn page(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        max: usize,
    ) -> Result<Vec<Row>, ViewsError> {
        let mut rows = self.table.page(from, to, order, max)?;
        let bounds = (
            std::ops::Bound::Included(from.to_vec()),
            std::ops::Bound::Excluded(to.to_vec()),
        );
        if from >= to || self.leaving.rows.range(bounds.clone()).next().is_none() {
            return Ok(rows);
        }
        let mut all: BTreeMap<Vec<u8>, Vec<u8>> = rows.drain(..).collect();
        let leaving = self.leaving.rows.range(bounds);
        all.extend(leaving.map(|(key, row)| (key.clone(), row.clone())));
        Ok(match order {
            Order::Ascending => all.into_iter().take(max).collect(),
            Order::Descending => all.into_iter().rev().take(max).collect(),
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewsError> {
        if let Some(row) = self.leaving.rows.get(key) {
            return Ok(Some(row.clone()));
        }
        Ok(self.table.get(key)?)
    }

    /// The graph of a definition that is not in the model.
    pub(crate) fn graph(&self, digest: Digest) -> Result<Option<Arc<Graph>>, ViewsError> {
        // The lock guards a cache that is whole between calls; a panic elsewhere does not spoil it.
        let mut cached = self.graphs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cached.iter().position(|(known, _)| *known == digest);
        if let Some((_, graph)) = found.and_then(|position| cached.remove(position)) {
            cached.push_back((digest, graph.clone()));
            return Ok(Some(graph));
        }
        drop(cached);
        let definition = match self.leaving.definitions.get(&digest) {
            Some(definition) => definition.clone(),
            None => match self.table.get(&keys::definition(digest))? {
                Some(row) => Arc::new(rows::decode("definition", &row)?),
                None => return Ok(None),
            },
        };
        let Ok(graph) = Graph::new(definition).map(Arc::new) else {
            return Ok(None);
        };
        let mut cached = self.graphs.lock().unwrap_or_else(PoisonError::into_inner);
        cached.push_back((digest, graph.clone()));
        if cached.len() > CACHED_GRAPHS_MAX {
            cached.pop_front();
        }
        Ok(Some(graph))
    }

    pub(crate) fn run(&self, id: RunId) -> Result<Option<RunRow>, ViewsError> {
        let row = self.row_of_run(id)?;
        row.map(|row| run_row(&row)).transpose()
    }

    /// The row of a run in the table.
    fn row_of_run(&self, id: RunId) -> Result<Option<Vec<u8>>, ViewsError> {
        if id.0 > self.last_id() {
            return Ok(None);
        }
        let key = keys::with_id(&keys::among(Among::Runs), Kind::Rows.shelf(id.0));
        let Some(bytes) = self.table.get(&key)? else {
            return Ok(None);
        };
        for entry in shelf::entries(&bytes) {
            let (found, row) = entry?;
            if found == id.0 {
                return self.taken(found, row).map(Some);
            }
        }
        Ok(None)
    }

    /// The row of a run, of which this stands on its shelf.
    fn taken(&self, id: u64, on_shelf: &[u8]) -> Result<Vec<u8>, ViewsError> {
        if !on_shelf.is_empty() {
            return Ok(on_shelf.to_vec());
        }
        let own = self.table.get(&keys::run(RunId(id)))?;
        own.ok_or_else(|| ViewsError::Missing {
            what: format!("row of run {id}"),
        })
    }

    /// The last run in the table whose id is not above `id`.
    pub(crate) fn run_before(&self, id: u64) -> Result<Option<RunRow>, ViewsError> {
        let id = id.min(self.last_id());
        let prefix = keys::among(Among::Runs);
        let from = keys::with_id(&prefix, 0);
        let mut to = keys::with_id(&prefix, Kind::Rows.shelf(id));
        to.push(0);
        // What stands on the first shelf may all be above.
        for (_, bytes) in self.table.page(&from, &to, Order::Descending, 2)? {
            let entries = shelf::entries(&bytes).collect::<Result<Vec<_>, _>>()?;
            let below = entries.into_iter().rev().find(|(found, _)| *found <= id);
            if let Some((found, row)) = below {
                return run_row(&self.taken(found, row)?).map(Some);
            }
        }
        Ok(None)
    }

    /// Task runs of a run in the table: positions from `first` on, up to `end` (excluded).
    pub(crate) fn cells(
        &self,
        id: RunId,
        first: u32,
        end: u32,
    ) -> Result<Vec<TaskCell>, ViewsError> {
        let mut cells = Vec::new();
        if first >= end {
            return Ok(cells);
        }
        for chunk in first / TASK_RUNS_PER_ROW..=(end - 1) / TASK_RUNS_PER_ROW {
            let Some(row) = self.table.get(&keys::task_runs(id, chunk))? else {
                return self.cells_with_run(id, first, end);
            };
            let start = chunk * TASK_RUNS_PER_ROW;
            let all: Vec<TaskCell> = rows::decode("task runs", &row)?;
            let wanted = (start..)
                .zip(all)
                .filter(|(index, _)| (first..end).contains(index));
            cells.extend(wanted.map(|(_, cell)| cell));
        }
        Ok(cells)
    }

    /// Steps of a run in the table: row number `chunk`.
    pub(crate) fn steps(&self, id: RunId, chunk: u32) -> Result<Vec<Step>, ViewsError> {
        match self.table.get(&keys::steps(id, chunk))? {
            Some(row) => rows::decode("steps", &row),
            None => Ok(Vec::new()),
        }
    }

    /// Task runs of a small run: they are in its row.
    fn cells_with_run(&self, id: RunId, first: u32, end: u32) -> Result<Vec<TaskCell>, ViewsError> {
        let row = self.row_of_run(id)?;
        let decoded = row.map(|row| rows::decode::<(IgnoredAny, Cells)>("row", &row));
        let cells = decoded.transpose()?.and_then(|(_, cells)| cells);
        let Some(mut cells) = cells else {
            return Err(ViewsError::Missing {
                what: format!("task runs of run {id}"),
            });
        };
        cells.truncate(end as usize);
        cells.drain(..cells.len().min(first as usize));
        Ok(cells)
    }

    pub(crate) fn run_set(&self, id: RunSetId) -> Result<Option<RunSetRow>, ViewsError> {
        if id.0 > self.last_id() {
            return Ok(None);
        }
        let row = self.get(&keys::run_set(id))?;
        row.map(|row| rows::decode("set", &row)).transpose()
    }

    pub(crate) fn version(
        &self,
        batch: BatchId,
        version: u32,
    ) -> Result<Option<VersionView>, ViewsError> {
        let row = self.get(&keys::version(batch, version))?;
        row.map(|row| rows::decode("version", &row)).transpose()
    }

    /// Versions of a batch, from `first` on.
    pub(crate) fn versions(
        &self,
        batch: BatchId,
        first: u32,
        max: usize,
    ) -> Result<Vec<VersionView>, ViewsError> {
        let mut to = keys::version(batch, u32::MAX);
        to.push(0);
        let found = self.page(&keys::version(batch, first), &to, Order::Ascending, max)?;
        found
            .iter()
            .map(|(_, row)| rows::decode("version", row))
            .collect()
    }

    /// Records of the slots of a batch, newest first, those before `before`.
    pub(crate) fn slots(
        &self,
        batch: BatchId,
        before: Option<Seq>,
        max: usize,
    ) -> Result<Vec<SlotView>, ViewsError> {
        let from = keys::slots(batch, Seq(0));
        let end = self.until.map_or(Seq(u64::MAX), |until| until.seq.next());
        let to = keys::slots(batch, before.map_or(end, |before| before.min(end)));
        let found = self.page(&from, &to, Order::Descending, max)?;
        found
            .iter()
            .map(|(_, row)| rows::decode("slots", row))
            .collect()
    }

    /// Records of the slots of a batch, oldest first, those after `after`.
    pub(crate) fn slots_after(
        &self,
        batch: BatchId,
        after: Seq,
        max: usize,
    ) -> Result<Vec<SlotView>, ViewsError> {
        let end = self.until.map_or(Seq(u64::MAX), |until| until.seq.next());
        let (from, to) = (keys::slots(batch, after.next()), keys::slots(batch, end));
        let found = self.page(&from, &to, Order::Ascending, max)?;
        found
            .iter()
            .map(|(_, row)| rows::decode("slots", row))
            .collect()
    }

    /// Ids of runs in the table: all, those of a batch, or those of a set.
    pub(crate) fn run_ids(&self, among: Among, order: Order, bounds: (u64, u64)) -> Ids<'_> {
        let (low, high) = bounds;
        Ids::new(self, among, order, (low, high.min(self.last_id())))
    }
}

/// The run of a row, which may hold its task runs too.
fn run_row(row: &[u8]) -> Result<RunRow, ViewsError> {
    rows::decode::<(RunRow, IgnoredAny)>("row", row).map(|(run, _)| run)
}
