//! Bugs put between the engine and its log, to show that comparing what was seen and answered with what is there after
//! a restart finds them. The bugs live here alone; what needs the whole binary (no sync, an answer before the sync, no
//! head) is among the tests of the binary.

use std::time::Duration;

use fasti_core::domain::access::Principal;
use fasti_core::domain::command::{Command, Request};
use fasti_core::domain::ids::{Digest, LogId, Seq};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{EngineHandle, EngineParts, spawn};
use fasti_core::feed::{Entry, Feed, feed};
use fasti_core::link::Links;
use fasti_core::mem::ManualClock;
use fasti_core::ports::LogWrite;
use fasti_core::record::{NewRecord, StoredRecord};
use fasti_core::store::{Appended, Log, OpenOptions, Store, StoreError};

/// Commands of a history.
const COMMANDS: u8 = 40;

/// Answers for all records of a commit and stores all but the last, where there is more than one.
struct DropsLast(Log);

impl LogWrite for DropsLast {
    fn append(
        &mut self,
        mut records: Vec<NewRecord>,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StoreError> {
        let dropped = (records.len() > 1).then(|| records.pop()).flatten();
        let mut appended = self.0.append_from_reserve(records, values)?;
        if let (Some(record), Some(last)) = (dropped, appended.records.last().cloned()) {
            appended.last = last.seq.next();
            appended.records.push(StoredRecord {
                seq: appended.last,
                record,
                ..last
            });
        }
        Ok(appended)
    }

    fn check_room(&mut self) -> Result<(), StoreError> {
        self.0.check_room()
    }
}

fn request(command: Command) -> Request {
    Request {
        command,
        principal: Principal {
            actor: "user:ann".into(),
            user: "ann".to_owned(),
            groups: Vec::new(),
            is_admin: true,
        },
        key: None,
        trace: None,
    }
}

/// Gives the engine its commands, several at a time, so that commits have several events; answers with the last
/// position that anybody was told.
fn work(engine: &EngineHandle, log_id: LogId) -> Option<Seq> {
    let create = Command::CreateLog {
        log_id,
        seed: [1; 16],
    };
    engine.submit_blocking(Request::system(create)).unwrap();
    let callers: Vec<_> = (0..4_u8)
        .map(|caller| {
            let engine = engine.clone();
            std::thread::spawn(move || {
                let numbers = (caller..COMMANDS).step_by(4);
                let commands = numbers.map(|number| Command::RegisterBundle {
                    digest: Digest([number; 32]),
                    size: 7,
                });
                commands
                    .filter_map(|command| engine.submit_blocking(request(command)).ok())
                    .map(|receipt| receipt.seq)
                    .max()
            })
        })
        .collect();
    callers
        .into_iter()
        .filter_map(|it| it.join().unwrap())
        .max()
}

/// What a follower sees.
fn everything(feed: &Feed) -> Vec<Entry> {
    let mut seen: Vec<Entry> = Vec::new();
    while let Ok(entries) = feed.read(seen.last().map_or(Seq(0), Entry::seq), 1000)
        && !entries.is_empty()
    {
        seen.extend(entries.iter().map(|entry| (**entry).clone()));
    }
    seen
}

/// Lets an engine work on a log in a new folder, then compares what it showed and answered with what is stored.
///
/// # Errors
/// What is missing or different.
fn history(wrap: impl FnOnce(Log) -> Box<dyn LogWrite>) -> Result<usize, String> {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        reserve_bytes: 0,
        free_min_bytes: 0,
        ..OpenOptions::default()
    };
    let store = Store::open(dir.path(), options).unwrap();
    let log_id = LogId([7; 16]);
    let (writer, feed) = feed(log_id, Seq(0), Box::new(store.reader.clone()));
    let (engine, thread) = spawn(EngineParts {
        state: State::default(),
        clock: Box::new(ManualClock::at(Timestamp(1_711_846_800_000_000))),
        log: wrap(store.log),
        writer,
        feed: feed.clone(),
        effects: Box::new(Links::default()),
        snapshots: None,
    })
    .unwrap();
    let told = work(&engine, log_id);
    let seen = everything(&feed);
    engine.stop();
    let _ = thread.join();
    drop((
        engine,
        feed,
        store.reader,
        store.content,
        store.hints,
        store.lock,
    ));
    let stored = stored(dir.path(), options)?;
    let last = Seq(stored.len() as u64);
    if told.is_some_and(|told| told > last) {
        return Err(format!("{told:?} was answered, the log ends at {last}"));
    }
    for entry in &seen {
        let at = usize::try_from(entry.seq().0 - 1).unwrap();
        if stored.get(at) != Some(entry) {
            return Err(format!(
                "{entry:?} was seen, {:?} is stored",
                stored.get(at)
            ));
        }
    }
    Ok(seen.len())
}

/// Everything a start finds, once the last handle of the store has gone.
fn stored(dir: &std::path::Path, options: OpenOptions) -> Result<Vec<Entry>, String> {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let store = loop {
        match Store::open(dir, options) {
            Err(StoreError::Locked { .. }) if std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => break outcome.map_err(|error| error.to_string())?,
        }
    };
    let records = store
        .reader
        .scan(Seq(1))
        .map_err(|error| error.to_string())?;
    records
        .map(|record| {
            fasti_core::codec::decode(&record.unwrap()).map_err(|error| error.to_string())
        })
        .collect()
}

#[test]
fn what_was_seen_and_answered_is_stored() {
    let seen = history(|log| Box::new(log)).unwrap();
    assert!(seen > usize::from(COMMANDS), "{seen} events");
}

#[test]
fn a_log_that_drops_the_last_event_of_a_commit_is_found_out() {
    let found = history(|log| Box::new(DropsLast(log)));
    println!("{found:?}");
    assert!(found.is_err());
}
