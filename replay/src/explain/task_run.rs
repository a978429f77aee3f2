//! Why a task run waits, and why it ended as it did.

use fasti_core::domain::attempt::Lease;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{RunnerId, Seq, TaskRunId};
use fasti_core::domain::run::TaskStatus;
use fasti_core::feed::Feed;
use fasti_projector::Visible;
use fasti_projector::rows::{DrainView, TaskRunView};
use fasti_projector::{Views, ViewsError};

use super::events::Events;
use super::{Cause, Explanation, NAMED_MAX, span};

/// What the views know of a task run at a moment.
pub struct TaskRunFacts {
    as_of: Seq,
    task_run: TaskRunView,
    /// Task runs right before it that have not succeeded, if that keeps it from running.
    before: Vec<TaskRunView>,
    /// Who has what it waits for, as far as that may be told, and how many they are.
    holders: (Vec<TaskRunView>, u64),
    /// Runners that are here and are given nothing new, if it waits for one.
    drained: Vec<(RunnerId, DrainView)>,
}

impl TaskRunFacts {
    /// `None` when there is no such task run.
    ///
    /// # Errors
    /// The views cannot be read.
    pub fn gather(
        views: &Views,
        id: TaskRunId,
        visible: Visible<'_>,
    ) -> Result<Option<Self>, ViewsError> {
        let Some(task_run) = views.task_run(id)? else {
            return Ok(None);
        };
        let is_kept = matches!(task_run.status, TaskStatus::Waiting | TaskStatus::Skipped);
        let most = if is_kept { NAMED_MAX } else { 0 };
        let (mut holders, mut drained) = ((Vec::new(), 0), Vec::new());
        if waits_for_room(&task_run) {
            let pool = views.short_pool(id)?;
            holders = views.holders(pool.as_deref(), visible, NAMED_MAX)?;
            if pool.is_none() {
                let all = views.drained_here().take(NAMED_MAX);
                drained = all.map(|(id, it)| (id.clone(), it.clone())).collect();
            }
        }
        Ok(Some(Self {
            as_of: views.as_of(),
            task_run,
            before: views.upstream_troubles(id, most)?,
            holders,
            drained,
        }))
    }
}

/// Whether everything before it is over, and it has no place to run.
fn waits_for_room(task_run: &TaskRunView) -> bool {
    let last = task_run.attempts.last();
    task_run.status == TaskStatus::Queued
        && task_run.retry_at.is_none()
        && last.is_none_or(|attempt| attempt.finished_at.is_some())
}

/// See the module.
///
/// # Errors
/// The log cannot be read.
pub fn why_task_run(facts: &TaskRunFacts, feed: &Feed) -> Result<Explanation, ViewsError> {
    let task_run = &facts.task_run;
    let (id, events) = (task_run.id, &Events::new(feed, facts.as_of));
    let mut causes = Vec::new();
    if let Some(from) = task_run.reused_from {
        causes.push(Cause::fact(format!(
            "it was not executed: task run {from} of an earlier run serves"
        )));
    }
    causes.extend(queued(task_run, events)?);
    causes.extend(started(task_run, events)?);
    causes.extend(failures(task_run, events)?);
    causes.extend(upstream(&facts.before, events)?);
    causes.extend(held(&facts.holders));
    causes.extend(facts.drained.iter().map(|(id, it)| drain(id, it)));
    if let Some(at) = task_run.finished_at.filter(|_| task_run.status.is_final()) {
        let why = task_run.status_reason.as_ref();
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("it ended in {}{why}", task_run.status.as_str());
        causes.push(events.cause(at, text, |event| ends(event, id))?);
    }
    // What has no time of its own is how things stand.
    causes.sort_by_key(|cause| (cause.at.is_none(), cause.at, cause.seq));
    Ok(Explanation {
        about: format!(
            "`{}` of run {} of `{}`",
            task_run.name, task_run.run_id, task_run.batch_name
        ),
        as_of: facts.as_of,
        answer: answer(task_run),
        causes,
    })
}

fn answer(task_run: &TaskRunView) -> String {
    let why = |otherwise: &str| {
        let reason = task_run
            .status_reason
            .as_deref()
            .or(task_run.queue_reason.as_deref());
        reason.unwrap_or(otherwise).to_owned()
    };
    match task_run.status {
        TaskStatus::Waiting => format!(
            "it has not begun: {}",
            why("something before it is not over")
        ),
        TaskStatus::Queued => format!("it has not begun: {}", why("queued")),
        TaskStatus::Running => "it is running".to_owned(),
        TaskStatus::Success if task_run.reused_from.is_some() => {
            "it succeeded without being executed: an earlier value serves".to_owned()
        }
        TaskStatus::Success => "it succeeded".to_owned(),
        TaskStatus::Failure => format!("it failed: {}", why("its last attempt failed")),
        TaskStatus::Skipped => format!("it was skipped: {}", why("something before it failed")),
        TaskStatus::Cancelled => format!("it was cancelled: {}", why("its run was stopped")),
    }
}

fn queued(task_run: &TaskRunView, events: &Events<'_>) -> Result<Option<Cause>, ViewsError> {
    let Some(at) = task_run.queued_at else {
        return Ok(None);
    };
    let id = task_run.id;
    let is_it =
        move |event: &Event| matches!(event, Event::TaskQueued(it) if it.task_runs.contains(id));
    let is_again = task_run
        .attempts
        .first()
        .is_some_and(|first| first.leased_at < at);
    let text = match is_again {
        true => "it was queued again, for its next attempt",
        false => "it was queued: everything before it had succeeded",
    };
    events.cause(at, text.to_owned(), is_it).map(Some)
}

