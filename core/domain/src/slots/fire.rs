//! A slot gets its chance: it fires, waits, or is skipped.

use crate::access::Principal;
use crate::batch::{Batch, bounded};
use crate::definition::Definition;
use crate::event::{Event, RunCreated, ScheduleFired, ScheduleQueued};
use crate::ids::RunId;
use crate::limits::QUEUED_SLOTS_MAX;
use crate::rejection::Rejection;
use crate::run::{RunType, create, stop};
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
    /// Runs that go on, those fired here included; without dev runs.
    busy: Vec<RunId>,
    /// Slots that wait, those queued here included.
    waiting: Vec<NextSlot>,
    /// Runs made here.
    fired: usize,
}

impl<'a> Firing<'a> {
    pub(super) fn new(
        state: &'a State,
        batch: &'a Batch,
        plan: &Plan,
        definition: &'a Definition,
        at: Timestamp,
    ) -> Self {
        let is_counted = |id: &&RunId| {
            let run = state.run(**id);
            run.is_some_and(|run| run.run_type != RunType::DevRun)
        };
        Self {
            state,
            batch,
            definition,
            at,
            busy: batch.live_runs.iter().filter(is_counted).copied().collect(),
            waiting: plan.queue.iter().copied().collect(),
            fired: 0,
        }
    }

    /// By the overlap policy: fires it, lets it wait or skips it.
    pub(super) fn slot(
        &mut self,
        slot: NextSlot,
        next: Option<NextSlot>,
        ids: &mut RunIds,
        events: &mut Vec<Event>,
    ) {
        let is_busy = !self.busy.is_empty() || !self.waiting.is_empty();
        match self.definition.schedule.policy.overlap {
            Overlap::Allow => self.run(slot, next, ids, events),
            _ if !is_busy => self.run(slot, next, ids, events),
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
                for id in std::mem::take(&mut self.busy) {
                    if let Some(run) = self.state.run(id) {
                        let reason = "the next slot of its schedule came";
                        events.extend(stop::request(run, Some(reason)));
                    }
                }
                self.run(slot, next, ids, events);
            }
        }
    }

    /// Fires it; skips it if its batch cannot run as things are.
    pub(super) fn run(
        &mut self,
        slot: NextSlot,
        next: Option<NextSlot>,
        ids: &mut RunIds,
        events: &mut Vec<Event>,
    ) {
        match self.created(slot, ids) {
            Ok(run) => {
                self.busy.push(run.run);
                self.fired += 1;
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
        create::check_room(self.state, self.fired + 1, more)?;
        let deadline = self.definition.schedule.policy.start_deadline_seconds;
        let start_by = deadline.map(|seconds| slot.due.plus_ms(seconds.saturating_mul(1_000)));
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
        match self.busy.first() {
            Some(run) => run.to_string(),
            None => "waiting to start".to_owned(),
        }
    }
}
