//! Run sets: many runs made together, with counts.

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::backfill::BackfillState;
use crate::batch::bounded;
use crate::command::More;
use crate::event::{Event, RunSetCancelled, RunSetClosed, RunSetCreated, RunSetFinished};
use crate::graph::check_name;
use crate::ids::{BatchId, RunId, RunSetId};
use crate::limits::{OPEN_RUN_SETS_MAX, RUN_SET_LABELS_MAX, RUN_SET_RUNS_PER_COMMAND_MAX};
use crate::rejection::Rejection;
use crate::run::create::set_runs;
use crate::run::{RunStatus, stop};
use crate::state::State;
use crate::time::Timestamp;

/// A set that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSet {
    /// Its batch.
    pub batch: BatchId,
    /// Runs made.
    pub runs: u64,
    /// Runs that go on.
    pub live: u64,
    /// Runs that succeeded.
    pub success: u64,
    /// Runs that failed.
    pub failure: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Whether it takes no more runs.
    pub is_closed: bool,
    /// How far it is, if it is a backfill.
    pub backfill: Option<BackfillState>,
}

impl RunSet {
    pub(crate) fn count_end(&mut self, status: RunStatus) {
        self.live = self.live.saturating_sub(1);
        match status {
            RunStatus::Success => self.success += 1,
            RunStatus::Failure => self.failure += 1,
            RunStatus::Cancelled => self.cancelled += 1,
            RunStatus::Queued | RunStatus::Running => {}
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one command")]
pub(crate) fn create(
    state: &State,
    principal: &Principal,
    batch: BatchId,
    title: &str,
    labels: &[String],
    runs: &[Option<String>],
    more: More,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    check_name("title", title)?;
    check_runs(runs)?;
    check_labels(labels)?;
    check_open(state)?;
    let run_set = RunSetId(state.last_id + 1);
    let made = set_runs(state, principal, batch, run_set, runs, at)?;
    let mut events = vec![
        RunSetCreated {
            run_set,
            batch,
            title: title.to_owned(),
            labels: labels.iter().map(|label| bounded(label)).collect(),
            backfill: None,
        }
        .into(),
    ];
    events.extend(made);
    events.extend(closing(run_set, runs.len() as u64, more));
    Ok(events)
}

pub(crate) fn add(
    state: &State,
    principal: &Principal,
    id: RunSetId,
    runs: &[Option<String>],
    more: More,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    check_runs(runs)?;
    let set = state
        .run_sets
        .get(&id)
        .ok_or(Rejection::UnknownRunSet { id })?;
    if set.is_closed || set.backfill.is_some() {
        return Err(Rejection::RunSetClosed { id });
    }
    let mut events = set_runs(state, principal, set.batch, id, runs, at)?;
    events.extend(closing(id, set.runs + runs.len() as u64, more));
    Ok(events)
}

/// Whether one more set may be open.
///
/// # Errors
/// [`Rejection::Limit`].
pub(crate) fn check_open(state: &State) -> Result<(), Rejection> {
    if state.run_sets.len() < OPEN_RUN_SETS_MAX {
        return Ok(());
    }
    Err(Rejection::Limit {
        message: format!(
            "{OPEN_RUN_SETS_MAX} run sets are not finished; close some of them, or cancel them, first"
        ),
    })
}

/// Labels of a set are words for people.
pub(crate) fn check_labels(labels: &[String]) -> Result<(), Rejection> {
    if labels.len() > RUN_SET_LABELS_MAX {
        return Err(Rejection::invalid(
            "labels",
            format!("at most {RUN_SET_LABELS_MAX} labels, not {}", labels.len()),
        ));
    }
    Ok(())
}

fn check_runs(runs: &[Option<String>]) -> Result<(), Rejection> {
    if runs.len() > RUN_SET_RUNS_PER_COMMAND_MAX {
        return Err(Rejection::invalid(
            "runs",
            format!(
                "at most {RUN_SET_RUNS_PER_COMMAND_MAX} runs at a time; add the others with further requests"
            ),
        ));
    }
    Ok(())
}

fn closing(run_set: RunSetId, runs: u64, more: More) -> Option<Event> {
    (more == More::No).then(|| RunSetClosed { run_set, runs }.into())
}

/// No more runs can be made of a batch that is gone: its sets are complete as they are.
pub(crate) fn close(state: &State, id: RunSetId) -> Vec<Event> {
    let set = state.run_sets.get(&id).filter(|set| !set.is_closed);
    set.and_then(|set| closing(id, set.runs, More::No))
        .into_iter()
        .collect()
}

/// The set is finished when it is closed and none of its runs goes on.
pub(crate) fn settle(state: &State, id: RunSetId) -> Vec<Event> {
    let Some(set) = state
        .run_sets
        .get(&id)
        .filter(|set| set.is_closed && set.live == 0)
    else {
        return Vec::new();
    };
    vec![
        RunSetFinished {
            run_set: id,
            batch: set.batch,
            success: set.success,
            failure: set.failure,
            cancelled: set.cancelled,
        }
        .into(),
    ]
}

/// Its runs are cancelled a few at a time.
pub(crate) fn evolve_cancelled(state: &mut State, event: &RunSetCancelled, at: Timestamp) {
    let live = state.batches.get(&event.batch).map(|it| &it.live_runs);
    let is_in_it = |id: &RunId| {
        let run = state.run(*id);
        run.is_some_and(|run| run.run_set == Some(event.run_set))
    };
    let runs: Vec<RunId> = live.into_iter().flatten().copied().collect();
    let runs = runs.into_iter().filter(is_in_it).collect::<Vec<_>>();
    let reason = event.reason.as_deref();
    let reason = reason.unwrap_or("its run set was cancelled");
    stop::cancel_by_and_by(state, runs.into_iter(), reason, at);
}

pub(crate) fn evolve_created(state: &mut State, event: &RunSetCreated) {
    state.last_id = state.last_id.max(event.run_set.0);
    state.batch_sets.insert((event.batch, event.run_set));
    state.run_sets.insert(
        event.run_set,
        RunSet {
            batch: event.batch,
            runs: 0,
            live: 0,
            success: 0,
            failure: 0,
            cancelled: 0,
            is_closed: false,
            backfill: event.backfill.clone().map(|plan| BackfillState {
                plan,
                made: None,
                paused: false,
            }),
        },
    );
}
