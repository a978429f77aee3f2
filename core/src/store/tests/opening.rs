//! Opening: creation, locking, crashes, and logs that are not what they were.

use std::os::unix::fs::PermissionsExt;

use super::super::database::key;
use super::super::envelope::{Place, encode};
use super::super::pack::{Fit, Packer};
use super::super::verify;
use super::*;

#[test]
fn nothing_is_made_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("data");
    let options = OpenOptions {
        create: false,
        ..OPTIONS
    };
    assert!(matches!(
        refusal(&missing, options),
        StoreError::NotFound { .. }
    ));
    assert!(!missing.exists());
    drop(open(&missing));
    Store::open(&missing, options).unwrap();
    let mode = fs::metadata(&missing).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_second_opening_is_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    store.lock.announce("http://127.0.0.1:7450").unwrap();
    let second = refusal(dir.path(), OPTIONS).to_string();
    assert!(second.contains("127.0.0.1:7450"), "{second}");
    assert!(verify(dir.path(), &mut |_| {}).is_err());
    // The first is not disturbed, and the lock lives as long as any part.
    fill(&mut store, &[2]);
    let reader = store.reader.clone();
    drop(store);
    assert!(matches!(
        refusal(dir.path(), OPTIONS),
        StoreError::Locked { .. }
    ));
    drop(reader);
    open(dir.path());
}

#[test]
fn files_copied_after_an_append_hold_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut all = Vec::new();
    for (i, len) in [1, 3, 400, 1, 30].into_iter().enumerate() {
        all.extend(fill(&mut store, &[len]));
        let copy = dir.path().join(format!("copy-{i}"));
        for part in ["log", "blobs", "snapshots"] {
            copy_dir(&dir.path().join(part), &copy.join(part));
        }
        fs::copy(dir.path().join("head"), copy.join("head")).unwrap();
        let killed = open(&copy);
        assert_eq!(read_all(&killed).unwrap(), all);
        assert_eq!(killed.opened.dropped_frames, 0);
    }
}

#[test]
fn a_head_that_lags_is_fine_and_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5]);
    drop(store);
    let old = fs::read(dir.path().join("head")).unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[2000]);
    drop(store);
    fs::write(dir.path().join("head"), old).unwrap();
    let store = open(dir.path());
    assert_eq!(store.opened.last.seq, Seq(2005));
    drop(store);
    let report = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!(report.head.unwrap().seq, Seq(2005));
    assert!(report.ok());
}

#[test]
fn a_log_that_lost_everything_is_refused_unless_accepted() {
    for lost in ["log", "log/db"] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        fill(&mut store, &[5]);
        drop(store);
        let path = dir.path().join(lost);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        let error = refusal(dir.path(), OPTIONS);
        assert!(
            matches!(
                error,
                StoreError::ShortLog {
                    head_seq: Seq(5),
                    found_seq: Seq(0),
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            !dir.path().join("log/db").exists(),
            "no empty log in place of the lost one"
        );
        let store = Store::open(
            dir.path(),
            OpenOptions {
                accept_loss: true,
                ..OPTIONS
            },
        );
        // sled may still find its own snapshot there and give up: an error, too.
        if let Ok(store) = store {
            assert_eq!(store.opened.lost_after, Some(Seq(5)));
        }
    }
}

#[test]
fn a_rolled_back_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5]);
    drop(store);
    copy_dir(&dir.path().join("log"), &dir.path().join("old"));
    let mut store = open(dir.path());
    fill(&mut store, &[5]);
    drop(store);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    fs::rename(dir.path().join("old"), dir.path().join("log")).unwrap();
    let report = verify(dir.path(), &mut |_| {}).unwrap();
    assert_eq!(report.first_bad.unwrap().seq, Seq(6));
    let error = refusal(dir.path(), OPTIONS);
    assert!(
        matches!(
            error,
            StoreError::ShortLog {
                head_seq: Seq(10),
                ..
            }
        ),
        "{error}"
    );
    let mut store = Store::open(
        dir.path(),
        OpenOptions {
            accept_loss: true,
            ..OPTIONS
        },
    )
    .unwrap();
    assert_eq!(store.opened.lost_after, Some(Seq(10)));
    fill(&mut store, &[1]);
    drop(store);
    assert_eq!(open(dir.path()).opened.last.seq, Seq(6));
}

#[test]
fn another_log_in_place_of_this_one_is_refused() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (i, dir) in dirs.iter().enumerate() {
        let mut store = open(dir.path());
        store.log.append(vec![record(i as u64, 20)], &[]).unwrap();
        fill(&mut store, &[3]);
    }
    fs::remove_dir_all(dirs[0].path().join("log")).unwrap();
    copy_dir(&dirs[1].path().join("log"), &dirs[0].path().join("log"));
    let error = refusal(dirs[0].path(), OPTIONS);
    assert!(
        matches!(error, StoreError::Damaged { seq: Seq(4), .. }),
        "{error}"
    );
}

#[test]
fn a_lost_head_is_refused_unless_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5]);
    drop(store);
    fs::remove_file(dir.path().join("head")).unwrap();
    assert!(matches!(
        refusal(dir.path(), OPTIONS),
        StoreError::HeadLost { why: "missing", .. }
    ));
    fs::write(dir.path().join("head"), [0; 8192]).unwrap();
    assert!(matches!(
        refusal(dir.path(), OPTIONS),
        StoreError::HeadLost { .. }
    ));
    drop(
        Store::open(
            dir.path(),
            OpenOptions {
                accept_loss: true,
                ..OPTIONS
            },
        )
        .unwrap(),
    );
    assert_eq!(open(dir.path()).opened.last.seq, Seq(5));
}

#[test]
fn an_interrupted_creation_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    fs::remove_file(dir.path().join("head")).unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[1]);
}

#[test]
fn an_unfinished_commit_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let all = fill(&mut store, &[4]);
    // Frames of a commit of 100 records, without the last one.
    let last = store.log.last();
    let mut place = Place {
        seq: Seq(5),
        epoch: 1,
        commit_first: Seq(5),
        commit_len: 100,
    };
    let mut packer = Packer::new(place, last.hash, Fit::default());
    for n in 4..104 {
        packer.write(|out| encode(&record(n, 200), place, out));
        place.seq = place.seq.next();
    }
    let (mut frames, _) = packer.finish();
    assert!(frames.len() > 2);
    frames.pop();
    let count = frames.len();
    let database = std::sync::Arc::clone(&store.reader.database);
    for frame in frames {
        database.log.insert(key(frame.first), frame.bytes).unwrap();
    }
    drop((store, database));
    let report = verify(dir.path(), &mut |_| {}).unwrap();
    assert!(report.ok());
    assert_eq!((report.unfinished_frames, report.last_seq), (count, Seq(4)));
    let mut store = open(dir.path());
    assert_eq!(store.opened.dropped_frames, count);
    assert_eq!(read_all(&store).unwrap(), all);
    fill(&mut store, &[2]);
    drop(store);
    assert_eq!(read_all(&open(dir.path())).unwrap().len(), 6);
}

#[test]
fn temporary_blobs_of_a_dead_process_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let left = dir.path().join("blobs/tmp/tmp-1-1");
    fs::write(&left, b"half").unwrap();
    drop(open(dir.path()));
    assert!(!left.exists());
}

#[test]
fn a_log_is_opened_again_at_once() {
    // sled's own threads cut what was claimed off its file's end, and have the file meanwhile.
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=60 {
        let mut store = open(dir.path());
        fill(&mut store, &[1]);
        assert_eq!(store.log.last().seq, Seq(round));
    }
}
