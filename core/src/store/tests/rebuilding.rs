//! Logs built anew: from segments, with what an older database still proves, and what is refused on the way.

use super::super::{Rebuild, StoreError};
use super::sealing::{audit, large, options, seal, segments};
use super::*;

/// A data folder with sealed and unsealed events; its records.
fn log() -> (tempfile::TempDir, Vec<StoredRecord>) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5; 4]);
    let value = b"a small result".to_vec();
    let digest = super::super::digest_of(&value);
    large(&mut store, &[(digest, value)]);
    fill(&mut store, &[11]);
    seal(&store, options(10));
    let all = read_all(&store).unwrap();
    (dir, all)
}

fn quiet() -> impl FnMut(Seq) {
    |_| {}
}

#[test]
fn segments_and_the_old_tail_make_the_same_log() {
    let (dir, all) = log();
    let mut rebuild = Rebuild::begin(dir.path()).unwrap();
    let from = dir.path().join("segments");
    assert!(
        rebuild
            .take_segments(&from, &mut quiet())
            .unwrap()
            .is_none()
    );
    assert!(rebuild.take_old_log(&mut quiet()).unwrap().is_none());
    let rebuilt = rebuild.finish(false).unwrap();
    assert_eq!(rebuilt.end.seq, all.last().unwrap().seq);
    assert!(rebuilt.before.unwrap().ends_with("log.before-1"));
    let store = open(dir.path());
    assert_eq!(read_all(&store).unwrap(), all);
    let digest = super::super::digest_of(b"a small result");
    assert!(store.content.values.get(digest).unwrap().is_some());
    drop(store);
    assert!(audit(dir.path()).ok());
}

#[test]
fn segments_alone_make_the_log_as_far_as_they_go() {
    let (dir, all) = log();
    let new = tempfile::tempdir().unwrap();
    let mut rebuild = Rebuild::begin(new.path()).unwrap();
    let from = dir.path().join("segments");
    assert!(
        rebuild
            .take_segments(&from, &mut quiet())
            .unwrap()
            .is_none()
    );
    let end = rebuild.finish(false).unwrap().end;
    assert_eq!(end.seq, Seq(32));
    assert_eq!(read_all(&open(new.path())).unwrap(), all[..32]);
}

#[test]
fn a_damaged_segment_is_made_up_for_by_the_database_and_the_other_way_round() {
    let (dir, all) = log();
    let second = &segments(dir.path())[1];
    let mut bytes = fs::read(second).unwrap();
    bytes[200] ^= 1;
    fs::write(second, &bytes).unwrap();
    let from = dir.path().join("segments");
    let mut rebuild = Rebuild::begin(dir.path()).unwrap();
    let damage = rebuild.take_segments(&from, &mut quiet()).unwrap().unwrap();
    assert!(
        matches!(damage, StoreError::Damaged { seq: Seq(11), .. }),
        "{damage}"
    );
    assert_eq!(rebuild.next_seq(), Seq(11));
    rebuild.take_old_log(&mut quiet()).unwrap();
    rebuild.finish(false).unwrap();
    assert_eq!(read_all(&open(dir.path())).unwrap(), all);
}

#[test]
fn a_shorter_log_takes_the_place_of_a_longer_one_only_when_asked() {
    let (dir, all) = log();
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    let from = dir.path().join("segments");
    for accept_loss in [false, true] {
        let mut rebuild = Rebuild::begin(dir.path()).unwrap();
        rebuild.take_segments(&from, &mut quiet()).unwrap();
        match rebuild.finish(accept_loss) {
            Err(StoreError::ShortLog { found_seq, .. }) if !accept_loss => {
                assert_eq!(found_seq, Seq(32));
                assert!(!dir.path().join("log").exists());
            }
            Ok(rebuilt) => assert_eq!(rebuilt.lost_to, None, "all of it was sealed"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(read_all(&open(dir.path())).unwrap(), all[..32]);
}

#[test]
fn records_that_do_not_follow_are_refused() {
    let (dir, _) = log();
    let new = tempfile::tempdir().unwrap();
    let mut rebuild = Rebuild::begin(new.path()).unwrap();
    let mut exact = Vec::new();
    let store = open(dir.path());
    store
        .reader
        .each_exact(Seq(1), &mut |record, hash| {
            exact.push((record.to_vec(), hash));
            true
        })
        .unwrap();
    assert!(
        rebuild.push(&exact[1].0, exact[1].1).is_err(),
        "not the first"
    );
    assert!(
        rebuild.push(&exact[0].0, exact[1].1).is_err(),
        "another hash"
    );
    for (record, hash) in &exact[..7] {
        rebuild.push(record, *hash).unwrap();
    }
    assert_eq!(rebuild.next_seq(), Seq(6), "the second commit is not whole");
    assert!(rebuild.push(&exact[8].0, exact[8].1).is_err());
    assert_eq!(rebuild.finish(false).unwrap().end.seq, Seq(5));
}

#[test]
fn a_rebuild_that_died_between_its_renames_is_begun_again() {
    let (dir, all) = log();
    fs::rename(dir.path().join("log"), dir.path().join("log.before-1")).unwrap();
    fs::create_dir(dir.path().join("log.rebuild")).unwrap();
    let refused = refusal(dir.path(), OPTIONS).to_string();
    assert!(refused.contains("fasti log restore"), "{refused}");
    let mut rebuild = Rebuild::begin(dir.path()).unwrap();
    let from = dir.path().join("segments");
    rebuild.take_segments(&from, &mut quiet()).unwrap();
    rebuild.take_old_log(&mut quiet()).unwrap();
    rebuild.finish(false).unwrap();
    assert_eq!(read_all(&open(dir.path())).unwrap(), all);
}
