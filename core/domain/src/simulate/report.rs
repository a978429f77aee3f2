//! What came of a simulation.

use serde::Serialize;

use crate::time::Timestamp;

/// What came of a simulation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Over all batches.
    pub sums: Sums,
    /// By batch, in the order they were given.
    pub batches: Vec<(String, Sums)>,
    /// The minute in which the most slots fell, and how many.
    pub busiest_minute: Option<(Timestamp, u64)>,
    /// The most runs that went on at once.
    pub most_running: u64,
    /// When that was first so.
    pub most_running_at: Option<Timestamp>,
}

/// Slots and runs in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Slots of the rule.
    pub slots: u64,
    /// With a run.
    pub fired: u64,
    /// Left out.
    pub skipped: u64,
    /// Replaced by later ones.
    pub superseded: u64,
    /// Waiting at the end.
    pub waiting: u64,
    /// Slots that fired only after they had waited for an earlier run.
    pub queued: u64,
    /// Runs that were cancelled, because of a later slot or because they could not start in time.
    pub runs_cancelled: u64,
    /// Time that runs took, in microseconds.
    pub busy_us: i64,
    /// Longest time from a slot to the start of its run, in microseconds.
    pub longest_wait_us: i64,
}

impl Sums {
    /// Whether each slot has an outcome.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.slots == self.fired + self.skipped + self.superseded + self.waiting
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.slots += other.slots;
        self.fired += other.fired;
        self.skipped += other.skipped;
        self.superseded += other.superseded;
        self.waiting += other.waiting;
        self.queued += other.queued;
        self.runs_cancelled += other.runs_cancelled;
        self.busy_us = self.busy_us.saturating_add(other.busy_us);
        self.longest_wait_us = self.longest_wait_us.max(other.longest_wait_us);
    }
}
