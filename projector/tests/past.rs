//! What was is shown as it was.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use fasti_core::store::{OpenOptions, Store};
use fasti_projector::{MemoryTable, PastError, PastViews, SharedViews, Views};
use proptest::prelude::*;

use crate::asking::{difference, everything};
use crate::history::{LITTLE, busy_world};
use crate::rebuild::{play, step};
use crate::world::World;

/// Ids asked for at every moment; more than any of these worlds gives.
const IDS: u64 = 150;

/// Live views of the whole log that keep next to nothing in memory, and what answers for their past.
fn past(world: &mut World, is_written: bool) -> (PastViews, Feed) {
    let mut live = Views::with_table(Arc::new(MemoryTable::default()), LITTLE);
    world.feed_into(&mut live);
    if is_written {
        live.write_history().unwrap();
    }
    let feed = world.feed();
    let past = PastViews::new(SharedViews::new(live), feed.clone(), None);
    (past, feed)
}

/// The views of a server whose log ended there.
fn ended_at(world: &World, seq: Seq) -> Views {
    let mut views = Views::new();
    for entry in world.entries.iter().filter(|entry| entry.seq() <= seq) {
        views.apply(entry);
    }
    views
}

fn check(world: &World, past: &PastViews, moments: impl Iterator<Item = u64>) {
    for moment in moments {
        let then = past.at(Seq(moment)).unwrap();
        assert_eq!(then.as_of(), Seq(moment));
        let found = everything(&then, IDS);
        let expected = everything(&ended_at(world, Seq(moment)), IDS);
        assert_eq!(difference(&found, &expected), None, "as of {moment}");
    }
}

#[test]
fn every_moment_is_shown_as_a_server_had_it_then() {
    for is_written in [false, true] {
        let mut world = busy_world();
        let (past, _) = past(&mut world, is_written);
        let last = world.entries.len() as u64;
        check(&world, &past, (1..=last).step_by(2));
        // Back in time, from what is kept or anew.
        check(&world, &past, (1..=last).rev().step_by(9));
    }
}

#[test]
fn moments_that_are_not_in_the_log_are_refused() {
    let mut world = busy_world();
    let (past, feed) = past(&mut world, true);
    let beyond = past.at(feed.last().next());
    assert!(matches!(beyond, Err(PastError::TooLate(last)) if last == feed.last()));
    let first = world.entries[0].recorded.at;
    let early = past.seq_at(Timestamp(first.0 - 1));
    assert!(matches!(early, Err(PastError::TooEarly(at)) if at == first));
    for entry in &world.entries {
        let at = entry.recorded.at;
        let mut last_then = world.entries.iter().filter(|it| it.recorded.at <= at);
        let found = past.seq_at(at).unwrap();
        assert_eq!(Some(found), last_then.next_back().map(|it| it.seq()));
    }
}

#[test]
fn checkpoints_shorten_the_way_and_change_nothing() {
    let mut world = busy_world();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = Store::open(&data, OpenOptions::default()).unwrap();
    let mut live = Views::with_table(Arc::new(MemoryTable::default()), LITTLE);
    world.feed_into(&mut live);
    let (live, feed) = (SharedViews::new(live), world.feed());
    let asked = || {
        let past = PastViews::new(live.clone(), feed.clone(), Some(store.snapshots.clone()));
        past.with_checkpoints_every(10)
    };
    let last = feed.last();
    asked().at(last).unwrap();
    let written = std::fs::read_dir(data.join("snapshots")).unwrap().count() as u64;
    assert!(
        written >= last.0 / 20,
        "{written} checkpoints of {last} events"
    );
    check(&world, &asked(), (1..=last.0).rev());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_moment_of_any_log_is_shown_as_it_was(
        steps in proptest::collection::vec(step(), 1..60),
        stride in 1_usize..23,
        is_written: bool,
    ) {
        let mut world = play(&steps);
        let (past, _) = past(&mut world, is_written);
        let last = world.entries.len() as u64;
        check(&world, &past, (1..=last).step_by(stride));
    }
}
