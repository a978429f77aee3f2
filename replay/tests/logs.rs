//! Logs carried out and in again, and views computed anew, on real folders.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::path::Path;

use fasti_core::codec;
use fasti_core::domain::command::{Command, Request, Settings};
use fasti_core::domain::ids::{LogId, Seq};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::Commit;
use fasti_core::mem::ManualClock;
use fasti_core::record::StoredRecord;
use fasti_core::store::{OpenOptions, Rebuild, SealOptions, Store, seal_now};
use fasti_replay::export::{self, Exported, Format, Origin, Selection};
use fasti_replay::{ReplayError, rebuild, sandbox};

fn open(data: &Path) -> Store {
    Store::open(data, OpenOptions::default()).unwrap()
}

/// A log of `starts` server starts, each a commit, sealed by fours.
fn log(starts: i64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut state = State::default();
    for n in 0..starts {
        let mut commit = Commit::default();
        let now = Timestamp(1_000_000 * (n + 1));
        if n == 0 {
            let create = Command::CreateLog {
                log_id: LogId([1; 16]),
                seed: [2; 16],
            };
            commit
                .offer(&mut state, &Request::system(create), now)
                .unwrap();
        }
        let start = Command::StartServer {
            version: "0.1.0".to_owned(),
            host: format!("host-{n}"),
            tz_database: "2025b".to_owned(),
            settings: Settings::default(),
        };
        commit
            .offer(&mut state, &Request::system(start), now)
            .unwrap();
        let records = commit.events().iter().map(codec::encode).collect();
        store.log.append(records, &[]).unwrap();
    }
    let options = SealOptions {
        segment_events: 4,
        ..SealOptions::default()
    };
    seal_now(&store.reader, options, Box::new(ManualClock::default())).unwrap();
    dir
}

fn records(data: &Path) -> Vec<StoredRecord> {
    let store = open(data);
    store
        .reader
        .scan(Seq(1))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn write(from: Origin, (first, last): (u64, Option<u64>), format: Format, file: &Path) -> Exported {
    let selection = Selection {
        from,
        first: Seq(first),
        last: last.map(Seq),
    };
    let out = Box::new(File::create(file).unwrap());
    export::write(&selection, format, out, &mut |_| {}).unwrap()
}

fn import(file: &Path, data: &Path) -> Result<Exported, fasti_replay::ReplayError> {
    let mut rebuild = Rebuild::begin(data)?;
    rebuild.take_old_log(&mut |_| {})?;
    let next = rebuild.next_seq();
    let read = export::read(file, &mut |seq, record, hash, contents| {
        for (digest, content) in contents {
            rebuild.put_content(*digest, content)?;
        }
        if seq >= next {
            rebuild.push(record, hash)?;
        }
        Ok(())
    })?;
    rebuild.finish(false)?;
    Ok(read)
}

#[test]
fn both_forms_make_the_same_log_again() {
    let dir = log(10);
    let all = records(dir.path());
    for format in [Format::Ndjson, Format::Parquet] {
        let new = tempfile::tempdir().unwrap();
        let file = new.path().join("export");
        let written = write(Origin::Data(dir.path().into()), (1, None), format, &file);
        assert_eq!((written.records, written.last), (11, Seq(11)));
        let data = new.path().join("data");
        assert_eq!(import(&file, &data).unwrap(), written, "{format:?}");
        assert_eq!(records(&data), all, "{format:?}");
    }
}

#[test]
fn a_log_is_carried_in_pieces_of_whole_commits() {
    let dir = log(10);
    let new = tempfile::tempdir().unwrap();
    let (one, two) = (new.path().join("one"), new.path().join("two"));
    // The first commit has two events: the piece that ends at 1 ends at 2.
    let segments = || Origin::Segments(dir.path().join("segments"));
    let written = write(segments(), (1, Some(1)), Format::Ndjson, &one);
    assert_eq!((written.first, written.last), (Seq(1), Seq(2)));
    let written = write(segments(), (2, None), Format::Parquet, &two);
    assert_eq!(written.first, Seq(1), "from the beginning of its commit");
    let data = new.path().join("data");
    import(&one, &data).unwrap();
    import(&two, &data).unwrap();
    let sealed = written.last.0;
    assert_eq!(sealed, 8);
    assert_eq!(records(&data), records(dir.path())[..8]);
}

#[test]
fn an_export_that_was_changed_or_cut_is_refused() {
    let dir = log(6);
    let new = tempfile::tempdir().unwrap();
    for format in [Format::Ndjson, Format::Parquet] {
        let file = new.path().join("export");
        write(Origin::Data(dir.path().into()), (1, None), format, &file);
        let whole = fs::read(&file).unwrap();
        for (n, at) in (5..whole.len()).step_by(whole.len() / 40).enumerate() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&file, &bytes).unwrap();
            let data = new.path().join(format!("{format:?}-{n}"));
            // A byte that nothing depends on may change in Parquet; the records may not.
            if import(&file, &data).is_ok() {
                assert_eq!(format, Format::Parquet, "byte {at}");
                assert_eq!(records(&data), records(dir.path()), "byte {at}");
            }
        }
        fs::write(&file, &whole[..whole.len() - 30]).unwrap();
        assert!(
            import(&file, &new.path().join("cut")).is_err(),
            "{format:?}"
        );
    }
}

