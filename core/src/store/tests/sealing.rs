//! Sealing, retention, and what an audit finds when somebody lays hands on segments, anchors or the database.

use std::path::PathBuf;
use std::time::Duration;

use fasti_domain::ids::Digest;

use super::super::envelope::{GENESIS, Place, encode};
use super::super::frame::{Body, Codec, HEADER_BYTES, decode_header};
use super::super::pack::{Fit, Packer};
use super::super::{
    Expectations, Fault, Retention, SealOptions, Sealer, VerifyReport, seal_now, verify,
    verify_segments,
};
use super::*;
use crate::mem::ManualClock;

pub(super) const DAY_US: i64 = 86_400_000_000;

pub(super) fn options(segment_events: u64) -> SealOptions {
    SealOptions {
        segment_events,
        ..SealOptions::default()
    }
}

pub(super) fn seal(store: &Store, options: SealOptions) {
    let clock = ManualClock::at(Timestamp(400 * DAY_US));
    seal_now(&store.reader, options, Box::new(clock)).unwrap();
}

pub(super) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("segments"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "seg"))
        .collect();
    files.sort();
    files
}

pub(super) fn audit(dir: &Path) -> VerifyReport {
    verify(dir, &mut |_| {}).unwrap()
}

pub(super) fn audit_alone(dir: &Path) -> VerifyReport {
    verify_segments(&dir.join("segments"), &Expectations::default(), &mut |_| {}).unwrap()
}

/// One record whose payload lies beside the log.
pub(super) fn large(store: &mut Store, values: &[(Digest, Vec<u8>)]) {
    let next = store.log.last().seq.0;
    store.log.append(vec![record(next, 9000)], values).unwrap();
}

/// A log of commits of five with one large payload, sealed by tens.
pub(super) fn sealed_log(commits: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &vec![5; commits]);
    large(&mut store, &[]);
    fill(&mut store, &[9]);
    seal(&store, options(10));
    dir
}

#[test]
fn segments_hold_whole_commits_and_end_when_full() {
    let dir = sealed_log(4);
    let names: Vec<String> = segments(dir.path())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let name = |first: u64, last: u64| format!("{first:020}-{last:020}.seg");
    assert_eq!(names, [name(1, 10), name(11, 20), name(21, 30)]);
    let report = audit(dir.path());
    assert!(report.is_intact() && report.is_complete(), "{report:?}");
    assert_eq!((report.segments, report.anchors), (3, 3));
    assert_eq!(report.sealed_contents, 1, "the payload beside the log");
    let alone = audit_alone(dir.path());
    assert!(alone.is_intact() && alone.is_complete(), "{alone:?}");
    assert_eq!((alone.records, alone.segments), (30, 3));
    assert_eq!(alone.keys.len(), 1);
}

#[test]
fn sealing_goes_on_where_it_stopped_and_makes_up_for_a_lost_anchor() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[5; 4]);
    seal(&store, options(10));
    let manifest = dir.path().join("segments/manifest");
    // As a crash between the second segment and its anchor leaves it, with half a line.
    let text = fs::read_to_string(&manifest).unwrap();
    let first = text.lines().next().unwrap();
    fs::write(&manifest, format!("{first}\n{}", &first[..40])).unwrap();
    fs::write(dir.path().join("segments/tmp-1-1"), b"half").unwrap();
    fill(&mut store, &[10]);
    seal(&store, options(10));
    assert_eq!(segments(dir.path()).len(), 3);
    assert!(!dir.path().join("segments/tmp-1-1").exists());
    drop(store);
    let report = audit(dir.path());
    assert!(report.ok(), "{report:?}");
    assert_eq!((report.segments, report.anchors), (3, 3));
}

#[test]
fn the_thread_seals_behind_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let sealer = Sealer::start(
        &store.reader,
        SealOptions {
            anchor_every: Duration::ZERO,
            ..options(10)
        },
        Box::new(ManualClock::default()),
    )
    .unwrap();
    fill(&mut store, &[5; 5]);
    let mut signed = Vec::new();
    while !signed.iter().any(|a: &super::super::Anchor| a.last == 25) {
        signed.extend(sealer.anchors().take());
        std::thread::yield_now();
    }
    assert!(signed.iter().all(super::super::Anchor::is_signed));
    drop(sealer);
    assert_eq!(segments(dir.path()).len(), 2);
    drop(store);
    assert!(audit(dir.path()).ok());
}

