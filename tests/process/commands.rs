//! The command line, as scripts use it: exit codes, JSON, and what is said to whom.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::support::command_line::{Called, begin, call};
use crate::support::server::Server;

fn of(server: &Server, arguments: &[&str]) -> Called {
    call(server.folder(), server.api().url(), arguments)
}

/// Calls that must succeed.
fn good(server: &Server, arguments: &[&str]) -> Called {
    let called = of(server, arguments);
    assert_eq!(called.code, 0, "{arguments:?}: {called:?}");
    called
}

fn save(server: &Server, name: &str, command: &Value) -> String {
    server
        .api()
        .save(&json!({"name": name, "tasks": [{"name": "t", "command": command}]}))
}

#[test]
fn waiting_tells_how_a_run_ended() {
    let server = Server::start(&["--slots", "4"]);
    save(&server, "good", &json!(["true"]));
    save(&server, "bad", &json!(["false"]));
    let long = save(&server, "long", &json!(["sleep", "600"]));
    for (name, code) in [("good", 0), ("bad", 10)] {
        let started = good(&server, &["run", "start", name, "--json"]).json();
        let id = started["id"].to_string();
        let waited = of(&server, &["run", "wait", &id]);
        assert_eq!(waited.code, code, "{name}: {waited:?}");
        let again = of(&server, &["run", "wait", &id, "--json"]);
        assert_eq!(
            (again.code, &again.json()["id"]),
            (code, &started["id"]),
            "{again:?}"
        );
    }
    let run = server.api().start(&long);
    let waiting = begin(
        server.folder(),
        server.api().url(),
        &["run", "wait", &run.to_string()],
    );
    server.api().running(run);
    good(&server, &["run", "cancel", &run.to_string()]);
    let waited = waiting.wait_with_output().unwrap();
    assert_eq!(waited.status.code(), Some(11), "{waited:?}");
}

#[test]
fn everything_answers_in_json() {
    let server = Server::start(&["--slots", "4"]);
    let batch = save(
        &server,
        "talks",
        &json!(["sh", "-c", "echo out; echo err >&2"]),
    );
    let run = server.api().start(&batch);
    server.api().finished(run);
    let task = server.api().task_runs(run)[0]["id"].to_string();
    let run = run.to_string();
    let objects: [&[&str]; 5] = [
        &["batch", "show", "talks"],
        &["batch", "show", &batch],
        &["run", "show", &run],
        &["run", "cancel", &run],
        &["doctor"],
    ];
    for arguments in objects {
        let called = of(&server, &[arguments, &["--json"]].concat());
        assert!(
            called.code == 0 || arguments == ["doctor"],
            "{arguments:?}: {called:?}"
        );
        assert!(!called.json().is_null(), "{arguments:?}: {called:?}");
    }
    let lists: [&[&str]; 3] = [&["batch", "list"], &["run", "list"], &["event", "list"]];
    for arguments in lists {
        let called = good(&server, &[arguments, &["--json"]].concat());
        let items = called.json();
        assert!(
            !items.as_array().unwrap().is_empty(),
            "{arguments:?}: {called:?}"
        );
        let plain = good(&server, arguments);
        assert!(
            !plain.out.is_empty() && !plain.out.contains('\u{1b}'),
            "no colours in a pipe: {plain:?}"
        );
    }
    let logs = good(&server, &["logs", &task]);
    assert_eq!(
        (logs.out.as_str(), logs.err.as_str()),
        ("out\n", "err\n"),
        "{logs:?}"
    );
    let lines = good(&server, &["logs", &task, "--json"]).json_lines();
    let said: Vec<&Value> = lines.iter().map(|line| &line["line"]).collect();
    assert_eq!(said, ["out", "err"]);
    let events = good(
        &server,
        &["event", "tail", "--after", "0", "--limit", "5", "--json"],
    )
    .json_lines();
    let seqs: Vec<&Value> = events.iter().map(|event| &event["seq"]).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
}

#[test]
fn what_goes_wrong_has_a_code_and_one_line() {
    let mut server = Server::start(&[]);
    for arguments in [
        ["run", "show", "4711"],
        ["run", "wait", "4711"],
        ["run", "cancel", "4711"],
        ["run", "start", "nothing"],
        ["batch", "show", "nothing"],
    ] {
        let called = of(&server, &arguments);
        assert_eq!(called.code, 3, "{arguments:?}: {called:?}");
        assert_eq!(
            (called.err.lines().count(), called.out.as_str()),
            (1, ""),
            "{called:?}"
        );
        assert!(called.err.contains(arguments[2]), "{called:?}");
    }
    for arguments in [["run", "explode"], ["run", "--colour"], ["batch", "show"]] {
        let called = of(&server, &arguments);
        assert_eq!(called.code, 2, "{arguments:?}: {called:?}");
    }
    server.kill();
    for arguments in [["run", "list"], ["batch", "list"], ["event", "list"]] {
        let called = of(&server, &arguments);
        assert_eq!(called.code, 6, "{arguments:?}: {called:?}");
        assert!(
            called.err.contains("fasti serve"),
            "says what to do: {called:?}"
        );
    }
    let called = call(
        server.folder(),
        "",
        &["verify", "--data", "/nowhere/at/all"],
    );
    assert_eq!(called.code, 3, "{called:?}");
}

#[test]
fn events_are_told_as_they_happen() {
    let server = Server::start(&[]);
    let batch = save(&server, "b", &json!(["true"]));
    let arguments = ["event", "tail", "--json", "--after", "0"];
    let mut tail = begin(server.folder(), server.api().url(), &arguments);
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["seq"], 1);
    // Made only now that it listens.
    let run = server.api().start(&batch);
    loop {
        let event = next();
        if event["type"] == "run.finished" {
            assert_eq!(event["run_id"], run);
            break;
        }
    }
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[test]
fn output_is_followed() {
    let server = Server::start(&[]);
    let go = server.folder().join("go");
    let script = format!(
        "echo one; until [ -e '{}' ]; do sleep 0.02; done; echo two",
        go.display()
    );
    let batch = save(&server, "b", &json!(["sh", "-c", script]));
    let run = server.api().start(&batch);
    let task = server.api().running(run)["id"].to_string();
    let mut following = begin(server.folder(), server.api().url(), &["logs", "-f", &task]);
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    std::fs::write(&go, "").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "two");
    assert!(lines.next().is_none());
    assert!(following.wait().unwrap().success());
}

#[test]
fn completions_and_manual_are_printed() {
    let server = Server::stopped(&[]);
    for arguments in [
        ["completions", "bash"],
        ["completions", "zsh"],
        ["completions", "fish"],
    ] {
        let called = call(server.folder(), "", &arguments);
        assert!(
            called.code == 0 && called.out.contains("serve"),
            "{called:?}"
        );
    }
    let manual = call(server.folder(), "", &["man"]);
    assert!(manual.code == 0 && manual.out.contains(".TH"), "{manual:?}");
    let version = call(server.folder(), "", &["--version"]);
    assert!(version.out.starts_with("fasti "), "{version:?}");
}
