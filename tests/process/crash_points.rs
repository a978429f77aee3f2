//! The process ends, or the disk fails, at the k-th write, sync and rename: before the call, after it, with EIO and
//! with ENOSPC. Nothing acknowledged is lost, a failed sync is never tried again, and the next start takes up by
//! itself.
//!
//! One small script of commands is gone through for each point. How many points: about 30, and all of them up to
//! the end of the script with `FASTI_LONG=1`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::command_line;
use crate::support::disk::shim::Shim;
use crate::support::disk::trace::Call;
use crate::support::is_long;
use crate::support::server::Server;

/// Commands of the script.
const COMMANDS: usize = 12;

/// Exit code of a server that could not write.
const INTERNAL: i32 = 1;

/// Status with which the library ends a process.
const ENDED: i32 = 137;

const KINDS: [&str; 3] = ["write", "sync", "rename"];
const WHATS: [&str; 4] = ["before", "after", "EIO", "ENOSPC"];

/// What the callers know at the end of a script.
#[derive(Default)]
struct Known {
    /// Runs by their key.
    runs: BTreeMap<String, u64>,
    /// The first command that got no answer, or a refusal.
    in_doubt: Option<String>,
}

/// Starts runs and saves batches until one of them is not taken.
fn script(client: &Client) -> Known {
    let mut known = Known::default();
    let task = json!({"name": "t", "command": ["true"]});
    let batch = json!({"definition": {"name": "script", "tasks": [task]}}).to_string();
    for number in 0..COMMANDS {
        let key = format!("command {number}");
        // Every third is too large for the log, so that files are written beside it.
        let body = if number % 3 == 2 {
            let tasks: Vec<_> = (0..50)
                .map(|at| json!({"name": format!("{number} {at}"), "command": ["true", "y".repeat(99)]}))
                .collect();
            json!({"definition": {"name": "large", "tasks": tasks}}).to_string()
        } else {
            batch.clone()
        };
        let headers = [("idempotency-key", key.as_str())];
        match client.attempt("POST", "/runs", &headers, Some(body.as_bytes())) {
            Ok(answer) if answer.status == 201 => {
                let id = answer.json()["id"].as_u64().unwrap();
                known.runs.insert(key, id);
            }
            Ok(answer) => {
                assert!(
                    matches!(answer.status, 500 | 503 | 507),
                    "{}",
                    answer.text()
                );
                known.in_doubt = Some(key);
                return known;
            }
            Err(_) => {
                known.in_doubt = Some(key);
                return known;
            }
        }
    }
    known
}

/// One point: the script with the fault, then a start without it. Whether the fault was met.
fn go_through(shim: &mut Shim, kind: &str, number: usize, what: &str) -> Result<bool, String> {
    shim.clear();
    shim.trace().clear();
    shim.set("RECORDER_FAULT", format!("{kind}:{number}:{what}:"));
    let mut server = Server::stopped(&["--slots", "1"]);
    server.set_variables(shim.variables(&server.data()));
    server.spawn();
    let known = if server.listens() {
        script(&server.api().clone())
    } else {
        Known::default()
    };
    let faults = |calls: &[Call]| calls.iter().any(|call| matches!(call, Call::Fault { .. }));
    let is_met = faults(&shim.trace().calls());
    let status = if server.is_running() {
        server.stop().0
    } else {
        server.wait_ended(Instant::now()).0
    };
    let expected: &[i32] = match (is_met || faults(&shim.trace().calls()), what) {
        (false, _) => &[0],
        (true, "before" | "after") => &[ENDED],
        // A failure of what can be done without (a snapshot, a table of a view) changes nothing.
        (true, _) => &[0, INTERNAL],
    };
    let Some(code) = status.code().filter(|code| expected.contains(code)) else {
        return Err(format!("it ended with {status}\n{}", server.said()));
    };
    if server.said().contains("panicked") {
        return Err(format!("a panic was shown\n{}", server.said()));
    }
    no_sync_after_a_failed_one(&shim.trace().calls(), kind, what)?;
    let said = server.all_said();
    if code == INTERNAL
        && !said
            .lines()
            .last()
            .unwrap_or_default()
            .starts_with("fasti: ")
    {
        return Err(format!("it did not say why it ended\n{}", server.said()));
    }
    server.set_variables(Vec::new());
    server.spawn();
    if !server.listens() {
        return Err(format!("it refuses to start again\n{}", server.said()));
    }
    compare(&server, &known)?;
    server.kill();
    let verified = command_line::verify_ended(server.folder(), &server.data());
    if verified.code != 0 {
        return Err(format!("the log does not verify: {verified:?}"));
    }
    Ok(is_met)
}

