//! A restart changes no answer: what was said before is said again, byte by byte.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::command_line;
use crate::support::server::Server;

#[test]
fn views_are_built_anew_while_the_old_ones_are_served() {
    let mut server = Server::start(&["--slots", "2"]);
    let task = json!({"name": "t", "command": ["true"]});
    let batch = server
        .api()
        .save(&json!({"name": "small", "tasks": [task]}));
    let runs: Vec<u64> = (0..20).map(|_| server.api().start(&batch)).collect();
    for run in &runs {
        assert_eq!(server.api().finished(*run)["status"], "success");
    }
    for round in 1..=2 {
        let before = server.api().list("/runs");
        let rebuild = ["log", "rebuild", "--live", "--json"];
        let called = command_line::call(server.folder(), server.api().url(), &rebuild);
        assert_eq!(called.code, 0, "{called:?}");
        assert_eq!(server.api().list("/runs"), before, "answers are the same");
        let health = server.api().get("/health");
        assert_eq!(health["views_rebuilds"], round, "{health}");
        assert!(server.data().join(format!("views.{round}")).is_dir());
        // They follow the log like those before.
        let run = server.api().start(&batch);
        assert_eq!(server.api().finished(run)["status"], "success");
    }
    assert!(!server.data().join("views").exists() && !server.data().join("views.1").exists());
    let before = server.api().list("/runs");
    let (status, _) = server.stop();
    assert!(status.success());
    let data = server.data();
    let check = [
        "log",
        "rebuild",
        "--check",
        "--data",
        data.to_str().unwrap(),
    ];
    let called = command_line::call(server.folder(), "", &check);
    assert_eq!(called.code, 0, "{called:?}");
    server.restart();
    assert_eq!(server.api().list("/runs"), before);
    // Only an administrator may ask for it.
    let headers = [("x-fasti-user", "somebody")];
    let refused = server
        .api()
        .send("POST", "/log/rebuild", &headers, Some(b"{}"));
    assert_eq!(refused.status, 403, "{}", refused.text());
}

#[test]
fn answers_are_the_same_after_a_restart() {
    let mut server = Server::start(&["--python", crate::support::python().to_str().unwrap()]);
    make_history(&server);
    let addresses = addresses(&server);
    let before = answers(&server, &addresses);

    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    server.restart();
    compare(&before, &answers(&server, &addresses), "a stop");

    server.kill();
    server.restart();
    compare(&before, &answers(&server, &addresses), "a kill");

    server.kill();
    for cache in ["views", "snapshots"] {
        drop(std::fs::remove_dir_all(server.data().join(cache)));
    }
    server.restart();
    compare(
        &before,
        &answers(&server, &addresses),
        "a start without views and snapshots",
    );
}

/// Batches, versions and runs of every fate.
fn make_history(server: &Server) {
    let api = server.api();
    let code = server.folder().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::write(
        code.join("work.py"),
        "def value():\n    return {'answer': 42}\n",
    )
    .unwrap();
    api.put("PUT", "/images/work", &json!({ "path": code }));
    let task = |name: &str, script: &str| json!({"name": name, "command": ["sh", "-c", script]});
    let batch = |tasks: Vec<Value>| json!({"name": "history", "labels": ["a"], "tasks": tasks});
    let first = api.save(&batch(vec![task("talks", "echo out; echo err >&2")]));
    api.finished(api.start(&first));
    let mut fails = task("fails", "echo tried >&2; exit 3");
    fails["retries"] = json!(1);
    let python = json!({"name": "value", "entrypoint": "work.value", "image": "work"});
    let parts = json!({"name": "parts", "kind": "parallel", "count": 3, "command": ["true"]});
    let edges = json!([{"from": "fails", "to": "after"}]);
    let mut second = batch(vec![fails, task("after", "true"), python, parts]);
    second["edges"] = edges;
    assert_eq!(
        api.save(&second),
        first,
        "another version of the same batch"
    );
    let failed = api.start(&first);
    assert_eq!(api.finished(failed)["status"], "failure");
    let rerun = api.post(&format!("/runs/{failed}/rerun"), &json!({"mode": "failed"}));
    api.finished(rerun["id"].as_u64().unwrap());
    let cancelled =
        api.start_definition(&json!({"name": "long", "tasks": [task("sleeps", "sleep 600")]}));
    api.running(cancelled);
    api.post(&format!("/runs/{cancelled}/cancel"), &json!({}));
    assert_eq!(api.finished(cancelled)["status"], "cancelled");
    api.post(
        &format!("/batches/{first}/pause"),
        &json!({"reason": "enough"}),
    );
    let gone = api.save(&json!({"name": "gone", "tasks": [task("t", "true")]}));
    api.finished(api.start(&gone));
    api.put("DELETE", &format!("/batches/{gone}"), &Value::Null);
}

