//! Command tasks: every way to end is told apart, and what they say is kept apart.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::server::Server;

fn one(command: &Value) -> Value {
    json!({"name": "one", "tasks": [{"name": "t", "command": command}]})
}

fn run_one(api: &Client, command: &Value) -> (Value, Value) {
    let run = api.start_definition(&one(command));
    let ended = api.finished(run);
    let task = api.task_runs(run).remove(0);
    (ended, task)
}

#[test]
fn ends_are_told_apart() {
    let server = Server::start(&["--slots", "4"]);
    let api = server.api();
    let not_executable = server.folder().join("text");
    std::fs::write(&not_executable, "no program").unwrap();
    std::fs::set_permissions(&not_executable, PermissionsExt::from_mode(0o644)).unwrap();
    let null = Value::Null;
    let shell = |script: &str| json!(["sh", "-c", script]);
    let cases = [
        (json!(["true"]), "exited", json!(0), null.clone()),
        (shell("exit 7"), "exited", json!(7), null.clone()),
        (shell("exit 255"), "exited", json!(255), null.clone()),
        (shell("kill -9 $$"), "signaled", null.clone(), json!(9)),
        (shell("kill -SEGV $$"), "signaled", null.clone(), json!(11)),
        (
            json!(["/nowhere/program"]),
            "spawn_failed",
            null.clone(),
            null.clone(),
        ),
        (
            json!([not_executable]),
            "spawn_failed",
            null.clone(),
            null.clone(),
        ),
    ];
    for (command, outcome, exit_code, signal) in cases {
        let status = if exit_code == 0 { "success" } else { "failure" };
        let (run, task) = run_one(api, &command);
        assert_eq!(run["status"], status, "{command}: {run}");
        assert_eq!(task["status"], status, "{command}: {task}");
        let attempt = &task["attempts"][0];
        let found = (
            &attempt["outcome"],
            &attempt["exit_code"],
            &attempt["signal"],
        );
        assert_eq!(
            found,
            (&json!(outcome), &exit_code, &signal),
            "{command}: {task}"
        );
        assert_eq!(
            attempt["reason"].is_null(),
            status == "success",
            "{command}: {task}"
        );
    }
    let (_, task) = run_one(api, &json!(["/nowhere/program"]));
    let reason = task["attempts"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("/nowhere/program"), "{reason}");
}

#[test]
fn a_time_limit_ends_a_task() {
    let server = Server::start(&[]);
    let mut definition = one(&json!(["sleep", "600"]));
    definition["tasks"][0]["timeout_seconds"] = json!(0.2);
    let run = server.api().start_definition(&definition);
    assert_eq!(server.api().finished(run)["status"], "failure");
    let task = server.api().task_runs(run).remove(0);
    assert_eq!(task["attempts"][0]["outcome"], "timed_out", "{task}");
}

#[test]
fn no_shell_stands_between() {
    let server = Server::start(&[]);
    let (_, task) = run_one(
        server.api(),
        &json!(["printf", "%s|", "$HOME", "a b", "*", "; exit 3"]),
    );
    let out = server
        .api()
        .fetch(&format!("/task-runs/{}/logs?stream=stdout", task["id"]));
    assert_eq!(out.text(), "$HOME|a b|*|; exit 3|");
}

#[test]
fn environment_folder_and_input_are_the_tasks_own() {
    let server = Server::start(&[]);
    let folder = server.folder().canonicalize().unwrap();
    let mut definition = one(&json!([
        "sh",
        "-c",
        "echo $WORD; pwd; cat; env | grep -c ^SECRET_OF_SERVER"
    ]));
    definition["tasks"][0]["env"] = json!({"WORD": "hello"});
    definition["tasks"][0]["cwd"] = json!(folder);
    definition["tasks"][0]["stdin"] = json!("from standard input\n");
    let run = server.api().start_definition(&definition);
    server.api().finished(run);
    let task = server.api().task_runs(run).remove(0);
    let out = server
        .api()
        .fetch(&format!("/task-runs/{}/logs?stream=stdout", task["id"]))
        .text();
    assert_eq!(
        out,
        format!("hello\n{}\nfrom standard input\n0\n", folder.display())
    );
}

