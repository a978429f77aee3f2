//! An event changes the state. The only code that does; live operation, restart and audit all call it. It
//! never fails and never decides.

use std::sync::Arc;

use crate::command::Subject;
use crate::event::{DefinitionAdded, Event, ImageRegistered, Recorded, RunCreated};
use crate::graph::Graph;
use crate::limits::{KEY_KEPT_US, KEYS_MAX};
use crate::state::{State, Timer, UsedDefinition, UsedKey};
use crate::{
    backfill, batch, calendars, documents, drain, placement, pool, run, run_set, slots, trigger,
};

/// Applies one event.
#[expect(clippy::too_many_lines, reason = "one line an event")]
pub fn evolve(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::LogCreated(event) => {
            state.log_id = Some(event.log_id);
            state.seed = event.seed;
        }
        Event::ServerStarted(event) => {
            state.settings = event.settings.clone();
            state.started_at = at;
        }
        Event::DefinitionAdded(event) => add_definition(state, event),
        Event::BatchSaved(event) => batch::evolve_saved(state, event),
        Event::BatchPaused(event) => slots::paused(state, event),
        Event::BatchResumed(event) => slots::resumed(state, event),
        Event::BatchDeleted(event) => batch::evolve_deleted(state, event, at),
        Event::SchedulePlanned(event) => slots::planned(state, event),
        Event::ScheduleFired(event) => slots::fired(state, event),
        Event::ScheduleQueued(event) => slots::queued(state, event),
        Event::ScheduleMissed(event) => slots::missed(state, event),
        Event::ScheduleSkipped(event) => slots::skipped(state, event),
        Event::ScheduleSuperseded(event) => slots::superseded(state, event),
        Event::ScheduleCancelled(event) => slots::cancelled(state, event),
        Event::TriggerFired(event) => trigger::fired(state, event),
        Event::TriggerHeld(event) => trigger::held(state, event),
        Event::TriggerIgnored(event) => trigger::ignored(state, event),
        // What becomes of the slots is told by a later event.
        Event::ScheduleAlerted(_) => {}
        Event::CalendarSaved(event) => calendars::saved(state, event),
        Event::CalendarRemoved(event) => calendars::removed(state, event),
        Event::DocumentSaved(event) => documents::saved(state, event),
        Event::DocumentRemoved(event) => documents::removed(state, event),
        Event::ImageRegistered(event) => add_image(state, event),
        Event::ImageRemoved(event) => drop(state.images.remove(&event.name)),
        Event::BundleRegistered(event) => drop(state.bundles.insert(event.digest, event.size)),
        Event::BundleRemoved(event) => drop(state.bundles.remove(&event.digest)),
        // What is removed beside the log decides nothing; what is not known may be passed over.
        Event::ContentsRemoved(_) | Event::Unknown(_) => {}
        Event::RunSetCreated(event) => run_set::evolve_created(state, event),
        Event::RunSetClosed(event) => {
            if let Some(set) = state.run_sets.get_mut(&event.run_set) {
                set.is_closed = true;
            }
        }
        Event::RunSetPaused(event) => backfill::set_paused(state, event.run_set, true),
        Event::RunSetResumed(event) => backfill::set_paused(state, event.run_set, false),
        Event::RunSetCancelled(event) => run_set::evolve_cancelled(state, event, at),
        Event::RunSetFinished(event) => {
            state.run_sets.remove(&event.run_set);
            state.batch_sets.remove(&(event.batch, event.run_set));
        }
        // Applied with everything else that flows follow, below.
        Event::StepTypeSaved(_)
        | Event::FlowTypeSaved(_)
        | Event::ItemSetCreated(_)
        | Event::ItemSetExtended(_)
        | Event::FilesRegistered(_)
        | Event::FlowSetCreated(_)
        | Event::FlowSetEdited(_)
        | Event::FlowsCreated(_)
        | Event::FlowDecided(_)
        | Event::StepFinished(_)
        | Event::StepsCancelled(_)
        | Event::StepsRequeued(_) => {}
        Event::RunCreated(event) => run::apply::created(state, event),
        Event::RunStarted(event) => run::apply::started(state, event, at),
        Event::RunEndMoved(event) => run::apply::end_moved(state, event),
        Event::RunCancelRequested(event) => run::apply::cancel_requested(state, event),
        Event::RunDeadlinePassed(event) => run::apply::deadline_passed(state, event),
        Event::BatchRunsCancelled(event) => run::stop::evolve_cancelled_of_batch(state, event, at),
        Event::PoolLimited(event) => pool::evolve_limited(state, event),
        Event::RunFinished(event) => run::apply::finished(state, event),
        Event::TaskQueued(event) => run::apply::queued(state, event),
        // The reused task runs ended when their run was created.
        Event::TaskReused(_) => {}
        Event::TaskSkipped(event) => run::apply::tasks_skipped(state, event),
        Event::TaskAttemptFailed(event) => run::apply::attempt_failed(state, event),
        Event::TaskFinished(event) => run::apply::tasks_finished(state, event),
        Event::AttemptLeased(event) => run::apply::leased(state, event, at),
        Event::AttemptStarted(event) => run::apply::attempts_started(state, event),
        Event::AttemptFinished(event) => run::apply::attempts_finished(state, event),
        // How far a task run is decides nothing: it is for the views.
        Event::TaskProgressed(_) | Event::AttemptReportedLate(_) => {}
        Event::RunnerJoined(event) => placement::evolve_joined(state, event),
        Event::RunnerLost(event) => placement::evolve_lost(state, event),
        Event::RunnerDrained(event) => drain::evolve_drained(state, event),
        Event::RunnerResumed(event) => drain::evolve_resumed(state, event),
    }
    flows(state, recorded);
    state.seq = recorded.seq;
    state.at = state.at.max(at);
    remember_key(state, recorded);
}

