//! Forks of runs and sandboxes: what is tried out repeats nothing that was done.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::command_line::{Called, call};
use crate::support::look_until;
use crate::support::server::Server;

fn good(server: &Server, arguments: &[&str]) -> Called {
    let called = call(server.folder(), server.api().url(), arguments);
    assert_eq!(called.code, 0, "{arguments:?}: {called:?}");
    called
}

/// A task that writes a line into a file of its own each time, with the variable `WHO`.
fn counted(folder: &Path, name: &str) -> Value {
    let file = folder.join(name);
    let line = format!("echo \"$WHO\" >> '{}'", file.display());
    json!({"name": name, "command": ["sh", "-c", line], "env": {"WHO": "nobody"}})
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn definition(folder: &Path) -> Value {
    let tasks: Vec<Value> = ["load", "check", "sum"]
        .iter()
        .map(|name| counted(folder, name))
        .collect();
    let edges = json!([{"from": "load", "to": "check"}, {"from": "check", "to": "sum"}]);
    json!({"name": "chain", "tasks": tasks, "edges": edges})
}

#[test]
fn a_fork_executes_nothing_that_serves_and_gives_the_rest_its_variables() {
    let server = Server::start(&["--slots", "2"]);
    let folder = server.folder().to_owned();
    let batch = server.api().save(&definition(&folder));
    let run = server.api().start(&batch);
    assert_eq!(server.api().finished(run)["status"], "success");
    let run = run.to_string();

    let fork = [
        "run",
        "fork",
        &run,
        "--from",
        "check",
        "--set",
        "WHO=fork me",
    ];
    let plan = good(&server, &[&fork[..], &["--dry-run", "--json"]].concat()).json();
    let actions: Vec<&Value> = plan["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["action"])
        .collect();
    assert_eq!(actions, ["reuse", "run", "run"]);
    assert!(plan["definition_version"].is_null(), "{plan}");
    assert_eq!(lines(&folder, "check").len(), 1, "a plan starts nothing");

    good(&server, &[&fork[..], &["--wait"]].concat());
    assert_eq!(lines(&folder, "load"), ["nobody"]);
    assert_eq!(lines(&folder, "check"), ["nobody", "fork me"]);
    assert_eq!(lines(&folder, "sum"), ["nobody", "fork me"]);

    // Version 2 has another last task; a fork of the run of version 1 in version 1 does not see it.
    let mut changed = definition(&folder);
    changed["tasks"][2] = counted(&folder, "total");
    changed["edges"][1]["to"] = json!("total");
    server.api().save(&changed);
    for (version, total) in [("1", 0), ("2", 1), ("latest", 2)] {
        let from = if version == "1" { "sum" } else { "total" };
        let fork = [
            "run",
            "fork",
            &run,
            "--from",
            from,
            "--version",
            version,
            "--wait",
        ];
        good(&server, &fork);
        assert_eq!(lines(&folder, "total").len(), total, "version {version}");
    }
    assert_eq!(lines(&folder, "load").len(), 1);
    assert_eq!(lines(&folder, "check").len(), 2);

    let of = |arguments: &[&str]| {
        let all = [&["run", "fork", run.as_str()], arguments].concat();
        call(server.folder(), server.api().url(), &all).code
    };
    assert_eq!(of(&["--from", "check", "--version", "9"]), 3);
    assert_eq!(of(&["--from", "check", "--version", "0"]), 2);
    assert_eq!(of(&["--from", "nothing"]), 2);
    assert_eq!(of(&["--from", "check", "--set", "no value"]), 2);
    assert_eq!(of(&["--from", "check", "--set", "FASTI_RUN_ID=7"]), 2);
    assert_eq!(of(&[]), 2);
    assert_eq!(
        lines(&folder, "check").len(),
        2,
        "what is refused starts nothing"
    );
}

#[test]
fn a_sandbox_has_the_past_and_no_effects() {
    let mut server = Server::start(&["--slots", "2"]);
    let folder = server.folder().to_owned();
    let batch = server.api().save(&definition(&folder));
    let early = server.api().start(&batch);
    server.api().finished(early);
    let at = server.api().get("/health")["log_seq"].to_string();
    let late = server.api().start(&batch);
    server.api().finished(late);
    server.stop();
    assert_eq!(lines(&folder, "load").len(), 2);

    let (data, kept) = (server.data(), folder.join("kept"));
    let from = data.to_str().unwrap().to_owned();
    let clone = |to: &Path, at: &str| {
        let to = to.to_str().unwrap();
        let arguments = [
            "log", "clone", "--data", &from, "--at", at, "--to", to, "--json",
        ];
        call(&folder, "", &arguments)
    };
    let sandbox = folder.join("sandbox");
    let cloned = clone(&sandbox, &at);
    assert_eq!(cloned.code, 0, "{cloned:?}");
    assert_eq!(cloned.json()["last_seq"].to_string(), at);
    assert_eq!(clone(&sandbox, &at).code, 4, "it is there already");
    assert_eq!(clone(&folder.join("beyond"), "999999").code, 3);

    // The server takes up the sandbox in the place of its own folder.
    fs::rename(&data, &kept).unwrap();
    fs::rename(&sandbox, &data).unwrap();
    server.restart();
    let api = server.api();
    assert_eq!(api.get("/health")["is_sandbox"], true);
    assert_eq!(api.get(&format!("/runs/{early}"))["status"], "success");
    let unknown = call(&folder, api.url(), &["run", "show", &late.to_string()]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    // A run can be asked for; nobody takes it, and there is nothing that a runner could connect to.
    let tried = api.start(&batch);
    let task_run = look_until("its first task waits", || {
        let first = api.task_runs(tried)[0].clone();
        (first["status"] == "queued").then_some(first)
    });
    assert!(task_run["attempts"].as_array().unwrap().is_empty());
    assert!(!data.join("runner.sock").exists());
    good(&server, &["run", "cancel", &tried.to_string()]);
    // A fork in it, by the rules of a real one: what is before the task is taken over, the task waits.
    let forked = call(
        &folder,
        api.url(),
        &[
            "run",
            "fork",
            &early.to_string(),
            "--from",
            "check",
            "--set",
            "LIMIT=9",
            "--json",
        ],
    );
    assert_eq!(forked.code, 0, "{forked:?}");
    let fork = forked.json()["id"].as_u64().unwrap();
    look_until("the task of the fork waits", || {
        let all = api.task_runs(fork);
        let of = |name: &str| all.iter().find(|one| one["name"] == name).unwrap();
        let is_there = of("check")["status"] == "queued" && of("load")["reused_from"].is_u64();
        is_there.then_some(())
    });
    server.stop();
    assert_eq!(lines(&folder, "load").len(), 2, "nothing ran in it");
    let audit = call(&folder, "", &["verify", "--data", data.to_str().unwrap()]);
    assert_eq!(audit.code, 0, "{audit:?}");
}
