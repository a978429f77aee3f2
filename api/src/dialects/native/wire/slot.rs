//! Slots of schedules: what became of each planned instant.

use serde::Serialize;
use utoipa::ToSchema;

/// One record of the ledger: a slot, or several in a row that had the same outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Slot {
    /// `fired`, `missed`, `skipped`, `superseded` or `cancelled`; `waiting` for those that wait for an earlier run,
    /// `open` for those that are due and not recorded; `alerted` for those that were so for too long.
    pub(crate) outcome: &'static str,
    /// The earliest slot.
    pub(crate) first: String,
    /// The latest slot.
    pub(crate) last: String,
    /// How many.
    pub(crate) count: u64,
    /// Why; null for a slot that fired.
    pub(crate) reason: Option<String>,
    /// The run of a slot that fired.
    pub(crate) run_id: Option<u64>,
    /// Version of the batch then.
    pub(crate) version: u32,
    /// The event that recorded it; null for `waiting` and `open`.
    pub(crate) seq: Option<u64>,
    /// When it was recorded; null for `waiting` and `open`.
    pub(crate) at: Option<String>,
}

/// Number of slots by outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlotTotals {
    /// With a run.
    pub(crate) fired: u64,
    /// Passed while nobody could start them.
    pub(crate) missed: u64,
    /// Left out: the batch was paused, busy, or could not run.
    pub(crate) skipped: u64,
    /// Waited until a later one took their place.
    pub(crate) superseded: u64,
    /// Gone with their batch.
    pub(crate) cancelled: u64,
    /// Waiting for an earlier run.
    pub(crate) waiting: u64,
    /// Those of all of them that had no outcome in time.
    pub(crate) alerted: u64,
}

/// How far the present plan is, and whether its numbers agree.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlotPlan {
    /// Slots up to here are not this plan's: when the schedule or one of its calendars was saved last.
    pub(crate) since: String,
    /// Slots up to here have an outcome, or wait.
    pub(crate) through: String,
    /// The slot that comes.
    pub(crate) next_slot: Option<String>,
    /// When it fires: the slot and its jitter.
    pub(crate) next_due: Option<String>,
    /// Slots from `since` to `through`, counted from the schedule alone; null when no times start the batch.
    pub(crate) planned: Option<u64>,
    /// Those of them that have an outcome.
    pub(crate) closed: u64,
    /// Those of them that wait.
    pub(crate) waiting: u64,
    /// Slots after `through` that are due and not recorded.
    pub(crate) open: u64,
    /// Whether `planned` is `closed` and `waiting` together; null when `planned` is.
    pub(crate) balanced: Option<bool>,
}

/// The slots of a batch: a page of records, newest first, with their sums.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlotPage {
    /// The records. The first page begins with those that are `open` or `waiting`, beyond `limit`.
    pub(crate) items: Vec<Slot>,
    /// Give it as `cursor` to go on; null at the end.
    pub(crate) next_cursor: Option<String>,
    /// Position in the log that this answer is as of.
    pub(crate) as_of_seq: u64,
    /// Of all time, over all versions.
    pub(crate) totals: SlotTotals,
    /// The present plan; null for a batch that never had a schedule.
    pub(crate) plan: Option<SlotPlan>,
}
