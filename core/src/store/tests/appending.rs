//! Appending: what comes back, what is refused, and what a failure leaves behind.

use std::io;

use fasti_domain::ids::{Digest, Seq};
use proptest::prelude::*;

use super::super::envelope::{self, MAX_INLINE_BYTES, digest_of};
use super::super::log::Barrier;
use super::super::{GENESIS, Place, chain};
use super::*;

#[test]
fn records_of_all_sizes_come_back_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut all = Vec::new();
    for (n, len) in [
        0, 1, 300, 4095, 4096, 4097, 6143, 6144, 10_000, 200_000, 3_000_000,
    ]
    .into_iter()
    .enumerate()
    {
        let appended = store.log.append(vec![record(n as u64, len)], &[]).unwrap();
        assert_eq!(appended.first, Seq(n as u64 + 1));
        all.extend(appended.records);
    }
    assert_eq!(read_all(&store).unwrap(), all);
    let end = store.log.last();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.opened.last, end);
    assert_eq!(read_all(&store).unwrap(), all);
    assert_eq!(store.log.last_at(), all.last().unwrap().record.at);
}

#[test]
fn a_commit_of_many_frames_is_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let all = fill(&mut store, &[1, 5000, 2]);
    let read = read_all(&store).unwrap();
    assert_eq!(read, all);
    assert!(
        read[1..5001]
            .iter()
            .all(|r| r.commit_first == Seq(2) && r.commit_len == 5000)
    );
    let report = store.reader.verify(&mut |_| {}).unwrap();
    assert!(report.ok(), "{report:?}");
    assert_eq!((report.records, report.commits), (5003, 3));
    assert!(report.frames > 100);
}

#[test]
fn the_chain_can_be_recomputed_from_what_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[3]);
    store.log.append(vec![record(9, 9000)], &[]).unwrap();
    let mut hash = GENESIS;
    for stored in read_all(&store).unwrap() {
        let place = Place {
            seq: stored.seq,
            epoch: stored.epoch,
            commit_first: stored.commit_first,
            commit_len: stored.commit_len,
        };
        let mut bytes = Vec::new();
        envelope::encode(&stored.record, place, &mut bytes);
        hash = chain(&hash, &bytes);
        assert_eq!(hash, stored.hash);
    }
    assert_eq!(hash, store.reader.last().hash);
}

#[test]
fn large_payloads_go_beside_the_log_and_only_those() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let inline = record(1, MAX_INLINE_BYTES);
    let beside = record(2, MAX_INLINE_BYTES + 1);
    store
        .log
        .append(vec![inline.clone(), beside.clone()], &[])
        .unwrap();
    assert!(!store.content.blobs.exists(digest_of(&inline.payload)));
    assert!(store.content.blobs.exists(digest_of(&beside.payload)));
    assert!(
        store
            .content
            .blobs
            .verify(digest_of(&beside.payload))
            .unwrap()
    );
}

#[test]
fn sled_never_uses_side_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    for round in 0..40_u64 {
        let n = store.log.last().seq.0;
        let records = (0..60).map(|i| record(n + i, MAX_INLINE_BYTES)).collect();
        let values: Vec<_> = (0..20_u64)
            .map(|i| {
                let mut value = vec![7; 4096];
                value[..8].copy_from_slice(&(round * 20 + i).to_be_bytes());
                (digest_of(&value), value)
            })
            .collect();
        store.log.append(records, &values).unwrap();
    }
    let side_files = fs::read_dir(dir.path().join("log/blobs")).unwrap().count();
    assert_eq!(side_files, 0);
}

