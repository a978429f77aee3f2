//! Python tasks: values between tasks and to the caller, errors, and the processes they run in.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::server::Server;

const CODE: &str = r#"
import os, sys

def number():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return 20

def word():
    return "answer"

def together(number, word):
    return {word: number * 2 + 2, "pid": os.getpid()}

def big():
    return b"x" * 5_000_000

def raises():
    raise ValueError("no such luck")

def exits():
    sys.exit(5)

def killed():
    os.kill(os.getpid(), 9)

def pid(*args):
    return os.getpid()
"#;

/// A server with an image of the functions above.
fn server() -> Server {
    let server = Server::start(&[
        "--slots",
        "4",
        "--python",
        crate::support::python().to_str().unwrap(),
    ]);
    let code = server.folder().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("work.py"), CODE).unwrap();
    server
        .api()
        .put("PUT", "/images/work", &json!({ "path": code }));
    server
}

fn task(name: &str, function: &str) -> Value {
    json!({"name": name, "entrypoint": format!("work.{function}"), "image": "work"})
}

fn run(server: &Server, tasks: &[Value], edges: &Value) -> (Value, Vec<Value>) {
    let definition = json!({"name": "python", "tasks": tasks, "edges": edges});
    let run = server.api().start_definition(&definition);
    (server.api().finished(run), server.api().task_runs(run))
}

/// What an interpreter reads in a stored value.
fn unpickled(bytes: &[u8]) -> String {
    let mut child = Command::new(crate::support::python())
        .args([
            "-c",
            "import pickle, sys; print(pickle.load(sys.stdin.buffer))",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn values_go_downstream_and_out() {
    let server = server();
    let tasks = vec![
        task("n", "number"),
        task("w", "word"),
        task("both", "together"),
    ];
    let edges = json!([{"from": "n", "to": "both"}, {"from": "w", "to": "both"}]);
    let (ended, tasks) = run(&server, &tasks, &edges);
    assert_eq!(ended["status"], "success", "{tasks:#?}");
    let both = &tasks[2];
    let result = server
        .api()
        .fetch(&format!("/task-runs/{}/result", both["id"]));
    assert_eq!(
        result.header("content-type"),
        "application/vnd.fasti.pickle"
    );
    assert_eq!(result.header("x-fasti-task-name"), "both");
    assert_eq!(both["result"]["size"], result.body.len());
    let text = unpickled(&result.body);
    let pid = both["attempts"][0]["pid"].as_u64().unwrap();
    assert_eq!(
        text,
        format!("{{'answer': 42, 'pid': {pid}}}"),
        "the process recorded is the one that ran it"
    );
    let logs = |stream: &str| {
        server
            .api()
            .fetch(&format!(
                "/task-runs/{}/logs?stream={stream}",
                tasks[0]["id"]
            ))
            .text()
    };
    assert_eq!(
        (logs("stdout"), logs("stderr")),
        ("to stdout\n".to_owned(), "to stderr\n".to_owned())
    );
}

#[test]
fn a_large_value_is_downloaded_whole_and_in_parts() {
    let server = server();
    let (ended, tasks) = run(&server, &[task("big", "big")], &json!([]));
    assert_eq!(ended["status"], "success", "{tasks:#?}");
    let address = format!("/task-runs/{}/result", tasks[0]["id"]);
    let whole = server.api().fetch(&address);
    assert!(whole.body.len() > 5_000_000);
    assert_eq!(tasks[0]["result"]["size"], whole.body.len());
    assert!(
        whole
            .header("etag")
            .contains(tasks[0]["result"]["sha256"].as_str().unwrap())
    );
    let part = server
        .api()
        .send("GET", &address, &[("range", "bytes=100-199")], None);
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, &whole.body[100..200])
    );
    let again = server.api().send(
        "GET",
        &address,
        &[("if-none-match", whole.header("etag"))],
        None,
    );
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn errors_are_told_apart() {
    let server = server();
    let tasks = ["raises", "exits", "killed", "missing"].map(|name| task(name, name));
    let (ended, tasks) = run(&server, &tasks, &json!([]));
    assert_eq!(ended["status"], "failure");
    let last = |at: usize| tasks[at]["attempts"][0].clone();
    let (raised, exited, killed, missing) = (last(0), last(1), last(2), last(3));
    assert_eq!(
        (&raised["outcome"], &raised["exit_code"]),
        (&json!("exited"), &json!(1)),
        "{raised}"
    );
    assert!(
        raised["reason"].as_str().unwrap().contains("no such luck"),
        "{raised}"
    );
    let err = server
        .api()
        .fetch(&format!("/task-runs/{}/logs?stream=stderr", tasks[0]["id"]))
        .text();
    assert!(
        err.contains("Traceback") && err.contains("ValueError: no such luck"),
        "{err}"
    );
    assert_eq!(
        (&exited["outcome"], &exited["exit_code"]),
        (&json!("exited"), &json!(5)),
        "{exited}"
    );
    assert_eq!(
        (&killed["outcome"], &killed["signal"]),
        (&json!("signaled"), &json!(9)),
        "{killed}"
    );
    assert_eq!(missing["outcome"], "exited", "{missing}");
    assert!(
        missing["reason"].as_str().unwrap().contains("missing"),
        "{missing}"
    );
    for task in &tasks {
        let answer = server.api().send(
            "GET",
            &format!("/task-runs/{}/result", task["id"]),
            &[],
            None,
        );
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (409, &json!("result_unavailable"))
        );
    }
}

#[test]
fn each_attempt_is_a_process_of_its_own() {
    let server = server();
    let mut parts = task("pids", "pid");
    parts["kind"] = json!("parallel");
    parts["count"] = json!(12);
    let (ended, tasks) = run(&server, &[parts], &json!([]));
    assert_eq!(ended["status"], "success", "{tasks:#?}");
    let mut pids: Vec<String> = tasks
        .iter()
        .map(|task| {
            unpickled(
                &server
                    .api()
                    .fetch(&format!("/task-runs/{}/result", task["id"]))
                    .body,
            )
        })
        .collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 12, "{pids:?}");
}
