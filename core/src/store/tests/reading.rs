//! Reading: bounds, positions inside frames, and what is beyond the end.

use super::*;

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