#[test]
fn output_is_kept_apart_and_whole() {
    let server = Server::start(&[]);
    let api = server.api();
    let script = r"printf 'out\000\377'; printf 'err' >&2; seq 1 20000";
    let (_, task) = run_one(api, &json!(["sh", "-c", script]));
    let logs = format!("/task-runs/{}/logs", task["id"]);
    let mut expected = b"out\0\xff".to_vec();
    expected.extend((1..=20_000).flat_map(|number| format!("{number}\n").into_bytes()));
    let out = api.fetch(&format!("{logs}?stream=stdout"));
    assert!(
        out.body == expected,
        "{} bytes, not {}",
        out.body.len(),
        expected.len()
    );
    assert_eq!(out.header("x-fasti-log-size"), expected.len().to_string());
    assert_eq!(task["attempts"][0]["stdout_bytes"], expected.len());
    assert_eq!(api.fetch(&format!("{logs}?stream=stderr")).text(), "err");
    assert_eq!(
        api.fetch(&format!("{logs}?stream=stdout&offset=5&limit=4"))
            .text(),
        "1\n2\n"
    );
    assert_eq!(
        api.fetch(&format!("{logs}?stream=stdout&tail=6")).text(),
        "20000\n"
    );
}

#[test]
fn each_attempt_has_its_own_output() {
    let server = Server::start(&["--retry-delay-seconds", "0"]);
    let api = server.api();
    let script = r#"echo "try $FASTI_ATTEMPT_NUMBER"; [ "$FASTI_ATTEMPT_NUMBER" = 3 ]"#;
    let mut definition = one(&json!(["sh", "-c", script]));
    definition["tasks"][0]["retries"] = json!(5);
    let run = api.start_definition(&definition);
    assert_eq!(api.finished(run)["status"], "success");
    let task = api.task_runs(run).remove(0);
    let codes: Vec<&Value> = task["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| &attempt["exit_code"])
        .collect();
    assert_eq!(codes, [1, 1, 0], "{task}");
    let logs = format!("/task-runs/{}/logs?stream=stdout", task["id"]);
    for attempt in 1..=3 {
        assert_eq!(
            api.fetch(&format!("{logs}&attempt={attempt}")).text(),
            format!("try {attempt}\n")
        );
    }
    assert_eq!(
        api.fetch(&logs).text(),
        "try 3\n",
        "the last attempt when none is named"
    );
}

#[test]
fn output_is_followed_while_the_task_runs() {
    let server = Server::start(&[]);
    let go = server.folder().join("go");
    let script = format!(
        "echo one; until [ -e '{}' ]; do sleep 0.02; done; echo two",
        go.display()
    );
    let run = server
        .api()
        .start_definition(&one(&json!(["sh", "-c", script])));
    let task = server.api().running(run);
    let address = format!("/task-runs/{}/logs?stream=stdout&follow=true", task["id"]);
    let mut following = server.api().open(&address, &[]);
    let mut begin = [0; 4];
    following.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"one\n", "arrives before the task ends");
    std::fs::write(&go, "").unwrap();
    let mut rest = String::new();
    following.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "two\n", "the stream ends with the task");
}

#[test]
fn a_failure_keeps_what_follows_from_running() {
    let server = Server::start(&[]);
    let mark = server.folder().join("ran");
    let definition = json!({
        "name": "chain",
        "tasks": [
            {"name": "fails", "command": ["false"]},
            {"name": "after", "command": ["touch", mark]},
            {"name": "beside", "command": ["true"]},
        ],
        "edges": [{"from": "fails", "to": "after"}],
    });
    let run = server.api().start_definition(&definition);
    assert_eq!(server.api().finished(run)["status"], "failure");
    let tasks = server.api().task_runs(run);
    let statuses: Vec<&str> = tasks
        .iter()
        .map(|task| task["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["failure", "skipped", "success"]);
    assert!(!mark.exists());
}
