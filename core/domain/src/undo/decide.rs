//! The inverse of an action, if what it changed is still as it left it.

use super::{Action, Pause, Undo, UndoMode};
use crate::access::Principal;
use crate::calendars::{self, CalendarRecord};
use crate::command::Force;
use crate::decide::{register_image, remove_image};
use crate::event::Event;
use crate::ids::{BatchId, RunId, RunSetId};
use crate::image::Image;
use crate::rejection::Rejection;
use crate::run::stop;
use crate::state::State;
use crate::time::Timestamp;
use crate::{backfill, batch, pool};

/// Why a run that is undone was told to end.
const UNDONE: &str = "the request for it was undone";

pub(crate) fn undo(
    state: &State,
    who: &Principal,
    undo: &Undo,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let asked = Asked {
        state,
        who,
        undo,
        at,
    };
    let events = asked.inverse()?;
    Ok(match undo.mode {
        UndoMode::Try => Vec::new(),
        UndoMode::Do => events,
    })
}

/// Whether an event is part of the inverse of an action, and not of slots that happened to be due.
pub(crate) fn makes(action: &Action, event: &Event) -> bool {
    match action {
        Action::PausedBatch { .. } | Action::ResumedBatch { .. } => {
            matches!(event, Event::BatchPaused(_) | Event::BatchResumed(_))
        }
        Action::SavedBatch { .. } => matches!(
            event,
            Event::DefinitionAdded(_)
                | Event::BatchSaved(_)
                | Event::BatchDeleted(_)
                | Event::SchedulePlanned(_)
        ),
        Action::LimitedPool { .. } => matches!(event, Event::PoolLimited(_)),
        Action::SavedCalendar { .. } | Action::RemovedCalendar { .. } => {
            matches!(event, Event::CalendarSaved(_) | Event::CalendarRemoved(_))
        }
        Action::RegisteredImage { .. } | Action::RemovedImage { .. } => {
            matches!(event, Event::ImageRegistered(_) | Event::ImageRemoved(_))
        }
        Action::CreatedRun { .. } => matches!(event, Event::RunCancelRequested(_)),
        Action::CreatedRunSet { .. } => {
            matches!(event, Event::RunSetClosed(_) | Event::RunSetCancelled(_))
        }
        Action::PausedRunSet { .. } | Action::ResumedRunSet { .. } => {
            matches!(event, Event::RunSetPaused(_) | Event::RunSetResumed(_))
        }
        Action::MovedRunEnd { .. } => matches!(event, Event::RunEndMoved(_)),
    }
}

struct Asked<'a> {
    state: &'a State,
    who: &'a Principal,
    undo: &'a Undo,
    at: Timestamp,
}

