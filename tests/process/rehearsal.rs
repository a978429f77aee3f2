//! A history that real servers wrote, with kills in it, decided once more by the same binary: all of it is the same. And
//! one that no server would have written.

use std::path::Path;

use fasti_core::domain::ids::Seq;
use fasti_core::record::NewRecord;
use fasti_core::store::{OpenOptions, Store};
use serde_json::json;

use crate::support::command_line::{Called, call};
use crate::support::look_until;
use crate::support::server::Server;

const VERIFY_FAILED: i32 = 7;
const CONFLICT: i32 = 4;

fn rehearse(server: &Server, more: &[&str]) -> Called {
    let data = server.data();
    let arguments = ["log", "rehearse", "--data", data.to_str().unwrap()];
    let arguments = [arguments.as_slice(), more].concat();
    // A process that was being started when the server ended may hold on to the folder for a moment.
    look_until("the data folder is let go", || {
        let called = call(server.folder(), "", &arguments);
        (called.code != CONFLICT).then_some(called)
    })
}

/// A pause is taken back, and the runner is drained and given work again.
fn operated(server: &Server, batch: &str) {
    let api = server.api();
    api.post(&format!("/batches/{batch}/pause"), &json!({}));
    let events = api.events();
    let paused = events.iter().rev().find(|it| it["type"] == "batch.paused");
    api.post(
        &format!("/events/{}/undo", paused.unwrap()["seq"]),
        &json!({}),
    );
    let runners = api.list("/runners");
    let runner = runners[0]["id"].as_str().unwrap();
    for verb in ["drain", "resume"] {
        api.post(&format!("/runners/{runner}/{verb}"), &json!({}));
    }
}

/// A server with slots, retries, parts, skips, cancels, an upstream, an operator and a kill behind it.
fn eventful() -> Server {
    let mut server = Server::start(&["--slots", "3"]);
    let ticks = server.api().save(&json!({
        "name": "ticks",
        "schedule": {"cron": "* * * * * *"},
        "tasks": [{"name": "t", "command": ["true"]}],
    }));
    let parts = json!({"name": "p", "kind": "parallel", "count": 20, "command": ["true"]});
    let bad = json!({"name": "bad", "command": ["false"], "retries": 2,
        "retry": {"delay_seconds": 0.05}});
    let graph = json!({"name": "g", "tasks": [parts, bad, {"name": "after", "command": ["true"]}],
        "edges": [{"from": "bad", "to": "after"}]});
    let long = json!({"name": "long", "tasks": [{"name": "t", "command": ["sleep", "600"]}]});
    let (first, stays) = (
        server.api().start_definition(&graph),
        server.api().start_definition(&long),
    );
    assert_eq!(server.api().finished(first)["status"], "failure");
    server.api().running(stays);
    operated(&server, &ticks);
    server.kill();
    server.restart();
    let second = server.api().start_definition(&graph);
    assert_eq!(server.api().finished(second)["status"], "failure");
    server
        .api()
        .post(&format!("/runs/{stays}/cancel"), &json!({}));
    assert_eq!(server.api().finished(stays)["status"], "cancelled");
    look_until("a slot fires", || {
        let slots = server
            .api()
            .get(&format!("/batches/{ticks}/slots?limit=1000"));
        let items = slots["items"].as_array().unwrap();
        items
            .iter()
            .any(|slot| slot["outcome"] == "fired")
            .then_some(())
    });
    server
        .api()
        .post(&format!("/batches/{ticks}/pause"), &json!({}));
    let (status, _) = server.stop();
    assert!(status.success());
    server
}

/// A slot that fires once more, as nobody decided it.
fn fires_twice(data: &Path) -> Seq {
    let mut store = Store::open(data, OpenOptions::default()).unwrap();
    let all: Result<Vec<_>, _> = store.reader.scan(Seq(1)).unwrap().collect();
    let all = all.unwrap();
    let fired = all
        .iter()
        .rev()
        .find(|stored| stored.record.name == "schedule.fired" && stored.record.actor == "system");
    let again = NewRecord {
        at: all.last().unwrap().record.at,
        ..fired.unwrap().record.clone()
    };
    let appended = store.log.append(vec![again], &[]).unwrap();
    appended.records[0].seq
}

#[test]
fn what_servers_decided_is_decided_again_the_same_and_a_forged_decision_is_told() {
    let server = eventful();
    let found = rehearse(&server, &["--json"]);
    assert_eq!(found.code, 0, "{found:?}");
    let told = found.json();
    assert_eq!(told["ok"], true, "{told}");
    assert_eq!(
        (&told["different"], &told["held_back"]),
        (&json!(0), &json!(0))
    );
    let count = |name: &str| told[name].as_u64().unwrap();
    assert_eq!(count("given") + count("same"), count("last_seq"));
    assert!(count("same") > 30 && count("given") > 20, "{told}");

    let forged = fires_twice(&server.data());
    let found = rehearse(&server, &["--json"]);
    assert_eq!(found.code, VERIFY_FAILED, "{found:?}");
    let told = found.json();
    let difference = &told["differences"][0];
    assert_eq!(told["different"], 1);
    assert_eq!(difference["seq"], forged.0);
    assert_eq!(difference["recorded"]["type"], "schedule.fired");
    assert_eq!(difference["decided"], json!(null));
    let found = rehearse(&server, &[]);
    assert!(found.out.contains("because its time had come"), "{found:?}");
    assert!(found.out.contains("decided   nothing"), "{found:?}");
    // What was recorded before it stays as good as it was.
    let until = (forged.0 - 1).to_string();
    assert_eq!(rehearse(&server, &["--until", &until]).code, 0);
}

#[test]
fn a_folder_in_use_and_one_without_a_log_are_refused() {
    let server = Server::start(&[]);
    let data = server.data();
    let arguments = ["log", "rehearse", "--data", data.to_str().unwrap()];
    let used = call(server.folder(), "", &arguments);
    assert_eq!(used.code, CONFLICT, "{used:?}");
    assert!(
        used.err.contains("stop it first, or use a copy"),
        "{used:?}"
    );
    let nothing = server.folder().join("nothing");
    let arguments = ["log", "rehearse", "--data", nothing.to_str().unwrap()];
    let found = call(server.folder(), "", &arguments);
    assert_ne!(found.code, 0, "{found:?}");
    assert!(!nothing.exists());
}
