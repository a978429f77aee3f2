//! What follows by itself: every automatic consequence on one page.

use crate::attempt::{AttemptEnd, Outcome};
use crate::backfill;
use crate::command::{Follow, SettledEnd, SettledKind};
use crate::event::{AttemptFinished, Event, RunFinished};
use crate::ids::{BatchId, RunId};
use crate::ranges::TaskRuns;
use crate::run::create::react_created;
use crate::slots;
use crate::state::State;

/// Commands that an event calls for. They are decided in the same commit and never refused.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one line an event")]
pub fn react(state: &State, event: &Event) -> Vec<Follow> {
    match event {
        Event::RunCreated(event) => vec![react_created(event)],
        Event::AttemptLeased(event) => vec![Follow::BeginRun { run: event.run }],
        Event::AttemptFinished(event) => vec![settle(state, event)],
        Event::TaskReused(event) => vec![advance(event.run, &event.task_runs)],
        Event::TaskFinished(event) => vec![advance(event.run, &event.task_runs)],
        Event::TaskSkipped(event) => vec![advance(event.run, &event.task_runs)],
        Event::RunCancelRequested(event) => vec![Follow::StopRun { run: event.run }],
        Event::RunDeadlinePassed(event) => vec![Follow::StopRun { run: event.run }],
        Event::RunFinished(event) => after_run(state, event),
        Event::BatchResumed(event) => fire_queued(state, event.batch),
        Event::RunSetClosed(event) => vec![Follow::SettleRunSet {
            run_set: event.run_set,
        }],
        Event::RunSetCreated(event) => event
            .backfill
            .is_some()
            .then_some(Follow::FillRunSet {
                run_set: event.run_set,
            })
            .into_iter()
            .collect(),
        Event::RunSetResumed(event) => vec![Follow::FillRunSet {
            run_set: event.run_set,
        }],
        Event::BatchDeleted(event) => clear_batch(state, event.batch),
        Event::RunnerLost(event) => vec![Follow::LoseAttempts {
            runner: event.runner.clone(),
            reason: event.reason.clone(),
        }],
        // Plans of a log whose zones are read by another release may have other slots now.
        Event::ServerStarted(_) => vec![Follow::Replan],
        Event::CalendarSaved(event) => vec![Follow::ReplanCalendar {
            name: event.name.clone(),
        }],
        Event::FlowSetCreated(event) => vec![Follow::FillFlows {
            flow_set: event.flow_set,
        }],
        Event::LogCreated(_)
        // What follows in flows is looked at whenever there is something, see `handle`; sets are filled by timers.
        | Event::StepTypeSaved(_)
        | Event::FlowTypeSaved(_)
        | Event::ItemSetCreated(_)
        | Event::ItemSetExtended(_)
        | Event::FilesRegistered(_)
        | Event::FlowSetEdited(_)
        | Event::FlowsCreated(_)
        | Event::FlowDecided(_)
        | Event::StepFinished(_)
        | Event::StepsCancelled(_)
        | Event::StepsRequeued(_)
        | Event::DefinitionAdded(_)
        | Event::BatchSaved(_)
        | Event::BatchPaused(_)
        | Event::SchedulePlanned(_)
        // Its run is the next event.
        | Event::ScheduleFired(_)
        | Event::ScheduleQueued(_)
        | Event::ScheduleMissed(_)
        | Event::ScheduleSkipped(_)
        | Event::ScheduleSuperseded(_)
        | Event::ScheduleCancelled(_)
        | Event::ScheduleAlerted(_)
        | Event::TriggerFired(_)
        | Event::TriggerHeld(_)
        | Event::TriggerIgnored(_)
        | Event::CalendarRemoved(_)
        | Event::DocumentSaved(_)
        | Event::DocumentRemoved(_)
        | Event::ImageRegistered(_)
        | Event::ImageRemoved(_)
        | Event::BundleRegistered(_)
        | Event::BundleRemoved(_)
        | Event::ContentsRemoved(_)
        | Event::Unknown(_)
        | Event::RunSetPaused(_)
        // Placement follows by itself.
        | Event::PoolLimited(_)
        // Its runs are cancelled by timers, a few at a time.
        | Event::BatchRunsCancelled(_)
        | Event::RunSetCancelled(_)
        | Event::RunSetFinished(_)
        | Event::RunStarted(_)
        | Event::RunEndMoved(_)
        | Event::TaskProgressed(_)
        // Placement follows whenever there is room, see `handle`.
        | Event::TaskQueued(_)
        | Event::TaskAttemptFailed(_)
        | Event::AttemptStarted(_)
        | Event::AttemptReportedLate(_)
        | Event::RunnerJoined(_)
        | Event::RunnerDrained(_)
        | Event::RunnerResumed(_) => Vec::new(),
    }
}

