//! The measurements.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::server::Server;
use crate::{Context, Figure, floor};

fn folder(context: &Context, name: &str) -> PathBuf {
    context.scratch.join(name)
}

/// Seconds since the epoch of an RFC 3339 instant in UTC with milliseconds.
pub(crate) fn seconds(text: &Value) -> anyhow::Result<f64> {
    let text = text.as_str().context("an instant is text")?;
    let instant = chrono::DateTime::parse_from_rfc3339(text)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this century fit"
    )]
    let millis = instant.timestamp_millis() as f64;
    Ok(millis / 1000.0)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// No-op commands a second in one wide task, against bare spawns with the same parallelism.
pub(crate) fn commands(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let count = context.count(10_000);
    let bare = floor::spawns_per_second(context.count(4_000), context.slots)?;
    let (server, _) = Server::start(context, &folder(context, "commands"))?;
    let task = |count| json!({"name": "noop", "kind": "parallel", "command": ["/bin/true"], "count": count});
    let warm = server.save(&json!({"name": "warm", "tasks": [task(200)]}))?;
    server.run(&warm)?;
    let batch = server.save(&json!({"name": "commands", "tasks": [task(count)]}))?;
    let run = server.run(&batch)?;
    let took = seconds(&run["finished_at"])? - seconds(&run["created_at"])?;
    let again = floor::spawns_per_second(context.count(4_000), context.slots)?;
    Ok(vec![Figure {
        name: "no-op commands",
        value: f64::from(count) / took,
        unit: "per s",
        floor: Some((f64::midpoint(bare, again), "bare posix_spawn")),
    }])
}

const MODULE: &str = "def noop():\n    return None\n";

fn with_module(context: &Context, server: &Server, name: &str, env: &Value) -> anyhow::Result<()> {
    let path = context.scratch.join(format!("{name}-code"));
    std::fs::create_dir_all(&path)?;
    std::fs::write(path.join("bench_functions.py"), MODULE)?;
    server.send(
        "PUT",
        "/images/bench",
        &json!({"path": path, "python": context.python, "env": env}),
    )?;
    Ok(())
}

/// No-op Python functions a second, a process each, against bare forks of a warm interpreter.
pub(crate) fn functions(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let count = context.count(5_000);
    let (value, floor) = functions_of(context, "functions", count, &json!({}))?;
    Ok(vec![Figure {
        name: "no-op Python functions, a process each",
        value,
        unit: "per s",
        floor: Some((floor, "bare forks of a warm interpreter")),
    }])
}

/// No-op Python functions a second in processes that serve a thousand calls each, against the same forks.
pub(crate) fn reused(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let count = context.count(20_000);
    let env = json!({"FASTI_REUSE": "1000"});
    let (value, floor) = functions_of(context, "reused", count, &env)?;
    Ok(vec![Figure {
        name: "no-op Python functions, 1,000 calls a process",
        value,
        unit: "per s",
        floor: Some((floor, "bare forks of a warm interpreter")),
    }])
}

fn functions_of(
    context: &Context,
    name: &str,
    count: u32,
    env: &Value,
) -> anyhow::Result<(f64, f64)> {
    let data = folder(context, name);
    let (server, _) = Server::start(context, &data)?;
    with_module(context, &server, name, env)?;
    let parts = |count: u32| -> Vec<Value> {
        (0..count)
            .map(|i| json!({"Name": format!("part {i}"), "Description": ""}))
            .collect()
    };
    let task = |count| {
        json!({"name": "noop", "kind": "parallel", "entrypoint": "bench_functions.noop", "image": "bench",
               "configuration_json": parts(count)})
    };
    let warm = server.save(&json!({"name": "warm", "tasks": [task(100)]}))?;
    server.run(&warm)?;
    let sdk = sdk_folder(&data)?;
    let bare = floor::forks_per_second(&context.python, &sdk, context.count(4_000), context.slots)?;
    let batch = server.save(&json!({"name": "functions", "tasks": [task(count)]}))?;
    let run = server.run(&batch)?;
    let took = seconds(&run["finished_at"])? - seconds(&run["created_at"])?;
    Ok((f64::from(count) / took, bare))
}

/// One hop of a chain of 100 functions in a process that serves them all.
pub(crate) fn reused_chain(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let (server, _) = Server::start(context, &folder(context, "reused-chain"))?;
    let env = json!({"FASTI_REUSE": "1000"});
    with_module(context, &server, "reused-chain", &env)?;
    let task = json!({"entrypoint": "bench_functions.noop", "image": "bench"});
    Ok(vec![Figure {
        name: "hop of a chain of 100 functions, 1,000 calls a process, median",
        value: hop(&server, &task)?,
        unit: "ms",
        floor: None,
    }])
}

