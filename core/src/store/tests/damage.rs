//! Damage: whatever is changed in the files, the events are the same or there is an error. Never fewer
//! events, never others, never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::{digest_of, verify};
use super::*;

/// A small generator, so that a failure names a number that repeats it.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }
}

struct Original {
    dir: tempfile::TempDir,
    all: Vec<StoredRecord>,
}

fn original() -> Original {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut all = Vec::new();
    for _ in 0..20 {
        all.extend(fill(&mut store, &[1, 40, 2, 7]));
    }
    all.extend(
        store
            .log
            .append(vec![record(2000, 20_000)], &[])
            .unwrap()
            .records,
    );
    drop(store);
    // sled leaves a snapshot of its page table when it opens a database that is not empty.
    drop(open(dir.path()));
    Original { dir, all }
}

/// Whether the copy served all events; what it says otherwise.
fn judge(original: &Original, copy: &Path, what: &str) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| -> super::super::Result<()> {
        let store = Store::open(copy, OPTIONS)?;
        let read = read_all(&store)?;
        assert_eq!(
            read.len(),
            original.all.len(),
            "{what}: served with fewer events"
        );
        assert_eq!(read, original.all, "{what}: served with other events");
        Ok(())
    }));
    match outcome {
        Ok(Ok(())) => true,
        Ok(Err(
            StoreError::Damaged { .. }
            | StoreError::ShortLog { .. }
            | StoreError::HeadLost { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::Io { .. },
        )) => false,
        Ok(Err(other)) => panic!("{what}: refused for the wrong reason: {other}"),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn damaged_copy(
    original: &Original,
    file: &str,
    damage: impl FnOnce(&mut Vec<u8>),
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(original.dir.path(), copy.path());
    let path = copy.path().join(file);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, bytes).unwrap();
    copy
}

/// Bytes of the database that were ever written.
fn used_bytes(original: &Original) -> usize {
    let bytes = fs::read(original.dir.path().join("log/db")).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn flipped_bits_are_noticed() {
    let original = original();
    let used = used_bytes(&original);
    let mut random = Random(1);
    let mut refused = 0;
    for _ in 0..50 {
        let (at, bit) = (random.below(used), random.below(8));
        let copy = damaged_copy(&original, "log/db", |bytes| bytes[at] ^= 1 << bit);
        refused += u32::from(!judge(
            &original,
            copy.path(),
            &format!("bit {bit} of byte {at}"),
        ));
    }
    assert!(
        refused > 10,
        "the damage must have hit something: {refused}"
    );
}

#[test]
fn zeroed_pages_are_noticed() {
    let original = original();
    let pages = used_bytes(&original) / 4096;
    let mut random = Random(2);
    for _ in 0..20 {
        let page = random.below(pages);
        let copy = damaged_copy(&original, "log/db", |bytes| {
            bytes[page * 4096..(page + 1) * 4096].fill(0);
        });
        judge(&original, copy.path(), &format!("page {page}"));
    }
}

#[test]
fn truncated_databases_are_noticed() {
    let original = original();
    let used = used_bytes(&original);
    let mut random = Random(3);
    for _ in 0..20 {
        let len = random.below(used);
        let copy = damaged_copy(&original, "log/db", |bytes| bytes.truncate(len));
        let same = judge(&original, copy.path(), &format!("cut to {len}"));
        assert!(
            !same || len + 600_000 > used,
            "cut to {len} of {used} and served"
        );
    }
}

#[test]
fn other_damaged_files_are_noticed() {
    let original = original();
    let mut files = vec!["head".to_owned(), "log/conf".to_owned()];
    for entry in fs::read_dir(original.dir.path().join("log")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("snap.") {
            files.push(format!("log/{name}"));
        }
    }
    let mut random = Random(4);
    for file in files {
        for _ in 0..8 {
            let pick = random.below(usize::MAX >> 33);
            let copy = damaged_copy(&original, &file, |bytes| {
                let at = pick % bytes.len();
                bytes[at] ^= 4;
            });
            judge(&original, copy.path(), &format!("{file} byte {pick}"));
        }
        let copy = damaged_copy(&original, &file, Vec::clear);
        judge(&original, copy.path(), &format!("{file} emptied"));
    }
}

#[test]
fn a_lost_snapshot_of_sled_costs_nothing() {
    let original = original();
    let copy = damaged_copy(&original, "head", |_| {});
    for entry in fs::read_dir(copy.path().join("log")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snap.")
        {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(judge(&original, copy.path(), "without snapshot"));
}

#[test]
fn a_damaged_or_lost_payload_is_named() {
    let original = original();
    let last = original.all.last().unwrap();
    let digest = digest_of(&last.record.payload);
    let find = |dir: &Path| {
        let store = open(dir);
        let plain = store.content.blobs.path(digest);
        if plain.exists() {
            plain
        } else {
            plain.with_extension("zst")
        }
    };
    let copy = damaged_copy(&original, "head", |_| {});
    let path = find(copy.path());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        let store = open(copy.path());
        let error = store.reader.read_one(last.seq).unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { seq, .. } if seq == last.seq),
            "{error}"
        );
        drop(store);
        let report = verify(copy.path(), &mut |_| {}).unwrap();
        assert_eq!(report.first_bad.unwrap().seq, last.seq);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn records_changed_through_the_database_itself_are_named() {
    let original = original();
    let store = open(original.dir.path());
    let database = std::sync::Arc::clone(&store.reader.database);
    let entries: Vec<_> = database.log.iter().map(Result::unwrap).collect();
    let (first_key, first) = entries[3].clone();
    let seq = Seq(u64::from_be_bytes(first_key.as_ref().try_into().unwrap()));
    let check = |what: &str| {
        let report = store.reader.verify(&mut |_| {}).unwrap();
        let bad = report
            .first_bad
            .unwrap_or_else(|| panic!("{what}: not noticed"));
        assert!(
            bad.seq >= seq && bad.seq <= Seq(seq.0 + 60),
            "{what}: {bad:?}"
        );
        assert!(read_all(&store).is_err(), "{what}");
    };
    let mut changed = first.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    database.log.insert(&first_key, changed).unwrap();
    check("last byte changed");
    database.log.insert(&first_key, &entries[4].1).unwrap();
    check("another entry in its place");
    database.log.remove(&first_key).unwrap();
    check("removed");
    database.log.insert(&first_key, &first).unwrap();
    assert!(store.reader.verify(&mut |_| {}).unwrap().ok());
    // Near the end it is noticed by opening already.
    let (last_key, last) = &entries[entries.len() - 2];
    let mut changed = last.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    database.log.insert(last_key, changed).unwrap();
    drop((store, database));
    let error = refusal(original.dir.path(), OPTIONS);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
