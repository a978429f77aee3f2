//! A recorded history: callers and a reader at work on a recorded server that dies several times, and what
//! they had been told, in between the calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::bundle::bundle_of;
use crate::support::client::Client;
use crate::support::disk::shim::Shim;
use crate::support::disk::trace::{Call, Trace};
use crate::support::server::Server;
use crate::support::stream::{Next, Stream};

/// Callers that start runs.
const CALLERS: usize = 3;

/// Between two commands of a caller.
const PACE: Duration = Duration::from_millis(4);

/// Small segments whose events leave the database at once.
pub(super) const SEALING: &str = "[log]\nsegment_events = 40\nanchor_seconds = 1\nkeep_bytes = 1\n";

/// What somebody was told, and when: the number of calls made by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// A run was started under this key.
    Run { id: u64, key: String },
    /// A batch was saved.
    Batch(String),
    /// A bundle was stored.
    Bundle(String),
    /// So many events were read.
    Seen(usize),
}

impl Told {
    fn text(&self) -> String {
        match self {
            Self::Run { id, key } => format!("run {id} {key}"),
            Self::Batch(id) => format!("batch {id}"),
            Self::Bundle(id) => format!("bundle {id}"),
            Self::Seen(count) => format!("seen {count}"),
        }
    }

    /// What a mark says.
    pub(super) fn of(mark: &[u8]) -> Self {
        let text = String::from_utf8_lossy(mark);
        let (kind, rest) = text.split_once(' ').unwrap();
        match kind {
            "run" => {
                let (id, key) = rest.split_once(' ').unwrap();
                Self::Run {
                    id: id.parse().unwrap(),
                    key: key.to_owned(),
                }
            }
            "batch" => Self::Batch(rest.to_owned()),
            "bundle" => Self::Bundle(rest.to_owned()),
            "seen" => Self::Seen(rest.parse().unwrap()),
            other => panic!("a mark of kind {other}"),
        }
    }
}

/// What was recorded.
pub(super) struct Recording {
    pub(super) calls: Vec<Call>,
    /// Every event that was read, in order.
    pub(super) seen: Vec<Value>,
}

impl Recording {
    /// Numbers of calls after which somebody had just been told something.
    pub(super) fn told_at(&self) -> Vec<usize> {
        let numbered = self.calls.iter().zip(1..);
        numbered
            .filter(|(call, _)| matches!(call, Call::Mark(_)))
            .map(|(_, number)| number)
            .collect()
    }
}

impl Recording {
    /// Bytes of the log's database that were written where something had been written before: sled used segments again.
    pub(super) fn rewritten_bytes(&self) -> u64 {
        let mut database = None;
        let (mut end, mut rewritten) = (0, 0);
        for call in &self.calls {
            if let Call::Open { path, inode, .. } = call
                && path == "log.new/db"
            {
                database = Some(*inode);
            }
            if let Call::Write {
                inode,
                offset,
                bytes,
            } = call
                && Some(*inode) == database
            {
                let after = offset + bytes.len() as u64;
                rewritten += end.min(after).saturating_sub(*offset);
                end = end.max(after);
            }
        }
        rewritten
    }
}

/// Lets a server live so many times, so long each, recorded from the birth of its data folder.
pub(super) fn record(shim: &Shim, lives: usize, life: Duration) -> Recording {
    shim.trace().clear();
    let mut server = Server::stopped(&["--slots", "2"]);
    server.set_variables(shim.variables(&server.data()));
    // Sealed, anchored and taken out of the database all the time.
    server.configure(SEALING);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keys = Arc::new(AtomicU64::new(0));
    for _ in 0..lives {
        server.restart();
        let end = Instant::now() + life;
        let mut threads = vec![reader(&server, shim.trace(), Arc::clone(&seen), end)];
        threads.push(writer_of_large_things(&server, shim.trace(), end));
        let batch = server.api().save(&small());
        threads.extend((0..CALLERS).map(|_| {
            let (client, trace) = (Client::new(server.api().url()), shim.trace());
            let (batch, keys) = (batch.clone(), Arc::clone(&keys));
            std::thread::spawn(move || start_runs(&client, &trace, &batch, &keys, end))
        }));
        // It dies while all of them are at work.
        std::thread::sleep(life / 2);
        std::thread::sleep(life / 3);
        server.kill();
        for thread in threads {
            thread.join().unwrap();
        }
    }
    drop(server);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    Recording {
        calls: shim.trace().calls(),
        seen,
    }
}

fn small() -> Value {
    let parts = json!({"name": "parts", "kind": "parallel", "count": 3, "command": ["true"]});
    json!({"name": "small", "tasks": [parts]})
}

fn start_runs(client: &Client, trace: &Trace, batch: &str, keys: &AtomicU64, end: Instant) {
    while Instant::now() < end {
        let key = format!("key-{}", keys.fetch_add(1, Ordering::Relaxed));
        let path = format!("/batches/{batch}/runs");
        let headers = [("idempotency-key", key.as_str())];
        let Ok(answer) = client.attempt("POST", &path, &headers, Some(b"{}")) else {
            return;
        };
        assert_eq!(answer.status, 201, "{}", answer.text());
        let id = answer.json()["id"].as_u64().unwrap();
        trace.mark(&Told::Run { id, key }.text());
        std::thread::sleep(PACE);
    }
}

/// Bundles and definitions too large for the log: files of their own.
fn writer_of_large_things(server: &Server, trace: Trace, end: Instant) -> JoinHandle<()> {
    let client = Client::new(server.api().url());
    std::thread::spawn(move || {
        for round in 0_u64.. {
            if Instant::now() >= end || large_things(&client, &trace, round).is_none() {
                return;
            }
            std::thread::sleep(PACE * 8);
        }
    })
}

fn large_things(client: &Client, trace: &Trace, round: u64) -> Option<()> {
    let task = |at: usize| json!({"name": format!("task {at} of {round}"), "command": ["true", "x".repeat(90)]});
    let tasks: Vec<Value> = (0..60).map(task).collect();
    let definition = json!({"name": format!("large {round}"), "tasks": tasks}).to_string();
    let answer = client.attempt("POST", "/batches", &[], Some(definition.as_bytes()));
    let answer = answer.ok()?;
    assert!(answer.status < 300, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    trace.mark(&Told::Batch(id).text());
    let content = (0..40_000_u64).map(|at| u8::try_from((at * at + round) % 251).unwrap());
    let bundle = bundle_of(&content.collect::<Vec<_>>());
    let headers = [("content-type", "application/gzip")];
    let answer = client.attempt("POST", "/bundles", &headers, Some(&bundle));
    let answer = answer.ok()?;
    assert!(answer.status < 300, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    trace.mark(&Told::Bundle(id).text());
    Some(())
}

/// Reads events as they happen, over all lives.
fn reader(
    server: &Server,
    trace: Trace,
    seen: Arc<Mutex<Vec<Value>>>,
    end: Instant,
) -> JoinHandle<()> {
    let last = u64::try_from(seen.lock().unwrap().len()).unwrap();
    let stream = Stream::open(server.api(), "/events", Some(last));
    std::thread::spawn(move || {
        while let Next::Event(event) = stream.next(end) {
            let mut seen = seen.lock().unwrap();
            seen.push(event);
            trace.mark(&Told::Seen(seen.len()).text());
        }
    })
}
