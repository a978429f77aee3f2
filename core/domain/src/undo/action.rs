//! What an event did that can be taken back, or why it cannot be.

use super::{Action, Before, NotUndone};
use crate::batch::SavedFrom;
use crate::event::{BatchPaused, BatchSaved, Event, PoolLimited, RunCreated};
use crate::run::RunType;

const BY_ITSELF: &str = "it followed from something else and nobody asked for it: undo the event behind it, \
     which `fasti event list` shows as its `causation_seq`, or give the command that changes it";
const RUNS_STAY: &str = "a run that was told to end cannot be told to go on: \
     start another one, `fasti run rerun ID` takes over what has succeeded";
const REMOVED: &str = "what was removed beside the log is gone: bring it again";
const CONTENT: &str = "contents in the store mean nothing by themselves and go when nothing names them: nothing needs to be undone";
const DIALECT: &str =
    "what an interface keeps for its clients is changed by that interface alone: change it there";
const FLOWS: &str =
    "flows are kept as they were made: edit the set, or cancel or requeue its steps";
const DRAINS: &str =
    "a drain is ended with `fasti runner resume NAME` and made with `fasti runner drain NAME`";
const SERVER: &str = "it is the server's own doing";

/// What an event did, by how it was before.
///
/// # Errors
/// It cannot be taken back; with the reason and what to do instead.
#[expect(clippy::too_many_lines, reason = "one arm an event")]
pub fn action(event: &Event, before: Before) -> Result<Action, NotUndone> {
    let why = match event {
        Event::BatchPaused(event) => return Ok(paused(event, before)),
        Event::BatchResumed(event) => {
            return Ok(Action::ResumedBatch {
                batch: event.batch,
                before: before.pause.ok_or("the batch was not paused before")?,
            });
        }
        Event::BatchSaved(event) => return saved(event, before),
        Event::PoolLimited(event) => return Ok(limited(event, &before)),
        Event::CalendarSaved(event) => {
            return Ok(Action::SavedCalendar {
                name: event.name.clone(),
                version: event.version,
                before: before.calendar,
            });
        }
        Event::CalendarRemoved(event) => {
            return Ok(Action::RemovedCalendar {
                name: event.name.clone(),
                before: before.calendar.ok_or("the calendar is not known")?,
            });
        }
        Event::ImageRegistered(event) => {
            return Ok(Action::RegisteredImage {
                image: Box::new(event.image.clone()),
                before: before.image.map(Box::new),
            });
        }
        Event::ImageRemoved(_) => {
            return Ok(Action::RemovedImage {
                before: Box::new(before.image.ok_or("the image is not known")?),
            });
        }
        Event::RunCreated(event) if is_asked_for(event) => {
            return Ok(Action::CreatedRun { run: event.run });
        }
        Event::RunSetCreated(event) => {
            return Ok(Action::CreatedRunSet {
                run_set: event.run_set,
            });
        }
        Event::RunSetPaused(event) if event.reason.is_none() => {
            return Ok(Action::PausedRunSet {
                run_set: event.run_set,
            });
        }
        Event::RunSetResumed(event) => {
            return Ok(Action::ResumedRunSet {
                run_set: event.run_set,
            });
        }
        Event::RunEndMoved(event) => {
            return Ok(Action::MovedRunEnd {
                run: event.run,
                ends_at: event.ends_at,
                before: before.ends_at,
            });
        }
        Event::BatchDeleted(_) => {
            "a batch that was deleted does not come back under its id: save its definition again, \
             which `fasti batch show ID --as-of SEQ` shows; its runs stay readable"
        }
        Event::RunCancelRequested(_)
        | Event::BatchRunsCancelled(_)
        | Event::RunSetCancelled(_)
        | Event::RunDeadlinePassed(_) => RUNS_STAY,
        Event::RunStarted(_)
        | Event::RunFinished(_)
        | Event::TaskQueued(_)
        | Event::TaskReused(_)
        | Event::TaskSkipped(_)
        | Event::TaskAttemptFailed(_)
        | Event::TaskFinished(_)
        | Event::TaskProgressed(_)
        | Event::AttemptLeased(_)
        | Event::AttemptStarted(_)
        | Event::AttemptFinished(_)
        | Event::AttemptReportedLate(_) => {
            "what a run did cannot be taken back: cancel it with `fasti run cancel ID` if it goes on, \
             or run it again with `fasti run rerun ID`"
        }
        Event::RunSetClosed(_) | Event::RunSetFinished(_) => {
            "a set that is complete takes no more runs: make another one"
        }
        Event::TriggerFired(_) | Event::TriggerHeld(_) | Event::TriggerIgnored(_) => {
            "a message did it, not an operator: cancel the run with `fasti run cancel ID`, \
             or give the batch another schedule"
        }
        Event::ContentsRemoved(_) | Event::BundleRemoved(_) => REMOVED,
        Event::BundleRegistered(_) => CONTENT,
        Event::DocumentSaved(_) | Event::DocumentRemoved(_) => DIALECT,
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
        | Event::StepsRequeued(_) => FLOWS,
        Event::RunnerDrained(_) | Event::RunnerResumed(_) => DRAINS,
        Event::LogCreated(_)
        | Event::ServerStarted(_)
        | Event::RunnerJoined(_)
        | Event::RunnerLost(_)
        | Event::Unknown(_) => SERVER,
        Event::DefinitionAdded(_)
        | Event::SchedulePlanned(_)
        | Event::ScheduleFired(_)
        | Event::ScheduleQueued(_)
        | Event::ScheduleMissed(_)
        | Event::ScheduleSkipped(_)
        | Event::ScheduleSuperseded(_)
        | Event::ScheduleCancelled(_)
        | Event::ScheduleAlerted(_)
        // Nobody asked for these.
        | Event::RunCreated(_)
        | Event::RunSetPaused(_) => BY_ITSELF,
    };
    Err(why.into())
}

