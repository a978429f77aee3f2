//! What came of it, in numbers: of what was recorded and of each time it was played alike.

/// Counts and times of one course of things.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) runs: u64,
    /// Slots that were skipped or superseded because an earlier run went on.
    pub(super) left_out: u64,
    pub(super) cancelled: u64,
    /// Runs of which nothing had started in the end.
    pub(super) unstarted: u64,
    /// From the making of a run to its start, in microseconds.
    pub(super) delays: Vec<i64>,
    /// From a slot to the start of its run.
    pub(super) lateness: Vec<i64>,
    /// From the making of a run to its end.
    pub(super) took: Vec<i64>,
    /// Time of all task runs on slots.
    pub(super) busy_us: i64,
    /// Slots times time that there were.
    pub(super) capacity_us: i64,
    /// The most task runs at once.
    pub(super) most_used: u64,
    pub(super) batches: Vec<BatchTally>,
}

/// The same of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BatchTally {
    pub(super) runs: u64,
    pub(super) delays: Vec<i64>,
}

/// A figure: its name, its unit, how it is read off.
type Figure = (&'static str, &'static str, fn(&Sorted) -> f64);

/// A tally whose times are in order.
pub(super) struct Sorted(Tally);

impl Sorted {
    pub(super) fn new(tally: &Tally) -> Self {
        let mut tally = tally.clone();
        let batches = tally.batches.iter_mut().map(|batch| &mut batch.delays);
        let all = [&mut tally.delays, &mut tally.lateness, &mut tally.took];
        for times in all.into_iter().chain(batches) {
            times.sort_unstable();
        }
        Self(tally)
    }
}

/// What is told of all batches together.
pub(super) const FIGURES: &[Figure] = &[
    ("runs", "runs", |it| count(it.0.runs)),
    ("slots left out", "slots", |it| count(it.0.left_out)),
    ("runs cancelled", "runs", |it| count(it.0.cancelled)),
    ("runs not started in the end", "runs", |it| {
        count(it.0.unstarted)
    }),
    ("start delay, median", "s", |it| quantile(&it.0.delays, 50)),
    ("start delay, 95 of 100", "s", |it| {
        quantile(&it.0.delays, 95)
    }),
    ("start delay, longest", "s", |it| {
        quantile(&it.0.delays, 100)
    }),
    ("lateness, median", "s", |it| quantile(&it.0.lateness, 50)),
    ("lateness, 95 of 100", "s", |it| {
        quantile(&it.0.lateness, 95)
    }),
    ("lateness, longest", "s", |it| quantile(&it.0.lateness, 100)),
    ("time to the end, median", "s", |it| {
        quantile(&it.0.took, 50)
    }),
    ("time to the end, 95 of 100", "s", |it| {
        quantile(&it.0.took, 95)
    }),
    ("use of slots", "%", |it| {
        share(it.0.busy_us, it.0.capacity_us)
    }),
    ("most slots used at once", "slots", |it| {
        count(it.0.most_used)
    }),
];

/// What is told of one batch.
pub(super) fn of_batch(sorted: &Sorted, batch: usize) -> [(&'static str, &'static str, f64); 3] {
    let none = BatchTally::default();
    let tally = sorted.0.batches.get(batch).unwrap_or(&none);
    [
        ("runs", "runs", count(tally.runs)),
        ("start delay, median", "s", quantile(&tally.delays, 50)),
        ("start delay, 95 of 100", "s", quantile(&tally.delays, 95)),
    ]
}

/// So many of 100 are at most this, in seconds; 0 without any.
fn quantile(sorted: &[i64], of_100: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let us = sorted.get(last * of_100 / 100).copied().unwrap_or(0);
    seconds(us)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people: 52 bits are enough"
)]
fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

fn share(part: i64, whole: i64) -> f64 {
    if whole <= 0 {
        return 0.0;
    }
    100.0 * seconds(part) / seconds(whole)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people: 52 bits are enough"
)]
fn count(number: u64) -> f64 {
    number as f64
}