#[test]
fn views_computed_anew_are_those_that_are_served() {
    let dir = log(10);
    for is_check in [true, false, true] {
        let rebuilt = rebuild::folder(dir.path(), is_check, &mut |_| {}).unwrap();
        assert_eq!(rebuilt.difference, None);
        assert_eq!(rebuilt.last, Seq(11));
        assert!(!dir.path().join("views.rebuild").exists());
    }
}

#[test]
fn views_of_another_log_are_noticed() {
    let (dir, other) = (log(10), log(9));
    rebuild::folder(other.path(), false, &mut |_| {}).unwrap();
    rebuild::folder(dir.path(), false, &mut |_| {}).unwrap();
    // A snapshot whose position is not in the log is passed over: what is served is right all the same.
    fs::remove_dir_all(dir.path().join("snapshots")).unwrap();
    fs::rename(other.path().join("snapshots"), dir.path().join("snapshots")).unwrap();
    let rebuilt = rebuild::folder(dir.path(), true, &mut |_| {}).unwrap();
    assert_eq!(rebuilt.difference, None);
}

#[test]
fn a_sandbox_is_the_beginning_of_the_log_up_to_a_commit() {
    let dir = log(10);
    let all = records(dir.path());
    let new = tempfile::tempdir().unwrap();
    let segments = Origin::Segments(dir.path().join("segments"));
    // The first commit has two events: the clone that ends at 1 ends at 2.
    for (from, at, last) in [
        (Origin::Data(dir.path().into()), Some(1), 2),
        (segments.clone(), Some(5), 5),
        (Origin::Data(dir.path().into()), None, 11),
    ] {
        let to = new.path().join(format!("to-{last}"));
        let cloned = sandbox::clone(&from, at.map(Seq), &to, &mut |_| {}).unwrap();
        assert_eq!(cloned.last, Seq(last));
        let count = usize::try_from(last).unwrap();
        assert_eq!(cloned.hash, all[count - 1].hash);
        assert_eq!(records(&to), all[..count]);
        let mark = sandbox::mark(&to).unwrap().unwrap();
        assert_eq!(mark.at_seq, Some(last));
        let again = sandbox::clone(&from, None, &to, &mut |_| {});
        assert!(matches!(again, Err(ReplayError::NotEmpty { .. })));
    }
    assert_eq!(sandbox::mark(dir.path()).unwrap(), None);
    // What is broken off is marked as a sandbox that is not whole.
    let to = new.path().join("beyond");
    let beyond = sandbox::clone(&segments, Some(Seq(99)), &to, &mut |_| {});
    assert!(matches!(
        beyond,
        Err(ReplayError::NoEvents { first: Seq(99) })
    ));
    assert_eq!(sandbox::mark(&to).unwrap().unwrap().at_seq, None);
}