/// What was acknowledged is there; what is in doubt can be asked again and is there once.
fn compare(server: &Server, known: &Known) -> Result<(), String> {
    for (key, id) in &known.runs {
        let answer = server.api().send("GET", &format!("/runs/{id}"), &[], None);
        if answer.status != 200 {
            return Err(format!("run {id} of {key} was acknowledged and is gone"));
        }
    }
    let created = server.api().events();
    let created = created
        .iter()
        .filter(|event| event["type"] == "run.created");
    let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
    for event in created {
        let key = event["data"]["idempotency_key"]
            .as_str()
            .unwrap_or_default();
        *by_key.entry(key).or_default() += 1;
    }
    let unknown = by_key
        .keys()
        .find(|key| !known.runs.contains_key(**key) && known.in_doubt.as_deref() != Some(**key));
    if let Some(unknown) = unknown {
        return Err(format!("nobody asked for {unknown}"));
    }
    match by_key.iter().find(|(_, count)| **count != 1) {
        Some((key, count)) => Err(format!("{key} made {count} runs")),
        None => Ok(()),
    }
}

/// After a sync of the log or its head has failed, that file is not synced again by this process.
fn no_sync_after_a_failed_one(calls: &[Call], kind: &str, what: &str) -> Result<(), String> {
    if kind != "sync" || !matches!(what, "EIO" | "ENOSPC") {
        return Ok(());
    }
    let failed = calls
        .iter()
        .position(|call| matches!(call, Call::Fault { .. }));
    let Some(at) = failed else { return Ok(()) };
    let Call::Fault { path, .. } = &calls[at] else {
        return Ok(());
    };
    if !matches!(path.as_str(), "log/db" | "head") {
        return Ok(());
    }
    let again = calls[at..]
        .iter()
        .any(|call| matches!(call, Call::SyncEnd { sync } if sync.path == *path));
    if again {
        return Err(format!(
            "{path} was synced again after a sync of it had failed"
        ));
    }
    Ok(())
}

#[test]
fn a_crash_or_failure_at_any_call_loses_nothing() {
    let mut chance = Chance::new();
    let mut shim = Shim::build();
    let mut wrong = Vec::new();
    let (mut met, mut tried) = (0, 0);
    for kind in KINDS {
        for what in WHATS {
            let mut number = 1;
            loop {
                tried += 1;
                match go_through(&mut shim, kind, number, what) {
                    Ok(true) => met += 1,
                    Ok(false) => break,
                    Err(why) => wrong.push(format!("{what} at {kind} {number}: {why}")),
                }
                // Each of the first ones: they are the birth of the log. Later ones are much alike.
                let step = match (is_long(), kind) {
                    (true, _) => 1 + chance.below(if number < 40 { 1 } else { 8 }),
                    (false, "rename") => 4 + chance.below(3),
                    (false, "sync") => 12 + chance.below(12),
                    (false, _) => 30 + chance.below(30),
                };
                number += step;
                if number > if is_long() { 400 } else { 70 } {
                    break;
                }
            }
        }
    }
    println!("{met} of {tried} points were met");
    assert!(met >= 20, "only {met} faults were met");
    assert!(
        wrong.is_empty(),
        "{} points went wrong: {wrong:#?}",
        wrong.len()
    );
}