#[test]
fn the_key_is_made_once_and_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = sealed_log(2);
    let secret = dir.path().join("anchor.key");
    let mode = fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&secret).unwrap();
    seal(&open(dir.path()), options(10));
    assert_eq!(fs::read(&secret).unwrap(), before);
}

#[test]
fn what_retention_takes_from_the_database_is_read_from_segments() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[7; 10]);
    large(&mut store, &[]);
    let before = read_all(&store).unwrap();
    let old = SealOptions {
        retention: Retention {
            keep_days: Some(1),
            keep_bytes: None,
        },
        ..options(10)
    };
    let running = store.reader.scan(Seq(1)).unwrap();
    seal(&store, old.clone());
    let first = store.reader.database.log.first().unwrap().unwrap().0;
    assert_eq!(first.as_ref(), 57_u64.to_be_bytes(), "one segment is kept");
    assert_eq!(read_all(&store).unwrap(), before);
    let running: Result<Vec<_>, _> = running.collect();
    assert_eq!(running.unwrap(), before, "a reader that had begun");
    for seq in [1, 13, 56, 57, 70, 71] {
        assert_eq!(
            store.reader.read_one(Seq(seq)).unwrap().unwrap(),
            before[usize::try_from(seq).unwrap() - 1]
        );
    }
    fill(&mut store, &[3]);
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_all(&store).unwrap().len(), 74);
    drop(store);
    let report = audit(dir.path());
    assert!(report.is_intact() && report.is_complete(), "{report:?}");
    assert_eq!(report.records, 74);
    // Without its segments such a log is not whole, and says from where.
    fs::remove_file(&segments(dir.path())[1]).unwrap();
    let report = audit(dir.path());
    assert_eq!(report.first_bad.unwrap().seq, Seq(15));
}

#[test]
fn old_segments_move_to_another_disk_and_are_read_from_there() {
    let dir = sealed_log(8);
    let store = open(dir.path());
    let before = read_all(&store).unwrap();
    let away = dir.path().join("other disk/archive");
    let moving = SealOptions {
        offload: Some(super::super::Offload {
            to: away.clone(),
            keep_bytes: 1,
        }),
        retention: Retention {
            keep_days: Some(1),
            keep_bytes: None,
        },
        ..options(10)
    };
    // As a crash in between leaves it.
    std::os::unix::fs::symlink("nowhere", dir.path().join("segments/tmp-link")).unwrap();
    seal(&store, moving);
    let (links, files): (Vec<_>, Vec<_>) = segments(dir.path())
        .into_iter()
        .partition(|path| fs::symlink_metadata(path).unwrap().is_symlink());
    assert_eq!((links.len(), files.len()), (3, 2), "two stay");
    assert_eq!(fs::read_dir(&away).unwrap().count(), 3);
    drop(store);
    let store = open(dir.path());
    assert_eq!(read_all(&store).unwrap(), before);
    drop(store);
    let report = audit(dir.path());
    assert!(report.ok() && audit_alone(dir.path()).ok(), "{report:?}");
    // A disk that is not there is missed by name.
    fs::rename(&away, dir.path().join("other disk/gone")).unwrap();
    let bad = audit(dir.path()).first_bad.unwrap();
    assert!(bad.file.starts_with(dir.path().join("segments")), "{bad:?}");
}

#[test]
fn retention_by_bytes_drops_the_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[10; 6]);
    let few = SealOptions {
        retention: Retention {
            keep_days: None,
            keep_bytes: Some(3 * 3000),
        },
        ..options(10)
    };
    seal(&store, few);
    let first = store.reader.database.log.first().unwrap().unwrap().0;
    let first = u64::from_be_bytes(first.as_ref().try_into().unwrap());
    assert!(first > 21 && first <= 51, "{first}");
    assert_eq!(read_all(&store).unwrap().len(), 60);
}