/// When it was given to runners.
fn started(task_run: &TaskRunView, events: &Events<'_>) -> Result<Vec<Cause>, ViewsError> {
    let id = task_run.id;
    let mut causes = Vec::new();
    for attempt in task_run.attempts.iter().take(NAMED_MAX) {
        let waited = task_run
            .queued_at
            .filter(|at| attempt.number == 1 && *at <= attempt.leased_at);
        let waited =
            waited.map(|at| format!(", {} after it was queued", span(at, attempt.leased_at)));
        let waited = waited.unwrap_or_default();
        let text = format!(
            "attempt {} was given to the runner `{}`{waited}",
            attempt.number, attempt.runner
        );
        let number = attempt.number;
        let is_mine = move |lease: &Lease| lease.task_run == id && lease.number == number;
        let is_it = move |event: &Event| matches!(event, Event::AttemptLeased(it) if it.leases.iter().any(is_mine));
        causes.push(events.cause(attempt.leased_at, text, is_it)?);
    }
    Ok(causes)
}

/// Its failed attempts.
pub(super) fn failures(
    task_run: &TaskRunView,
    events: &Events<'_>,
) -> Result<Vec<Cause>, ViewsError> {
    let id = task_run.id;
    let failed = task_run
        .attempts
        .iter()
        .filter_map(|it| Some((it, it.reason.as_ref()?)));
    let mut causes = Vec::new();
    for (attempt, reason) in failed.take(NAMED_MAX) {
        let is_last = attempt.number == task_run.attempt;
        let next = match (is_last, task_run.retry_at) {
            (false, _) => "; it was tried again".to_owned(),
            (true, Some(at)) => format!("; the next attempt is due at {at}"),
            (true, None) if task_run.status == TaskStatus::Failure => {
                format!("; no tries are left of {}", task_run.max_attempts)
            }
            (true, None) => String::new(),
        };
        let text = format!(
            "attempt {} of `{}` failed: {reason}{next}",
            attempt.number, task_run.name
        );
        let at = attempt.finished_at.unwrap_or(attempt.leased_at);
        let number = attempt.number;
        let is_it = move |event: &Event| matches!(event, Event::TaskAttemptFailed(it) if it.task_run == id && it.number == number);
        causes.push(events.cause(at, text, is_it)?);
    }
    Ok(causes)
}

/// Why what it depends on keeps it from running.
fn upstream(parents: &[TaskRunView], events: &Events<'_>) -> Result<Vec<Cause>, ViewsError> {
    let mut causes = Vec::new();
    for parent in parents {
        match parent.status {
            TaskStatus::Failure => causes.extend(failures(parent, events)?),
            TaskStatus::Running => {
                let since = parent.started_at.map(|at| format!(" since {at}"));
                let since = since.unwrap_or_default();
                causes.push(Cause::fact(format!("`{}` is running{since}", parent.name)));
            }
            TaskStatus::Waiting | TaskStatus::Queued => {
                let reason = parent.queue_reason.as_deref().unwrap_or("not begun");
                causes.push(Cause::fact(format!("`{}`: {reason}", parent.name)));
            }
            TaskStatus::Skipped | TaskStatus::Cancelled => {
                let why = parent.status_reason.as_deref().unwrap_or_default();
                let how = parent.status.as_str();
                causes.push(Cause::fact(format!("`{}` was {how}: {why}", parent.name)));
            }
            TaskStatus::Success => {}
        }
    }
    Ok(causes)
}

/// Who has the slots, or the shares of a pool.
fn held((holders, total): &(Vec<TaskRunView>, u64)) -> Vec<Cause> {
    let told = holders.iter().map(|holder| {
        let last = holder.attempts.last();
        let since = last.map(|it| it.started_at.unwrap_or(it.leased_at));
        let since = since.map(|at| format!(" since {at}")).unwrap_or_default();
        let runner = last.map(|it| format!(" of runner `{}`", it.runner));
        Cause::fact(format!(
            "`{}` of run {} of `{}` has a slot{}{since}",
            holder.name,
            holder.run_id,
            holder.batch_name,
            runner.unwrap_or_default(),
        ))
    });
    let mut causes: Vec<Cause> = told.collect();
    let more = total.saturating_sub(causes.len() as u64);
    if more > 0 {
        causes.push(Cause::fact(format!("and {more} more have slots")));
    }
    causes
}

/// A runner that would have room, were it not drained.
fn drain(runner: &RunnerId, drain: &DrainView) -> Cause {
    let by = &drain.by;
    let why = drain.reason.as_ref();
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let text = format!("the runner `{runner}` was drained by `{by}`{why}; it is given nothing new");
    Cause {
        seq: Some(drain.seq),
        ..Cause::at(drain.since, text)
    }
}

fn ends(event: &Event, id: TaskRunId) -> bool {
    let (finished, skipped) = (
        matches!(event, Event::TaskFinished(it) if it.task_runs.contains(id)),
        matches!(event, Event::TaskSkipped(it) if it.task_runs.contains(id)),
    );
    finished || skipped || matches!(event, Event::TaskReused(it) if it.task_runs.contains(id))
}
