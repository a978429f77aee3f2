//! `kill -9` at random moments under load: after the last start every acknowledged command is there exactly
//! once, nothing that finished ran again, and every run completes.

mod check;
mod load;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::command_line;
use crate::support::is_long;
use crate::support::processes;
use crate::support::server::Server;
use crate::support::stream::{Next, Stream};

/// Kills of the server, and of the long form.
const ROUNDS: usize = 30;
const ROUNDS_LONG: usize = 200;

/// Longest life of a server, in milliseconds.
const LIFE_MS: u64 = 900;

/// How long the work left after the last kill may take.
const SETTLE: Duration = Duration::from_secs(60);
const SETTLE_LONG: Duration = Duration::from_secs(600);

#[test]
fn nothing_acknowledged_is_lost() {
    let begin = Instant::now();
    let mut chance = Chance::new();
    let mut server = Server::start(&["--slots", "4", "--retry-delay-seconds", "0.1"]);
    let marks = server.folder().join("marks");
    let batch = server.api().save(&definition(&marks));
    let load = load::Load::begin(server.api().url(), &batch);
    let mut killed = BTreeSet::new();
    let rounds = if is_long() { ROUNDS_LONG } else { ROUNDS };
    for round in 0..rounds {
        kill_once(round, rounds, &mut server, &mut chance, &mut killed);
    }
    server.restart();
    let load::Told {
        acknowledged,
        doubts,
        taken_in_doubt,
    } = load.end();
    println!(
        "{} runs acknowledged after {:?}, {} runners killed",
        acknowledged.len(),
        begin.elapsed(),
        killed.len()
    );
    println!("{doubts} tries without an answer, {taken_in_doubt} of them were taken all the same");
    assert!(doubts >= rounds, "the kills met the callers at work");
    wait_for_ends(&server, acknowledged.values().copied().collect());
    println!("all ended after {:?}", begin.elapsed());
    check::replays(&server, &batch, &acknowledged);
    let events = server.api().events();
    check::sequence(&events);
    check::acknowledged(&events, &acknowledged);
    let attempts = check::attempts(&events, &killed);
    check::runs(&server, &events);
    check::marks(&marks, &attempts);
    check_log(&mut server);
    println!(
        "{} events, {} attempts, checked after {:?}",
        events.len(),
        attempts.len(),
        begin.elapsed()
    );
}

/// Three steps; each attempt says in a file when it begins and when it is done. The second fails the first
/// time, the third has two parts.
fn definition(marks: &Path) -> Value {
    let say = |word: &str| {
        format!(r#"echo "{word} $FASTI_TASK_RUN_ID $FASTI_ATTEMPT_NUMBER" >> "$MARKS""#)
    };
    let (start, end) = (say("start"), say("end"));
    let task = |name: &str, script: String| {
        json!({
            "name": name, "command": ["sh", "-c", script], "env": {"MARKS": marks}, "retries": 3,
        })
    };
    let mut parts = task("parts", format!("{start}; {end}"));
    parts["kind"] = json!("parallel");
    parts["count"] = json!(2);
    json!({
        "name": "under fire",
        "tasks": [
            task("slow", format!("{start}; sleep 0.05; {end}")),
            task("fails first", format!(r#"{start}; {end}; [ "$FASTI_ATTEMPT_NUMBER" -gt 1 ]"#)),
            parts,
        ],
        "edges": [{"from": "slow", "to": "fails first"}, {"from": "fails first", "to": "parts"}],
    })
}

/// Kills the server at a random moment and starts it again; every now and then the runner too, before it, or
/// with it, or alone.
fn kill_once(
    round: usize,
    rounds: usize,
    server: &mut Server,
    chance: &mut Chance,
    killed: &mut BTreeSet<String>,
) {
    if round % 5 == 4 {
        // Before it listens, most likely.
        std::thread::sleep(chance.within_ms(150));
    } else {
        if round > 0 {
            server.wait_ready();
        }
        std::thread::sleep(chance.within_ms(LIFE_MS));
    }
    // Rarely and far apart: a task run that loses its runner four times is given up, however little it had to
    // do with that.
    match round {
        2 | 15 => {
            kill_runners(server, killed);
            std::thread::sleep(chance.within_ms(LIFE_MS));
            server.kill();
        }
        8 | 27 => {
            kill_runners(server, killed);
            server.kill();
        }
        21 => {
            server.kill();
            kill_runners(server, killed);
        }
        _ => server.kill(),
    }
    if round + 1 < rounds {
        server.spawn();
    }
}

fn kill_runners(server: &Server, killed: &mut BTreeSet<String>) {
    for (id, pid) in processes::runners(&server.data()) {
        processes::signal(pid, Signal::KILL);
        killed.insert(id);
    }
}

/// Follows the ends of runs until none of `open` is left.
fn wait_for_ends(server: &Server, mut open: BTreeSet<u64>) {
    let settle = if is_long() { SETTLE_LONG } else { SETTLE };
    let deadline = Instant::now() + settle;
    let ends = Stream::open(server.api(), "/events?types=run.finished", Some(0));
    while !open.is_empty() {
        match ends.next(deadline) {
            Next::Event(event) => {
                open.remove(&event["run_id"].as_u64().unwrap());
            }
            end @ (Next::Closed | Next::Nothing) => {
                let stuck = open.first().copied().unwrap();
                let tasks = server.api().task_runs(stuck);
                panic!(
                    "{} runs did not end ({end:?}); one of them: {tasks:#?}",
                    open.len()
                );
            }
        }
    }
}

fn check_log(server: &mut Server) {
    let (status, took) = server.stop();
    assert!(status.success(), "{status} after {took:?}");
    let data = server.data();
    let verified = command_line::call(
        server.folder(),
        "",
        &["verify", "--data", data.to_str().unwrap()],
    );
    assert_eq!(verified.code, 0, "{verified:?}");
}