#[test]
fn every_flipped_byte_of_segments_and_manifest_is_found() {
    let dir = sealed_log(4);
    let mut files = segments(dir.path());
    files.push(dir.path().join("segments/manifest"));
    for path in files {
        let whole = fs::read(&path).unwrap();
        let step = whole.len() / 60 + 1;
        for at in (0..whole.len()).step_by(step) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let report = audit_alone(dir.path());
            assert!(!report.is_intact(), "{} byte {at}", path.display());
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(audit_alone(dir.path()).ok());
}

#[test]
fn segments_that_are_missing_cut_or_exchanged_are_found() {
    let dir = sealed_log(4);
    let files = segments(dir.path());
    let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let expect = |fault: Fault, seq: u64| {
        let bad = audit_alone(dir.path()).first_bad.unwrap();
        assert_eq!((bad.fault, bad.seq), (fault, Seq(seq)), "{bad:?}");
        for (file, bytes) in files.iter().zip(&whole) {
            fs::write(file, bytes).unwrap();
        }
    };
    fs::remove_file(&files[1]).unwrap();
    expect(Fault::Missing, 11);
    fs::remove_file(&files[2]).unwrap();
    expect(Fault::Missing, 21);
    fs::write(&files[1], &whole[1][..whole[1].len() - 1]).unwrap();
    expect(Fault::Changed, 11);
    fs::write(&files[1], &whole[0]).unwrap();
    expect(Fault::Changed, 11);
    assert!(audit(dir.path()).ok());
}

/// Writes the log anew from the record at `seq` on, with every hash as it then must be.
fn rechain(dir: &Path, seq: u64) {
    let store = open(dir);
    let all = read_all(&store).unwrap();
    let mut batch = sled::Batch::default();
    let mut hash = GENESIS;
    let mut packer: Option<Packer<'static>> = None;
    for stored in all {
        let place = Place {
            seq: stored.seq,
            epoch: stored.epoch,
            commit_first: stored.commit_first,
            commit_len: stored.commit_len,
        };
        let mut record = stored.record;
        if stored.seq == Seq(seq) {
            record.actor = "user:nobody".into();
        }
        let open = packer.get_or_insert_with(|| Packer::new(place, hash, Fit::default()));
        hash = open.write(|out| encode(&record, place, out));
        if stored.seq.0 + 1 == stored.commit_first.0 + u64::from(stored.commit_len) {
            for frame in packer.take().unwrap().finish().0 {
                batch.insert(&frame.first.0.to_be_bytes(), frame.bytes);
            }
        }
    }
    let database = &store.reader.database;
    database.log.clear().unwrap();
    database.log.apply_batch(batch).unwrap();
    database.sled.flush().unwrap();
    let end = store.log.last();
    drop(store);
    let end = super::super::Head { hash, ..end };
    super::super::head::replace(&dir.join("head"), &end).unwrap();
}

#[test]
fn a_log_written_anew_with_all_its_hashes_is_found_by_its_seals() {
    let dir = sealed_log(4);
    rechain(dir.path(), 13);
    let bad = audit(dir.path()).first_bad.unwrap();
    assert_eq!((bad.seq, bad.fault), (Seq(13), Fault::Changed), "{bad:?}");
    // Without segments the anchors still tell, as closely as they stand.
    for file in segments(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    let bad = audit(dir.path()).first_bad.unwrap();
    assert_eq!(bad.seq, Seq(11), "{bad:?}");
    // And without anchors whoever wrote a position down.
    fs::remove_file(dir.path().join("segments/manifest")).unwrap();
    assert!(audit(dir.path()).ok());
    let expected = Expectations {
        positions: vec![(Seq(25), [1; 32])],
        ..Expectations::default()
    };
    let report = super::super::verify_against(dir.path(), &expected, &mut |_| {}).unwrap();
    assert_eq!(report.first_bad.unwrap().fault, Fault::Changed);
}

#[test]
fn an_anchor_signed_by_somebody_else_is_found() {
    let dir = sealed_log(4);
    let expected = Expectations {
        key: Some("00".repeat(32)),
        ..Expectations::default()
    };
    let report = super::super::verify_against(dir.path(), &expected, &mut |_| {}).unwrap();
    let bad = report.first_bad.unwrap();
    assert!(bad.why.contains("another key"), "{bad:?}");
}

/// What somebody does to one record of a log of many.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Flip(usize),
    Remove,
    Repeat,
    Swap,
    Cut,
}

/// The frame with one of its records changed, and lengths and checksum of its header as they then must be; no hash of
/// the chain is touched.
fn tampered(first: Seq, bytes: &[u8], index: usize, deed: Deed) -> Vec<u8> {
    let mut header = decode_header(first, bytes).unwrap();
    let mut body = Body::open(&header, bytes).unwrap();
    let mut records: Vec<Vec<u8>> = Vec::new();
    while let Some(record) = body.next(bytes) {
        records.push(record.unwrap().to_vec());
    }
    let index = index % records.len();
    match deed {
        Deed::Flip(bit) => {
            let at = bit / 8 % records[index].len();
            records[index][at] ^= 1 << (bit % 8);
        }
        Deed::Remove => drop(records.remove(index)),
        Deed::Repeat => {
            let again = records[index].clone();
            records.insert(index, again);
        }
        Deed::Swap => {
            let other = (index + 1) % records.len();
            records.swap(index, other);
        }
        Deed::Cut => {
            let half = records[index].len() / 2;
            records[index].truncate(half);
        }
    }
    let mut body = Vec::new();
    for record in records {
        body.extend_from_slice(&u16::try_from(record.len()).unwrap().to_le_bytes());
        body.extend_from_slice(&record);
    }
    let stored = match header.codec {
        Codec::Raw => body.clone(),
        Codec::Zstd => zstd::bulk::compress(&body, 1).unwrap(),
    };
    header.body_len = u32::try_from(body.len()).unwrap();
    header.stored_len = u32::try_from(stored.len()).unwrap();
    let mut out = header.encode().to_vec();
    assert_eq!(out.len(), HEADER_BYTES);
    out.extend_from_slice(&stored);
    out
}

/// A hundred thousand events (a tenth of it per change); each deed at positions all over the log.
#[test]
fn whatever_is_done_to_one_record_is_found() {
    let is_long = std::env::var_os("FASTI_LONG").is_some();
    let (commits, tries) = if is_long { (1000, 40) } else { (100, 6) };
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &vec![100; commits]);
    seal(&store, options(10_000));
    let database = std::sync::Arc::clone(&store.reader.database);
    let frames: Vec<(Seq, sled::IVec)> = database
        .log
        .iter()
        .map(|entry| {
            let (key, bytes) = entry.unwrap();
            (
                Seq(u64::from_be_bytes(key.as_ref().try_into().unwrap())),
                bytes,
            )
        })
        .collect();
    for i in 0..tries {
        let (first, bytes) = &frames[(i * 7919 + 13) % frames.len()];
        for deed in [
            Deed::Flip(i * 131 + 5),
            Deed::Remove,
            Deed::Repeat,
            Deed::Swap,
            Deed::Cut,
        ] {
            let changed = tampered(*first, bytes, i, deed);
            database.log.insert(first.0.to_be_bytes(), changed).unwrap();
            let report = store.reader.verify(&mut |_| {}).unwrap();
            let bad = report
                .first_bad
                .unwrap_or_else(|| panic!("{deed:?} in {first} unseen"));
            let last = decode_header(*first, bytes).unwrap().last();
            assert!(*first <= bad.seq && bad.seq <= last, "{deed:?}: {bad:?}");
            database.log.insert(first.0.to_be_bytes(), bytes).unwrap();
        }
        // A whole frame: its segment stands in for readers, the audit tells.
        database.log.remove(first.0.to_be_bytes()).unwrap();
        let bad = store.reader.verify(&mut |_| {}).unwrap().first_bad.unwrap();
        assert_eq!(bad.seq, *first);
        assert!(store.reader.read_one(*first).unwrap().is_some());
        database.log.insert(first.0.to_be_bytes(), bytes).unwrap();
    }
    assert!(store.reader.verify(&mut |_| {}).unwrap().ok());
}

