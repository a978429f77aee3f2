//! Python functions in processes that serve one call after the other: what is each attempt's own stays so, and
//! stopping, failing and killing are what they are elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::look_until;
use crate::support::processes::is_alive;
use crate::support::server::Server;

const CODE: &str = r#"
import os, subprocess, time

calls = []

def talks(part_num):
    calls.append(part_num)
    print("part", part_num, "in", os.environ["FASTI_ATTEMPT"])
    return len(calls)

def waits(part_num):
    # The first part goes on for ever, the others are short.
    while part_num == 0:
        time.sleep(60)

def leaves(part_num):
    print(subprocess.Popen(["sleep", "600"]).pid)

def fails(part_num):
    if part_num % 3 == 0:
        raise ValueError("a third")
"#;

/// A server with an image of the functions above, whose processes serve up to twenty calls.
fn server() -> Server {
    let python = crate::support::python();
    let server = Server::start(&["--slots", "2", "--python", python.to_str().unwrap()]);
    let code = server.folder().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("work.py"), CODE).unwrap();
    let image = json!({"path": code, "env": {"FASTI_REUSE": "20"}});
    server.api().put("PUT", "/images/work", &image);
    server
}

fn parts(function: &str, count: u32) -> Value {
    json!({
        "name": function,
        "tasks": [{
            "name": function, "entrypoint": format!("work.{function}"), "image": "work",
            "kind": "parallel", "count": count,
        }],
    })
}

fn pid_of(task: &Value) -> u64 {
    task["attempts"][0]["pid"].as_u64().unwrap()
}

#[test]
fn calls_share_a_process_and_nothing_that_belongs_to_an_attempt() {
    let server = server();
    let run = server.api().start_definition(&parts("talks", 100));
    assert_eq!(server.api().finished(run)["status"], "success");
    let tasks = server.api().task_runs(run);
    let mut calls: BTreeMap<u64, usize> = BTreeMap::new();
    for task in &tasks {
        *calls.entry(pid_of(task)).or_default() += 1;
        let attempt = &task["attempts"][0];
        let address = format!("/task-runs/{}/logs?stream=stdout", task["id"]);
        let said = server.api().fetch(&address).text();
        let part = task["part_num"].as_u64().unwrap();
        let id = format!("{}.{}", task["id"], attempt["number"]);
        assert_eq!(said, format!("part {part} in {id}\n"), "{task}");
    }
    assert!(calls.values().all(|&calls| calls <= 20), "{calls:?}");
    assert!(calls.len() < 30, "100 calls took {} processes", calls.len());
}

#[test]
fn a_stopped_call_ends_and_later_ones_are_not_hit() {
    let server = server();
    for _ in 0..5 {
        let run = server.api().start_definition(&parts("waits", 20));
        let first = look_until("the other parts are over", || {
            let tasks = server.api().task_runs(run);
            let done = tasks.iter().filter(|it| it["status"] == "success").count();
            (done == 19).then(|| tasks[0].clone())
        });
        server
            .api()
            .post(&format!("/runs/{run}/cancel"), &json!({}));
        let ended = server.api().finished(run);
        assert_eq!(ended["status"], "cancelled");
        let pid = i32::try_from(pid_of(&first)).unwrap();
        assert!(!is_alive(pid), "its process is still there");
        let run = server.api().start_definition(&parts("talks", 20));
        assert_eq!(server.api().finished(run)["status"], "success");
    }
}

#[test]
fn what_a_call_started_ends_with_it() {
    let server = server();
    let run = server.api().start_definition(&parts("leaves", 6));
    assert_eq!(server.api().finished(run)["status"], "success");
    let tasks = server.api().task_runs(run);
    let pids: BTreeSet<u64> = tasks.iter().map(pid_of).collect();
    assert_eq!(pids.len(), 6, "none of them was used again");
    for task in tasks {
        let address = format!("/task-runs/{}/logs?stream=stdout", task["id"]);
        let started: i32 = server.api().fetch(&address).text().trim().parse().unwrap();
        assert!(!is_alive(started), "process {started} outlived its attempt");
    }
}

#[test]
fn a_failure_is_its_own_and_is_tried_again_elsewhere() {
    let server = server();
    let run = server.api().start_definition(&parts("fails", 30));
    server.api().finished(run);
    for task in server.api().task_runs(run) {
        let is_third = task["part_num"].as_u64().unwrap() % 3 == 0;
        let attempt = &task["attempts"][0];
        assert_eq!(attempt["exit_code"], i32::from(is_third), "{task}");
        if is_third {
            assert_eq!(attempt["reason"], "ValueError: a third", "{task}");
        }
    }
}

#[test]
fn calls_outlive_the_server_and_later_ones_go_on() {
    let mut server = server();
    let run = server.api().start_definition(&parts("waits", 8));
    let pid = look_until("the other parts are over", || {
        let tasks = server.api().task_runs(run);
        let done = tasks.iter().filter(|it| it["status"] == "success").count();
        (done == 7).then(|| i32::try_from(pid_of(&tasks[0])).unwrap())
    });
    server.kill();
    server.restart();
    assert!(is_alive(pid), "it waits for its runner, not for the server");
    server
        .api()
        .post(&format!("/runs/{run}/cancel"), &json!({}));
    assert_eq!(server.api().finished(run)["status"], "cancelled");
    assert!(!is_alive(pid));
    let run = server.api().start_definition(&parts("talks", 20));
    assert_eq!(server.api().finished(run)["status"], "success");
}

#[test]
fn a_number_that_is_none_is_refused() {
    let server = server();
    let image = json!({"path": "/srv", "env": {"FASTI_REUSE": "often"}});
    let body = image.to_string();
    let answer = server
        .api()
        .send("PUT", "/images/other", &[], Some(body.as_bytes()));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("1 to 1000000"), "{}", answer.text());
}