/// Whether somebody asked for a run, rather than a schedule, a message, another run or a flow.
fn is_asked_for(run: &RunCreated) -> bool {
    let by_somebody = match run.run_type {
        RunType::Manual | RunType::Rerun | RunType::PartialRerun | RunType::DevRun => true,
        RunType::Scheduled | RunType::RunAfter | RunType::Triggered => false,
    };
    by_somebody && run.step.is_none()
}

fn saved(event: &BatchSaved, before: Before) -> Result<Action, NotUndone> {
    if event.version > 1 && before.definition.is_none() {
        return Err("the definition before it is not known".into());
    }
    Ok(Action::SavedBatch {
        batch: event.batch,
        version: event.version,
        before: before.definition,
    })
}

/// The events of one decision stand next to each other and none of them is the cause of another: whether this one is
/// there for `other`, which is what somebody asked for.
#[must_use]
pub fn leads_to(event: &Event, other: &Event) -> bool {
    match (event, other) {
        (Event::DefinitionAdded(added), Event::BatchSaved(saved)) => {
            added.digest == saved.definition && saved.saved_from == SavedFrom::Save
        }
        (Event::DefinitionAdded(added), Event::RunCreated(run)) => added.digest == run.definition,
        (Event::BatchSaved(saved), Event::RunCreated(run)) => {
            saved.saved_from != SavedFrom::Save && saved.batch == run.batch
        }
        (Event::SchedulePlanned(planned), Event::BatchSaved(saved)) => {
            (planned.batch, planned.version) == (saved.batch, saved.version)
        }
        (Event::RunCreated(run), Event::RunSetCreated(set)) => run.run_set == Some(set.run_set),
        (Event::RunSetClosed(closed), Event::RunSetCreated(set)) => closed.run_set == set.run_set,
        _ => false,
    }
}

fn paused(event: &BatchPaused, before: Before) -> Action {
    Action::PausedBatch {
        batch: event.batch,
        until: event.until,
        before: before.pause,
    }
}

fn limited(event: &PoolLimited, before: &Before) -> Action {
    let former = event.limits.keys().map(|name| {
        let units = before.limits.get(name).copied();
        (name.clone(), units)
    });
    Action::LimitedPool {
        pool: event.pool.clone(),
        limits: event.limits.clone(),
        before: former.collect(),
    }
}
