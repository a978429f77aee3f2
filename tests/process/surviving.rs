//! Tasks outlive the server: the next one finds them again, and their ends count once.

use std::time::Duration;

use serde_json::json;

use crate::support::processes;
use crate::support::server::Server;

/// A task that runs until a file is there.
fn waiting(server: &Server) -> (u64, std::path::PathBuf) {
    let go = server.folder().join("go");
    let script = format!(
        "until [ -e '{}' ]; do sleep 0.02; done; echo done",
        go.display()
    );
    let definition =
        json!({"name": "waits", "tasks": [{"name": "t", "command": ["sh", "-c", script]}]});
    (server.api().start_definition(&definition), go)
}

fn survives(end_server: impl Fn(&mut Server), ends_before_restart: bool) {
    let mut server = Server::start(&[]);
    let (run, go) = waiting(&server);
    let before = server.api().running(run);
    let pid = before["attempts"][0]["pid"].as_i64().unwrap();
    let pid = i32::try_from(pid).unwrap();
    end_server(&mut server);
    assert!(
        processes::is_alive(pid),
        "the task goes on without a server"
    );
    if ends_before_restart {
        std::fs::write(&go, "").unwrap();
        crate::support::look_until("the task ends", || {
            (!processes::is_alive(pid)).then_some(())
        });
    }
    server.restart();
    if !ends_before_restart {
        assert!(processes::is_alive(pid));
        std::fs::write(&go, "").unwrap();
    }
    assert_eq!(server.api().finished(run)["status"], "success");
    let after = server.api().task_runs(run).remove(0);
    assert_eq!(after["attempts"].as_array().unwrap().len(), 1, "{after}");
    assert_eq!(after["attempts"][0]["pid"], pid, "{after}");
    let out = server
        .api()
        .fetch(&format!("/task-runs/{}/logs?stream=stdout", after["id"]));
    assert_eq!(out.text(), "done\n");
}

#[test]
fn a_task_survives_a_killed_server() {
    survives(Server::kill, false);
}

#[test]
fn a_task_that_ends_while_no_server_is_there_is_not_run_again() {
    survives(Server::kill, true);
}

#[test]
fn a_task_survives_a_stopped_server() {
    let stop = |server: &mut Server| {
        let (status, took) = server.stop();
        assert!(
            status.success() && took < Duration::from_secs(10),
            "{status} after {took:?}"
        );
    };
    survives(stop, false);
}

#[test]
fn a_task_whose_runner_is_killed_is_tried_again() {
    let server = Server::start(&[]);
    let (run, go) = waiting(&server);
    let before = server.api().running(run);
    let pid = i32::try_from(before["attempts"][0]["pid"].as_i64().unwrap()).unwrap();
    let runners = processes::runners(&server.data());
    assert_eq!(runners.len(), 1, "{runners:?}");
    processes::signal(runners[0].1, rustix::process::Signal::KILL);
    crate::support::look_until("the next runner ends the task of the one before", || {
        (!processes::is_alive(pid)).then_some(())
    });
    std::fs::write(&go, "").unwrap();
    assert_eq!(server.api().finished(run)["status"], "success");
    let after = server.api().task_runs(run).remove(0);
    let attempts = after["attempts"].as_array().unwrap();
    let outcomes: Vec<&str> = attempts
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["lost", "exited"], "{after}");
    assert_ne!(
        attempts[0]["worker_id"], attempts[1]["worker_id"],
        "{after}"
    );
}

#[test]
fn a_runner_whose_server_was_killed_before_it_joined_is_taken_over() {
    for _ in 0..5 {
        let mut server = Server::stopped(&[]);
        server.spawn();
        crate::support::look_until("the runner is started", || {
            let processes = processes::of_folder(&server.data());
            (processes.len() == 2).then_some(())
        });
        server.kill();
        server.restart();
        let (run, go) = waiting(&server);
        server.api().running(run);
        let runners = server.api().list("/runners");
        let living = runners
            .iter()
            .filter(|runner| runner["lost_at"].is_null())
            .count();
        assert_eq!(
            (living, processes::runners(&server.data()).len()),
            (1, 1),
            "{runners:#?}"
        );
        std::fs::write(&go, "").unwrap();
        assert_eq!(server.api().finished(run)["status"], "success");
    }
}
