//! 100,000 task runs in one request: taken, visible, and within bounds of memory.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::server::Server;

const COUNT: usize = 100_000;

/// Resident memory that a server may need for them.
const MEMORY_BYTES_MAX: u64 = 400 << 20;

/// Processor time that a server built without optimisation may take to accept or refuse them, in seconds:
/// twice what it takes on a machine that does nothing else. What grows with the square of the count takes hours.
const CPU_SECONDS_MAX: u64 = 15;

fn megabytes(server: &Server) -> u64 {
    let bytes = server.peak_memory_bytes();
    assert!(bytes < MEMORY_BYTES_MAX, "{bytes} bytes of memory");
    bytes >> 20
}

/// Starts a run of a definition, sees all of it, and cancels it.
fn start_and_see(server: &Server, definition: &Value) -> u64 {
    let api = server.api();
    let begin = Instant::now();
    let batch = api.save(definition);
    let saved = begin.elapsed();
    let run = api.start(&batch);
    println!(
        "saved after {saved:?}, started after {:?}, {} MB",
        begin.elapsed(),
        megabytes(server)
    );
    let cpu = server.cpu_seconds();
    assert!(cpu < CPU_SECONDS_MAX, "{cpu} s of processor time");
    let shown = api.get(&format!("/runs/{run}"));
    assert_eq!(shown["task_runs"], COUNT);
    let counts = shown["task_counts"].as_object().unwrap();
    let sum: u64 = counts.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, u64::try_from(COUNT).unwrap(), "{counts:?}");
    run
}

fn cancel(server: &Server, run: u64) {
    let begin = Instant::now();
    server
        .api()
        .post(&format!("/runs/{run}/cancel"), &json!({}));
    assert_eq!(server.api().finished(run)["status"], "cancelled");
    println!(
        "cancelled after {:?}, {} MB",
        begin.elapsed(),
        megabytes(server)
    );
}

/// As much of an answer about task runs as is looked at.
#[derive(Deserialize)]
struct Seen {
    #[serde(alias = "nodes")]
    items: Vec<Item>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    id: u64,
}

/// Each task run is in the graph once, in order, and so are the first pages of the list.
fn see_all(server: &Server, run: u64) {
    let ask = |address: &str| -> Seen {
        serde_json::from_slice(&server.api().fetch(address).body).unwrap()
    };
    let graph = ask(&format!("/runs/{run}/graph")).items;
    assert_eq!(graph.len(), COUNT);
    for (expected, item) in (run + 1..).zip(&graph) {
        assert_eq!(item.id, expected);
    }
    let address = format!("/runs/{run}/tasks?limit=1000");
    let mut expected = run + 1..;
    let mut page = ask(&address);
    for _ in 0..10 {
        assert_eq!(page.items.len(), 1000);
        for item in &page.items {
            assert_eq!(Some(item.id), expected.next());
        }
        page = ask(&format!("{address}&cursor={}", page.next_cursor.unwrap()));
    }
}

#[test]
fn a_task_of_many_parts() {
    let mut server = Server::start(&["--slots", "2"]);
    // The first part waits, so that the others are there to be seen.
    let definition = json!({
        "name": "wide",
        "tasks": [{"name": "p", "kind": "parallel", "count": COUNT, "command": ["sleep", "600"]}],
    });
    let run = start_and_see(&server, &definition);
    let begin = Instant::now();
    see_all(&server, run);
    println!(
        "seen after {:?}, {} MB",
        begin.elapsed(),
        megabytes(&server)
    );
    let quick =
        json!({"name": "quick", "priority": "high", "tasks": [{"name": "t", "command": ["true"]}]});
    let quick = server.api().start_definition(&quick);
    let begin = Instant::now();
    server.kill();
    server.restart();
    println!(
        "started again after {:?}, {} MB",
        begin.elapsed(),
        megabytes(&server)
    );
    assert_eq!(
        server.api().get(&format!("/runs/{run}"))["task_runs"],
        COUNT
    );
    cancel(&server, run);
    assert_eq!(server.api().finished(quick)["status"], "success");
}

#[test]
fn a_graph_of_many_tasks() {
    let server = Server::start(&["--slots", "2"]);
    let tasks: Vec<Value> = (0..COUNT)
        .map(|at| json!({"name": format!("step {at}"), "command": ["sleep", "600"]}))
        .collect();
    let edges: Vec<Value> = (1..COUNT)
        .map(|at| json!({"from": format!("step {}", at - 1), "to": format!("step {at}")}))
        .collect();
    let definition = json!({"name": "chain", "tasks": tasks, "edges": edges});
    let run = start_and_see(&server, &definition);
    let graph = server.api().get(&format!("/runs/{run}/graph"));
    assert_eq!(graph["nodes"].as_array().unwrap().len(), COUNT);
    assert_eq!(graph["edges"].as_array().unwrap().len(), COUNT - 1);
    println!("graph seen, {} MB", megabytes(&server));
    cancel(&server, run);
}

#[test]
fn a_cycle_among_many_tasks_is_found() {
    let server = Server::start(&[]);
    let tasks: Vec<Value> = (0..COUNT)
        .map(|at| json!({"name": format!("step {at}"), "command": ["true"]}))
        .collect();
    let mut edges: Vec<Value> = (1..COUNT)
        .map(|at| json!({"from": format!("step {}", at - 1), "to": format!("step {at}")}))
        .collect();
    edges.push(json!({"from": "step 99990", "to": "step 99988"}));
    let definition = json!({"name": "chain", "tasks": tasks, "edges": edges});
    let begin = Instant::now();
    let answer = server.api().send(
        "POST",
        "/batches",
        &[],
        Some(definition.to_string().as_bytes()),
    );
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["code"], "cyclic_dependency");
    let detail = problem["detail"].as_str().unwrap();
    for step in ["step 99988", "step 99989", "step 99990"] {
        assert!(detail.contains(step), "{detail}");
    }
    assert!(
        !detail.contains("step 99987") && !detail.contains("step 99991"),
        "{detail}"
    );
    println!("refused after {:?}", begin.elapsed());
    let cpu = server.cpu_seconds();
    assert!(cpu < CPU_SECONDS_MAX, "{cpu} s of processor time");
}
