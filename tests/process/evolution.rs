//! A log that a later version of Fasti wrote: what may be passed over is kept and told of, what may not is refused
//! with the version to install.

use std::path::Path;

use fasti_core::domain::ids::Seq;
use fasti_core::record::{NewRecord, StoredRecord};
use fasti_core::store::{OpenOptions, Store};
use serde_json::json;

use crate::support::command_line;
use crate::support::server::Server;

/// It does not fit what is there.
const CONFLICT: i32 = 4;

/// Appends what a later version would have: the start of its server, and an event of its own.
fn written_by_a_later_version(data: &Path, is_critical: bool) -> StoredRecord {
    let mut store = Store::open(data, OpenOptions::default()).unwrap();
    let mut start = None;
    let all: Result<Vec<_>, _> = store.reader.scan(Seq(1)).unwrap().collect();
    for stored in all.unwrap() {
        if stored.record.name == "server.started" {
            start = Some(stored.record);
        }
    }
    let mut start: NewRecord = start.unwrap();
    let mut payload: serde_json::Value = rmp_serde::from_slice(&start.payload).unwrap();
    payload["version"] = json!("7.8.9");
    start.payload = rmp_serde::to_vec_named(&payload).unwrap();
    let at = store
        .reader
        .read_one(store.log.last().seq)
        .unwrap()
        .unwrap();
    start.at = at.record.at;
    let foreign = NewRecord {
        name: "run.whispered".to_owned(),
        version: 3,
        critical: is_critical,
        payload: rmp_serde::to_vec_named(&json!({"to": "nobody", "words": 2})).unwrap(),
        ..start.clone()
    };
    let appended = store.log.append(vec![start, foreign], &[]).unwrap();
    appended.records.last().unwrap().clone()
}

fn stopped_server() -> Server {
    let mut server = Server::start(&["--slots", "1"]);
    let task = json!({"name": "t", "command": ["true"]});
    let run = server
        .api()
        .start_definition(&json!({"name": "before", "tasks": [task]}));
    assert_eq!(server.api().finished(run)["status"], "success");
    let (status, _) = server.stop();
    assert!(status.success());
    server
}

#[test]
fn what_may_be_passed_over_is_kept_counted_and_told_of() {
    let mut server = stopped_server();
    let foreign = written_by_a_later_version(&server.data(), false);
    server.restart();
    let seq = foreign.seq.0;
    let event = server.api().get(&format!("/events/{seq}"));
    assert_eq!(
        (&event["type"], &event["version"]),
        (&json!("run.whispered"), &json!(3))
    );
    assert_eq!(event["data"], json!({"to": "nobody", "words": 2}));
    let address = format!("{}/metrics", server.api().url());
    let mut figures = ureq::get(address).call().unwrap();
    let figures = figures.body_mut().read_to_string().unwrap();
    assert!(
        figures.contains("\nfasti_unknown_events_total 1\n"),
        "{figures}"
    );
    // Work goes on over it, and over a restart from a snapshot too.
    let task = json!({"name": "t", "command": ["true"]});
    let run = server
        .api()
        .start_definition(&json!({"name": "after", "tasks": [task]}));
    assert_eq!(server.api().finished(run)["status"], "success");
    let (status, _) = server.stop();
    assert!(status.success());
    let verified = command_line::verify_ended(server.folder(), &server.data());
    assert_eq!(verified.code, 0, "{verified:?}");
    let data = server.data();
    let store = Store::open(&data, OpenOptions::default()).unwrap();
    let kept = store.reader.read_one(foreign.seq).unwrap().unwrap();
    assert_eq!(kept, foreign, "byte for byte");
    drop(store);
    server.restart();
    assert_eq!(server.api().get(&format!("/events/{seq}")), event);
}

#[test]
fn what_is_critical_is_refused_with_the_version_to_install() {
    let mut server = stopped_server();
    let foreign = written_by_a_later_version(&server.data(), true);
    server.spawn();
    assert!(!server.listens(), "it must not serve half of the history");
    let (status, _) = server.wait_ended(std::time::Instant::now());
    let said = server.all_said();
    assert_eq!(status.code(), Some(CONFLICT), "{said}");
    let last = said.lines().last().unwrap_or_default();
    for part in ["7.8.9", "run.whispered", &foreign.seq.to_string()] {
        assert!(last.contains(part), "`{part}` is not in: {last}");
    }
}
