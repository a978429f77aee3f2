//! Publishing on a real NATS server: the stream is the log, without gap and repetition, whatever is killed.

mod broker;
mod subscribers;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt;
use serde_json::{Value, json};

use self::broker::Broker;
use crate::support::command_line;
use crate::support::server::Server;
use crate::support::stream::Stream;

/// How long publishing may take to catch up.
const CATCH_UP: Duration = Duration::from_secs(60);

/// A message as a consumer gets it.
#[derive(Debug)]
struct Told {
    /// Position in the stream.
    seq: u64,
    subject: String,
    headers: async_nats::HeaderMap,
    body: Value,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }
}

/// What a consumer that joins now is told, from the first message up to the one at `last`.
fn told(broker: &Broker, last: u64) -> Vec<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reading = async {
        let client = async_nats::connect(broker.url()).await.unwrap();
        let context = jetstream::new(client);
        let stream = loop {
            match context.get_stream("FASTI_EVENTS_DEFAULT").await {
                Ok(stream) => break stream,
                // The broker may have started a moment ago.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let config = pull::Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut messages = consumer.messages().await.unwrap();
        let mut told = Vec::new();
        while told.last().is_none_or(|told: &Told| told.seq < last) {
            let message = messages.next().await.unwrap().unwrap();
            message.ack().await.unwrap();
            told.push(Told {
                seq: message.info().unwrap().stream_sequence,
                subject: message.subject.to_string(),
                headers: message.headers.clone().unwrap_or_default(),
                body: serde_json::from_slice(&message.payload).unwrap(),
            });
        }
        told
    };
    let limited = async { tokio::time::timeout(CATCH_UP, reading).await };
    runtime
        .block_on(limited)
        .unwrap_or_else(|_| panic!("event {last} was not published in time"))
}

/// The stream is the log: every event, at its own position, once.
fn check(server: &Server, broker: &Broker) {
    let events = server.api().events();
    let last = u64::try_from(events.len()).unwrap();
    let told = told(broker, last);
    assert_eq!(told.len(), events.len());
    let mut ids = BTreeSet::new();
    for ((seq, event), told) in (1..).zip(&events).zip(&told) {
        assert_eq!((told.seq, &event["seq"]), (seq, &json!(seq)));
        assert_eq!(told.header("ce-sequence"), format!("{seq:020}"));
        assert!(ids.insert(told.header("ce-id")), "repeated: {told:?}");
        let kind = event["type"].as_str().unwrap();
        assert_eq!(
            told.header("ce-type"),
            format!("dev.fasti.{kind}.v{}", event["version"])
        );
        assert!(
            told.subject
                .starts_with(&format!("fasti.v1.default.{kind}.")),
            "{told:?}"
        );
        assert_eq!(told.body, event["data"], "event {seq}");
    }
}

fn definition() -> Value {
    json!({
        "name": "published",
        "tasks": [
            {"name": "first", "command": ["true"]},
            {"name": "parts", "kind": "parallel", "count": 5, "command": ["true"]},
        ],
        "edges": [{"from": "first", "to": "parts"}],
    })
}

/// Runs to their ends, whether or not anybody is told.
fn runs(server: &Server, batch: &str, count: usize) {
    let runs: Vec<u64> = (0..count).map(|_| server.api().start(batch)).collect();
    for run in runs {
        assert_eq!(server.api().finished(run)["status"], "success");
    }
}

#[test]
fn a_late_consumer_sees_every_event_after_two_outages() {
    let mut broker = Broker::start();
    let server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    // A run that is under way the whole time.
    let go = server.folder().join("go");
    let script = format!("until [ -e '{}' ]; do sleep 0.02; done", go.display());
    let long = json!({"name": "long", "tasks": [{"name": "t", "command": ["sh", "-c", script]}]});
    let long = server.api().start_definition(&long);
    runs(&server, &batch, 5);
    broker.kill();
    let begin = Instant::now();
    runs(&server, &batch, 10);
    println!("10 runs without the broker took {:?}", begin.elapsed());
    broker.restart();
    runs(&server, &batch, 5);
    broker.kill();
    runs(&server, &batch, 5);
    broker.restart();
    std::fs::write(&go, "").unwrap();
    assert_eq!(server.api().finished(long)["status"], "success");
    runs(&server, &batch, 1);
    check(&server, &broker);
}

#[test]
fn outages_in_the_middle_of_publishing_leave_no_mark() {
    let mut broker = Broker::start();
    let server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    let events = Stream::open(server.api(), "/events", Some(0));
    for _ in 0..4 {
        let started: Vec<u64> = (0..10).map(|_| server.api().start(&batch)).collect();
        let deadline = Instant::now() + CATCH_UP;
        events.wait_for(deadline, |event| {
            event["run_id"] == started[2] && event["type"] == "run.finished"
        });
        broker.kill();
        broker.restart();
        for run in started {
            assert_eq!(server.api().finished(run)["status"], "success");
        }
    }
    check(&server, &broker);
}

#[test]
fn a_backlog_survives_the_server() {
    let mut broker = Broker::start();
    let mut server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    runs(&server, &batch, 3);
    broker.kill();
    runs(&server, &batch, 3);
    server.kill();
    server.restart();
    runs(&server, &batch, 3);
    server.kill();
    broker.restart();
    server.restart();
    runs(&server, &batch, 3);
    check(&server, &broker);
    server.kill();
    server.restart();
    check(&server, &broker);
}

#[test]
fn the_server_starts_and_works_without_a_broker() {
    let mut broker = Broker::start();
    broker.kill();
    let mut server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    runs(&server, &batch, 5);
    broker.restart();
    check(&server, &broker);
    broker.kill();
    let (status, took) = server.stop();
    assert!(
        status.success() && took < Duration::from_secs(10),
        "{status} after {took:?}"
    );
}

#[test]
fn a_stream_that_was_lost_is_filled_again() {
    let mut broker = Broker::start();
    let server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    runs(&server, &batch, 3);
    check(&server, &broker);
    broker.kill();
    broker.forget();
    broker.restart();
    runs(&server, &batch, 3);
    check(&server, &broker);
}

#[test]
fn a_lost_log_comes_back_from_the_stream() {
    let mut broker = Broker::start();
    let mut server = Server::start(&["--slots", "2", "--nats", broker.url()]);
    let batch = server.api().save(&definition());
    runs(&server, &batch, 5);
    check(&server, &broker);
    let events = server.api().events();
    let (status, _) = server.stop();
    assert!(status.success());
    // What was written at the end of the server may not be on NATS.
    let restart = |server: &mut Server| {
        server.restart();
        check(server, &broker);
        server.kill();
    };
    restart(&mut server);
    let data = server.data();
    let before = verified(&server, &[]);
    // Everything but the two keys is lost.
    for name in ["log", "head", "segments", "views", "snapshots", "blobs"] {
        let path = data.join(name);
        drop(std::fs::remove_dir_all(&path));
        drop(std::fs::remove_file(&path));
    }
    let data_text = data.to_str().unwrap();
    let arguments = [
        "log",
        "restore",
        "--json",
        "--data",
        data_text,
        "--nats",
        broker.url(),
    ];
    let restored = command_line::call(server.folder(), "", &arguments);
    assert_eq!(restored.code, 0, "{restored:?}");
    let after = verified(&server, &["--nats", broker.url()]);
    for field in ["last_seq", "hash", "records"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    assert_eq!(restored.json()["hash"], before["hash"]);
    server.restart();
    assert_eq!(server.api().events()[..events.len()], events);
    runs(&server, &batch, 1);
    check(&server, &broker);
    // Without the key there is nothing to read.
    server.kill();
    std::fs::remove_file(data.join("stream.key")).unwrap();
    let refused = command_line::call(server.folder(), "", &arguments);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("--stream-key"), "{refused:?}");
    broker.kill();
}

/// What `fasti log verify` finds on a stopped log.
fn verified(server: &Server, more: &[&str]) -> Value {
    let data = server.data();
    let mut arguments = vec!["log", "verify", "--json", "--data", data.to_str().unwrap()];
    arguments.extend(more);
    let called = command_line::call(server.folder(), "", &arguments);
    assert_eq!(called.code, 0, "{called:?}");
    called.json()
}