/// The same in segments, by somebody who gives the file a right digest again.
#[test]
fn whatever_is_done_to_one_sealed_record_is_found() {
    use super::super::segment::Archive;
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    fill(&mut store, &[100; 30]);
    seal(&store, options(1000));
    drop(store);
    let files = segments(dir.path());
    for i in 0..8_usize {
        let path = &files[i % files.len()];
        let whole = fs::read(path).unwrap();
        let segment = super::super::segment::Segment::decode(&whole).unwrap();
        let frames = segment.info.frames as usize;
        for deed in [
            Deed::Flip(i * 131 + 5),
            Deed::Remove,
            Deed::Repeat,
            Deed::Swap,
            Deed::Cut,
        ] {
            let chosen = (i * 7 + 3) % frames;
            let mut builder = super::super::segment::Builder::default();
            let mut range = (Seq(0), Seq(0));
            for index in 0..frames {
                let (first, bytes) = segment.frame(index).unwrap();
                let header = decode_header(first, bytes).unwrap();
                if index == chosen {
                    range = (first, header.last());
                    builder.push_frame(header, &tampered(first, bytes, i, deed));
                } else {
                    builder.push_frame(header, bytes);
                }
            }
            let (info, file) = builder.finish(segment.info.last_at).unwrap().unwrap();
            fs::write(path, file).unwrap();
            assert!(
                Archive::info(path, info.first).is_ok(),
                "the digest is right"
            );
            for report in [audit_alone(dir.path()), audit(dir.path())] {
                let bad = report
                    .first_bad
                    .unwrap_or_else(|| panic!("{deed:?} unseen"));
                assert!(
                    range.0 <= bad.seq && bad.seq <= range.1,
                    "{deed:?}: {bad:?}"
                );
            }
        }
        fs::write(path, whole).unwrap();
    }
    assert!(audit(dir.path()).ok() && audit_alone(dir.path()).ok());
}

