//! How two runs differ: what they were of, how each task fared, what came out.
//!
//! Tasks are aligned by name, parts by theirs, so that runs of different versions can be compared.

mod definition;

use std::collections::BTreeMap;

use fasti_core::domain::ids::{Digest, RunId, TaskRunId};
use fasti_core::domain::run::{RunStatus, TaskStatus};
use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::{RunFilter, RunView, TaskRunView};
use fasti_projector::{Order, Views, ViewsError};
use serde::Serialize;

pub use definition::{Change, changes};

/// Task runs read at a time.
const PAGE: usize = 1_000;

/// Tasks named in a difference; more are counted.
pub const TASKS_MAX: usize = 1_000;

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDiff {
    /// The run that is compared.
    pub run: Side,
    /// With this one.
    pub with: Side,
    /// How their definitions differ; empty when they are of the same.
    pub definition: Vec<Change>,
    /// Tasks that differ in how they ended, in their values, or in being there, in the order of the first run; then
    /// those that only the second has.
    pub tasks: Vec<TaskDiff>,
    /// Tasks that differ, those that are not named included.
    pub different: u64,
    /// Tasks that ended alike with equal values.
    pub same: u64,
}

/// One of the runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The run.
    pub run: RunId,
    /// Name of its batch.
    pub batch: String,
    /// Saved version; `None` for a definition that was not saved.
    pub version: Option<u32>,
    /// Digest of its definition.
    pub digest: Digest,
    /// Where it stands.
    pub status: RunStatus,
    /// Date it is for.
    pub rundate: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// One task in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskDiff {
    /// Its name.
    pub name: String,
    /// In the run that is compared.
    pub run: Option<TaskSide>,
    /// In the other.
    pub with: Option<TaskSide>,
}

/// How a task fared in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskSide {
    /// The task run.
    pub task_run: TaskRunId,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Attempts it had.
    pub attempts: u32,
    /// From its first process to its end, in milliseconds.
    pub duration_ms: Option<i64>,
    /// SHA-256 of its value.
    pub result: Option<Digest>,
}

/// See the module; `None` when one of the runs is not there.
///
/// # Errors
/// The views cannot be read.
pub fn runs(views: &Views, run: RunId, with: RunId) -> Result<Option<RunDiff>, ViewsError> {
    let (Some(one), Some(other)) = (views.run(run)?, views.run(with)?) else {
        return Ok(None);
    };
    let definition = match one.definition == other.definition {
        true => Vec::new(),
        false => match (
            views.definition(one.definition)?,
            views.definition(other.definition)?,
        ) {
            (Some(new), Some(old)) => changes(&old, &new),
            (_, _) => Vec::new(),
        },
    };
    let mut diff = RunDiff {
        run: side(&one),
        with: side(&other),
        definition,
        tasks: Vec::new(),
        different: 0,
        same: 0,
    };
    let mut others: BTreeMap<String, TaskSide> = BTreeMap::new();
    let mut order = Vec::new();
    each(views, with, &mut |task_run| {
        order.push(task_run.name.clone());
        others.insert(task_run.name.clone(), task_side(task_run));
    })?;
    each(views, run, &mut |task_run| {
        let with = others.remove(&task_run.name);
        diff.take(task_run.name.clone(), Some(task_side(task_run)), with);
    })?;
    for name in order {
        if let Some(with) = others.remove(&name) {
            diff.take(name, None, Some(with));
        }
    }
    Ok(Some(diff))
}

/// The newest successful run of the same batch that was made before this one; `None` without one.
///
/// # Errors
/// The views cannot be read.
pub fn last_success(views: &Views, run: RunId) -> Result<Option<RunId>, ViewsError> {
    let Some(view) = views.run(run)? else {
        return Ok(None);
    };
    let filter = RunFilter {
        batch_id: Some(view.batch_id),
        statuses: vec![RunStatus::Success],
        ..RunFilter::default()
    };
    let page = views.runs(&filter, &|_| true, Order::Descending, Some(run), 1)?;
    Ok(page.page.items.first().map(|found| found.id))
}

impl RunDiff {
    fn take(&mut self, name: String, run: Option<TaskSide>, with: Option<TaskSide>) {
        let is_same = match (&run, &with) {
            (Some(one), Some(other)) => {
                one.status == other.status
                    && one.result == other.result
                    && one.reason == other.reason
            }
            (_, _) => false,
        };
        if is_same {
            self.same += 1;
            return;
        }
        self.different += 1;
        if self.tasks.len() < TASKS_MAX {
            self.tasks.push(TaskDiff { name, run, with });
        }
    }
}

fn side(run: &RunView) -> Side {
    Side {
        run: run.id,
        batch: run.batch_name.to_string(),
        version: run.version,
        digest: run.definition,
        status: run.status,
        rundate: run.rundate.as_deref().map(str::to_owned),
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}

fn task_side(task_run: &TaskRunView) -> TaskSide {
    let took = task_run.started_at.zip(task_run.finished_at);
    TaskSide {
        task_run: task_run.id,
        status: task_run.status,
        reason: task_run.status_reason.as_deref().map(str::to_owned),
        attempts: task_run.attempt,
        duration_ms: took.map(|(from, to)| (to.0 - from.0) / 1_000),
        result: task_run.result.as_ref().map(|result| result.sha256),
    }
}

fn each(views: &Views, run: RunId, take: &mut dyn FnMut(&TaskRunView)) -> Result<(), ViewsError> {
    let mut after = None;
    loop {
        let Some(page) = views.task_runs(run, after, PAGE)? else {
            return Ok(());
        };
        page.items.iter().for_each(&mut *take);
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
