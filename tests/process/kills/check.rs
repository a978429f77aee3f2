//! What must hold after the kills, read from the log and from what the tasks themselves wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::load::{self, Acknowledged};
use crate::support::server::Server;

/// A task run and the number of an attempt.
type Attempt = (u64, u64);

/// How an attempt ended: exit code, or none if its process did not end by itself.
pub(super) type Ends = BTreeMap<Attempt, Option<i64>>;

fn number(value: &Value, name: &str) -> u64 {
    value[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no number `{name}` in {value}"))
}

fn attempt(value: &Value) -> Attempt {
    (number(value, "task_run"), number(value, "number"))
}

fn of_type<'a>(events: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["type"] == kind)
}

fn each<'a>(event: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    event["data"][list]
        .as_array()
        .unwrap_or_else(|| panic!("no `{list}` in {event}"))
        .iter()
}

/// Asking again under the same key gives the same run.
pub(super) fn replays(server: &Server, batch: &str, acknowledged: &Acknowledged) {
    for (key, run) in acknowledged.iter().take(20) {
        assert_eq!(load::start(server.api(), batch, key).run, *run, "{key}");
    }
}

/// From 1, without gaps.
pub(super) fn sequence(events: &[Value]) {
    for (expected, event) in (1_u64..).zip(events) {
        assert_eq!(number(event, "seq"), expected, "{event}");
    }
}

/// Every acknowledged command made one run, the one that was answered.
pub(super) fn acknowledged(events: &[Value], acknowledged: &Acknowledged) {
    let mut made: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for event in of_type(events, "run.created") {
        let key = event["data"]["idempotency_key"].as_str().unwrap();
        made.entry(key).or_default().push(number(event, "run_id"));
    }
    for (key, run) in acknowledged {
        assert_eq!(made.get(key.as_str()), Some(&vec![*run]), "{key}");
    }
    assert_eq!(
        made.len(),
        acknowledged.len(),
        "runs that nobody was told of"
    );
}

/// Every lease has one end; only attempts of killed runners are lost.
pub(super) fn attempts(events: &[Value], killed: &BTreeSet<String>) -> Ends {
    let mut leased = BTreeSet::new();
    for lease in of_type(events, "attempt.leased").flat_map(|event| each(event, "leases")) {
        assert!(leased.insert(attempt(lease)), "leased twice: {lease}");
    }
    let mut started = BTreeSet::new();
    for start in of_type(events, "attempt.started").flat_map(|event| each(event, "starts")) {
        assert!(started.insert(attempt(start)), "started twice: {start}");
        assert!(
            leased.contains(&attempt(start)),
            "started without a lease: {start}"
        );
    }
    let mut ends = Ends::new();
    for event in of_type(events, "attempt.finished") {
        for end in each(event, "ends") {
            let outcome = &end["outcome"];
            let kind = outcome["kind"].as_str().unwrap();
            assert!(matches!(kind, "exited" | "lost"), "{end}");
            let runner = event["data"]["runner"].as_str().unwrap();
            assert!(
                kind == "exited" || killed.contains(runner),
                "lost by a runner that lived: {event}"
            );
            assert!(
                ends.insert(attempt(end), outcome["code"].as_i64())
                    .is_none(),
                "ended twice: {end}"
            );
        }
    }
    let ended: BTreeSet<Attempt> = ends.keys().copied().collect();
    assert_eq!(leased, ended, "leases and ends are not the same attempts");
    let mut lost: BTreeMap<u64, usize> = BTreeMap::new();
    for ((task_run, _), _) in ends.iter().filter(|(_, code)| code.is_none()) {
        *lost.entry(*task_run).or_default() += 1;
    }
    let (all, most) = (lost.values().sum::<usize>(), lost.values().max());
    println!("{all} attempts were lost with their runner, at most {most:?} of one task run");
    ends
}

/// Every run ended once, as a success.
pub(super) fn runs(server: &Server, events: &[Value]) {
    let created: BTreeSet<u64> = of_type(events, "run.created")
        .map(|event| number(event, "run_id"))
        .collect();
    let mut finished = BTreeSet::new();
    for event in of_type(events, "run.finished") {
        assert_eq!(event["data"]["status"], "success", "{event}");
        assert!(
            finished.insert(number(event, "run_id")),
            "ended twice: {event}"
        );
    }
    assert_eq!(created, finished);
    let listed = server.api().list("/runs");
    let successes = listed
        .iter()
        .filter(|run| run["status"] == "success")
        .count();
    assert_eq!((listed.len(), successes), (created.len(), created.len()));
}

/// What the tasks wrote agrees: no attempt began twice, one that ended by itself began and was done once,
/// and nothing began after the success of its task run.
pub(super) fn marks(path: &Path, ends: &Ends) {
    let mut starts: BTreeMap<Attempt, usize> = BTreeMap::new();
    let mut dones: BTreeMap<Attempt, usize> = BTreeMap::new();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [word, task_run, number] = words[..] else {
            panic!("half a line: {line}")
        };
        let counts = if word == "start" {
            &mut starts
        } else {
            &mut dones
        };
        *counts
            .entry((task_run.parse().unwrap(), number.parse().unwrap()))
            .or_default() += 1;
    }
    for (attempt, count) in &starts {
        assert_eq!(*count, 1, "{attempt:?} began {count} times");
        assert!(
            ends.contains_key(attempt),
            "{attempt:?} began without a lease"
        );
    }
    let mut success: BTreeMap<u64, u64> = BTreeMap::new();
    for ((task_run, number), code) in ends {
        let attempt = (*task_run, *number);
        if let Some(code) = code {
            assert_eq!(
                starts.get(&attempt),
                Some(&1),
                "{attempt:?} ended and did not begin"
            );
            assert_eq!(
                dones.get(&attempt),
                Some(&1),
                "{attempt:?} ended and was not done"
            );
            if *code == 0 {
                let before = success.insert(*task_run, *number);
                assert_eq!(before, None, "task run {task_run} succeeded twice");
            }
        }
    }
    for (task_run, number) in ends.keys() {
        let at = success
            .get(task_run)
            .unwrap_or_else(|| panic!("task run {task_run} never succeeded"));
        assert!(
            number <= at,
            "attempt {number} of task run {task_run} after its success {at}"
        );
    }
}
