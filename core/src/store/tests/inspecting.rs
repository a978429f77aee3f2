//! An audit looks and leaves no mark; records that somebody gives out are chained again by whoever gets them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::super::{ChainCheck, Fault, verify};
use super::sealing::{options, seal};
use super::*;

/// Everything below a folder: kind or content, and when it was changed.
fn marks(dir: &Path) -> BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let changed = fs::metadata(&folder).unwrap().modified().unwrap();
        found.insert(folder.clone(), (None, changed));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let changed = fs::metadata(&path).unwrap().modified().unwrap();
                found.insert(path.clone(), (Some(fs::read(&path).unwrap()), changed));
            }
        }
    }
    found
}

fn log() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5, 1, 40, 7]);
    super::sealing::large(&mut store, &[]);
    seal(&store, options(20));
    fill(&mut store, &[3]);
    dir
}

fn read_only(dir: &Path, is_on: bool) {
    for (path, (content, _)) in marks(dir) {
        let mode = match (is_on, content.is_some()) {
            (true, true) => 0o400,
            (true, false) => 0o500,
            (false, true) => 0o600,
            (false, false) => 0o700,
        };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn an_audit_changes_nothing_and_needs_no_right_to() {
    let dir = log();
    let before = marks(dir.path());
    read_only(dir.path(), true);
    let report = verify(dir.path(), &mut |_| {}).unwrap();
    assert!(report.is_intact() && report.is_complete(), "{report:?}");
    assert_eq!(report.records, 57);
    // Damage too is only looked at, and named where it lies.
    read_only(dir.path(), false);
    assert!(marks(dir.path()) == before, "the audit left a mark");
    let file = dir.path().join("log/db");
    let mut bytes = fs::read(&file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes.truncate(used / 2);
    fs::write(&file, bytes).unwrap();
    let before = marks(dir.path());
    let bad = verify(dir.path(), &mut |_| {}).unwrap().first_bad.unwrap();
    assert!(
        marks(dir.path()) == before,
        "the audit of damage left a mark"
    );
    assert!(
        bad.file.starts_with(dir.path()) || bad.file.starts_with("log"),
        "{bad:?}"
    );
    assert!(matches!(bad.fault, Fault::Changed | Fault::Missing));
}

#[test]
fn two_may_look_at_once_but_nobody_while_a_scheduler_works() {
    let dir = log();
    let store = open(dir.path());
    let refused = verify(dir.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(store);
    let looks: Vec<_> = (0..2)
        .map(|_| {
            let dir = dir.path().to_owned();
            std::thread::spawn(move || verify(&dir, &mut |_| {}).unwrap().ok())
        })
        .collect();
    assert!(looks.into_iter().all(|look| look.join().unwrap()));
}

/// The exact records of a log, with the hashes that they lead to.
fn given_out(dir: &Path) -> Vec<(Vec<u8>, [u8; 32])> {
    let mut given = Vec::new();
    open(dir)
        .reader
        .each_exact(Seq(1), &mut |record, hash| {
            given.push((record.to_vec(), hash));
            true
        })
        .unwrap();
    given
}

/// The first position at which records stop being a log; `None` if they are one.
fn first_bad(given: &[(Vec<u8>, [u8; 32])]) -> Option<Seq> {
    let mut check = ChainCheck::default();
    for (record, hash) in given {
        if check.push(record, *hash).is_err() {
            return Some(check.last().seq.next());
        }
    }
    (!check.is_whole()).then(|| check.last().seq.next())
}

#[test]
fn whatever_is_done_to_records_given_out_is_found_at_its_place() {
    let dir = log();
    let given = given_out(dir.path());
    assert_eq!(first_bad(&given), None);
    for at in 0..given.len() {
        let seq = Seq(at as u64 + 1);
        for bit in [0, 9, 100, given[at].0.len() * 8 - 1] {
            let mut changed = given.clone();
            changed[at].0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(first_bad(&changed), Some(seq), "bit {bit} of {seq}");
        }
        let mut changed = given.clone();
        changed[at].1[5] ^= 1;
        assert_eq!(first_bad(&changed), Some(seq), "the hash of {seq}");
        let mut changed = given.clone();
        changed.insert(at, given[at].clone());
        assert_eq!(first_bad(&changed), Some(seq.next()), "{seq} twice");
        if at + 1 < given.len() {
            let mut changed = given.clone();
            changed.remove(at);
            assert_eq!(first_bad(&changed), Some(seq), "without {seq}");
            let mut changed = given.clone();
            changed.swap(at, at + 1);
            assert_eq!(first_bad(&changed), Some(seq), "{seq} behind the next");
        }
    }
    // Cut inside of a commit; a cut between commits is for whoever knows how far the log was.
    assert_eq!(first_bad(&given[..3]), Some(Seq(4)));
}