#[test]
fn values_are_stored_once_and_durably() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let value = b"42".to_vec();
    let digest = digest_of(&value);
    for n in 0..3 {
        let values = [(digest, value.clone()), (digest, value.clone())];
        store.log.append(vec![record(n, 10)], &values).unwrap();
    }
    drop(store);
    let store = open(dir.path());
    assert_eq!(
        store.content.values.get(digest).unwrap(),
        Some(value.clone())
    );
    assert_eq!(store.content.read(digest).unwrap(), Some(value));
    assert_eq!(store.content.len(digest).unwrap(), Some(2));
    assert_eq!(store.content.read(Digest([0; 32])).unwrap(), None);
    assert_eq!(store.reader.verify(&mut |_| {}).unwrap().values, 1);
}

#[test]
fn what_breaks_a_rule_is_refused_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[2]);
    let log = &mut store.log;
    let digest = digest_of(b"x");
    let refused = [
        log.append(vec![], &[]),
        log.append(
            vec![NewRecord {
                at: Timestamp(5),
                ..record(9, 1)
            }],
            &[],
        ),
        log.append(
            vec![NewRecord {
                actor: "a".repeat(300),
                ..record(9, 1)
            }],
            &[],
        ),
        log.append(vec![record(9, 1)], &[(digest, b"y".to_vec())]),
        log.append(
            vec![record(9, 1)],
            &[(digest_of(&[0; 4097]), vec![0; 4097])],
        ),
    ];
    for outcome in refused {
        assert!(
            matches!(outcome, Err(StoreError::Invalid { .. })),
            "{outcome:?}"
        );
    }
    assert!(log.set_epoch(0).is_err());
    log.set_epoch(4).unwrap();
    let appended = log.append(vec![record(9, 1)], &[]).unwrap();
    assert_eq!((appended.first, appended.records[0].epoch), (Seq(3), 4));
    drop(store);
    assert_eq!(open(dir.path()).log.epoch(), 4);
}

#[test]
fn too_little_space_is_told_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        free_min_bytes: u64::MAX / 2,
        ..OPTIONS
    };
    let mut store = Store::open(dir.path(), options).unwrap();
    let refused = store.log.append(vec![record(0, 10)], &[]);
    assert!(
        matches!(refused, Err(StoreError::DiskFull { .. })),
        "{refused:?}"
    );
    let essential = store
        .log
        .append_from_reserve(vec![record(0, 10)], &[])
        .unwrap();
    assert_eq!(essential.last, Seq(1));
}

/// A disk that stops taking data after some syncs.
struct FailingBarrier {
    good: u32,
    tried: std::sync::Arc<std::sync::atomic::AtomicU32>,
}

impl Barrier for FailingBarrier {
    fn sync(&mut self) -> io::Result<()> {
        self.tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.good == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        self.good -= 1;
        Ok(())
    }
}

#[test]
fn a_failed_sync_is_never_tried_again_and_nothing_of_it_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let tried = std::sync::Arc::default();
    store.log.barrier = Box::new(FailingBarrier {
        good: 1,
        tried: std::sync::Arc::clone(&tried),
    });
    fill(&mut store, &[2]);
    let failed = store.log.append(vec![record(2, 10)], &[]);
    assert!(matches!(failed, Err(StoreError::Io { .. })), "{failed:?}");
    let after = store.log.append(vec![record(3, 10)], &[]);
    assert!(
        matches!(after, Err(StoreError::Poisoned { .. })),
        "{after:?}"
    );
    assert_eq!(tried.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(store.reader.last().seq, Seq(2));
    assert_eq!(read_all(&store).unwrap().len(), 2);
    assert!(store.reader.read_one(Seq(3)).unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_commits_come_back(
        commits in proptest::collection::vec(
            proptest::collection::vec(0..9000_usize, 1..12), 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let mut all = Vec::new();
        for lens in commits {
            let n = store.log.last().seq.0;
            let records = (n..).zip(lens).map(|(n, len)| record(n, len)).collect();
            all.extend(store.log.append(records, &[]).unwrap().records);
        }
        drop(store);
        prop_assert_eq!(read_all(&open(dir.path())).unwrap(), all);
    }
}
