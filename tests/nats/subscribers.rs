//! Whoever listens to the stream: the command line, and the programs that the documentation shows.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use fasti_core::bus::asyncapi_json;
use serde_json::Value;

use super::broker::Broker;
use super::{definition, runs, told};
use crate::support::command_line::{begin, call};
use crate::support::server::Server;
use crate::support::{PATIENCE, fasti, python};

/// A server that published a few runs, and what it says happened.
fn published(broker: &Broker) -> (Server, Vec<Value>) {
    let server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    runs(&server, &batch, 3);
    let events = server.api().events();
    (server, events)
}

#[test]
fn the_command_line_tells_the_same_over_nats_as_over_http() {
    let broker = Broker::start();
    let (mut server, events) = published(&broker);
    let run = events
        .iter()
        .find(|it| it["type"] == "run.finished")
        .unwrap()["run_id"]
        .clone();
    let all = events.len().to_string();
    told(&broker, events.len() as u64);
    // The server may be gone: only the stream is asked.
    server.kill();
    let tail = |more: &[&str]| {
        let arguments = [&["event", "tail", "--json", "--nats", broker.url()], more].concat();
        call(server.folder(), "http://127.0.0.1:1", &arguments)
    };
    let followed = tail(&["--after", "0", "--limit", &all]);
    assert_eq!(followed.code, 0, "{followed:?}");
    assert_eq!(followed.json_lines(), events);

    let is_wanted = |event: &&Value| {
        let kind = event["type"].as_str().unwrap();
        event["run_id"] == run && matches!(kind, "run.created" | "attempt.finished")
    };
    let some: Vec<Value> = events.iter().filter(is_wanted).cloned().collect();
    let (run, count) = (run.to_string(), some.len().to_string());
    let types = "run.created,attempt.finished";
    let filter = ["--run", &run, "--type", types, "--limit", &count];
    let followed = tail(&[&["--after", "0"][..], &filter].concat());
    assert_eq!(followed.json_lines(), some, "{followed:?}");
}

#[test]
fn a_tail_takes_the_stream_up_again_after_an_outage() {
    let mut broker = Broker::start();
    let server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    let types = ["--type", "run.finished", "--limit", "3"];
    let tail = [
        "event",
        "tail",
        "--json",
        "--after",
        "0",
        "--nats",
        broker.url(),
    ];
    runs(&server, &batch, 1);
    told(&broker, server.api().events().len() as u64);
    let url = "http://127.0.0.1:1";
    let mut child = begin(server.folder(), url, &[&tail[..], &types].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let mut followed = vec![next()];
    broker.kill();
    runs(&server, &batch, 1);
    broker.restart();
    runs(&server, &batch, 1);
    followed.extend([next(), next()]);
    assert!(child.wait().unwrap().success());
    let ends = server.api().events().into_iter();
    let ends: Vec<Value> = ends.filter(|it| it["type"] == "run.finished").collect();
    assert_eq!(followed, ends);
}

#[test]
fn what_cannot_be_followed_says_why() {
    let broker = Broker::start();
    let home = tempfile::tempdir().unwrap();
    let tail = |url: &str, more: &[&str]| {
        let arguments = [&["event", "tail", "--nats", url], more].concat();
        let called = call(home.path(), "http://127.0.0.1:1", &arguments);
        (called.code, called.err)
    };
    let (code, said) = tail(broker.url(), &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("FASTI_EVENTS_DEFAULT"), "{said}");
    let (code, said) = tail(broker.url(), &["--type", "run.vanished"]);
    assert!(code == 2 && said.contains("run.vanished"), "{code} {said}");
    let (code, said) = tail(broker.url(), &["--batch", "nightly"]);
    assert!(code == 2 && said.contains("takes the id"), "{code} {said}");
    let (code, said) = tail("nats://127.0.0.1:1", &[]);
    assert!(
        code != 0 && said.contains("cannot connect"),
        "{code} {said}"
    );
}

/// Headers are as the description of the stream says: all that it promises, and none that it does not know.
#[test]
fn headers_are_as_described() {
    let broker = Broker::start();
    let (_server, events) = published(&broker);
    let document: Value = serde_json::from_str(asyncapi_json()).unwrap();
    let described = &document["components"]["schemas"]["Headers"];
    for told in told(&broker, events.len() as u64) {
        for name in described["required"].as_array().unwrap() {
            assert_ne!(told.header(name.as_str().unwrap()), "", "{name}: {told:?}");
        }
        for (name, _) in told.headers.iter() {
            let name = name.to_string();
            let is_known =
                described["properties"].get(&name).is_some() || name.starts_with("Nats-");
            assert!(is_known, "{name} is not described");
        }
        let kind = told.header("ce-type");
        let messages = document["components"]["messages"].as_object().unwrap();
        let named = messages.values().any(|message| message["name"] == kind);
        assert!(named, "{kind} is not described");
    }
}

/// The first `count` lines that a program prints, which is ended then.
fn first_lines(mut command: Command, count: usize) -> Vec<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, told) = mpsc::channel();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .for_each(|line| drop(sender.send(line)));
    });
    let lines = (0..count).map_while(|_| told.recv_timeout(PATIENCE).ok());
    let lines: Vec<String> = lines.collect();
    child.kill().unwrap();
    child.wait().unwrap();
    lines
}

#[test]
fn the_subscribers_of_the_documentation_hear_of_every_end() {
    let broker = Broker::start();
    let (_server, events) = published(&broker);
    let ends: Vec<&Value> = events
        .iter()
        .filter(|it| it["type"] == "run.finished")
        .collect();
    assert_eq!(ends.len(), 3);
    told(&broker, events.len() as u64);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/subscribers");

    let mut command = Command::new(python());
    command
        .arg(format!("{folder}/subscriber.py"))
        .arg(broker.url());
    let expected: Vec<String> = ends
        .iter()
        .map(|end| {
            format!(
                "{:020} {} success",
                end["seq"].as_u64().unwrap(),
                end["run_id"]
            )
        })
        .collect();
    assert_eq!(first_lines(command, 3), expected);

    // Built with the tests, beside the binary.
    let mut command = Command::new(fasti().with_file_name("examples").join("subscriber"));
    command.arg(broker.url());
    let lines = first_lines(command, 3);
    let told: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected: Vec<Value> = ends.iter().map(|end| end["data"].clone()).collect();
    assert_eq!(told, expected);
}

/// The page shows the programs that were tried above.
#[test]
fn the_documentation_shows_the_programs_that_were_tried() {
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    let page = read("docs/protocol/nats.md");
    let python = read("examples/subscribers/subscriber.py");
    assert!(
        page.contains(&format!("```py\n{python}```")),
        "the one in Python"
    );
    let rust = read("examples/subscribers/subscriber.rs");
    let (_, program) = rust.split_once("\n\n").unwrap();
    assert!(
        page.contains(&format!("```rust\n{program}```")),
        "the one in Rust"
    );
    assert!(page.contains("/api/v1/asyncapi.json"));
}
