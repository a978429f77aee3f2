//! Evidence of runs with the real binary: from a running server and from a stopped one, checked where there is none.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::command_line::{Called, call};
use crate::support::server::Server;

const VERIFY_FAILED: i32 = 7;

fn path(server: &Server, name: &str) -> PathBuf {
    server.folder().join(name)
}

fn of(server: &Server, arguments: &[&str]) -> Called {
    call(server.folder(), server.api().url(), arguments)
}

/// Checks a file where no server can be reached.
fn verify(server: &Server, file: &str, more: &[&str]) -> Called {
    let file = path(server, file);
    let arguments = [&["evidence", "verify", file.to_str().unwrap()], more].concat();
    call(server.folder(), "http://127.0.0.1:1", &arguments)
}

fn evidence(server: &Server, run: u64, file: &str, more: &[&str]) -> Called {
    let (run, file) = (run.to_string(), path(server, file));
    let arguments = ["run", "evidence", &run, "--out", file.to_str().unwrap()];
    of(server, &[arguments.as_slice(), more].concat())
}

#[test]
fn evidence_is_made_online_and_offline_and_checked_without_a_server() {
    let mut server = Server::stopped(&["--slots", "2"]);
    server.configure("[log]\nsegment_events = 20\n");
    server.restart();
    let tasks = json!([{"name": "p", "kind": "parallel", "count": 4, "command": ["true"]},
        {"name": "bad", "command": ["false"]}]);
    let batch = server.api().save(&json!({"name": "b", "tasks": tasks}));
    let runs: Vec<u64> = (0..4).map(|_| server.api().start(&batch)).collect();
    for run in &runs {
        assert_eq!(server.api().finished(*run)["status"], "failure");
    }
    let made = evidence(&server, runs[1], "online", &["--results", "--json"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(made.json()["run"], runs[1]);
    // A file that is there is never written over.
    assert_ne!(evidence(&server, runs[1], "online", &[]).code, 0);
    let events = of(
        &server,
        &[
            "event",
            "list",
            "--json",
            "--run",
            &runs[1].to_string(),
            "--limit",
            "1000",
        ],
    );
    let missing = evidence(&server, 99_999, "none", &[]);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(!path(&server, "none").exists());
    let shown = of(&server, &["run", "show", "--json", &runs[1].to_string()]).json();
    adds_up(&shown["spent"]);
    server.stop();

    let data = server.data();
    let key = fs::read_to_string(data.join("anchor.pub")).unwrap();
    let checked = verify(&server, "online", &["--json", "--key", key.trim()]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let proven = checked.json();
    assert_eq!(
        (&proven["ok"], &proven["status"]),
        (&json!(true), &json!("failure"))
    );
    // The story of the run as the server told it, after the definition.
    let seqs = |list: &[Value]| list.iter().map(|it| it["seq"].clone()).collect::<Vec<_>>();
    let listed = events.json();
    let listed = listed.as_array().unwrap();
    assert_eq!(
        seqs(&proven["events"].as_array().unwrap()[1..]),
        seqs(listed)
    );

    let from = ["--data", data.to_str().unwrap()];
    for run in &runs {
        let made = evidence(&server, *run, &format!("offline-{run}"), &from);
        assert_eq!(made.code, 0, "{made:?}");
        assert_eq!(verify(&server, &format!("offline-{run}"), &[]).code, 0);
    }
    assert_eq!(evidence(&server, 99_999, "none", &from).code, 3);
    // What was signed on the way holds in the audit of the folder.
    let audit = call(
        server.folder(),
        "",
        &["verify", "--data", data.to_str().unwrap()],
    );
    assert_eq!(audit.code, 0, "{audit:?}");
    what_is_wrong_is_said(&server);
}

fn what_is_wrong_is_said(server: &Server) {
    let bytes = fs::read(path(server, "online")).unwrap();
    let middle = bytes.len() / 2;
    let mut other = bytes.clone();
    other[middle] = if other[middle] == b'A' { b'B' } else { b'A' };
    fs::write(path(server, "changed"), &other).unwrap();
    let changed = verify(server, "changed", &[]);
    assert_eq!(changed.code, VERIFY_FAILED, "{changed:?}");
    assert!(changed.err.contains("proves nothing: line "), "{changed:?}");
    let other_key = verify(server, "online", &["--key", &"0".repeat(64)]);
    assert_eq!(other_key.code, VERIFY_FAILED, "{other_key:?}");
    assert_eq!(verify(server, "online", &["--key", "short"]).code, 2);
    assert_eq!(verify(server, "not there", &[]).code, 3);
}

/// Every microsecond of a run has one reason.
fn adds_up(spent: &Value) {
    let us = |value: &Value| value.as_i64().unwrap();
    let along = spent["critical_path_spent"].as_object().unwrap();
    let sum: i64 = along.values().map(us).sum();
    let sum = sum + us(&spent["late_us"]) + us(&spent["delivering_us"]);
    assert_eq!(sum, us(&spent["elapsed_us"]), "{spent}");
    assert!(!spent["critical_path"].as_array().unwrap().is_empty());
}

#[test]
fn there_is_no_evidence_of_a_run_that_is_not_over() {
    let server = Server::start(&["--slots", "2"]);
    let task = json!({"name": "t", "command": ["sleep", "600"]});
    let batch = server.api().save(&json!({"name": "b", "tasks": [task]}));
    let run = server.api().start(&batch);
    server.api().running(run);
    let refused = evidence(&server, run, "early", &[]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("is not over"), "{refused:?}");
    assert!(!path(&server, "early").exists());
    of(&server, &["run", "cancel", &run.to_string()]);
}