fn advance(run: RunId, ended: &TaskRuns) -> Follow {
    Follow::Advance {
        run,
        ended: ended.clone(),
    }
}

/// What is left of a removed batch: its sets take no more runs. Its runs are cancelled by timers, a few at a time.
fn clear_batch(state: &State, batch: BatchId) -> Vec<Follow> {
    let sets = state.sets_of(batch);
    sets.map(|(id, _)| Follow::CloseRunSet { run_set: id })
        .collect()
}

/// The end of a run: sets may be complete, slots may have waited for it, other batches may run after it.
fn after_run(state: &State, event: &RunFinished) -> Vec<Follow> {
    let mut follows = settle_sets(state, event.batch);
    let sets = state.sets_of(event.batch);
    let filling = sets.filter(|(_, set)| backfill::has_room(set));
    follows.extend(filling.map(|(id, _)| Follow::FillRunSet { run_set: id }));
    follows.extend(fire_queued(state, event.batch));
    follows.extend(event.starts.iter().map(|batch| Follow::StartAfter {
        batch: *batch,
        parent: event.run,
    }));
    follows
}

/// A slot that waits for the runs of its batch gets its chance once none goes on.
fn fire_queued(state: &State, id: BatchId) -> Vec<Follow> {
    let Some(batch) = state.batches.get(&id) else {
        return Vec::new();
    };
    let waits = batch
        .plan
        .as_ref()
        .is_some_and(|plan| !plan.queue.is_empty());
    if !waits || batch.paused || slots::counted_runs(state, batch).next().is_some() {
        return Vec::new();
    }
    vec![Follow::FireQueued { batch: id }]
}

/// Sets of the batch that may now be complete.
fn settle_sets(state: &State, batch: crate::ids::BatchId) -> Vec<Follow> {
    let sets = state.sets_of(batch);
    sets.filter(|(_, set)| set.is_closed && set.live == 0)
        .map(|(id, _)| Follow::SettleRunSet { run_set: id })
        .collect()
}

fn settle(state: &State, event: &AttemptFinished) -> Follow {
    let is_stopping = state
        .run(event.run)
        .is_some_and(crate::run::Run::is_stopping);
    let ends = event
        .ends
        .iter()
        .map(|end| SettledEnd {
            task_run: end.task_run,
            number: end.number,
            end: settled_kind(end, is_stopping),
        })
        .collect();
    Follow::SettleAttempts {
        run: event.run,
        ends,
    }
}

fn settled_kind(end: &AttemptEnd, is_stopping: bool) -> SettledKind {
    let reason = || end.reason().unwrap_or_default();
    match &end.outcome {
        outcome if outcome.is_success() => SettledKind::Success,
        Outcome::Stopped if is_stopping => SettledKind::Stopped,
        // A runner that was told to end everything: not the task's fault.
        Outcome::Stopped => SettledKind::Lost("its runner was stopped".to_owned()),
        Outcome::Lost { .. } => SettledKind::Lost(reason()),
        Outcome::Exited { .. } | Outcome::Signaled { .. } | Outcome::SpawnFailed { .. } => {
            SettledKind::Failure(end.outcome.clone(), reason())
        }
        Outcome::TimedOut { .. } => SettledKind::TimedOut(reason()),
    }
}
