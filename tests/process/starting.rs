//! What is refused at the start, with its exit code, and how the server stops.

use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::server::Server;
use crate::support::stream::Stream;
use crate::support::{PATIENCE, command_line, processes};

/// Runs the server with further arguments, which must keep it from starting.
fn refused(server: &Server, arguments: &[&str]) -> (i32, String) {
    let child = server
        .command()
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (
        status.code().unwrap_or(-1),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

#[test]
fn a_data_folder_has_one_server() {
    let mut server = Server::start(&[]);
    let batch = server
        .api()
        .save(&json!({"name": "b", "tasks": [{"name": "t", "command": ["true"]}]}));
    let events = Stream::open(server.api(), "/events", Some(0));
    events.wait_for(Instant::now() + PATIENCE, |event| {
        event["type"] == "runner.joined"
    });
    let before = server.api().events().len();
    let (code, said) = refused(&server, &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, 4, "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.contains(&server.pid().to_string()) && last.contains(server.address()),
        "{last}"
    );
    assert!(server.is_running());
    assert_eq!(
        server.api().events().len(),
        before,
        "the first one is not disturbed"
    );
    assert_eq!(
        server.api().finished(server.api().start(&batch))["status"],
        "success"
    );
}

#[test]
fn a_taken_port_is_noticed_before_the_data_folder_is_touched() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let server = Server::stopped(&[]);
    let (code, said) = refused(&server, &["--listen", &address]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains(&address), "{said}");
    assert!(!server.data().exists(), "the data folder was made");
}

#[test]
fn wrong_arguments_are_refused() {
    let server = Server::stopped(&[]);
    for (arguments, word) in [
        (vec!["--listen", "here"], "here"),
        (vec!["--listen", "0.0.0.0:0"], "token"),
        (
            vec!["--listen", "0.0.0.0:0", "--server-token", "x"],
            "--insecure-http",
        ),
        (vec!["--slots", "many"], "many"),
        (vec!["--colour", "red"], "--colour"),
    ] {
        let (code, said) = refused(&server, &arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn asked_to_stop_it_stops_within_ten_seconds() {
    let mut server = Server::start(&[]);
    let (status, took) = server.stop();
    assert!(status.success(), "{status}\n{}", server.said());
    assert!(took < Duration::from_secs(10), "{took:?}");
    let left = processes::of_folder(server.folder());
    assert!(
        left.is_empty(),
        "an idle runner has no reason to stay: {left:?}"
    );

    server.restart();
    let sleeps = json!({"name": "s", "tasks": [{"name": "t", "command": ["sleep", "600"]}]});
    let run = server.api().start_definition(&sleeps);
    server.api().running(run);
    let stream = server
        .api()
        .open("/events", &[("accept", "text/event-stream")]);
    let (status, took) = server.stop();
    assert!(
        status.success() && took < Duration::from_secs(10),
        "{status} after {took:?}"
    );
    drop(stream);
}

#[test]
fn tasks_end_with_the_server_when_that_is_wanted() {
    let mut server = Server::start(&["--on-shutdown", "kill"]);
    let sleeps = json!({"name": "s", "tasks": [{"name": "t", "command": ["sleep", "600"]}]});
    let run = server.api().start_definition(&sleeps);
    let task = server.api().running(run);
    let pid = i32::try_from(task["attempts"][0]["pid"].as_i64().unwrap()).unwrap();
    let (status, took) = server.stop();
    assert!(
        status.success() && took < Duration::from_secs(10),
        "{status} after {took:?}"
    );
    assert!(!processes::is_alive(pid));
    let left = processes::of_folder(server.folder());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn with_a_token_nobody_else_gets_in() {
    let server = Server::start(&["--server-token", "secret-of-this-test"]);
    let api = server.api();
    for headers in [
        vec![],
        vec![("authorization", "Bearer secret")],
        vec![("authorization", "Basic x")],
    ] {
        for path in ["/runs", "/events", "/batches"] {
            let answer = api.send("GET", path, &headers, None);
            assert_eq!(
                (answer.status, &answer.json()["code"]),
                (401, &json!("unauthenticated")),
                "{path}"
            );
        }
    }
    let right = [("authorization", "Bearer secret-of-this-test")];
    assert_eq!(api.send("GET", "/runs", &right, None).status, 200);
    // It is not said who has the token, so a name beside it counts for nothing.
    let as_eve = [right[0], ("x-fasti-user", "eve")];
    let sleeps = json!({"name": "b", "tasks": [{"name": "t", "command": ["true"]}]});
    let body = sleeps.to_string();
    let made = api.send("POST", "/batches", &as_eve, Some(body.as_bytes()));
    assert_ne!(made.json()["owner"], "eve", "{}", made.text());
    let denied = command_line::call(server.folder(), api.url(), &["batch", "list"]);
    assert_eq!(denied.code, 5, "{denied:?}");
    assert!(
        !server.said().contains("secret-of-this-test"),
        "{}",
        server.said()
    );
}