/// What flows follow of an event; what of it concerns the rest of the state.
fn flows(state: &mut State, recorded: &Recorded) {
    let set = if let Event::FlowsCreated(event) = &recorded.event {
        event.flow_set
    } else {
        None
    };
    let fill_at = |state: &State| set.and_then(|id| state.flows.set(id)?.fill_at);
    if let Some((at, id)) = fill_at(state).zip(set) {
        state.timers.remove(&(at, Timer::FillFlows(id)));
    }
    state.flows.apply(recorded);
    if let Some((at, id)) = fill_at(state).zip(set) {
        state.timers.insert((at, Timer::FillFlows(id)));
    }
    // A step type needs its definitions as long as it is there: old revisions run too.
    if let Event::StepTypeSaved(event) = &recorded.event
        && let Some(revision) = &event.revision
    {
        state.use_definition(revision.definition);
    }
}

fn add_image(state: &mut State, event: &ImageRegistered) {
    let image = event.image.clone();
    state.images.insert(image.name.clone(), image);
}

/// A definition that does not make a graph cannot have been decided; it would be left out.
fn add_definition(state: &mut State, event: &DefinitionAdded) {
    if let Ok(graph) = Graph::new(event.definition.clone()) {
        let used = UsedDefinition {
            graph: Arc::new(graph),
            uses: 0,
        };
        state.definitions.entry(event.digest).or_insert(used);
    }
}

fn remember_key(state: &mut State, recorded: &Recorded) {
    let Some(used) = &recorded.key else {
        return;
    };
    let id = (recorded.actor.clone(), used.key.clone());
    let entry = UsedKey {
        fingerprint: used.fingerprint.clone(),
        seq: recorded.seq,
        at: recorded.at,
        subject: subject(&recorded.event),
    };
    state.keys.insert(id.clone(), entry);
    state.keys_by_age.push_back((recorded.at, id));
    let oldest_kept = recorded.at.plus_us(-KEY_KEPT_US);
    while let Some((at, _)) = state.keys_by_age.front() {
        if *at >= oldest_kept && state.keys_by_age.len() <= KEYS_MAX {
            break;
        }
        if let Some((_, id)) = state.keys_by_age.pop_front() {
            state.keys.remove(&id);
        }
    }
}

