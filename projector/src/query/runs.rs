//! Runs, in lists or one by one.

use fasti_core::domain::ids::{BatchId, RunId};

use super::candidates::Wanted;
use crate::access::Visible;
use crate::error::ViewsError;
use crate::limits::SCANNED_RUNS_MAX;
use crate::model::{BatchRow, Ownership, RunRow};
use crate::page::{Order, Page, Total};
use crate::rows::{RunCounts, RunFilter, RunPage, RunView};
use crate::views::Views;

impl Views {
    /// Runs by id, with how many there are.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn runs(
        &self,
        filter: &RunFilter,
        visible: Visible<'_>,
        order: Order,
        after: Option<RunId>,
        limit: usize,
    ) -> Result<RunPage, ViewsError> {
        self.runs_counted(filter, visible, order, after, limit, None)
    }

    /// As [`Views::runs`], with the total that an earlier page came with: counting may mean looking at every run.
    ///
    /// # Errors
    /// As [`Views::runs`].
    pub fn runs_counted(
        &self,
        filter: &RunFilter,
        visible: Visible<'_>,
        order: Order,
        after: Option<RunId>,
        limit: usize,
        known: Option<Total>,
    ) -> Result<RunPage, ViewsError> {
        let wanted = self.wanted(filter, visible);
        let limit = limit.max(1);
        let mut items = Vec::new();
        let mut next = None;
        let mut last = None;
        for (scanned, id) in self.candidates(&wanted, order, after).enumerate() {
            let id = RunId(id?);
            if items.len() == limit || scanned == SCANNED_RUNS_MAX {
                next = last;
                break;
            }
            last = Some(id);
            let Some(row) = self.run_row(id)? else {
                continue;
            };
            let batch = self.batch_row(row.batch)?;
            if wanted.fits(&row, batch) {
                items.push(view(&row, batch));
            }
        }
        // A list that fits one page has been counted by making it.
        let total = match known {
            Some(known) => known,
            None if after.is_none() && next.is_none() => Total {
                count: items.len() as u64,
                is_exact: true,
            },
            None => self.total(&wanted)?,
        };
        let page = Page {
            items,
            next,
            as_of: self.as_of(),
        };
        Ok(RunPage { page, total })
    }

    fn total(&self, wanted: &Wanted<'_>) -> Result<Total, ViewsError> {
        if wanted.is_counted() {
            return Ok(Total {
                count: self.counted(wanted),
                is_exact: true,
            });
        }
        let mut count = 0;
        for (scanned, id) in self.candidates(wanted, Order::Descending, None).enumerate() {
            if scanned == SCANNED_RUNS_MAX {
                return Ok(Total {
                    count,
                    is_exact: false,
                });
            }
            if let Some(row) = self.run_row(RunId(id?))?
                && wanted.fits(&row, self.batch_row(row.batch)?)
            {
                count += 1;
            }
        }
        Ok(Total {
            count,
            is_exact: true,
        })
    }

    fn counted(&self, wanted: &Wanted<'_>) -> u64 {
        let of_batch = |id: &BatchId| {
            let batch = self.model.batches.get(id)?;
            let owned = self.model.run_counts.get(id)?.iter();
            let fitting = owned.filter(|(ownership, _)| wanted.fits_batch(ownership, batch));
            Some(
                fitting
                    .map(|(_, counts)| in_statuses(counts, wanted.filter))
                    .sum::<u64>(),
            )
        };
        match &wanted.batches {
            Some(batches) => batches.iter().filter_map(of_batch).sum(),
            None => self.model.run_counts.keys().filter_map(of_batch).sum(),
        }
    }

    /// One run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn run(&self, id: RunId) -> Result<Option<RunView>, ViewsError> {
        let Some(row) = self.run_row(id)? else {
            return Ok(None);
        };
        Ok(Some(view(&row, self.batch_row(row.batch)?)))
    }
}

fn in_statuses(counts: &RunCounts, filter: &RunFilter) -> u64 {
    if filter.statuses.is_empty() {
        return counts.total();
    }
    let fitting = counts
        .iter()
        .filter(|(status, _)| filter.statuses.contains(status));
    fitting.map(|(_, count)| count).sum()
}

fn view(row: &RunRow, batch: &BatchRow) -> RunView {
    let Ownership {
        owner,
        group,
        permissions,
        run_as,
        labels,
    } = row.ownership.as_ref().clone();
    RunView {
        id: row.id,
        batch_id: row.batch,
        batch_name: batch.name.clone(),
        tag: batch.tag,
        version: row.version,
        definition: row.definition,
        run_type: row.run_type,
        scheduled_time: row.scheduled_time,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        rundate: row.rundate.clone(),
        rundate_is_custom: row.rundate_is_custom,
        status: row.status,
        status_reason: row.reason.clone(),
        deadline: row.deadline,
        cancel_requested_at: row.cancel_requested_at,
        original_run: row.original_run,
        run_set: row.run_set,
        parent_run: row.parent_run,
        start_by: row.start_by,
        signal: row.signal.clone(),
        requested_by: row.requested_by.clone(),
        run_as,
        owner,
        group,
        permissions,
        labels,
        task_counts: row.counts,
        starts_at: row.starts_at,
        cancel_reason: row.cancel_reason.clone(),
        deadline_passed_at: row.deadline_passed_at,
        stages: row.stages.as_deref().cloned(),
        idempotency_key: row.key.clone(),
        created_seq: row.created_seq,
        finished_seq: row.finished_seq,
    }
}
