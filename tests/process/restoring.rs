//! `fasti log restore` that dies anywhere, or whose disk forgets what was not synced: it can be begun again, and in
//! between no server starts on half a log.

use std::path::Path;

use serde_json::json;

use crate::support::chance::Chance;
use crate::support::command_line::{self, Called};
use crate::support::disk::model::{Disk, Unsynced};
use crate::support::disk::shim::Shim;
use crate::support::is_long;
use crate::support::server::Server;

/// Status with which the library ends a process.
const ENDED: i32 = 137;

/// A stopped server with a log of which the most part is sealed, and its audit.
fn sealed() -> (Server, Called) {
    let mut server = Server::stopped(&["--slots", "2"]);
    server.configure("[log]\nsegment_events = 20\n");
    server.restart();
    let task = json!({"name": "p", "kind": "parallel", "count": 4, "command": ["true"]});
    let batch = server.api().save(&json!({"name": "b", "tasks": [task]}));
    for _ in 0..8 {
        let run = server.api().start(&batch);
        assert_eq!(server.api().finished(run)["status"], "success");
    }
    crate::support::look_until("segments are sealed", || {
        let folder = std::fs::read_dir(server.data().join("segments"));
        let files = folder.map_or(0, Iterator::count);
        (files > 3).then_some(())
    });
    let (status, _) = server.stop();
    assert!(status.success());
    let verified = verify(server.folder(), &server.data());
    assert_eq!(verified.code, 0, "{verified:?}");
    (server, verified)
}

fn verify(home: &Path, data: &Path) -> Called {
    command_line::call(
        home,
        "",
        &["verify", "--json", "--data", data.to_str().unwrap()],
    )
}

fn restore(home: &Path, data: &Path, more: &[&str], variables: &[(String, String)]) -> Called {
    let mut arguments = vec!["log", "restore", "--data", data.to_str().unwrap()];
    arguments.extend(more);
    command_line::call_with(home, "", &arguments, variables)
}

fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}

/// The log in `data` is whole and the one that was, as it is or after one more restore.
fn is_there(home: &Path, data: &Path, more: &[&str], whole: &Called, what: &str) {
    let now = verify(home, data);
    let is_same = |called: &Called| {
        called.code == 0
            && ["last_seq", "hash"]
                .iter()
                .all(|it| called.json()[it] == whole.json()[it])
    };
    if is_same(&now) {
        return;
    }
    assert_ne!(now.code, 0, "{what}: another log is called whole: {now:?}");
    let again = restore(home, data, more, &[]);
    assert_eq!(again.code, 0, "{what}: {again:?}");
    let now = verify(home, data);
    assert!(is_same(&now), "{what}: {now:?}");
}

#[test]
fn a_restore_that_dies_at_any_call_can_be_begun_again() {
    let (server, whole) = sealed();
    let mut shim = Shim::build();
    let mut chance = Chance::new();
    let work = server.folder().join("work");
    let data = work.join("data");
    let mut met = 0;
    for kind in ["write", "sync", "rename"] {
        for ending in ["before", "after"] {
            let mut number = 1;
            loop {
                drop(std::fs::remove_dir_all(&work));
                std::fs::create_dir(&work).unwrap();
                copy(&server.data(), &data);
                shim.clear();
                shim.trace().clear();
                shim.set("RECORDER_FAULT", format!("{kind}:{number}:{ending}:"));
                let called = restore(server.folder(), &data, &[], &shim.variables(&data));
                let is_met = called.code == ENDED || called.code == -1;
                assert!(
                    is_met || called.code == 0,
                    "{kind} {number} {ending}: {called:?}"
                );
                let what = format!("{kind} {number} {ending}");
                is_there(server.folder(), &data, &[], &whole, &what);
                if !is_met {
                    break;
                }
                met += 1;
                number += match (is_long(), kind) {
                    (true, _) | (false, "rename") => 1,
                    (false, _) => 1 + chance.below(12),
                };
            }
        }
    }
    println!("{met} deaths");
    assert!(met >= 8, "only {met} deaths were met");
}

/// Into a new folder, from segments and the rest of a database elsewhere: every call is known from its birth on.
#[test]
fn a_power_cut_during_a_restore_loses_nothing() {
    let (server, whole) = sealed();
    let shim = Shim::build();
    let mut chance = Chance::new();
    let from = server.data();
    let segments = from.join("segments");
    let more = [
        "--segments",
        segments.to_str().unwrap(),
        "--tail",
        from.to_str().unwrap(),
    ];
    let work = server.folder().join("work");
    let data = work.join("data");
    std::fs::create_dir(&work).unwrap();
    shim.trace().clear();
    let called = restore(server.folder(), &data, &more, &shim.variables(&data));
    assert_eq!(called.code, 0, "{called:?}");
    let calls = shim.trace().calls();
    assert!(calls.len() > 50, "only {} calls were recorded", calls.len());
    let cuts = if is_long() { 60 } else { 8 };
    for _ in 0..cuts {
        let at = chance.below(calls.len() + 1);
        let unsynced = Unsynced::any(&mut chance);
        drop(std::fs::remove_dir_all(&work));
        Disk::after(&calls[..at]).cut(unsynced, &mut chance, &data);
        let what = format!("cut after call {at} of {}, {unsynced:?}", calls.len());
        is_there(server.folder(), &data, &more, &whole, &what);
    }
}