/// A run, or the set that it was made for.
fn of_run(event: &RunCreated) -> Subject {
    let run = Subject::Run(event.run);
    event.run_set.map_or(run, Subject::RunSet)
}

/// What an event made, as far as a receipt names it.
#[must_use]
#[expect(clippy::too_many_lines, reason = "one line an event")]
pub fn subject(event: &Event) -> Subject {
    match event {
        Event::BatchSaved(event) => Subject::Batch {
            batch: event.batch,
            version: event.version,
        },
        Event::RunCreated(event) => of_run(event),
        Event::RunCancelRequested(event) => Subject::Run(event.run),
        Event::RunEndMoved(event) => Subject::Run(event.run),
        Event::RunSetCreated(event) => Subject::RunSet(event.run_set),
        Event::RunSetPaused(event) => Subject::RunSet(event.run_set),
        Event::RunSetResumed(event) => Subject::RunSet(event.run_set),
        Event::RunSetClosed(event) => Subject::RunSet(event.run_set),
        Event::ImageRegistered(event) => Subject::Image(event.image.name.clone()),
        Event::ImageRemoved(event) => Subject::Image(event.name.clone()),
        Event::BundleRegistered(event) => Subject::Bundle(event.digest),
        Event::FlowSetCreated(event) => Subject::Flow(event.flow_set),
        Event::ItemSetCreated(event) => Subject::Flow(event.item_set),
        Event::ItemSetExtended(event) => Subject::Flow(event.first),
        Event::FilesRegistered(event) => Subject::Flow(event.first),
        Event::TriggerHeld(event) => Subject::Held(event.due),
        Event::TriggerIgnored(event) => Subject::Ignored(event.reason.clone()),
        Event::LogCreated(_)
        | Event::ServerStarted(_)
        | Event::BundleRemoved(_)
        | Event::StepTypeSaved(_)
        | Event::FlowTypeSaved(_)
        | Event::FlowSetEdited(_)
        | Event::FlowsCreated(_)
        | Event::FlowDecided(_)
        | Event::StepFinished(_)
        | Event::StepsCancelled(_)
        | Event::StepsRequeued(_)
        | Event::ContentsRemoved(_)
        | Event::Unknown(_)
        | Event::DefinitionAdded(_)
        | Event::BatchPaused(_)
        | Event::BatchResumed(_)
        | Event::BatchDeleted(_)
        | Event::SchedulePlanned(_)
        | Event::ScheduleFired(_)
        | Event::ScheduleQueued(_)
        | Event::ScheduleMissed(_)
        | Event::ScheduleSkipped(_)
        | Event::ScheduleSuperseded(_)
        | Event::ScheduleCancelled(_)
        | Event::ScheduleAlerted(_)
        | Event::TriggerFired(_)
        | Event::CalendarSaved(_)
        | Event::CalendarRemoved(_)
        | Event::DocumentSaved(_)
        | Event::DocumentRemoved(_)
        | Event::RunSetFinished(_)
        | Event::RunSetCancelled(_)
        | Event::RunStarted(_)
        | Event::TaskProgressed(_)
        | Event::RunDeadlinePassed(_)
        | Event::BatchRunsCancelled(_)
        | Event::PoolLimited(_)
        | Event::RunFinished(_)
        | Event::TaskQueued(_)
        | Event::TaskReused(_)
        | Event::TaskSkipped(_)
        | Event::TaskAttemptFailed(_)
        | Event::TaskFinished(_)
        | Event::AttemptLeased(_)
        | Event::AttemptStarted(_)
        | Event::AttemptFinished(_)
        | Event::AttemptReportedLate(_)
        | Event::RunnerJoined(_)
        | Event::RunnerLost(_)
        | Event::RunnerDrained(_)
        | Event::RunnerResumed(_) => Subject::None,
    }
}
