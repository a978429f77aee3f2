//! The slots of schedules: each planned instant has one outcome, on record with its reason.
//!
//! A batch with a schedule has a [`Plan`]: everything up to `after` has an outcome (or waits in `queue`), and
//! `next` is the slot that comes. Both stand in the events, computed when they were decided: folding the log
//! needs neither rules nor time zones, and another release of the zone database changes nothing that was. A slot
//! and its run are one commit; `after` only grows. So no crash, restart, jump of the clock or change of the
//! schedule can lose a slot or fire one twice.
//!
//! What passes while nobody looks is counted, not walked: ten years of minutes are one event.

mod apply;
mod change;
mod due;
mod fire;
mod passed;
mod policy;
mod run_after;
mod timing;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub(crate) use apply::{
    cancelled, fired, missed, paused, planned, queued, resumed, saved, skipped, superseded,
    unplanned,
};
pub(crate) use change::{
    close_for_change, close_for_end, next_slot, passed_in_pause, plan_event, replan,
};
pub(crate) use due::{fire_due, fire_queued};
pub(crate) use fire::counted_runs;
pub use policy::{
    JITTER_SECONDS_MAX, MADE_UP_DEFAULT, MADE_UP_MAX, Misfire, Overlap, POLICY_SECONDS_MAX,
    SlotPolicy,
};
pub(crate) use run_after::{check_target, children_of, start_after, target_of};
pub(crate) use timing::RunIds;

/// A slot that lies ahead, or waits.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct NextSlot {
    /// The planned instant.
    pub slot: Timestamp,
    /// When it fires: the instant and its jitter.
    pub due: Timestamp,
}

/// How far the schedule of a batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// Slots up to here have an outcome, or wait in `queue`.
    pub after: Timestamp,
    /// The slot that comes.
    pub next: Option<NextSlot>,
    /// Slots that wait until earlier runs are over, oldest first.
    pub queue: VecDeque<NextSlot>,
}
