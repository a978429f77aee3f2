//! Task runs, of one run or of one name over many runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{RunId, TaskRunId};
use fasti_core::domain::ranges::index_in;
use fasti_core::domain::time::Timestamp;

use super::merge::bounds;
use crate::access::Visible;
use crate::error::ViewsError;
use crate::limits::SCANNED_RUNS_MAX;
use crate::model::{AttemptRow, BatchRow, RunRow, TaskCell};
use crate::page::{Order, Page};
use crate::rows::{AttemptView, TaskRunFilter, TaskRunView};
use crate::views::Views;

/// What the task runs of one run have in common.
pub(super) struct OfRun<'a> {
    pub(super) views: &'a Views,
    pub(super) row: &'a RunRow,
    batch: &'a BatchRow,
    pub(super) graph: Arc<Graph>,
    /// Why the parts of a task wait, by its position; found once.
    pub(super) waits: BTreeMap<u32, Option<String>>,
}

impl Views {
    /// Task runs of a run in definition order; `None` when there is no such run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn task_runs(
        &self,
        run: RunId,
        after: Option<TaskRunId>,
        limit: usize,
    ) -> Result<Option<Page<TaskRunView, TaskRunId>>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let first = match after {
            Some(after) => index_in(run, after).map_or(row.task_runs, |i| i.saturating_add(1)),
            None => 0,
        };
        let limit = u32::try_from(limit.max(1)).unwrap_or(u32::MAX);
        let end = first.saturating_add(limit).min(row.task_runs);
        let cells = self.cells(&row, first, end)?;
        let mut of_run = OfRun::new(self, &row)?;
        let items: Vec<_> = (first..)
            .zip(cells.iter())
            .map(|(index, cell)| of_run.view(index, cell))
            .collect();
        Ok(Some(Page {
            next: items
                .last()
                .map(|last| last.id)
                .filter(|_| end < row.task_runs),
            items,
            as_of: self.as_of(),
        }))
    }

    /// One task run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn task_run(&self, id: TaskRunId) -> Result<Option<TaskRunView>, ViewsError> {
        let Some(row) = self.run_around(id.0)? else {
            return Ok(None);
        };
        let Some(index) = index_in(row.id, id) else {
            return Ok(None);
        };
        let cells = self.cells(&row, index, index.saturating_add(1))?;
        let Some(cell) = cells.first() else {
            return Ok(None);
        };
        Ok(Some(OfRun::new(self, &row)?.view(index, cell)))
    }

    /// Task runs called `name` in the runs of the batches called `batch_name`, by id. A part is found by its
    /// own name, not by that of its parallel task.
    ///
    /// # Errors
    /// The history cannot be read.
    #[expect(clippy::too_many_arguments, reason = "the parts of one question")]
    pub fn task_runs_by_name(
        &self,
        batch_name: &str,
        name: &str,
        filter: &TaskRunFilter,
        visible: Visible<'_>,
        order: Order,
        after: Option<TaskRunId>,
        limit: usize,
    ) -> Result<Page<TaskRunView, TaskRunId>, ViewsError> {
        let mut page = Page {
            items: Vec::new(),
            next: None,
            as_of: self.as_of(),
        };
        let Some(bounds) = bounds(order, after.map(|after| after.0)) else {
            return Ok(page);
        };
        let batches = self.batch_ids(batch_name, filter.tag);
        let mut last = None;
        for (scanned, id) in self.runs_of(&batches, order, bounds).enumerate() {
            let id = id?;
            if page.items.len() == limit.max(1) || scanned == SCANNED_RUNS_MAX {
                page.next = last;
                break;
            }
            let Some(row) = self.run_row(RunId(id))? else {
                continue;
            };
            // Behind the run's own id when going down, behind all its task runs when going up.
            last = Some(match order {
                Order::Ascending => TaskRunId(id + u64::from(row.task_runs)),
                Order::Descending => TaskRunId(id),
            });
            if !batches.contains(&row.batch)
                || !fits(&row, filter)
                || !visible(row.ownership.access())
            {
                continue;
            }
            page.items.extend(self.task_run_named(&row, name, filter)?);
        }
        Ok(page)
    }

    fn task_run_named(
        &self,
        row: &RunRow,
        name: &str,
        filter: &TaskRunFilter,
    ) -> Result<Option<TaskRunView>, ViewsError> {
        let graph = self.known_graph(row.definition)?;
        let Some(node) = graph.nodes_named(name).map(|nodes| nodes.start) else {
            return Ok(None);
        };
        // A parallel task's name stands for all its parts; none of them has that name.
        let (task, part) = graph.locate(node);
        if graph.task(task).part_name(part) != name {
            return Ok(None);
        }
        let cells = self.cells(row, node, node + 1)?;
        let cell = cells
            .first()
            .filter(|cell| filter.statuses.is_empty() || filter.statuses.contains(&cell.status));
        cell.map(|cell| Ok(OfRun::new(self, row)?.view(node, cell)))
            .transpose()
    }
}

