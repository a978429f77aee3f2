//! Slots that get no run: one or a range of them, told in one event.

use crate::batch::Batch;
use crate::event::{
    Event, ScheduleAlerted, ScheduleCancelled, ScheduleMissed, ScheduleSkipped, ScheduleSuperseded,
};
use crate::slots::NextSlot;
use crate::slots::timing::Timing;
use crate::time::Timestamp;

/// Some slots of a batch, in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed<'a> {
    batch: &'a Batch,
    first: Timestamp,
    last: Timestamp,
    count: u64,
}

impl<'a> Passed<'a> {
    pub(super) fn one(batch: &'a Batch, slot: Timestamp) -> Self {
        Self {
            batch,
            first: slot,
            last: slot,
            count: 1,
        }
    }

    /// Some that follow each other, oldest first; `None` if there are none.
    pub(super) fn these(batch: &'a Batch, slots: &[NextSlot]) -> Option<Self> {
        Some(Self {
            batch,
            first: slots.first()?.slot,
            last: slots.last()?.slot,
            count: slots.len() as u64,
        })
    }

    /// All in (`after`, `until`], counted and not walked; `None` if there are none.
    pub(super) fn between(
        batch: &'a Batch,
        timing: &Timing<'_>,
        after: Timestamp,
        until: Timestamp,
    ) -> Option<Self> {
        let first = timing.rule.next_after(after)?;
        let last = timing.rule.prev_before(until.plus_us(1))?;
        (first <= last).then(|| Self {
            batch,
            first,
            last,
            count: timing.rule.count_between(after, last),
        })
    }

    /// Those that wait, if any do.
    pub(super) fn waiting(batch: &'a Batch) -> Option<Self> {
        let queue: Vec<NextSlot> = batch.plan.as_ref()?.queue.iter().copied().collect();
        Self::these(batch, &queue)
    }

    /// That they have no outcome yet, and why.
    pub(super) fn alerted(self, reason: impl Into<String>) -> Event {
        ScheduleAlerted {
            batch: self.batch.id,
            version: self.batch.version,
            first: self.first,
            last: self.last,
            count: self.count,
            reason: reason.into(),
        }
        .into()
    }

    pub(super) fn last(&self) -> Timestamp {
        self.last
    }
}

macro_rules! told_as {
    ($($name:ident => $event:ident,)*) => {
        impl Passed<'_> {
            $(
                pub(super) fn $name(self, reason: impl Into<String>, next: Option<NextSlot>) -> Event {
                    $event {
                        batch: self.batch.id,
                        version: self.batch.version,
                        first: self.first,
                        last: self.last,
                        count: self.count,
                        reason: reason.into(),
                        next,
                    }
                    .into()
                }
            )*
        }
    };
}

told_as! {
    missed => ScheduleMissed,
    skipped => ScheduleSkipped,
    superseded => ScheduleSuperseded,
    cancelled => ScheduleCancelled,
}
