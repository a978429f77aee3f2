//! Power cuts: the real server is recorded while it works and dies, its disk is then cut off at many moments, with
//! what was not synced dropped, kept in part or torn, and a server is started on each of them.
//!
//! `record.rs` makes the history, `judge.rs` says what must have survived. How many cuts: 24, and 200 with
//! `FASTI_LONG=1`.

mod judge;
mod record;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use judge::Survived;
use record::{Recording, record};

use crate::support::chance::Chance;
use crate::support::disk::model::Unsynced;
use crate::support::disk::shim::Shim;
use crate::support::is_long;

/// Servers that are started on cut disks at a time.
const JUDGES: usize = 2;

/// Judges so many cuts, half of them at any call, half right after somebody was told something.
fn cuts(recording: &Recording, count: usize, chance: &mut Chance) -> Vec<Result<Survived, String>> {
    let told = recording.told_at();
    let moments: Vec<(usize, Unsynced, u64)> = (0..count)
        .map(|at| {
            let calls = if at % 2 == 0 {
                chance.below(recording.calls.len() + 1)
            } else {
                told[chance.below(told.len())]
            };
            let seed = u64::try_from(chance.below(usize::MAX >> 1)).unwrap();
            (calls, Unsynced::any(chance), seed)
        })
        .collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..JUDGES {
            scope.spawn(|| {
                while let Some((calls, unsynced, seed)) =
                    moments.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let outcome = judge::cut(recording, *calls, *unsynced, &mut Chance::of(*seed));
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn nothing_acknowledged_or_seen_is_lost_in_a_power_cut() {
    let begin = Instant::now();
    let (count, lives, life) = if is_long() {
        (200, 6, Duration::from_secs(4))
    } else {
        (24, 2, Duration::from_millis(1500))
    };
    let mut chance = Chance::new();
    let recording = record(&Shim::build(), lives, life);
    println!(
        "{} calls recorded, {} times somebody was told something, {} events seen, {} bytes of the database written again, after {:?}",
        recording.calls.len(),
        recording.told_at().len(),
        recording.seen.len(),
        recording.rewritten_bytes(),
        begin.elapsed()
    );
    assert!(
        recording.told_at().len() > 100,
        "too little traffic to prove anything"
    );
    let outcomes = cuts(&recording, count, &mut chance);
    let wrong: Vec<&String> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .collect();
    let survived: Vec<&Survived> = outcomes.iter().flatten().collect();
    println!(
        "{} cuts survived with up to {} events and {} promises, after {:?}",
        survived.len(),
        survived.iter().map(|it| it.events).max().unwrap_or(0),
        survived.iter().map(|it| it.told).max().unwrap_or(0),
        begin.elapsed()
    );
    assert!(
        wrong.is_empty(),
        "{} cuts went wrong: {wrong:#?}",
        wrong.len()
    );
}

/// How many cuts it takes to find what is wrong with servers that the library lies to; `None`: more than `most`.
fn cuts_until_found(variable: &'static str, value: &str, most: usize) -> Option<usize> {
    let mut chance = Chance::new();
    let mut shim = Shim::build();
    shim.set(variable, value);
    let recording = record(&shim, 1, Duration::from_millis(1200));
    (1..=most).find(|_| {
        let outcome = cuts(&recording, 1, &mut chance).remove(0);
        if let Err(why) = &outcome {
            println!("found: {}", why.lines().next().unwrap_or_default());
        }
        outcome.is_err()
    })
}

#[test]
fn a_server_that_does_not_sync_is_found_out() {
    let found = cuts_until_found("RECORDER_SWALLOW", "fdatasync:log/db", 24);
    println!("found by cut {found:?}");
    assert!(
        found.is_some(),
        "24 cuts did not notice that nothing was synced"
    );
}

#[test]
fn a_server_that_answers_before_the_sync_is_found_out() {
    let found = cuts_until_found("RECORDER_LATE", "200:log/db", 24);
    println!("found by cut {found:?}");
    assert!(
        found.is_some(),
        "24 cuts did not notice that answers came too early"
    );
}
