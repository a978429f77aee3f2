//! Cancelling a run ends every process of its tasks before anybody is told that it has ended.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::processes::is_alive;
use crate::support::server::Server;
use crate::support::{look_until, python};

/// Process numbers in a file, once there are as many as expected.
fn pids(file: &Path, count: usize) -> Vec<i32> {
    look_until("the tasks write down their processes", || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let pids: Vec<i32> = text
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        (pids.len() == count && text.ends_with('\n')).then_some(pids)
    })
}

fn cancel(server: &Server, run: u64) -> Value {
    server
        .api()
        .post(&format!("/runs/{run}/cancel"), &json!({"reason": "enough"}));
    server.api().finished(run)
}

#[test]
fn grandchildren_end_with_their_task() {
    let server = Server::start(&["--slots", "4"]);
    let file = server.folder().join("pids");
    let name = file.display();
    let code = server.folder().join("forks.py");
    let source = format!(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\nwith open('{name}', 'a') as f: f.write(f'{{os.getpid()}}\\n')\ntime.sleep(600)\n"
    );
    std::fs::write(&code, source).unwrap();
    let script = format!("sleep 600 & echo $! >> '{name}'; echo $$ >> '{name}'; wait");
    let definition = json!({
        "name": "families",
        "tasks": [
            {"name": "in its group", "command": ["sh", "-c", script]},
            {"name": "in a session of its own", "command": [python(), code]},
            {"name": "waits", "command": ["true"]},
        ],
        "edges": [{"from": "in its group", "to": "waits"}],
    });
    let run = server.api().start_definition(&definition);
    let pids = pids(&file, 4);
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    let ended = cancel(&server, run);
    let left: Vec<&i32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(
        left.is_empty(),
        "still there after the end was recorded: {left:?}"
    );
    assert_eq!(ended["status"], "cancelled", "{ended}");
    let tasks = server.api().task_runs(run);
    assert!(
        tasks.iter().all(|task| task["status"] == "cancelled"),
        "{tasks:#?}"
    );
    assert_eq!(tasks[0]["attempts"][0]["outcome"], "stopped", "{tasks:#?}");
    let again = cancel(&server, run);
    assert_eq!(again, ended, "a second cancel changes nothing");
}

#[test]
fn what_ignores_the_request_is_killed() {
    let server = Server::start(&[]);
    let file = server.folder().join("pids");
    let script = format!(
        "trap '' TERM; echo $$ >> '{}'; while :; do sleep 1; done",
        file.display()
    );
    let definition =
        json!({"name": "deaf", "tasks": [{"name": "t", "command": ["sh", "-c", script]}]});
    let run = server.api().start_definition(&definition);
    let pids = pids(&file, 1);
    let ended = cancel(&server, run);
    assert!(!is_alive(pids[0]));
    assert_eq!(ended["status"], "cancelled", "{ended}");
}