fn fits(row: &RunRow, filter: &TaskRunFilter) -> bool {
    filter
        .rundate
        .as_deref()
        .is_none_or(|date| row.rundate.as_deref() == Some(date))
        && filter
            .scheduled_from
            .is_none_or(|from| row.scheduled_time >= from)
        && filter
            .scheduled_until
            .is_none_or(|until| row.scheduled_time < until)
}

impl<'a> OfRun<'a> {
    pub(super) fn new(views: &'a Views, row: &'a RunRow) -> Result<Self, ViewsError> {
        Ok(Self {
            views,
            row,
            batch: views.batch_row(row.batch)?,
            graph: views.known_graph(row.definition)?,
            waits: BTreeMap::new(),
        })
    }

    pub(super) fn view(&mut self, index: u32, cell: &TaskCell) -> TaskRunView {
        let graph = self.graph.clone();
        let (task_index, part) = graph.locate(index);
        let task = graph.task(task_index);
        let detail = cell.detail.as_deref();
        let last = cell.attempts().last();
        TaskRunView {
            id: self.row.id.task_run(index),
            run_id: self.row.id,
            batch_id: self.row.batch,
            batch_name: self.batch.name.clone(),
            tag: self.batch.tag,
            run_type: self.row.run_type,
            scheduled_time: self.row.scheduled_time,
            rundate: self.row.rundate.clone(),
            index,
            task_index,
            name: task.part_name(part),
            group: task.is_parallel().then(|| task.name.clone()),
            description: task.part_description(part).to_owned(),
            work: task.work.clone(),
            image: graph.definition().image_of(task).map(str::to_owned),
            status: cell.status,
            status_reason: cell.reason.clone(),
            queue_reason: self.queue_reason(task_index, cell),
            part_num: part,
            num_parts: u32::try_from(task.part_count()).unwrap_or(u32::MAX),
            attempt: last.map_or(0, |attempt| attempt.number),
            max_attempts: task.retries.saturating_add(1),
            attempts: cell.attempts().iter().map(attempt_view).collect(),
            retry_at: detail.and_then(|detail| detail.retry_at),
            queued_at: cell.queued_at.get(),
            started_at: cell.started_at.get(),
            finished_at: cell.finished_at.get(),
            resources: task.resources.clone(),
            configuration: task.part_configuration(part).map(str::to_owned),
            runner: last.map(|attempt| attempt.runner.clone()),
            result: detail.and_then(|detail| detail.result.clone()),
            reused_from: detail.and_then(|detail| detail.reused_from),
        }
    }
}

fn attempt_view(row: &AttemptRow) -> AttemptView {
    let started_at: Option<Timestamp> = row.started_at.get();
    AttemptView {
        number: row.number,
        runner: row.runner.clone(),
        leased_at: row.leased_at,
        started_at,
        finished_at: row.finished_at.get(),
        pid: started_at.map(|_| row.pid),
        outcome: row.outcome.clone(),
        reason: row.reason.clone(),
        usage: row.usage,
    }
}