impl Asked<'_> {
    fn inverse(&self) -> Result<Vec<Event>, Rejection> {
        let (state, who, at) = (self.state, self.who, self.at);
        match &self.undo.action {
            Action::PausedBatch {
                batch,
                until,
                before,
            } => self.unpause(*batch, *until, before.as_ref()),
            Action::ResumedBatch { batch, before } => {
                self.unchanged(!state.batch(*batch)?.paused)?;
                self.pause(*batch, before)
            }
            Action::SavedBatch {
                batch,
                version,
                before,
            } => {
                self.unchanged(state.batch(*batch)?.version == *version)?;
                match before {
                    Some(before) => batch::save(state, who, before, Some(*version), at),
                    None => batch::delete(state, who, *batch, Force::No, at),
                }
            }
            Action::LimitedPool {
                pool,
                limits,
                before,
            } => {
                let is_as_left =
                    |(name, units): (&String, &Option<u64>)| state.pool_limit(pool, name) == *units;
                self.unchanged(limits.iter().all(is_as_left))?;
                pool::limit(state, who, pool, before)
            }
            Action::SavedCalendar {
                name,
                version,
                before,
            } => self.calendar_as_before(name, *version, before.as_ref()),
            Action::RemovedCalendar { name, before } => self.calendar_again(name, before),
            Action::RegisteredImage { image, before } => {
                self.unchanged(state.images.get(&image.name) == Some(&**image))?;
                match before {
                    Some(before) => self.image_again(before),
                    None => remove_image(state, who, &image.name),
                }
            }
            Action::RemovedImage { before } => {
                self.unchanged(!state.images.contains_key(&before.name))?;
                self.image_again(before)
            }
            Action::CreatedRun { run } => self.unrun(*run),
            Action::CreatedRunSet { run_set } => self.unset(*run_set),
            Action::PausedRunSet { run_set } => {
                self.set_is(*run_set, true)?;
                backfill::resume(state, who, *run_set)
            }
            Action::ResumedRunSet { run_set } => {
                self.set_is(*run_set, false)?;
                backfill::pause(state, who, *run_set)
            }
            Action::MovedRunEnd {
                run,
                ends_at,
                before,
            } => self.end_as_before(*run, *ends_at, *before),
        }
    }

    fn unchanged(&self, is_as_left: bool) -> Result<(), Rejection> {
        if is_as_left {
            return Ok(());
        }
        Err(Rejection::ChangedSince {
            event: self.undo.event,
            later: None,
        })
    }

    fn refuse<T>(&self, why: impl Into<String>) -> Result<T, Rejection> {
        Err(Rejection::NotUndone {
            event: self.undo.event,
            why: why.into(),
        })
    }

    fn unpause(
        &self,
        id: BatchId,
        until: Option<Timestamp>,
        before: Option<&Pause>,
    ) -> Result<Vec<Event>, Rejection> {
        let batch = self.state.batch(id)?;
        self.unchanged(batch.paused && batch.resume_at == until)?;
        match before {
            Some(before) => self.pause(id, before),
            None => batch::resume(self.state, self.who, id, self.at),
        }
    }

    fn pause(&self, id: BatchId, before: &Pause) -> Result<Vec<Event>, Rejection> {
        if let Some(until) = before.until.filter(|until| *until <= self.at) {
            return self.refuse(format!(
                "the pause before it would have ended by itself at {until}: pause or resume the batch as you want it now"
            ));
        }
        let reason = before.reason.as_deref();
        batch::pause(self.state, self.who, id, reason, before.until, self.at)
    }

    fn calendar_as_before(
        &self,
        name: &str,
        version: u32,
        before: Option<&CalendarRecord>,
    ) -> Result<Vec<Event>, Rejection> {
        let (state, who) = (self.state, self.who);
        let found = state.calendar(name).map(|known| known.version);
        self.unchanged(found == Some(version))?;
        match before {
            Some(before) => calendars::save(state, who, name, &before.calendar, self.at),
            None => calendars::remove(state, who, name),
        }
    }

    /// A calendar comes back as its owner's.
    fn calendar_again(&self, name: &str, before: &CalendarRecord) -> Result<Vec<Event>, Rejection> {
        self.unchanged(self.state.calendar(name).is_none())?;
        calendars::check_owner(self.who, name, before)?;
        let mut events = calendars::save(self.state, self.who, name, &before.calendar, self.at)?;
        for event in &mut events {
            if let Event::CalendarSaved(event) = event {
                event.owner.clone_from(&before.owner);
            }
        }
        Ok(events)
    }

    /// An image comes back as its owner's, also when an administrator brings it.
    fn image_again(&self, before: &Image) -> Result<Vec<Event>, Rejection> {
        crate::decide::check_image_owner(self.who, before)?;
        let mut events = register_image(self.state, self.who, before)?;
        for event in &mut events {
            if let Event::ImageRegistered(event) = event {
                event.image.owner.clone_from(&before.owner);
            }
        }
        Ok(events)
    }

    fn unrun(&self, id: RunId) -> Result<Vec<Event>, Rejection> {
        let Some(run) = self.state.run(id) else {
            return self.refuse(format!(
                "the run {id} is over and stays in the log; `fasti run rerun {id}` runs it again"
            ));
        };
        if run.started_at.is_some() {
            return self.refuse(format!(
                "the run {id} has started, and what it did cannot be taken back; `fasti run cancel {id}` ends it"
            ));
        }
        self.unchanged(!run.is_stopping() && run.cancel_at().is_none())?;
        stop::cancel(self.state, self.who, id, Some(UNDONE))
    }

    fn unset(&self, id: RunSetId) -> Result<Vec<Event>, Rejection> {
        let Some(set) = self.state.run_sets.get(&id) else {
            return self.refuse(format!(
                "the run set {id} is finished, and what its runs did cannot be taken back"
            ));
        };
        let live = self.state.batches.get(&set.batch);
        let live = live.into_iter().flat_map(|batch| &batch.live_runs);
        let of_set = live
            .filter_map(|run| self.state.run(*run))
            .filter(|run| run.run_set == Some(id));
        let (mut has_started, mut is_ending) = (set.live < set.runs, false);
        for run in of_set {
            has_started |= run.started_at.is_some();
            is_ending |= run.is_stopping() || run.cancel_at().is_some();
        }
        if has_started {
            return self.refuse(format!(
                "runs of the run set {id} have started, and what they did cannot be taken back; `fasti backfill cancel {id}` (POST /api/v1/run-sets/{id}/cancel) ends the others"
            ));
        }
        self.unchanged(!is_ending)?;
        backfill::cancel(self.state, self.who, id, Some(UNDONE))
    }

    fn set_is(&self, id: RunSetId, paused: bool) -> Result<(), Rejection> {
        let set = self.state.run_sets.get(&id);
        let backfill = set.filter(|set| !set.is_closed);
        let backfill = backfill.and_then(|set| set.backfill.as_ref());
        self.unchanged(backfill.is_some_and(|backfill| backfill.paused == paused))
    }

    fn end_as_before(
        &self,
        id: RunId,
        ends_at: Timestamp,
        before: Option<Timestamp>,
    ) -> Result<Vec<Event>, Rejection> {
        let run = self.state.run(id).filter(|run| !run.is_stopping());
        self.unchanged(run.is_some_and(|run| run.deadline == Some(ends_at)))?;
        match before {
            None => self.refuse(format!(
                "the run {id} had no end before, and an end can be moved, not taken away; move it to a later instant"
            )),
            Some(before) if before <= self.at => self.refuse(format!(
                "the run {id} was to end at {before}, which has passed; move its end to a later instant, or cancel it"
            )),
            Some(before) => stop::move_end(self.state, self.who, id, before, self.at),
        }
    }
}