/// The Python packages as the server unpacked them.
fn sdk_folder(data: &std::path::Path) -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir(data.join("python"))?;
    let found = folders
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.is_dir());
    found.context("the server unpacked no Python packages")
}

/// From sending the request to the start of the first process, on an idle server.
pub(crate) fn request_to_start(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let (server, _) = Server::start(context, &folder(context, "start"))?;
    let batch =
        server.save(&json!({"name": "one", "tasks": [{"name": "t", "command": ["/bin/true"]}]}))?;
    server.run(&batch)?;
    let mut waits = Vec::new();
    for _ in 0..context.count(100) {
        #[expect(
            clippy::disallowed_methods,
            reason = "compared with instants of the log"
        )]
        let sent = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let run = server.run(&batch)?;
        let id = &run["id"];
        let events = server.get(&format!("/events?run_id={id}&types=attempt.started"))?;
        let started = &events["items"][0]["data"]["starts"][0]["started_at"];
        waits.push(seconds(started)? * 1e3 - sent.as_secs_f64() * 1e3);
    }
    Ok(vec![Figure {
        name: "request to first task start, median",
        value: median(waits),
        unit: "ms",
        floor: None,
    }])
}

/// One hop of a chain of 100 commands.
pub(crate) fn chain(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let (server, _) = Server::start(context, &folder(context, "chain"))?;
    Ok(vec![Figure {
        name: "hop of a chain of 100 commands, median",
        value: hop(&server, &json!({"command": ["/bin/true"]}))?,
        unit: "ms",
        floor: None,
    }])
}

/// Milliseconds of a hop in a chain of 100 tasks of this kind, the median of ten chains.
fn hop(server: &Server, task: &Value) -> anyhow::Result<f64> {
    const LENGTH: u32 = 100;
    let name = |i: u32| format!("t{i}");
    let named = |i: u32| {
        let mut task = task.clone();
        task["name"] = json!(name(i));
        task
    };
    let tasks: Vec<Value> = (0..LENGTH).map(named).collect();
    let edges: Vec<Value> = (1..LENGTH)
        .map(|i| json!({"from": name(i - 1), "to": name(i)}))
        .collect();
    let batch = server.save(&json!({"name": "chain", "tasks": tasks, "edges": edges}))?;
    let mut hops = Vec::new();
    for _ in 0..10 {
        let run = server.run(&batch)?;
        let took = seconds(&run["finished_at"])? - seconds(&run["started_at"])?;
        hops.push(took * 1e3 / f64::from(LENGTH));
    }
    Ok(median(hops))
}

/// From starting the killed server again until it takes commands, a 100,000 events of log.
pub(crate) fn restart(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let data = folder(context, "restart");
    let (mut server, _) = Server::start(context, &data)?;
    let task = json!({"name": "noop", "command": ["/bin/true"]});
    let batch = server.save(&json!({"name": "restart", "tasks": [task]}))?;
    for _ in 0..context.count(3_000) {
        server.send("POST", &format!("/batches/{batch}/runs"), &json!({}))?;
    }
    server.kill()?;
    let (server, took) = Server::start(context, &data)?;
    let health = server.get("/health")?;
    let events = health["as_of_seq"]
        .as_f64()
        .or(health["log_seq"].as_f64())
        .context("health names the log's end")?;
    Ok(vec![
        Figure {
            name: "events in the log at restart",
            value: events,
            unit: "events",
            floor: None,
        },
        Figure {
            name: "restart per 100,000 events",
            value: took.as_secs_f64() * 1e3 * 100_000.0 / events,
            unit: "ms",
            floor: None,
        },
    ])
}

/// Memory of the server per queued task run.
pub(crate) fn memory(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let count = context.count(100_000);
    let (server, _) = Server::start(context, &folder(context, "memory"))?;
    let task = json!({"name": "wait", "kind": "parallel", "command": ["/bin/sleep", "600"], "count": count});
    let batch = server.save(&json!({"name": "memory", "tasks": [task]}))?;
    let before = server.resident_bytes()?;
    let run = server.send("POST", &format!("/batches/{batch}/runs"), &json!({}))?;
    let after = server.resident_bytes()?;
    server.send("POST", &format!("/runs/{}/cancel", run["id"]), &json!({}))?;
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
    let each = after.saturating_sub(before) as f64 / f64::from(count);
    Ok(vec![Figure {
        name: "memory per queued task run",
        value: each,
        unit: "bytes",
        floor: None,
    }])
}
