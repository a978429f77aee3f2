//! Events as they happen: a reader that loses its connection goes on where it was, without a gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::stream::{Next, Stream};

/// Callers that start runs until told to stop; those that are not answered give up.
fn load(server: &Server, is_over: &Arc<AtomicBool>) -> Vec<std::thread::JoinHandle<()>> {
    let definition = json!({
        "name": "busy",
        "tasks": [{"name": "p", "kind": "parallel", "count": 5, "command": ["true"]}],
    });
    let batch = server.api().save(&definition);
    let caller = |_| {
        let (client, batch, is_over) = (
            Client::new(server.api().url()),
            batch.clone(),
            Arc::clone(is_over),
        );
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                drop(client.attempt("POST", &format!("/batches/{batch}/runs"), &[], Some(b"{}")));
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    (0..2).map(caller).collect()
}

/// Reads on after `seen`, up to `count` events.
fn read_some(client: &Client, seen: &mut Vec<Value>, count: usize) {
    let last = seen
        .last()
        .map_or(0, |event| event["seq"].as_u64().unwrap());
    let stream = Stream::open(client, "/events", Some(last));
    let deadline = Instant::now() + PATIENCE;
    for _ in 0..count {
        match stream.next(deadline) {
            Next::Event(event) => seen.push(event),
            Next::Closed => return,
            Next::Nothing => panic!("no event for {PATIENCE:?}"),
        }
    }
}

#[test]
fn a_reader_goes_on_where_it_was() {
    let mut server = Server::start(&["--slots", "2"]);
    let mut chance = Chance::new();
    let is_over = Arc::new(AtomicBool::new(false));
    let callers = load(&server, &is_over);
    let mut seen = Vec::new();
    for round in 0..20 {
        read_some(server.api(), &mut seen, 1 + chance.below(60));
        if round % 7 == 6 {
            server.kill();
            server.restart();
        }
    }
    is_over.store(true, Ordering::Relaxed);
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
    let all = server.api().events();
    assert!(seen.len() > 100, "{}", seen.len());
    assert_eq!(seen, all[..seen.len()]);
}

#[test]
fn a_reader_from_the_past_arrives_in_the_present() {
    let server = Server::start(&["--slots", "2"]);
    let is_over = Arc::new(AtomicBool::new(false));
    let callers = load(&server, &is_over);
    let deadline = Instant::now() + PATIENCE;
    // It begins with what is long past and must overtake what keeps happening.
    let past = Stream::open(server.api(), "/events", Some(0));
    for expected in 1..=1_000_u64 {
        assert_eq!(past.wait_for(deadline, |_| true)["seq"], expected);
    }
    is_over.store(true, Ordering::Relaxed);
    callers
        .into_iter()
        .for_each(|caller| caller.join().unwrap());
}

#[test]
fn a_reader_that_stops_reading_harms_nobody() {
    let server = Server::start(&["--slots", "2"]);
    let stuck = server.api().open(
        "/events",
        &[("accept", "text/event-stream"), ("last-event-id", "0")],
    );
    let parts = json!({"name": "p", "kind": "parallel", "count": 300, "command": ["true"]});
    let batch = server
        .api()
        .save(&json!({"name": "busy", "tasks": [parts]}));
    for _ in 0..3 {
        assert_eq!(
            server.api().finished(server.api().start(&batch))["status"],
            "success"
        );
    }
    drop(stuck);
}

#[test]
fn a_filtered_reader_gets_what_it_asked_for() {
    let server = Server::start(&[]);
    let api = server.api();
    let batch = api.save(&json!({"name": "b", "tasks": [{"name": "t", "command": ["true"]}]}));
    let other = api.start(&batch);
    let run = api.start(&batch);
    api.finished(other);
    api.finished(run);
    let deadline = Instant::now() + PATIENCE;
    let stream = Stream::open(api, &format!("/events?run_id={run}"), Some(0));
    let mut seen = Vec::new();
    while seen
        .last()
        .is_none_or(|event: &Value| event["type"] != "run.finished")
    {
        seen.push(stream.wait_for(deadline, |_| true));
    }
    assert_eq!(seen[0]["type"], "run.created");
    assert!(seen.iter().all(|event| event["run_id"] == run), "{seen:#?}");
    assert_eq!(seen, api.list(&format!("/events?run_id={run}")));
    let ends = Stream::open(api, "/events?types=run.finished", Some(0));
    let mut ended = [0; 2].map(|_: u64| {
        ends.wait_for(deadline, |_| true)["run_id"]
            .as_u64()
            .unwrap()
    });
    ended.sort_unstable();
    assert_eq!(ended, [other, run]);
}
