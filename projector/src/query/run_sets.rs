//! Run sets.

use std::borrow::Cow;

use fasti_core::domain::ids::{BatchId, RunSetId};

use super::merge::{Merged, bounds, directed};
use crate::access::Visible;
use crate::error::ViewsError;
use crate::history::Among;
use crate::limits::SCANNED_RUNS_MAX;
use crate::model::RunSetRow;
use crate::page::{Order, Page};
use crate::rows::RunSetView;
use crate::views::Views;

impl Views {
    /// Run sets by id, of one batch or of all.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn run_sets(
        &self,
        batch: Option<BatchId>,
        visible: Visible<'_>,
        order: Order,
        after: Option<RunSetId>,
        limit: usize,
    ) -> Result<Page<RunSetView, RunSetId>, ViewsError> {
        let mut page = Page {
            items: Vec::new(),
            next: None,
            as_of: self.as_of(),
        };
        let Some((low, high)) = bounds(order, after.map(|after| after.0)) else {
            return Ok(page);
        };
        let in_memory = self.model.run_sets.range(RunSetId(low)..=RunSetId(high));
        let old = self.history.run_ids(Among::RunSets, order, (low, high));
        let sources = vec![
            directed(in_memory.map(|(id, _)| id.0), order),
            Box::new(old),
        ];
        let mut last = None;
        for (scanned, id) in Merged::new(sources, order).enumerate() {
            let id = RunSetId(id?);
            if page.items.len() == limit.max(1) || scanned == SCANNED_RUNS_MAX {
                page.next = last;
                break;
            }
            last = Some(id);
            let Some(row) = self.run_set_row(id)? else {
                continue;
            };
            let owner = self.batch_row(row.batch)?;
            if batch.is_none_or(|batch| batch == row.batch) && visible(owner.ownership.access()) {
                page.items.push(self.run_set_view(id, &row)?);
            }
        }
        Ok(page)
    }

    /// One run set. Whose it is, its batch says.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn run_set(&self, id: RunSetId) -> Result<Option<RunSetView>, ViewsError> {
        let row = self.run_set_row(id)?;
        row.map(|row| self.run_set_view(id, &row)).transpose()
    }

    /// Whether `id` is a run set's.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn is_run_set(&self, id: u64) -> Result<bool, ViewsError> {
        Ok(self.run_set_row(RunSetId(id))?.is_some())
    }

    fn run_set_row(&self, id: RunSetId) -> Result<Option<Cow<'_, RunSetRow>>, ViewsError> {
        match self.model.run_sets.get(&id) {
            Some(row) => Ok(Some(Cow::Borrowed(row))),
            None => Ok(self.history.run_set(id)?.map(Cow::Owned)),
        }
    }

    fn run_set_view(&self, id: RunSetId, row: &RunSetRow) -> Result<RunSetView, ViewsError> {
        let batch = self.batch_row(row.batch)?;
        Ok(RunSetView {
            id,
            batch_id: row.batch,
            batch_name: batch.name.clone(),
            tag: batch.tag,
            title: row.title.clone(),
            labels: row.labels.clone(),
            created_at: row.created_at,
            created_by: row.created_by.clone(),
            closed: row.closed,
            backfill: row.backfill.clone(),
            paused: row.paused,
            pause_reason: row.pause_reason.clone(),
            finished_at: row.finished_at,
            counts: row.counts,
        })
    }
}
