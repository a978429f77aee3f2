//! What schedules would do over a stretch of time: every slot by the rules, runs of a known duration, the overlap
//! policies, so many runs at a time. An estimate: durations are given, nothing fails, and jitter is left out.
//!
//! Pure and without an engine: a year of slots takes about a second.

mod report;
mod world;

use crate::calendar::Rule;
use crate::slots::SlotPolicy;
use crate::time::Timestamp;

pub use report::{Report, Sums};

/// A batch as the simulation sees it.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// For the report.
    pub name: String,
    /// What starts it.
    pub start: Start,
    /// Before this its slots are skipped: it is paused until then.
    pub paused_until: Option<Timestamp>,
    /// What becomes of slots that come while a run goes on; misfires do not happen here.
    pub policy: SlotPolicy,
    /// How long each of its runs takes, in microseconds.
    pub duration_us: i64,
}

/// What starts a batch in a simulation.
#[derive(Debug, Clone)]
pub enum Start {
    /// Its times.
    Times(Rule),
    /// Each end of a run of the batch under this index: there, that counts as a slot of it.
    After(usize),
}

impl Simulated {
    /// Its times, if it has some of its own.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match &self.start {
            Start::Times(rule) => Some(rule),
            Start::After(_) => None,
        }
    }
}

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First instant, included.
    pub from: Timestamp,
    /// Last instant, excluded. Runs that go on then are counted up to here.
    pub until: Timestamp,
    /// Runs at a time; `None`: as many as there are. Each takes one place.
    pub places: Option<u32>,
}

/// Runs the schedules.
#[must_use]
pub fn simulate(batches: &[Simulated], stretch: Stretch) -> Report {
    world::World::new(batches, stretch).play()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::schedule::Schedule;
    use crate::slots::Overlap;

    const SECOND_US: i64 = 1_000_000;
    /// 2024-03-31T01:00:00Z
    const START: Timestamp = Timestamp(1_711_846_800_000_000);

    fn batch(name: &str, cron: &str, overlap: Overlap, duration_s: i64) -> Simulated {
        let schedule = Schedule {
            cron: Some(cron.to_owned()),
            ..Schedule::default()
        };
        Simulated {
            name: name.to_owned(),
            start: Start::Times(Rule::compile(&schedule).unwrap().unwrap()),
            paused_until: None,
            policy: SlotPolicy {
                overlap,
                ..SlotPolicy::default()
            },
            duration_us: duration_s * SECOND_US,
        }
    }

    fn minutes(count: i64, places: Option<u32>) -> Stretch {
        Stretch {
            from: START,
            until: START.plus_us(count * 60 * SECOND_US),
            places,
        }
    }

    fn one(overlap: Overlap, duration_s: i64) -> Sums {
        let batches = [batch("a", "* * * * *", overlap, duration_s)];
        let report = simulate(&batches, minutes(10, None));
        assert!(report.sums.is_balanced(), "{report:?}");
        assert_eq!(report.batches[0].1, report.sums);
        report.sums
    }

    #[test]
    fn short_runs_all_fire() {
        let sums = one(Overlap::Skip, 30);
        assert_eq!((sums.slots, sums.fired, sums.skipped), (10, 10, 0));
        assert_eq!(sums.busy_us, 300 * SECOND_US);
    }

    #[test]
    fn long_runs_meet_the_overlap_policy() {
        // Each run ends before the third slot after its own.
        assert_eq!(one(Overlap::Allow, 150).fired, 10);
        let skip = one(Overlap::Skip, 150);
        assert_eq!((skip.fired, skip.skipped), (4, 6));
        let newest = one(Overlap::QueueOne, 150);
        // Fired at 0, 150, 300 and 450 seconds.
        assert_eq!((newest.fired, newest.superseded, newest.waiting), (4, 5, 1));
        let all = one(Overlap::QueueAll, 150);
        assert_eq!((all.fired, all.waiting, all.superseded), (4, 6, 0));
        let cancel = one(Overlap::CancelOld, 150);
        assert_eq!((cancel.fired, cancel.runs_cancelled), (10, 9));
        assert_eq!(cancel.busy_us, 600 * SECOND_US);
    }

    #[test]
    fn runs_wait_for_a_place() {
        let batches = [
            batch("a", "* * * * *", Overlap::Allow, 30),
            batch("b", "* * * * *", Overlap::Allow, 20),
        ];
        let free = simulate(&batches, minutes(10, None));
        assert_eq!((free.most_running, free.sums.longest_wait_us), (2, 0));
        let tight = simulate(&batches, minutes(10, Some(1)));
        assert_eq!(tight.most_running, 1);
        assert_eq!(tight.sums.longest_wait_us, 30 * SECOND_US);
        assert_eq!(tight.sums.busy_us, free.sums.busy_us);
        assert_eq!(tight.busiest_minute, Some((START, 2)));
    }

    #[test]
    fn what_starts_too_late_does_not_start() {
        let mut late = batch("a", "* * * * *", Overlap::QueueAll, 150);
        late.policy.start_deadline_seconds = Some(100);
        let sums = simulate(&[late], minutes(10, None)).sums;
        assert!(sums.is_balanced() && sums.skipped > 0, "{sums:?}");
    }

    #[test]
    fn a_year_is_counted_by_the_rule() {
        let batches = [batch("a", "0 * * * *", Overlap::Skip, 60)];
        let stretch = minutes(366 * 24 * 60, None);
        let sums = simulate(&batches, stretch).sums;
        let before = stretch.from.plus_us(-1);
        let counted = batches[0]
            .rule()
            .unwrap()
            .count_between(before, stretch.until.plus_us(-1));
        assert_eq!((sums.slots, sums.fired), (counted, counted));
    }

    #[test]
    fn what_runs_after_another_takes_its_place_too() {
        let mut next = batch("b", "* * * * *", Overlap::Allow, 40);
        next.start = Start::After(0);
        let mut last = next.clone();
        last.start = Start::After(1);
        let batches = [batch("a", "*/2 * * * *", Overlap::Allow, 30), next, last];
        let report = simulate(&batches, minutes(10, Some(1)));
        assert!(report.sums.is_balanced(), "{report:?}");
        // 30, 40 and 40 seconds one after the other, five times, with two minutes for each.
        let fired = report.batches.iter().map(|(_, sums)| sums.fired);
        assert_eq!(fired.collect::<Vec<_>>(), [5, 5, 5]);
        assert_eq!(report.sums.busy_us, 550 * SECOND_US);
        assert_eq!(report.busiest_minute, Some((START, 2)));
    }

    #[test]
    fn a_pause_with_an_end_skips_what_is_before_it() {
        let mut paused = batch("a", "* * * * *", Overlap::Allow, 30);
        paused.paused_until = Some(START.plus_us(240 * SECOND_US));
        let sums = simulate(&[paused], minutes(10, None)).sums;
        assert_eq!((sums.slots, sums.skipped, sums.fired), (10, 4, 6));
    }
}
