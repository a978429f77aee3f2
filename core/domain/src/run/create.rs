//! A run comes into being: from a saved batch, from a definition as it is given, or as a repetition.

use chrono::{Datelike as _, NaiveDate};

use crate::access::{Principal, check_write};
use crate::batch::{
    SavedFrom, add_definition, check_another, check_contents, check_definition, check_needs,
    saved_event,
};
use crate::command::{CreateRun, Follow, Hashed, RunSource, RunWindow};
use crate::definition::Definition;
use crate::event::{Event, RunCreated, TaskQueued, TaskReused};
use crate::graph::Graph;
use crate::ids::{BatchId, Digest, RunId, RunSetId};
use crate::limits::{LIVE_RUNS_MAX, LIVE_TASK_RUNS_MAX, TASK_RUNS_MAX};
use crate::ranges::TaskRuns;
use crate::rejection::Rejection;
use crate::run::{Reuse, RunType, TaskStatus};
use crate::state::State;
use crate::time::Timestamp;

/// Checks a rundate given from outside.
///
/// # Errors
/// It is no date written `YYYY-MM-DD`.
pub(crate) fn check_rundate(rundate: Option<&str>) -> Result<(), Rejection> {
    let Some(text) = rundate else {
        return Ok(());
    };
    // Reading is lenient about blanks and signs; writing it again is not.
    let is_date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .is_ok_and(|date| date.to_string() == text && text.len() == 10 && date.year() >= 1);
    if is_date {
        return Ok(());
    }
    Err(Rejection::invalid(
        "rundate",
        format!("`{text}` is no date; write it as YYYY-MM-DD, such as 2024-03-31"),
    ))
}

pub(crate) fn create(
    state: &State,
    principal: &Principal,
    command: &CreateRun,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    within(state, principal, command, RunWindow::default(), at)
}

/// A run that starts and ends at given instants.
pub(crate) fn within(
    state: &State,
    principal: &Principal,
    command: &CreateRun,
    window: RunWindow,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    check_rundate(command.rundate.as_deref())?;
    check_window(window, at)?;
    let mut events = Vec::new();
    let mut run = match &command.source {
        RunSource::Saved(batch) => from_saved(state, principal, *batch, at)?,
        RunSource::Given(hashed) => {
            from_given(state, principal, hashed, command.run_type, at, &mut events)?
        }
    };
    check_room(state, 1, u64::from(run.task_runs))?;
    run.run_type = command.run_type;
    run.rundate.clone_from(&command.rundate);
    run.starts_at = window.starts_at.filter(|starts_at| *starts_at > at);
    run.ends_at = window.ends_at;
    run.scheduled_time = run.starts_at.unwrap_or(at);
    if let Some(repeats) = &command.repeats {
        run.original_run = Some(repeats.original);
        run.version = repeats.version;
        run.signal.clone_from(&repeats.signal);
        let id = run.run;
        run.reused = repeats
            .reused
            .iter()
            .filter(|node| node.node < run.task_runs)
            .map(|node| Reuse {
                task_run: id.task_run(node.node),
                ..node.reuse.clone()
            })
            .collect();
    }
    events.push(run.into());
    Ok(events)
}

/// Whether a run could begin before it ends.
fn check_window(window: RunWindow, at: Timestamp) -> Result<(), Rejection> {
    let Some(ends_at) = window.ends_at else {
        return Ok(());
    };
    if window.starts_at.unwrap_or(at).max(at) < ends_at {
        return Ok(());
    }
    Err(Rejection::invalid(
        "ends_at",
        "a run must end after it starts, and later than now",
    ))
}

/// Whether there is room for so many more runs with so many task runs together.
///
/// # Errors
/// [`Rejection::Limit`].
pub(crate) fn check_room(state: &State, runs: usize, task_runs: u64) -> Result<(), Rejection> {
    let reached = if state.runs.len() + runs > LIVE_RUNS_MAX {
        format!("more than {LIVE_RUNS_MAX} runs")
    } else if state.live_task_runs.saturating_add(task_runs) > LIVE_TASK_RUNS_MAX {
        format!("more than {LIVE_TASK_RUNS_MAX} task runs")
    } else {
        return Ok(());
    };
    Err(Rejection::Limit {
        message: format!("{reached} would be alive; try again when some have finished"),
    })
}

/// Runs of so many task runs each that there is still room for.
pub(crate) fn room_for(state: &State, task_runs: u32) -> u64 {
    let runs = LIVE_RUNS_MAX.saturating_sub(state.runs.len()) as u64;
    let left = LIVE_TASK_RUNS_MAX.saturating_sub(state.live_task_runs);
    runs.min(left / u64::from(task_runs.max(1)))
}

/// A run of the present version of a batch; whoever makes several gives each its own id.
pub(crate) fn from_saved(
    state: &State,
    principal: &Principal,
    id: BatchId,
    at: Timestamp,
) -> Result<RunCreated, Rejection> {
    let batch = state.batch(id)?;
    let Some(used) = state.definitions.get(&batch.definition) else {
        return Err(Rejection::UnknownBatch { id });
    };
    let definition = used.graph.definition();
    check_write(principal, "run", definition)?;
    // The rest was checked when it was saved.
    check_needs(state, definition)?;
    let next = RunId(state.last_id + 1);
    let mut run = blank(
        next,
        id,
        definition,
        batch.definition,
        used.graph.node_count(),
        principal,
        at,
    );
    run.version = Some(batch.version);
    Ok(run)
}

