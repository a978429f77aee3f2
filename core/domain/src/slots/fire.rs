//! A slot gets its chance: it fires, waits, or is skipped.

use crate::access::Principal;
use crate::batch::{Batch, bounded};
use crate::definition::Definition;
use crate::event::{Event, RunCreated, ScheduleFired, ScheduleQueued};
use crate::ids::RunId;
use crate::limits::QUEUED_SLOTS_MAX;
use crate::rejection::Rejection;
use crate::run::{Run, RunType, create, stop};
use crate::slots::passed::Passed;
use crate::slots::policy::Overlap;
use crate::slots::timing::RunIds;
use crate::slots::{NextSlot, Plan};
use crate::state::State;
use crate::time::Timestamp;

/// The slots of one batch that get their chance in one decision.
pub(super) struct Firing<'a> {
    state: &'a State,
    batch: &'a Batch,
    definition: &'a Definition,
    at: Timestamp,
    /// Slots that wait, those queued here included.
    waiting: Vec<NextSlot>,
    /// Runs made here.
    made: Vec<RunId>,
}

impl<'a> Firing<'a> {
    pub(super) fn new(
        state: &'a State,
        batch: &'a Batch,
        plan: &Plan,
        definition: &'a Definition,
        at: Timestamp,
    ) -> Self {
        Self {
            state,
            batch,
            definition,
            at,
            waiting: plan.queue.iter().copied().collect(),
            made: Vec::new(),
        }
    }

    /// Runs that go on and count for the overlap policy, oldest first; those made here are the last.
    fn busy(&self) -> impl Iterator<Item = RunId> {
        let counted = counted_runs(self.state, self.batch).map(|run| run.id);
        counted.chain(self.made.iter().copied())
    }

    fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.busy().next().is_some()
    }

    /// By the overlap policy: fires it, lets it wait or skips it.
    pub(super) fn slot(
        &mut self,
        slot: NextSlot,
        next: Option<NextSlot>,
        ids: &mut RunIds,
        events: &mut Vec<Event>,
    ) {
        match self.definition.schedule.policy.overlap {
            Overlap::Allow => self.run(slot, next, ids, events),
            _ if self.is_too_late(slot) || !self.is_busy() => self.run(slot, next, ids, events),
            Overlap::Skip => {
                let reason = format!("an earlier run ({}) still went on", self.oldest());
                events.push(self.passed(slot).skipped(reason, next));
            }
            Overlap::QueueOne => {
                for old in std::mem::take(&mut self.waiting) {
                    let reason = format!("the slot of {} took its place", slot.slot);
                    events.push(self.passed(old).superseded(reason, next));
                }
                self.queue(slot, next, events);
            }
            Overlap::QueueAll if self.waiting.len() >= QUEUED_SLOTS_MAX => {
                let reason = format!("{QUEUED_SLOTS_MAX} slots waited already");
                events.push(self.passed(slot).skipped(reason, next));
            }
            Overlap::QueueAll => self.queue(slot, next, events),
            Overlap::CancelOld => {
                for run in counted_runs(self.state, self.batch) {
                    let reason = "the next slot of its schedule came";
                    events.extend(stop::request(run, Some(reason)));
                }
                self.run(slot, next, ids, events);
            }
        }
    }

    /// Whether its start deadline has passed before it got its chance.
    fn is_too_late(&self, slot: NextSlot) -> bool {
        self.start_by(slot).is_some_and(|by| by <= self.at)
    }

    /// When a run of the slot is cancelled if nothing of it has started.
    fn start_by(&self, slot: NextSlot) -> Option<Timestamp> {
        let deadline = self.definition.schedule.policy.start_deadline_seconds;
        deadline.map(|seconds| slot.due.plus_ms(seconds.saturating_mul(1_000)))
    }

    /// Fires it; skips it if it is too late, or its batch cannot run as things are.
    pub(super) fn run(
        &mut self,
        slot: NextSlot,
        next: Option<NextSlot>,
        ids: &mut RunIds,
        events: &mut Vec<Event>,
    ) {
        if self.is_too_late(slot) {
            let reason = "its start deadline passed before it could start";
            events.push(self.passed(slot).skipped(reason, next));
            return;
        }
        match self.created(slot, ids) {
            Ok(run) => {
                self.made.push(run.run);
                let fired = ScheduleFired {
                    batch: self.batch.id,
                    version: self.batch.version,
                    slot: slot.slot,
                    due: slot.due,
                    run: run.run,
                    next,
                };
                events.push(fired.into());
                events.push(run.into());
            }
            Err(rejection) => {
                let reason = bounded(&format!("its batch could not run: {rejection}"));
                events.push(self.passed(slot).skipped(reason, next));
            }
        }
    }

    fn created(&self, slot: NextSlot, ids: &mut RunIds) -> Result<RunCreated, Rejection> {
        let run = create::from_saved(self.state, &Principal::system(), self.batch.id, self.at)?;
        let more = ids.taken(self.state) + u64::from(run.task_runs);
        create::check_room(self.state, self.made.len() + 1, more)?;
        let start_by = self.start_by(slot);
        Ok(RunCreated {
            run: ids.take(run.task_runs),
            run_type: RunType::Scheduled,
            scheduled_time: slot.slot,
            start_by,
            ..run
        })
    }

    fn queue(&mut self, slot: NextSlot, next: Option<NextSlot>, events: &mut Vec<Event>) {
        self.waiting.push(slot);
        let event = ScheduleQueued {
            batch: self.batch.id,
            version: self.batch.version,
            slot: slot.slot,
            due: slot.due,
            next,
        };
        events.push(event.into());
    }

    fn passed(&self, slot: NextSlot) -> Passed<'a> {
        Passed::one(self.batch, slot.slot)
    }

    fn oldest(&self) -> String {
        match self.busy().next() {
            Some(run) => run.to_string(),
            None => "waiting to start".to_owned(),
        }
    }
}

/// Runs of a batch that its slots have to do with. Runs of a set, such as those of a backfill, are a matter of their
/// own: they neither hold slots up nor are cancelled by them; nor are dev runs.
pub(crate) fn counted_runs<'a>(
    state: &'a State,
    batch: &'a Batch,
) -> impl Iterator<Item = &'a Run> {
    let runs = batch.live_runs.iter().filter_map(|id| state.run(*id));
    runs.filter(|run| run.run_type != RunType::DevRun && run.run_set.is_none())
}
