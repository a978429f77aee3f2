//! What has left the model and is on its way to the table: still readable, and written outside of the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fasti_core::domain::definition::Definition;
use fasti_core::domain::ids::{Digest, RunId};
use fasti_core::store::Cursor;

use super::shelf::{self, Kind};
use super::{Among, HistoryTable, Row, keys, rows};
use crate::error::ViewsError;
use crate::limits::{STEPS_PER_ROW, TASK_RUNS_PER_ROW, TASK_RUNS_WITH_RUN};
use crate::model::{Model, Outbox, Run};

/// What is on its way to the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving {
    pub(crate) runs: BTreeMap<RunId, Arc<Run>>,
    pub(super) definitions: BTreeMap<Digest, Arc<Definition>>,
    /// Small rows, encoded.
    pub(super) rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Leaving {
    /// Takes in what left the model.
    pub(super) fn take(&mut self, out: Outbox) {
        self.definitions.extend(out.definitions);
        for (batch, version) in out.versions {
            let key = keys::version(batch, version.version);
            self.rows.insert(key, rows::encode(&version));
        }
        for (batch, slots) in out.slots {
            let key = keys::slots(batch, slots.seq);
            self.rows.insert(key, rows::encode(&slots));
        }
        for (id, set) in out.run_sets {
            self.rows.insert(keys::run_set(id), rows::encode(&set));
        }
        for run in out.runs {
            self.runs.insert(run.row.id, Arc::new(run));
        }
    }

    /// After `written` went to the table.
    pub(super) fn forget(&mut self, written: &Leaving) {
        self.runs.retain(|id, _| !written.runs.contains_key(id));
        self.definitions
            .retain(|digest, _| !written.definitions.contains_key(digest));
        // A row may have been put again with the same content; writing it twice changes nothing.
        self.rows.retain(|key, _| !written.rows.contains_key(key));
    }

    /// Of what leaves now: what had left when `model` was.
    pub(crate) fn only_until(&mut self, model: &Model) {
        let is_there = |id: u64| id <= model.last_id;
        self.runs
            .retain(|id, _| is_there(id.0) && !model.runs.contains_key(id));
        self.rows.retain(|key, _| match keys::kind(key) {
            keys::Kept::Slots(seq) => seq <= model.seq,
            keys::Kept::RunSet(id) => is_there(id.0) && !model.run_sets.contains_key(&id),
            // Whoever asks for a version knows how many there were.
            keys::Kept::Other => true,
        });
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.definitions.is_empty() && self.rows.is_empty()
    }

    /// Writes all to the table. Slow with large runs; to be done without the lock.
    pub(crate) fn write(&self, table: &dyn HistoryTable, cursor: Cursor) -> Result<(), ViewsError> {
        let mut out: Vec<Row> = Vec::new();
        for (digest, definition) in &self.definitions {
            out.push((keys::definition(*digest), rows::encode(definition.as_ref())));
        }
        out.extend(
            self.rows
                .iter()
                .map(|(key, row)| (key.clone(), row.clone())),
        );
        let mut shelves = Shelves::default();
        for (id, run) in &self.runs {
            let row = &run.row;
            shelves.list(Among::Batch(row.batch), *id);
            if let Some(set) = row.run_set {
                shelves.list(Among::RunSet(set), *id);
            }
            let with_run = (run.cells.len() <= TASK_RUNS_WITH_RUN).then_some(&run.cells);
            if with_run.is_none() {
                for (chunk, cells) in (0..).zip(run.cells.chunks(TASK_RUNS_PER_ROW as usize)) {
                    out.push((keys::task_runs(*id, chunk), rows::encode(cells)));
                }
            }
            for (chunk, steps) in (0..).zip(run.steps.chunks(STEPS_PER_ROW as usize)) {
                out.push((keys::steps(*id, chunk), rows::encode(steps)));
            }
            let row = rows::encode(&(row, with_run));
            if row.len() > shelf::ROW_BYTES_MAX {
                shelves.put(*id, Vec::new());
                out.push((keys::run(*id), row));
            } else {
                shelves.put(*id, row);
            }
        }
        shelves.write(table, &mut out)?;
        // Neighbours in the table one after another.
        out.sort_unstable();
        Ok(table.apply(out, cursor)?)
    }
}

/// What is to be added to shelves.
#[derive(Default)]
struct Shelves {
    rows: BTreeMap<u64, Vec<(u64, Vec<u8>)>>,
    ids: BTreeMap<(Vec<u8>, u64), BTreeSet<u64>>,
}

impl Shelves {
    fn put(&mut self, run: RunId, row: Vec<u8>) {
        let shelf = self.rows.entry(Kind::Rows.shelf(run.0)).or_default();
        shelf.push((run.0, row));
    }

    fn list(&mut self, among: Among, run: RunId) {
        let shelf = (keys::among(among), Kind::Ids.shelf(run.0));
        self.ids.entry(shelf).or_default().insert(run.0);
    }

    /// The shelves as they are then.
    fn write(self, table: &dyn HistoryTable, out: &mut Vec<Row>) -> Result<(), ViewsError> {
        let prefix = keys::among(Among::Runs);
        for (number, added) in self.rows {
            let key = keys::with_id(&prefix, number);
            let mut shelf = match table.get(&key)? {
                Some(bytes) => shelf::Rows::read(&bytes)?,
                None => shelf::Rows::default(),
            };
            for (id, row) in added {
                shelf.put(id, row);
            }
            out.push((key, shelf.to_bytes()));
        }
        for ((prefix, number), mut ids) in self.ids {
            let key = keys::with_id(&prefix, number);
            if let Some(bytes) = table.get(&key)? {
                ids.extend(shelf::ids(number, &bytes)?);
            }
            out.push((key, shelf::ids_to_bytes(ids)));
        }
        Ok(())
    }
}
