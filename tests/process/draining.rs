//! A drained runner: through the command line, restarts of the server, and the death of its process.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::{command_line, look_until, processes};

fn fasti(server: &Server, arguments: &[&str]) -> Value {
    let called = command_line::call(server.folder(), server.api().url(), arguments);
    assert_eq!(called.code, 0, "{called:?}");
    called.json()
}

/// The runner that is here, once it is, and is not `other`.
fn runner(server: &Server, other: Option<&str>) -> Value {
    look_until("a runner joins", || {
        let all = server.api().list("/runners");
        all.into_iter()
            .find(|it| it["lost_at"].is_null() && other.is_none_or(|other| it["id"] != other))
    })
}

fn id(runner: &Value) -> &str {
    runner["id"].as_str().unwrap()
}

#[test]
fn a_drain_outlives_the_server_and_the_runner_until_it_is_resumed() {
    let mut server = Server::start(&["--slots", "1"]);
    let first = runner(&server, None);
    let drained = fasti(
        &server,
        &[
            "runner",
            "drain",
            id(&first),
            "--reason",
            "new disk",
            "--json",
        ],
    );
    assert_eq!(drained["drained_reason"], "new disk", "{drained}");
    let task = json!({"name": "t", "command": ["true"]});
    let definition = json!({"name": "waits", "tasks": [task]});
    let run = server.api().start_definition(&definition);
    let waits = |server: &Server, runner: &Value| {
        let task = server.api().task_runs(run).remove(0);
        assert_eq!(task["attempts"], json!([]), "{task}");
        let reason = task["queue_reason"].as_str().unwrap();
        let since = drained["drained_at"].as_str().unwrap();
        let expected = format!(
            "queued: runner `{}` is drained since {since} (new disk)",
            id(runner)
        );
        assert_eq!(reason, expected);
    };
    waits(&server, &first);
    // Its process dies: another one takes its place, and is drained.
    let (_, pid) = processes::runners(&server.data()).remove(0);
    processes::signal(pid, rustix::process::Signal::KILL);
    let second = runner(&server, Some(id(&first)));
    assert_eq!(second["drained_by"], drained["drained_by"], "{second}");
    waits(&server, &second);
    // The old name is no longer drained, once it is lost.
    look_until("the old drain ends", || {
        let all = server.api().list("/runners");
        let old = all.into_iter().find(|it| it["id"] == first["id"])?;
        let is_over = !old["lost_at"].is_null() && old["drained_at"].is_null();
        is_over.then_some(())
    });
    // So it is after an orderly end, and after a killed server.
    server.stop();
    server.restart();
    let third = runner(&server, None);
    waits(&server, &third);
    server.kill();
    server.restart();
    let fourth = runner(&server, None);
    waits(&server, &fourth);
    let called = command_line::call(
        server.folder(),
        server.api().url(),
        &["why", &run.to_string()],
    );
    assert!(called.out.contains("is drained since"), "{called:?}");
    let listed = command_line::call(server.folder(), server.api().url(), &["runner", "list"]);
    assert!(listed.out.contains("drained"), "{listed:?}");
    let nothing = command_line::call(server.folder(), server.api().url(), &["runner"]);
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.err.contains("fasti runner list"), "{nothing:?}");
    let unknown = command_line::call(
        server.folder(),
        server.api().url(),
        &["runner", "drain", "local-0"],
    );
    assert_eq!(unknown.code, 3, "{unknown:?}");
    let resumed = fasti(&server, &["runner", "resume", id(&fourth), "--json"]);
    assert_eq!(resumed["drained_at"], Value::Null);
    assert_eq!(server.api().finished(run)["status"], "success");
}
