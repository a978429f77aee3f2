//! Batches that start when a run of another one ends.

use std::collections::BTreeSet;

use crate::access::Principal;
use crate::batch::bounded;
use crate::definition::{Definition, EndCondition, Tag};
use crate::event::{Event, RunCreated};
use crate::ids::{BatchId, RunId};
use crate::rejection::Rejection;
use crate::run::{Run, RunStatus, RunType, Stop, create};
use crate::schedule::RunAfter;
use crate::slots::passed::Passed;
use crate::state::State;
use crate::time::Timestamp;

/// The batch that a definition runs after.
///
/// # Errors
/// It does not exist under the same tag: a misspelt name would wait for ever.
pub(crate) fn target_of(
    state: &State,
    definition: &Definition,
) -> Result<Option<BatchId>, Rejection> {
    let Some(after) = &definition.schedule.run_after else {
        return Ok(None);
    };
    let found = find(state, after, definition.tag);
    found
        .map(Some)
        .ok_or_else(|| missing(after, definition.tag))
}

fn find(state: &State, after: &RunAfter, tag: Tag) -> Option<BatchId> {
    match (&after.job_name, after.job_uuid) {
        (Some(name), _) => state.batch_named(name, tag).map(|batch| batch.id),
        (None, Some(id)) => {
            let batch = state.batches.get(&id)?;
            (batch.tag == tag).then_some(id)
        }
        (None, None) => None,
    }
}

fn missing(after: &RunAfter, tag: Tag) -> Rejection {
    let what = match (&after.job_name, after.job_uuid) {
        (Some(name), _) => format!("`{name}`"),
        (None, Some(id)) => format!("with the id {id}"),
        (None, None) => "without a name".to_owned(),
    };
    let tag = tag.as_str();
    Rejection::invalid(
        field_of(after),
        format!("there is no batch {what} under the tag {tag}; save that batch first"),
    )
}

/// The field that names the batch to run after.
fn field_of(after: &RunAfter) -> &'static str {
    match (&after.job_name, after.job_uuid) {
        (None, Some(_)) => "schedule.run_after_job_uuid",
        (_, _) => "schedule.run_after_job_name",
    }
}

/// Refuses links that lead from the target back to the batch.
///
/// # Errors
/// They do.
pub(crate) fn check_target(
    state: &State,
    batch: Option<BatchId>,
    (after, target): (&RunAfter, BatchId),
) -> Result<(), Rejection> {
    let mut seen = BTreeSet::new();
    let mut step = Some(target);
    while let Some(id) = step.filter(|id| seen.insert(*id)) {
        if Some(id) == batch {
            return Err(Rejection::invalid(
                field_of(after),
                "the batch would run after itself, by way of the batches it runs after",
            ));
        }
        step = state.batches.get(&id).and_then(|batch| batch.runs_after);
    }
    Ok(())
}

/// Batches that the end of a run starts.
pub(crate) fn children_of(state: &State, run: &Run, status: RunStatus) -> Vec<BatchId> {
    if run.run_type == RunType::DevRun {
        return Vec::new();
    }
    let Some(followers) = state.followers.get(&run.batch) else {
        return Vec::new();
    };
    let offered = offered(state, run, status);
    let wants = |id: &&BatchId| {
        let definition = state
            .batches
            .get(*id)
            .and_then(|batch| state.batch_definition(batch));
        let after = definition.and_then(|it| it.schedule.run_after.as_ref());
        after.is_some_and(|after| offered.contains(&after.condition))
    };
    followers.iter().filter(wants).copied().collect()
}

/// Conditions that an end fulfils. One by timeout has those that its definition chose.
fn offered(state: &State, run: &Run, status: RunStatus) -> Vec<EndCondition> {
    use EndCondition::{Always, OnFailure, OnSuccess};
    if matches!(run.stop, Some(Stop::Deadline)) && status == RunStatus::Failure {
        let used = state.definitions.get(&run.definition);
        let chosen = used.map(|used| used.graph.definition().fail_after_run_children);
        return match chosen.unwrap_or_default() {
            OnSuccess => vec![Always],
            OnFailure => vec![OnFailure, Always],
            Always => vec![OnSuccess, OnFailure, Always],
        };
    }
    match status {
        RunStatus::Success => vec![OnSuccess, Always],
        RunStatus::Failure => vec![OnFailure, Always],
        RunStatus::Cancelled => vec![Always],
        RunStatus::Queued | RunStatus::Running => Vec::new(),
    }
}

/// Starts a batch because a run of the one it runs after ended.
pub(crate) fn start_after(state: &State, id: BatchId, parent: RunId, at: Timestamp) -> Vec<Event> {
    let Some(batch) = state.batches.get(&id) else {
        return Vec::new();
    };
    let skipped = |reason: String| {
        let next = batch.plan.as_ref().and_then(|plan| plan.next);
        vec![Passed::one(batch, at).skipped(reason, next)]
    };
    if batch.paused {
        return skipped(format!("run {parent} ended while its batch was paused"));
    }
    match created(state, id, parent, at) {
        Ok(run) => vec![run.into()],
        Err(rejection) => skipped(bounded(&format!(
            "run {parent} ended, but its batch could not run: {rejection}"
        ))),
    }
}

fn created(
    state: &State,
    id: BatchId,
    parent: RunId,
    at: Timestamp,
) -> Result<RunCreated, Rejection> {
    let run = create::from_saved(state, &Principal::system(), id, at)?;
    create::check_room(state, 1, u64::from(run.task_runs))?;
    Ok(RunCreated {
        run_type: RunType::RunAfter,
        parent_run: Some(parent),
        ..run
    })
}
