//! Which part of the views an event changes.

use fasti_core::domain::event::Event;
use fasti_core::feed::Entry;

use super::slots::closed;
use super::{Model, Outbox};

impl Model {
    /// Applies one event. Those that were applied before are passed over.
    #[expect(clippy::too_many_lines, reason = "one line an event")]
    pub(crate) fn apply(&mut self, entry: &Entry, out: &mut Outbox) {
        let recorded = &entry.recorded;
        if recorded.seq <= self.seq {
            return;
        }
        let at = recorded.at;
        match &recorded.event {
            Event::LogCreated(event) => self.log_id = Some(event.log_id),
            Event::ServerStarted(event) => self.server_started(event, recorded),
            Event::DefinitionAdded(event) => self.definition_added(event, out),
            Event::BatchSaved(event) => self.batch_saved(event, recorded, out),
            Event::BatchPaused(event) => self.batch_paused(event, at),
            Event::BatchResumed(event) => self.batch_resumed(event.batch, at),
            Event::BatchDeleted(event) => self.batch_deleted(event, at),
            Event::SchedulePlanned(event) => self.slots_planned(event),
            Event::ScheduleFired(event) => self.slot_fired(event, recorded, out),
            Event::ScheduleQueued(event) => self.slot_queued(event),
            Event::ScheduleMissed(event) => {
                self.slots_closed(&closed!(Missed, event), recorded, out);
            }
            Event::ScheduleSkipped(event) => {
                self.slots_closed(&closed!(Skipped, event), recorded, out);
            }
            Event::ScheduleSuperseded(event) => {
                self.slots_closed(&closed!(Superseded, event), recorded, out);
            }
            Event::ScheduleCancelled(event) => {
                self.slots_closed(&closed!(Cancelled, event), recorded, out);
            }
            Event::ScheduleAlerted(event) => self.slots_alerted(event, recorded, out),
            // They are read as events; what comes of them is in the run.
            Event::TriggerFired(_) | Event::TriggerHeld(_) | Event::TriggerIgnored(_) => {}
            Event::CalendarSaved(event) => self.calendar_saved(event),
            Event::CalendarRemoved(event) => drop(self.calendars.remove(&event.name)),
            Event::DocumentSaved(event) => self.document_saved(event, recorded),
            Event::DocumentRemoved(event) => self.document_removed(event),
            Event::ImageRegistered(event) => self.image_registered(event, at),
            Event::ImageRemoved(event) => drop(self.images.remove(&event.name)),
            Event::BundleRegistered(event) => drop(self.bundles.insert(event.digest, event.size)),
            Event::BundleRemoved(event) => drop(self.bundles.remove(&event.digest)),
            Event::ContentsRemoved(event) => self.contents_removed(event, at),
            Event::Unknown(_) => self.unknown_events += 1,
            Event::RunSetCreated(event) => self.run_set_created(event, recorded),
            Event::RunSetPaused(event) => self.run_set_paused(event),
            Event::RunSetResumed(event) => self.run_set_resumed(event.run_set),
            // What comes of it is in the events that follow.
            Event::RunSetCancelled(_) => {}
            Event::RunSetClosed(event) => self.run_set_closed(event),
            Event::RunSetFinished(event) => self.run_set_finished(event, at, out),
            // Below, with everything else that flows follow.
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
            Event::RunCreated(event) => self.run_created(event, recorded),
            Event::RunStarted(event) => self.run_started(event, at),
            Event::RunCancelRequested(event) => self.run_cancel_requested(event, at),
            Event::RunEndMoved(event) => self.run_end_moved(event),
            Event::RunDeadlinePassed(event) => self.run_deadline_passed(event, at),
            // What comes of it is in the events that follow.
            Event::BatchRunsCancelled(_) => {}
            Event::PoolLimited(event) => self.pool_limited(event, recorded),
            Event::RunFinished(event) => self.run_finished(event, recorded, out),
            Event::TaskQueued(event) => self.tasks_queued(event, at),
            // Reused task runs ended when their run was made.
            Event::TaskReused(_) => {}
            Event::TaskSkipped(event) => self.tasks_skipped(event, at),
            Event::TaskAttemptFailed(event) => self.attempt_failed(event),
            Event::TaskFinished(event) => self.tasks_finished(event, at),
            Event::AttemptLeased(event) => self.attempts_leased(event, at),
            Event::AttemptStarted(event) => self.attempts_started(event),
            Event::TaskProgressed(event) => self.tasks_progressed(event, at),
            Event::AttemptFinished(event) => self.attempts_finished(event),
            Event::AttemptReportedLate(_) => self.late_reports += 1,
            Event::RunnerJoined(event) => self.runner_joined(event, at),
            Event::RunnerLost(event) => self.runner_lost(event, at),
            Event::RunnerDrained(event) => self.runner_drained(event, recorded),
            Event::RunnerResumed(event) => drop(self.drains.remove(&event.runner)),
        }
        self.flows.apply(recorded);
        self.seq = recorded.seq;
        self.at = at;
        self.hash = entry.hash;
    }
}
