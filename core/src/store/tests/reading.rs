//! Reading: bounds, positions inside frames, and what is beyond the end.

use fasti_domain::event::{BundleRegistered, Event, Recorded};

use super::super::database::key;
use super::super::digest_of;
use super::*;
use crate::feed::{Entry, FeedError};
use crate::ports::LogRead;

#[test]
fn every_position_can_be_read_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let all = fill(&mut store, &[1, 70, 1, 1, 40]);
    for stored in &all {
        assert_eq!(
            store.reader.read_one(stored.seq).unwrap().as_ref(),
            Some(stored)
        );
    }
    assert_eq!(store.reader.read_one(Seq(0)).unwrap(), None);
    assert_eq!(store.reader.read_one(Seq(114)).unwrap(), None);
}

#[test]
fn reads_keep_their_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let all = fill(&mut store, &[100]);
    let reader = &store.reader;
    assert_eq!(reader.read(Seq(0), 1000, usize::MAX).unwrap(), all);
    assert_eq!(reader.read(Seq(50), 10, usize::MAX).unwrap(), all[49..59]);
    assert_eq!(reader.read(Seq(50), 10, 1).unwrap(), all[49..50]);
    assert_eq!(reader.read(Seq(1), 1000, 2000).unwrap().len(), 8);
    assert_eq!(reader.read(Seq(1), 0, usize::MAX).unwrap(), []);
    assert_eq!(reader.read(Seq(101), 10, usize::MAX).unwrap(), []);
}

#[test]
fn an_empty_log_reads_as_empty() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(read_all(&store).unwrap(), []);
    let report = store.reader.verify(&mut |_| {}).unwrap();
    assert!(report.ok());
    assert_eq!((report.first_seq, report.last_seq), (Seq(0), Seq(0)));
}

#[test]
fn readers_on_other_threads_see_only_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let reader = store.reader.clone();
    std::thread::scope(|scope| {
        let follower = scope.spawn(move || {
            let mut seen = Vec::new();
            while seen.len() < 600 {
                let end = reader.last().seq;
                let new = reader
                    .read(Seq(seen.len() as u64 + 1), 1000, usize::MAX)
                    .unwrap();
                // Read after `end` was taken: never less than that, and whole commits of three.
                seen.extend(new);
                assert!(seen.len() as u64 >= end.0);
                assert_eq!(seen.len() % 3, 0);
            }
            seen
        });
        let all = fill(&mut store, &[3; 200]);
        assert_eq!(follower.join().unwrap(), all);
    });
}

#[test]
fn hints_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.hints.get("publisher").unwrap(), None);
    store.hints.put("publisher", b"17").unwrap();
    assert_eq!(store.hints.get("publisher").unwrap(), Some(b"17".to_vec()));
}

/// A log of so many events that can be decoded, in commits of 500.
fn log_of_events(dir: &Path, events: u64) -> Store {
    let mut store = open(dir);
    for first in (0..events).step_by(500) {
        let event = |n: u64| {
            let registered = BundleRegistered {
                digest: digest_of(&n.to_le_bytes()),
                size: n,
            };
            crate::codec::encode(&Recorded {
                seq: Seq(n + 1),
                at: Timestamp(5),
                actor: format!("user:{}", n / 100).into(),
                causation: None,
                key: None,
                trace: None,
                event: Event::BundleRegistered(registered),
            })
        };
        let records = (first..events.min(first + 500)).map(event).collect();
        store.log.append(records, &[]).unwrap();
    }
    store
}

#[test]
fn reading_ahead_gives_every_event_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = log_of_events(dir.path(), 12_000);
    // With other threads, and without: few events are not worth them.
    for (from, upto) in [(1, 12_000), (17, 11_990), (11_000, 11_001), (1, 20_000)] {
        let mut next = from;
        let mut take = |entries: &[Entry]| {
            for entry in entries {
                assert_eq!(entry.seq(), Seq(next));
                assert_eq!(&*entry.recorded.actor, format!("user:{}", (next - 1) / 100));
                next += 1;
            }
        };
        LogRead::each(&store.reader, Seq(from), Seq(upto), &mut take).unwrap();
        assert_eq!(next, upto.min(12_000) + 1);
    }
}

#[test]
fn reading_ahead_ends_at_damage_after_all_that_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = log_of_events(dir.path(), 12_000);
    let database = &store.reader.database;
    let (key, bytes) = database.log.get_lt(key(Seq(9_000))).unwrap().unwrap();
    let first = u64::from_be_bytes(key.as_ref().try_into().unwrap());
    let mut changed = bytes.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    database.log.insert(&key, changed).unwrap();
    let mut seen = 0;
    let mut take = |entries: &[Entry]| seen = entries.last().map_or(seen, |last| last.seq().0);
    let outcome = LogRead::each(&store.reader, Seq(1), Seq(12_000), &mut take);
    let Err(FeedError::Store(StoreError::Damaged { seq, .. })) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(seq.0 >= first && seq.0 < 9_000, "{seq}");
    // No more than the stretch with the damage is missing, and nothing of what comes after is given.
    assert!(seen < first && seen + 5_000 > first, "{seen} of {first}");
}