/// Everything that can be asked about what is there now.
fn addresses(server: &Server) -> Vec<String> {
    let api = server.api();
    let last = api.events().len();
    let mut addresses: Vec<String> = [
        "/batches",
        "/runs",
        "/runs?order=desc&limit=2",
        "/runs?status=failure",
        "/images",
        "/images/work",
    ]
    .map(str::to_owned)
    .to_vec();
    // Later starts add events, so the list is asked for up to the present end.
    addresses.push(format!("/events?limit={last}"));
    for batch in api.list("/batches") {
        let id = batch["id"].as_str().unwrap();
        addresses.push(format!("/batches/{id}"));
        addresses.push(format!("/batches/{id}/versions"));
        let versions = 1..=batch["version"].as_u64().unwrap();
        addresses.extend(versions.map(|version| format!("/batches/{id}/versions/{version}")));
    }
    for run in api.list("/runs") {
        let id = run["id"].as_u64().unwrap();
        addresses.push(format!("/runs/{id}"));
        addresses.extend(["tasks", "graph"].map(|what| format!("/runs/{id}/{what}")));
        addresses.push(format!("/events?run_id={id}"));
        for task_run in api.task_runs(id) {
            let id = task_run["id"].as_u64().unwrap();
            addresses.push(format!("/task-runs/{id}"));
            let below = [
                "result",
                "metrics",
                "logs?stream=stdout",
                "logs?stream=stderr",
            ];
            addresses.extend(below.map(|what| format!("/task-runs/{id}/{what}")));
        }
    }
    assert!(addresses.len() > 60, "{addresses:?}");
    addresses
}

/// Status and body of each answer, without the position they are as of.
fn answers(server: &Server, addresses: &[String]) -> BTreeMap<String, (u16, String)> {
    let ask = |address: &String| {
        let answer = server.api().send("GET", address, &[], None);
        let mut text = answer.text();
        for member in ["\"as_of_seq\":", "\"trace_id\":"] {
            if let Some(at) = text.find(member) {
                let end = text[at + 1..]
                    .find([',', '}'])
                    .map_or(text.len(), |end| at + 1 + end);
                text.replace_range(at..end, "");
            }
        }
        // The last page of a list of events has no next one; later it has.
        if address.starts_with("/events?limit")
            && let Some(at) = text.find("\"next_cursor\":")
        {
            text.truncate(at);
        }
        (address.clone(), (answer.status, text))
    };
    addresses.iter().map(ask).collect()
}

fn compare(
    before: &BTreeMap<String, (u16, String)>,
    after: &BTreeMap<String, (u16, String)>,
    what: &str,
) {
    let good = before.values().filter(|(status, _)| *status == 200).count();
    assert!(
        good * 4 > before.len() * 3,
        "most addresses answer: {good} of {}",
        before.len()
    );
    for (address, answer) in before {
        assert_eq!(answer, &after[address], "{address} after {what}");
    }
}
