//! Why there is a run, why it waits, and why it ended as it did.

use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{RunId, Seq};
use fasti_core::domain::run::{RunStatus, RunType, TaskStatus};
use fasti_core::feed::Feed;
use fasti_projector::rows::{RunView, TaskRunView};
use fasti_projector::{Views, ViewsError};

use super::events::Events;
use super::{Cause, Explanation, NAMED_MAX, span};

/// Task runs looked at of a run.
const LOOKED_AT_MAX: usize = 1_000;

/// What the views know of a run at a moment.
pub struct RunFacts {
    as_of: Seq,
    run: RunView,
    task_runs: Vec<TaskRunView>,
}

impl RunFacts {
    /// `None` when there is no such run.
    ///
    /// # Errors
    /// The views cannot be read.
    pub fn gather(views: &Views, id: RunId) -> Result<Option<Self>, ViewsError> {
        let Some(run) = views.run(id)? else {
            return Ok(None);
        };
        let page = views.task_runs(id, None, LOOKED_AT_MAX)?;
        Ok(Some(Self {
            as_of: views.as_of(),
            run,
            task_runs: page.map(|page| page.items).unwrap_or_default(),
        }))
    }
}

/// See the module.
///
/// # Errors
/// The log cannot be read.
pub fn why_run(facts: &RunFacts, feed: &Feed) -> Result<Explanation, ViewsError> {
    let RunFacts {
        as_of,
        run,
        task_runs,
    } = facts;
    let events = &Events::new(feed, *as_of);
    let mut causes = vec![origin(run, events)?];
    causes.extend(beginning(run, events)?);
    causes.extend(troubles(task_runs, events)?);
    if !run.status.is_final() {
        causes.extend(blocked(task_runs));
    }
    if let Some(at) = run.cancel_requested_at {
        causes.push(cancellation(run, at, events)?);
    }
    if let (Some(seq), Some(at)) = (run.finished_seq, run.finished_at) {
        let how = run.status.as_str();
        let why = run.status_reason.as_ref();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        causes.push(Cause {
            seq: Some(seq),
            ..Cause::at(at, format!("it ended in {how}{why}"))
        });
    }
    Ok(Explanation {
        about: format!("run {} of `{}`", run.id, run.batch_name),
        as_of: *as_of,
        answer: answer(run, task_runs),
        causes,
    })
}

fn answer(run: &RunView, task_runs: &[TaskRunView]) -> String {
    let why = run.status_reason.as_deref();
    match run.status {
        RunStatus::Success => "it succeeded: all of its tasks did".to_owned(),
        RunStatus::Failure => format!("it failed: {}", why.unwrap_or("a task failed")),
        RunStatus::Cancelled => format!("it was cancelled: {}", why.unwrap_or("somebody asked")),
        RunStatus::Queued => format!("it has not begun: {}", first_block(task_runs)),
        RunStatus::Running if run.cancel_requested_at.is_some() => {
            "it is being stopped: its processes are still ending".to_owned()
        }
        RunStatus::Running => {
            let running = task_runs
                .iter()
                .filter(|it| it.status == TaskStatus::Running);
            match running.count() {
                0 => format!(
                    "it goes on, with nothing running: {}",
                    first_block(task_runs)
                ),
                1 => "it goes on: a task is running".to_owned(),
                count => format!("it goes on: {count} tasks are running"),
            }
        }
    }
}

fn first_block(task_runs: &[TaskRunView]) -> String {
    let mut queued = task_runs
        .iter()
        .filter(|it| it.status == TaskStatus::Queued);
    let first = queued
        .next()
        .or(task_runs.iter().find(|it| !it.status.is_final()));
    let reason = first.and_then(|it| Some(format!("`{}`: {}", it.name, it.queue_reason.as_ref()?)));
    reason.unwrap_or_else(|| "nothing has been given to a runner yet".to_owned())
}

/// What made the run.
fn origin(run: &RunView, events: &Events<'_>) -> Result<Cause, ViewsError> {
    let version = match run.version {
        Some(version) => format!("version {version}"),
        None => "a definition that was not saved".to_owned(),
    };
    let by = &run.requested_by;
    let late = span(run.scheduled_time, run.created_at);
    let (slot, trigger) = (scheduled_by(run, events)?, run.signal.as_ref());
    let text = match (run.run_type, slot) {
        (RunType::Scheduled, Some(slot)) => format!(
            "it was made of {version} for the slot {slot} of its schedule, {late} after it was due"
        ),
        (RunType::Scheduled, None) => {
            format!("it was made of {version} by its schedule, {late} after it was due")
        }
        (RunType::RunAfter, _) => match run.parent_run {
            Some(parent) => format!("it was made of {version} because run {parent} ended"),
            None => format!("it was made of {version} because a run of another batch ended"),
        },
        (RunType::Triggered, _) => match trigger {
            Some(signal) => format!(
                "it was made of {version} by the signal `{}` for the trigger `{}`",
                signal.id, signal.trigger
            ),
            None => format!("it was made of {version} by a signal"),
        },
        (RunType::Rerun | RunType::PartialRerun, _) => {
            let original = run.original_run.map(|it| format!(" of run {it}"));
            let original = original.unwrap_or_default();
            format!("{by} asked for it, as a repetition{original} with {version}")
        }
        (RunType::DevRun, _) => format!("{by} started it while working on the code"),
        (RunType::Manual, _) => match run.run_set {
            Some(set) => format!("it was made of {version} in run set {set}, for {by}"),
            None => format!("{by} asked for it, of {version}"),
        },
    };
    Ok(Cause {
        seq: Some(run.created_seq),
        ..Cause::at(run.created_at, text)
    })
}

