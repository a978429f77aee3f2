//! The slots of schedules: how many had which outcome, how far a plan is. Each outcome is a row of the history;
//! here are only their sums.
//!
//! A plan's sums count its own slots: those after its beginning. Slots of an earlier plan that still waited when
//! it ended count in the sums of all time alone.

use fasti_core::domain::calendars::CalendarRecord;
use fasti_core::domain::event::{
    BatchDeleted, CalendarSaved, Recorded, ScheduleAlerted, ScheduleFired, SchedulePlanned,
    ScheduleQueued,
};
use fasti_core::domain::ids::{BatchId, RunId};
use fasti_core::domain::slots::NextSlot;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Model, Outbox};
use crate::rows::{SlotOutcome, SlotTotals, SlotView};

/// What became of the slots of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Of all time.
    pub(crate) totals: SlotTotals,
    /// The present plan, or the last one; `None` for a batch that never had one.
    pub(crate) plan: Option<PlanRow>,
}

/// How far a plan is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlanRow {
    /// Slots up to here are not this plan's.
    pub(crate) since: Timestamp,
    /// Slots up to here have an outcome, or wait.
    pub(crate) through: Timestamp,
    pub(crate) next: Option<NextSlot>,
    /// Slots that wait, of earlier plans too, oldest first.
    pub(crate) waiting: Vec<NextSlot>,
    /// Of this plan's slots.
    pub(crate) totals: SlotTotals,
}

/// An outcome of some slots, as its event has it.
pub(super) struct Closed<'a> {
    pub(super) batch: BatchId,
    pub(super) version: u32,
    pub(super) outcome: SlotOutcome,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    pub(super) reason: Option<&'a str>,
    pub(super) run: Option<RunId>,
    pub(super) next: Option<NextSlot>,
}

/// The events of schedules that close a range of slots have the same fields.
macro_rules! closed {
    ($outcome:ident, $event:expr) => {
        $crate::model::slots::Closed {
            batch: $event.batch,
            version: $event.version,
            outcome: $crate::rows::SlotOutcome::$outcome,
            first: $event.first,
            last: $event.last,
            count: $event.count,
            reason: Some(&$event.reason),
            run: None,
            next: $event.next,
        }
    };
}

pub(super) use closed;

impl PlanRow {
    /// Takes closed slots off those that wait: how many of this plan's there were, and of earlier ones.
    fn dequeue(&mut self, first: Timestamp, last: Timestamp) -> (u64, u64) {
        let (mut own, mut earlier) = (0, 0);
        let since = self.since;
        self.waiting.retain(|waiting| {
            let is_closed = (first..=last).contains(&waiting.slot);
            match (is_closed, waiting.slot > since) {
                (true, true) => own += 1,
                (true, false) => earlier += 1,
                (false, _) => {}
            }
            !is_closed
        });
        (own, earlier)
    }

    fn advance(&mut self, mark: Timestamp, next: Option<NextSlot>) {
        self.through = self.through.max(mark);
        self.next = next;
    }
}

impl Model {
    /// Every plan begins its own count, also one that goes on where another release of the zone database left it:
    /// the rule that counted before may be another one.
    pub(super) fn slots_planned(&mut self, event: &SchedulePlanned) {
        let Some(batch) = self.batches.get_mut(&event.batch) else {
            return;
        };
        let ledger = batch.ledger.get_or_insert_default();
        let before = ledger.plan.take();
        ledger.plan = Some(PlanRow {
            since: event.after,
            through: event.after,
            next: event.next,
            waiting: before.map(|plan| plan.waiting).unwrap_or_default(),
            totals: SlotTotals::default(),
        });
    }

    pub(super) fn slot_fired(
        &mut self,
        event: &ScheduleFired,
        recorded: &Recorded,
        out: &mut Outbox,
    ) {
        let closed = Closed {
            batch: event.batch,
            version: event.version,
            outcome: SlotOutcome::Fired,
            first: event.slot,
            last: event.slot,
            count: 1,
            reason: None,
            run: Some(event.run),
            next: event.next,
        };
        self.slots_closed(&closed, recorded, out);
    }

    pub(super) fn slot_queued(&mut self, event: &ScheduleQueued) {
        let batch = self.batches.get_mut(&event.batch);
        let ledger = batch.and_then(|batch| batch.ledger.as_mut());
        if let Some(plan) = ledger.and_then(|ledger| ledger.plan.as_mut()) {
            plan.waiting.push(NextSlot {
                slot: event.slot,
                due: event.due,
            });
            plan.advance(event.slot, event.next);
        }
    }

    pub(super) fn slots_closed(
        &mut self,
        closed: &Closed<'_>,
        recorded: &Recorded,
        out: &mut Outbox,
    ) {
        let Some(batch) = self.batches.get_mut(&closed.batch) else {
            return;
        };
        let ledger = batch.ledger.get_or_insert_default();
        ledger.totals.add(closed.outcome, closed.count);
        if let Some(plan) = &mut ledger.plan {
            let (own, earlier) = plan.dequeue(closed.first, closed.last);
            // What did not wait came after the beginning of the plan, or was no slot of it: the end of a run that
            // would have started the batch.
            let waited = own + earlier;
            let fresh = if closed.last > plan.since {
                closed.count.saturating_sub(waited)
            } else {
                0
            };
            plan.totals.add(closed.outcome, own + fresh);
            plan.advance(closed.last, closed.next);
        }
        let view = SlotView {
            seq: recorded.seq,
            at: recorded.at,
            version: closed.version,
            outcome: closed.outcome,
            first: closed.first,
            last: closed.last,
            count: closed.count,
            reason: closed.reason.map(str::to_owned),
            run: closed.run,
        };
        out.slots.push((closed.batch, view));
    }

    /// Said of slots that have no outcome yet: a record of its own, and no change of the plan.
    pub(super) fn slots_alerted(
        &mut self,
        event: &ScheduleAlerted,
        recorded: &Recorded,
        out: &mut Outbox,
    ) {
        self.alerts += 1;
        let Some(batch) = self.batches.get_mut(&event.batch) else {
            return;
        };
        let ledger = batch.ledger.get_or_insert_default();
        ledger.totals.add(SlotOutcome::Alerted, event.count);
        let view = SlotView {
            seq: recorded.seq,
            at: recorded.at,
            version: event.version,
            outcome: SlotOutcome::Alerted,
            first: event.first,
            last: event.last,
            count: event.count,
            reason: Some(event.reason.clone()),
            run: None,
        };
        out.slots.push((event.batch, view));
    }

    pub(super) fn calendar_saved(&mut self, event: &CalendarSaved) {
        let record = CalendarRecord {
            version: event.version,
            owner: event.owner.clone(),
            calendar: event.calendar.clone(),
        };
        self.calendars.insert(event.name.clone(), record);
    }

    /// Nothing comes of a deleted batch, and nothing of it starts those that ran after it.
    pub(super) fn slots_ended(&mut self, event: &BatchDeleted) {
        for batch in self.batches.values_mut() {
            if batch.runs_after == Some(event.batch) {
                batch.runs_after = None;
            }
        }
        let Some(batch) = self.batches.get_mut(&event.batch) else {
            return;
        };
        batch.runs_after = None;
        batch.paused_until = None;
        if let Some(plan) = batch
            .ledger
            .as_mut()
            .and_then(|ledger| ledger.plan.as_mut())
        {
            plan.next = None;
            plan.waiting.clear();
        }
    }
}