fn from_given(
    state: &State,
    principal: &Principal,
    hashed: &Hashed,
    run_type: RunType,
    at: Timestamp,
    events: &mut Vec<Event>,
) -> Result<RunCreated, Rejection> {
    let definition = &hashed.definition;
    let known = state.batch_named(&definition.name, definition.tag);
    let saved = known.and_then(|batch| state.batch_definition(batch));
    let is_again = matches!(run_type, RunType::Rerun | RunType::PartialRerun);
    if is_again {
        check_contents(state, hashed)?;
    } else {
        check_definition(state, hashed)?;
    }
    // Of a batch that is gone, the run that is repeated says whose it is.
    if let Some(saved) = saved.or_else(|| is_again.then(|| &*hashed.definition)) {
        check_write(principal, "run", saved)?;
    }
    add_definition(state, hashed, events);
    let batch = match known {
        Some(batch) => batch.id,
        None => {
            check_another(state)?;
            let saved_from = match run_type {
                RunType::DevRun => SavedFrom::DevRun,
                RunType::Scheduled
                | RunType::Manual
                | RunType::RunAfter
                | RunType::Triggered
                | RunType::Rerun
                | RunType::PartialRerun => SavedFrom::Run,
            };
            let position = state.seq.0 + events.len() as u64 + 1;
            let event = saved_event(state, hashed, saved_from, at, position);
            let batch = event.batch;
            events.push(event.into());
            batch
        }
    };
    let nodes: u64 = definition
        .tasks
        .iter()
        .map(crate::definition::Task::part_count)
        .sum();
    debug_assert!(nodes <= TASK_RUNS_MAX as u64, "checked with the definition");
    let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
    let next = RunId(state.last_id + 1);
    Ok(blank(
        next,
        batch,
        definition,
        hashed.digest,
        nodes,
        principal,
        at,
    ))
}

pub(crate) fn blank(
    run: RunId,
    batch: BatchId,
    definition: &Definition,
    digest: Digest,
    task_runs: u32,
    principal: &Principal,
    at: Timestamp,
) -> RunCreated {
    RunCreated {
        run,
        batch,
        batch_name: definition.name.clone(),
        tag: definition.tag,
        version: None,
        definition: digest,
        task_runs,
        run_type: RunType::Manual,
        scheduled_time: at,
        rundate: None,
        requested_by: principal.user.clone(),
        original_run: None,
        run_set: None,
        reused: Vec::new(),
        fail_after_seconds: definition.fail_after_seconds,
        parent_run: None,
        start_by: None,
        signal: None,
        step: None,
        starts_at: None,
        ends_at: None,
    }
}

/// Runs of one set, one a rundate.
pub(crate) fn set_runs(
    state: &State,
    principal: &Principal,
    batch: BatchId,
    run_set: RunSetId,
    rundates: &[Option<String>],
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    // Made even when no run is: it also checks the right to run the batch.
    let pattern = from_saved(state, principal, batch, at)?;
    let task_runs = rundates.len() as u64 * u64::from(pattern.task_runs);
    check_room(state, rundates.len(), task_runs)?;
    let mut events = Vec::with_capacity(rundates.len());
    // A set made by the same command takes the id before its first run.
    let mut next = state.last_id.max(run_set.0) + 1;
    for (index, rundate) in rundates.iter().enumerate() {
        check_rundate(rundate.as_deref()).map_err(|_| {
            Rejection::invalid(
                format!("runs[{index}].rundate"),
                "write dates as YYYY-MM-DD",
            )
        })?;
        let run = RunCreated {
            run: RunId(next),
            run_set: Some(run_set),
            rundate: rundate.clone(),
            ..pattern.clone()
        };
        next += 1 + u64::from(run.task_runs);
        events.push(run.into());
    }
    Ok(events)
}

/// What a new run begins with: reused task runs count at once, those that wait for nothing are queued. Nothing
/// before the instant that it is to start at.
pub(crate) fn open(state: &State, id: RunId, at: Timestamp) -> Vec<Event> {
    let run = state.runs.get(&id);
    let Some(run) = run.filter(|run| run.starts_at.is_none_or(|starts_at| starts_at <= at)) else {
        return Vec::new();
    };
    let Some(used) = state.definitions.get(&run.definition) else {
        return Vec::new();
    };
    let graph: &Graph = &used.graph;
    let reused = nodes_with(run, TaskStatus::Success);
    let mut events = Vec::new();
    if !reused.is_empty() {
        events.push(
            TaskReused {
                run: id,
                batch: run.batch,
                task_runs: TaskRuns::from_indexes(id, reused),
            }
            .into(),
        );
    }
    let ready = (0..graph.task_count())
        .filter(|&task| run.tasks[task as usize].waits_for == 0)
        .flat_map(|task| graph.nodes(task))
        .filter(|&node| run.nodes[node as usize].status == TaskStatus::Waiting);
    let ready = TaskRuns::from_indexes(id, ready);
    if !ready.is_empty() {
        events.push(
            TaskQueued {
                run: id,
                batch: run.batch,
                task_runs: ready,
            }
            .into(),
        );
    }
    events
}

fn nodes_with(run: &crate::run::Run, status: TaskStatus) -> Vec<u32> {
    (0..run.task_runs())
        .filter(|&node| run.nodes[node as usize].status == status)
        .collect()
}

/// What follows from a new run.
pub(crate) fn react_created(event: &RunCreated) -> Follow {
    Follow::OpenRun { run: event.run }
}
