//! The jobs of a folder in the order in which they were made, over all runs of its batch: those of requests of this
//! dialect, and those that were started elsewhere.

use std::collections::BTreeSet;

use fasti_core::domain::ids::{Digest, LogId, RunId};
use fasti_core::domain::task_uuid::TaskUuid;
use fasti_projector::rows::{RunFilter, RunView, TaskRunView};
use fasti_projector::{Order, Total, Views};

use super::super::RescaleConfig;
use super::super::folders::{Folder, TAG};
use super::super::map::{self, OfRun, group_label};
use super::super::wire::{Job, Status, SubmitRequest};
use crate::errors::Problem;

/// Runs looked at together.
const RUNS_AT_A_TIME: usize = 100;

/// Task runs looked at by one request; a page may end early, with an address to go on from.
const SCANNED_MAX: usize = 200_000;

/// Which jobs are wanted. All that is given must fit.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// In one of these groups; empty: in any, or none.
    pub(super) groups: Vec<String>,
    /// In one of these statuses; empty: in any.
    pub(super) statuses: BTreeSet<Status>,
    /// Without what they run.
    pub(super) is_simple: bool,
}

/// Where a list goes on: a run, and a position in it.
pub(super) type Place = (RunId, u32);

/// What answers about jobs are made with.
pub(super) struct Desk<'a> {
    pub(super) views: &'a Views,
    pub(super) config: &'a RescaleConfig,
    pub(super) folder: &'a Folder,
    pub(super) log: LogId,
    pub(super) is_limited: bool,
    /// The elements of the definition that was looked at last: its runs often follow each other.
    pub(super) known: Option<(Digest, Vec<Option<SubmitRequest>>)>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        views: &'a Views,
        config: &'a RescaleConfig,
        folder: &'a Folder,
        log: LogId,
    ) -> Self {
        Self {
            views,
            config,
            folder,
            log,
            is_limited: views.pool(&folder.pool()).capacity.is_some(),
            known: None,
        }
    }

    /// What the jobs of a run have in common.
    pub(super) fn of_run<'b>(&mut self, run: &'b RunView) -> Result<OfRun<'b>, Problem>
    where
        'a: 'b,
    {
        let known = self
            .known
            .take()
            .filter(|(digest, _)| *digest == run.definition);
        let requests = match known {
            Some((_, requests)) => requests,
            None => {
                let definition = self.views.definition(run.definition)?;
                definition.map_or_else(Vec::new, |it| map::requests(&it))
            }
        };
        self.known = Some((run.definition, requests.clone()));
        Ok(OfRun {
            config: self.config,
            folder: self.folder,
            log: self.log,
            run,
            requests,
            is_limited: self.is_limited,
        })
    }

    /// The run and the task run of a job's id, if it is one of this folder's.
    pub(super) fn find(&self, id: &str) -> Result<Option<(RunView, TaskRunView)>, Problem> {
        let Some((run, task, part)) = parse(id, &self.log) else {
            return Ok(None);
        };
        let Some(run) = self.views.run(run)? else {
            return Ok(None);
        };
        if !self.folder.batches.contains(&run.batch_id) {
            return Ok(None);
        }
        let Some(graph) = self.views.graph_of(run.definition)? else {
            return Ok(None);
        };
        if task >= graph.task_count() {
            return Ok(None);
        }
        let nodes = graph.nodes(task);
        let Some(index) = nodes.start.checked_add(part).filter(|i| *i < nodes.end) else {
            return Ok(None);
        };
        let view = self.views.task_run(run.id.task_run(index))?;
        Ok(view.map(|view| (run, view)))
    }

    /// A page of jobs from a place on, and where the next one begins.
    pub(super) fn page(
        &mut self,
        wanted: &Wanted,
        from: Option<Place>,
        size: usize,
    ) -> Result<(Vec<Job>, Option<Place>), Problem> {
        let mut jobs = Vec::new();
        let mut scanned = 0;
        let mut next = from;
        // The run in the middle of which the page before ended comes first.
        if let Some((run, index)) = from.filter(|(_, index)| *index > 0) {
            if let Some(run) = self.views.run(run)? {
                let place = self.of_one(wanted, &run, index, size, &mut jobs, &mut scanned)?;
                if place.is_some() {
                    return Ok((jobs, place));
                }
            }
            next = Some((run, 0));
        }
        let mut after = next.map(|(run, _)| match from {
            Some((_, 0)) => RunId(run.0.saturating_sub(1)),
            _ => run,
        });
        loop {
            let filter = RunFilter {
                batch_name: Some(self.folder.task.doc.batch.clone()),
                tag: Some(TAG),
                ..RunFilter::default()
            };
            let known = Some(Total {
                count: 0,
                is_exact: false,
            });
            let found = self.views.runs_counted(
                &filter,
                &|_| true,
                Order::Ascending,
                after,
                RUNS_AT_A_TIME,
                known,
            )?;
            for run in &found.page.items {
                if jobs.len() >= size || scanned >= SCANNED_MAX {
                    return Ok((jobs, Some((run.id, 0))));
                }
                scanned += 1;
                if !fits_group(run, wanted) {
                    continue;
                }
                let place = self.of_one(wanted, run, 0, size, &mut jobs, &mut scanned)?;
                if place.is_some() {
                    return Ok((jobs, place));
                }
            }
            let Some(last) = found.page.next else {
                return Ok((jobs, None));
            };
            after = Some(last);
        }
    }

    /// Takes jobs of a run from a position on; answers with where it stopped before its end.
    fn of_one(
        &mut self,
        wanted: &Wanted,
        run: &RunView,
        first: u32,
        size: usize,
        jobs: &mut Vec<Job>,
        scanned: &mut usize,
    ) -> Result<Option<Place>, Problem> {
        let views = self.views;
        let of_run = self.of_run(run)?;
        let mut index = first;
        loop {
            if jobs.len() >= size || *scanned >= SCANNED_MAX {
                return Ok((u64::from(index) < run.task_runs()).then_some((run.id, index)));
            }
            let room = if wanted.statuses.is_empty() {
                size - jobs.len()
            } else {
                RUNS_AT_A_TIME.max(size)
            };
            let after = index.checked_sub(1).map(|before| run.id.task_run(before));
            let Some(page) = views.task_runs(run.id, after, room)? else {
                return Ok(None);
            };
            if page.items.is_empty() {
                return Ok(None);
            }
            for view in &page.items {
                if jobs.len() >= size {
                    return Ok(Some((run.id, view.index)));
                }
                index = view.index + 1;
                *scanned += 1;
                if wanted.statuses.is_empty() || wanted.statuses.contains(&of_run.status(view)) {
                    jobs.push(of_run.job(view, wanted.is_simple));
                }
            }
            if page.next.is_none() {
                return Ok(None);
            }
        }
    }
}

pub(super) fn fits_group(run: &RunView, wanted: &Wanted) -> bool {
    let is_in = |group: &String| {
        let label = group_label(group);
        run.labels.contains(&label)
    };
    wanted.groups.is_empty() || wanted.groups.iter().any(is_in)
}

/// Run, task and part of `<uuid>:<part>`; the part as numbers are written.
fn parse(id: &str, log: &LogId) -> Option<(RunId, u32, u32)> {
    let (parent, part) = id.split_once(':')?;
    let uuid: TaskUuid = parent.parse().ok()?;
    let number: u32 = part.parse().ok()?;
    if number.to_string() != part || uuid.to_string() != parent {
        return None;
    }
    let (run, task) = uuid.task(log)?;
    Some((run, task, number))
}
