//! Slots of schedules as they are listed.

use fasti_core::domain::ids::{RunId, Seq};
use fasti_core::domain::slots::NextSlot;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotOutcome {
    /// It has its run.
    Fired,
    /// It passed while nobody could start it.
    Missed,
    /// It was left out: the batch was paused, busy, or could not run.
    Skipped,
    /// It waited until a later one took its place.
    Superseded,
    /// It went away with its batch.
    Cancelled,
    /// None yet: it was expected, and nobody was there in time. Another record says what became of it.
    Alerted,
}

/// Number of slots by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotTotals {
    /// With a run.
    pub fired: u64,
    /// Passed while nobody could start them.
    pub missed: u64,
    /// Left out.
    pub skipped: u64,
    /// Replaced by later ones.
    pub superseded: u64,
    /// Gone with their batch.
    pub cancelled: u64,
    /// Those that had no outcome in time, whatever became of them.
    pub alerted: u64,
}

impl SlotTotals {
    pub(crate) fn add(&mut self, outcome: SlotOutcome, count: u64) {
        let sum = match outcome {
            SlotOutcome::Fired => &mut self.fired,
            SlotOutcome::Missed => &mut self.missed,
            SlotOutcome::Skipped => &mut self.skipped,
            SlotOutcome::Superseded => &mut self.superseded,
            SlotOutcome::Cancelled => &mut self.cancelled,
            SlotOutcome::Alerted => &mut self.alerted,
        };
        *sum = sum.saturating_add(count);
    }

    /// All that have an outcome.
    #[must_use]
    pub fn closed(&self) -> u64 {
        let all = [
            self.fired,
            self.missed,
            self.skipped,
            self.superseded,
            self.cancelled,
        ];
        all.into_iter().fold(0, u64::saturating_add)
    }
}

/// One record of the ledger: an outcome of a slot, or of several in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotView {
    /// The event that recorded it.
    pub seq: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// Version of the batch then.
    pub version: u32,
    /// What became of them.
    pub outcome: SlotOutcome,
    /// The earliest slot.
    pub first: Timestamp,
    /// The latest slot.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
    /// Why, unless it fired.
    pub reason: Option<String>,
    /// The run of a slot that fired.
    pub run: Option<RunId>,
}

/// The slots of a batch in sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerView {
    /// Of all time.
    pub totals: SlotTotals,
    /// The present plan; `None` for a batch that never had one.
    pub plan: Option<PlanView>,
}

/// How far the plan of a batch is, and whether its numbers agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    /// Slots up to here are not this plan's.
    pub since: Timestamp,
    /// Slots up to here have an outcome, or wait.
    pub through: Timestamp,
    /// The slot that comes; `None` when there is none.
    pub next: Option<NextSlot>,
    /// Slots that wait for earlier runs, of earlier plans too, oldest first.
    pub waiting: Vec<NextSlot>,
    /// Those of them that are this plan's.
    pub waiting_own: u64,
    /// Outcomes of this plan's slots.
    pub totals: SlotTotals,
    /// Slots from `since` to `through` by the rule of the present definition, counted from the rule alone; `None`
    /// when no rule starts the batch.
    pub planned: Option<u64>,
}

impl PlanView {
    /// Whether each planned slot has an outcome or waits; `None` when no rule starts the batch.
    #[must_use]
    pub fn is_balanced(&self) -> Option<bool> {
        let accounted = self.totals.closed().saturating_add(self.waiting_own);
        self.planned.map(|planned| planned == accounted)
    }
}
