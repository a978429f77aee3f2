//! Slips of whoever types: refused at once, with exit code 2 and a word about what to write; and what a terminal
//! or a pipe must not suffer from.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::json;

use crate::support::command_line::{begin, call};
use crate::support::look_until;
use crate::support::server::Server;

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let mut server = Server::stopped(&[]);
    let long = format!("/tmp/{}", "long/".repeat(30));
    for (arguments, variable, word) in [
        (vec!["--server-token", ""], None, "token"),
        (
            vec![],
            Some(("FASTI_SERVER_TOKEN", "")),
            "FASTI_SERVER_TOKEN",
        ),
        (vec!["--slots", "0"], None, "slots"),
        (vec!["--slots", "1000000"], None, "slots"),
        (vec![], Some(("FASTI_SLOTS", "many")), "FASTI_SLOTS"),
        (vec!["--retry-delay-seconds", "NaN"], None, "retry delay"),
        (
            vec!["--nats-encoding", "xml", "--nats", "nats://x"],
            None,
            "xml",
        ),
        (vec!["--data", long.as_str()], None, "--data"),
        (vec!["--config", "/nowhere.toml"], None, "/nowhere.toml"),
    ] {
        let variables = variable.map(|(name, value)| (name.to_owned(), value.to_owned()));
        server.set_variables(variables.into_iter().collect());
        let mut command = server.command();
        // The last one counts, and only one folder may be named.
        if arguments.contains(&"--data") {
            command = std::process::Command::new(command.get_program());
            command.arg("serve").stdin(Stdio::null());
        }
        let output = command
            .args(&arguments)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    assert!(!std::path::Path::new(&long).exists(), "nothing is made");
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let mut server = Server::stopped(&[]);
    let empty = ["FASTI_SLOTS", "FASTI_NATS", "FASTI_PYTHON", "FASTI_CONFIG"];
    let variables = empty.map(|name| (name.to_owned(), String::new()));
    server.set_variables(variables.to_vec());
    server.restart();
    assert_eq!(server.api().get("/health")["status"], "ok");
}

#[test]
fn an_address_that_is_none_is_the_callers_mistake() {
    let server = Server::stopped(&[]);
    for url in ["nonsense", "http://", "ftp://x", "http://a b"] {
        let called = call(server.folder(), url, &["run", "list"]);
        assert_eq!(called.code, 2, "{url}: {called:?}");
    }
    let called = call(
        server.folder(),
        "http://127.0.0.1:9",
        &["run", "list", "--limit", "0"],
    );
    assert_eq!(called.code, 2, "{called:?}");
}

#[test]
fn output_that_nobody_reads_any_more_is_no_failure() {
    let server = Server::start(&[]);
    let parts = json!({"name": "p", "kind": "parallel", "count": 300, "command": ["true"]});
    let definition = json!({"name": "b", "tasks": [parts]});
    server
        .api()
        .finished(server.api().start_definition(&definition));
    let url = server.api().url();
    for arguments in [
        &["event", "list", "--limit", "2000"][..],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut child = begin(server.folder(), url, arguments);
        drop(child.stdout.take());
        let ended = look_until("the command ends", || child.try_wait().unwrap());
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(
            (ended.code(), said.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn names_do_not_steer_the_terminal() {
    let server = Server::start(&[]);
    let command = ["sh", "-c", "exit 3"];
    let definition = json!({"name": "b", "tasks": [{"name": "t", "command": command}]});
    let run = server.api().start_definition(&definition);
    server.api().finished(run);
    let called = call(
        server.folder(),
        server.api().url(),
        &["run", "show", &run.to_string()],
    );
    let times = called.out.matches("exit code 3").count();
    assert!(times <= 2, "said {times} times: {}", called.out);
    let batch = server.api().save(&definition);
    let waiting = json!({"name": "w", "tasks": [{"name": "t", "command": ["sleep", "60"]}]});
    let run = server.api().start_definition(&waiting);
    let reason = json!({"reason": "a\u{1b}]0;b\u{7}"});
    server
        .api()
        .post(&format!("/batches/{batch}/pause"), &reason);
    server.api().post(&format!("/runs/{run}/cancel"), &reason);
    server.api().finished(run);
    let run = run.to_string();
    for arguments in [
        &["run", "show", &run][..],
        &["run", "wait", &run],
        &["run", "list"],
        &["batch", "list"],
        &["event", "list"],
    ] {
        let called = call(server.folder(), server.api().url(), arguments);
        let said = called.out + &called.err;
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!said.contains(steers), "{arguments:?}: {said:?}");
    }
}

#[test]
fn a_followed_log_goes_on_over_a_restart() {
    let mut server = Server::start(&[]);
    let script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); sleep 0.02; done";
    let definition =
        json!({"name": "b", "tasks": [{"name": "t", "command": ["sh", "-c", script]}]});
    let run = server.api().start_definition(&definition);
    let task = run + 1;
    let url = server.api().url().to_owned();
    let mut child = begin(
        server.folder(),
        &url,
        &["logs", "-f", "--stdout", &task.to_string()],
    );
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = vec![lines.next().unwrap().unwrap()];
    server.kill();
    server.restart();
    seen.extend(lines.map(Result::unwrap));
    let expected: Vec<String> = (0..200).map(|number| format!("line {number}")).collect();
    assert_eq!(seen, expected);
    assert!(child.wait().unwrap().success());
}
