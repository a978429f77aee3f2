//! Why a task run does not run yet, in words for people.

use fasti_core::domain::definition::PoolUse;
use fasti_core::domain::ids::TaskRunId;
use fasti_core::domain::ranges::index_in;
use fasti_core::domain::run::TaskStatus;

use super::task_runs::OfRun;
use crate::access::Visible;
use crate::error::ViewsError;
use crate::limits::WAITS_FOR_NAMES_MAX;
use crate::model::TaskCell;
use crate::rows::TaskRunView;
use crate::views::Views;

impl Views {
    /// Task runs right before this one that have not succeeded, `most` at most: what it waits for, or was skipped for.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn upstream_troubles(
        &self,
        id: TaskRunId,
        most: usize,
    ) -> Result<Vec<TaskRunView>, ViewsError> {
        let Some(row) = self.run_around(id.0)? else {
            return Ok(Vec::new());
        };
        let Some(index) = index_in(row.id, id) else {
            return Ok(Vec::new());
        };
        let mut of_run = OfRun::new(self, &row)?;
        let graph = of_run.graph.clone();
        let (task, _) = graph.locate(index);
        let mut found = Vec::new();
        for parent in graph.parents(task) {
            let nodes = graph.nodes(*parent);
            let cells = self.cells(&row, nodes.start, nodes.end)?;
            let open = (nodes.start..).zip(cells.iter());
            let open = open.filter(|(_, cell)| cell.status != TaskStatus::Success);
            for (index, cell) in open {
                if found.len() == most {
                    return Ok(found);
                }
                found.push(of_run.view(index, cell));
            }
        }
        Ok(found)
    }
}

impl Views {
    /// The pool that has too little left for a task run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn short_pool(&self, id: TaskRunId) -> Result<Option<String>, ViewsError> {
        let Some(row) = self.run_around(id.0)? else {
            return Ok(None);
        };
        let Some(index) = index_in(row.id, id) else {
            return Ok(None);
        };
        let of_run = OfRun::new(self, &row)?;
        let (task, _) = of_run.graph.locate(index);
        if of_run.short_of_pool(task).is_none() {
            return Ok(None);
        }
        let used = of_run.graph.task(task).pool();
        Ok(used.map(|used| used.pool.to_string()))
    }

    /// Task runs with an attempt that is not over, oldest runs first, `most` at most: who has what another one waits
    /// for. With a pool, only those with a share of it. How many there are is told besides, hidden ones included.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn holders(
        &self,
        pool: Option<&str>,
        visible: Visible<'_>,
        most: usize,
    ) -> Result<(Vec<TaskRunView>, u64), ViewsError> {
        let (mut found, mut total) = (Vec::new(), 0);
        for run in self.model.runs.values() {
            let row = &run.row;
            if row.finished_at.is_some() {
                continue;
            }
            let mut of_run = OfRun::new(self, row)?;
            let graph = of_run.graph.clone();
            let is_seen = visible(row.ownership.access());
            for (index, cell) in (0..).zip(&run.cells) {
                let has_share = || {
                    let used = graph.task(graph.locate(index).0).pool();
                    pool.is_none_or(|pool| used.is_some_and(|used| &*used.pool == pool))
                };
                if !cell.has_live_attempt() || !has_share() {
                    continue;
                }
                total += 1;
                if is_seen && found.len() < most {
                    found.push(of_run.view(index, cell));
                }
            }
        }
        Ok((found, total))
    }
}

impl OfRun<'_> {
    pub(super) fn queue_reason(&mut self, task: u32, cell: &TaskCell) -> Option<String> {
        match cell.status {
            TaskStatus::Waiting => {
                if let Some(known) = self.waits.get(&task) {
                    return known.clone();
                }
                let reason = self.waits_for(task);
                self.waits.insert(task, reason.clone());
                reason
            }
            TaskStatus::Queued => Some(self.queued_because(task, cell)),
            TaskStatus::Running
            | TaskStatus::Success
            | TaskStatus::Failure
            | TaskStatus::Skipped
            | TaskStatus::Cancelled => None,
        }
    }

    /// Names of the upstream tasks that have not succeeded whole.
    fn waits_for(&self, task: u32) -> Option<String> {
        if self.row.cancel_requested_at.is_some() {
            return Some("the run is being stopped".to_owned());
        }
        let run = self.views.model.runs.get(&self.row.id)?;
        let is_open = |parent: &&u32| {
            let nodes = self.graph.nodes(**parent);
            let cells = run.cells.get(nodes.start as usize..nodes.end as usize);
            cells.is_some_and(|cells| cells.iter().any(|c| c.status != TaskStatus::Success))
        };
        let open: Vec<&u32> = self.graph.parents(task).iter().filter(is_open).collect();
        let named = open.iter().take(WAITS_FOR_NAMES_MAX);
        let names: Vec<String> = named
            .map(|parent| format!("`{}`", self.graph.task(**parent).name))
            .collect();
        if names.is_empty() {
            return Some("waiting for the run to begin".to_owned());
        }
        let more = open.len() - names.len();
        let names = names.join(", ");
        Some(if more == 0 {
            format!("waiting for {names}")
        } else {
            format!("waiting for {names} and {more} more")
        })
    }

    /// What is missing of the pool it takes a share of.
    fn short_of_pool(&self, task: u32) -> Option<String> {
        let used = self.graph.task(task).pool()?;
        let pool = self.views.pool(&used.pool);
        let capacity = pool.capacity?;
        let PoolUse { pool: name, units } = used;
        if u64::from(*units) > capacity {
            return Some(format!(
                "queued: it needs {units} of pool `{name}`, which has {capacity}"
            ));
        }
        (pool.used + u64::from(*units) > capacity).then(|| {
            let taken = pool.used;
            format!(
                "queued: it needs {units} of pool `{name}`, of whose {capacity} {taken} are in use"
            )
        })
    }

    fn queued_because(&self, task: u32, cell: &TaskCell) -> String {
        let retry_at = cell.detail.as_ref().and_then(|detail| detail.retry_at);
        if let Some(at) = retry_at {
            return format!("next attempt at {at}");
        }
        let leased = cell
            .attempts()
            .last()
            .filter(|attempt| attempt.outcome.is_none());
        if let Some(attempt) = leased {
            return format!("given to runner `{}`, about to start", attempt.runner);
        }
        if let Some(reason) = self.short_of_pool(task) {
            return reason;
        }
        let runners = self.views.model.runners.values();
        let here = runners.filter(|runner| runner.lost_at.is_none()).count();
        if here == 0 {
            return "queued: no runner has joined".to_owned();
        }
        match self.drained() {
            Some((drained, text)) if drained == here => format!("queued: {text}"),
            Some((_, text)) => format!("queued: no free runner slot; {text}"),
            None => "queued: no free runner slot".to_owned(),
        }
    }

    /// How many runners that are here take nothing new, with the first of them in words.
    fn drained(&self) -> Option<(usize, String)> {
        let mut drained = self.views.drained_here();
        let (runner, drain) = drained.next()?;
        let why = drain.reason.as_ref();
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let text = format!("runner `{runner}` is drained since {}{why}", drain.since);
        Some(match drained.count() {
            0 => (1, text),
            more => (1 + more, format!("{text}, and {more} more are drained")),
        })
    }
}
