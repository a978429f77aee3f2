//! How often what is simulated really happened: a simulation that never crashes proves nothing about crashes.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by name.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, u64>);

/// What must happen in a good number of seeds.
const EXPECTED: [&str; 25] = [
    "attempt.reported_late",
    "clock went back",
    "commit survived a crash",
    "commit vanished in a crash",
    "connection broke",
    "machine died",
    "machine was terminated",
    "request was repeated",
    "restart from a snapshot",
    "run.cancel_requested",
    "run.deadline_passed",
    "run_set.finished",
    "runner gave up",
    "runner.lost",
    "task.attempt_failed",
    "task.reused",
    "task.skipped",
    "timeout of a task",
    "process ignored TERM",
    "batch.deleted",
    "schedule.fired",
    "schedule.missed",
    "schedule.queued",
    "schedule.skipped",
    "schedule.superseded",
];

impl Tally {
    pub(super) fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what.clone()).or_default() += times;
        }
    }

    /// What should have happened and never did.
    pub(super) fn never(&self) -> Vec<&'static str> {
        let never = EXPECTED.iter().filter(|what| !self.0.contains_key(**what));
        never.copied().collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().map(|(what, times)| format!("{what} {times}"));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}