/// The slot that it is for: recorded just before it.
fn scheduled_by(run: &RunView, events: &Events<'_>) -> Result<Option<String>, ViewsError> {
    let before = Seq(run.created_seq.0.saturating_sub(1));
    let Some(entry) = events.get(before)? else {
        return Ok(None);
    };
    let Event::ScheduleFired(fired) = &entry.recorded.event else {
        return Ok(None);
    };
    Ok((fired.run == run.id).then(|| fired.slot.to_string()))
}
/// How long it waited for its first runner.
fn beginning(run: &RunView, events: &Events<'_>) -> Result<Option<Cause>, ViewsError> {
    let Some(at) = run.started_at else {
        return Ok(None);
    };
    let waited = span(run.created_at, at);
    let text = format!("its first attempt was given to a runner, {waited} after it was made");
    let id = run.id;
    let is_it = move |event: &Event| matches!(event, Event::RunStarted(it) if it.run == id);
    events.cause(at, text, is_it).map(Some)
}

/// Task runs that failed, were tried again or skipped.
fn troubles(task_runs: &[TaskRunView], events: &Events<'_>) -> Result<Vec<Cause>, ViewsError> {
    let mut causes = Vec::new();
    let in_trouble = |it: &&TaskRunView| {
        it.status == TaskStatus::Failure || it.attempts.iter().any(|try_| try_.reason.is_some())
    };
    let troubled: Vec<_> = task_runs.iter().filter(in_trouble).collect();
    for task_run in troubled.iter().take(NAMED_MAX) {
        causes.extend(super::task_run::failures(task_run, events)?);
    }
    if troubled.len() > NAMED_MAX {
        let more = troubled.len() - NAMED_MAX;
        causes.push(Cause::fact(format!(
            "{more} more tasks had failed attempts"
        )));
    }
    causes.sort_by_key(|cause| cause.at);
    let skipped = task_runs
        .iter()
        .filter(|it| it.status == TaskStatus::Skipped);
    let skipped: Vec<_> = skipped.collect();
    if let Some(first) = skipped.first() {
        let why = first
            .status_reason
            .as_deref()
            .unwrap_or("something before it failed");
        causes.push(Cause::fact(match skipped.len() {
            1 => format!("`{}` was skipped: {why}", first.name),
            count => format!(
                "{count} tasks were skipped, the first `{}`: {why}",
                first.name
            ),
        }));
    }
    Ok(causes)
}

/// What the task runs that are not over wait for.
fn blocked(task_runs: &[TaskRunView]) -> Vec<Cause> {
    let reason = |it: &TaskRunView| Some((it.name.clone(), it.queued_at, it.queue_reason.clone()?));
    let waiting: Vec<_> = task_runs.iter().filter_map(reason).collect();
    let mut causes: Vec<Cause> = waiting
        .iter()
        .take(NAMED_MAX)
        .map(|(name, at, reason)| Cause {
            seq: None,
            at: *at,
            text: format!("`{name}`: {reason}"),
        })
        .collect();
    if waiting.len() > NAMED_MAX {
        let more = waiting.len() - NAMED_MAX;
        causes.push(Cause::fact(format!("{more} more tasks wait")));
    }
    causes
}

fn cancellation(
    run: &RunView,
    at: fasti_core::domain::time::Timestamp,
    events: &Events<'_>,
) -> Result<Cause, ViewsError> {
    let id = run.id;
    let is_it = move |event: &Event| matches!(event, Event::RunCancelRequested(it) if it.run == id);
    let Some(entry) = events.near(at, is_it)? else {
        return Ok(Cause::at(at, "it was to be stopped".to_owned()));
    };
    let actor = &entry.recorded.actor;
    let who = actor.strip_prefix("user:").unwrap_or(actor);
    let why = if let Event::RunCancelRequested(event) = &entry.recorded.event {
        event.reason.as_deref()
    } else {
        None
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Ok(Cause {
        seq: Some(entry.seq()),
        ..Cause::at(at, format!("{who} asked for its end{why}"))
    })
}