/// What a million events of 300 bytes (a twentieth of them per change) take on the disk, segments included. A small
/// database has proportionally more that is not in use, so the bound of twice the bytes holds for the long form.
#[test]
fn the_disk_holds_little_more_than_the_events() {
    let is_long = std::env::var_os("FASTI_LONG").is_some();
    let (commits, bound_percent) = if is_long { (4000, 200) } else { (200, 225) };
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let payload = |n: u64| {
        // About as far from repeating itself as events are: names that come again, numbers that do not.
        let text = format!(
            "{{\"run\":{n},\"task\":\"fetch-{}\",\"host\":\"worker-{}\",",
            n % 97,
            n % 13
        );
        let mut bytes = text.into_bytes();
        let digest = blake3::hash(&n.to_le_bytes()).to_hex();
        while bytes.len() < 230 {
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes.truncate(230);
        bytes
    };
    let mut n = 0;
    for _ in 0..commits {
        let records: Vec<_> = (0..250)
            .map(|_| {
                n += 1;
                NewRecord {
                    payload: payload(n),
                    ..record(n, 0)
                }
            })
            .collect();
        store.log.append(records, &[]).unwrap();
    }
    seal(&store, options(10_000));
    let mut events = 0;
    let mut count = |record: &[u8], _: [u8; 32]| {
        events += record.len() as u64;
        true
    };
    store.reader.each_exact(Seq(1), &mut count).unwrap();
    drop(store);
    let bytes_in = |folder: &str| -> u64 {
        let files = fs::read_dir(dir.path().join(folder)).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    };
    let (log, sealed) = (bytes_in("log"), bytes_in("segments"));
    let percent = (log + sealed) * 100 / events;
    eprintln!(
        "{n} events of {events} bytes: database {log}, segments {sealed}, together {percent} %"
    );
    assert!(percent <= bound_percent, "{percent} % of the events");
}
