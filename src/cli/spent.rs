//! Where the time of a run went: what each task run waited for, and the chain of task runs that decided when
//! the run was over. Computed from the answers of the server alone.

use std::collections::HashMap;

use fasti_core::domain::time::Timestamp;
use serde_json::Value;

use super::read;

/// Times of a task run in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// From being ready until a runner was found.
    pub(crate) queued_us: i64,
    /// From being given to a runner until its process ran, all attempts.
    pub(crate) starting_us: i64,
    /// In its own processes, all attempts.
    pub(crate) running_us: i64,
    /// Between a failed attempt and the next.
    pub(crate) retrying_us: i64,
}

impl Spent {
    pub(crate) fn total_us(&self) -> i64 {
        self.queued_us + self.starting_us + self.running_us + self.retrying_us
    }

    fn add(&mut self, other: &Self) {
        self.queued_us += other.queued_us;
        self.starting_us += other.starting_us;
        self.running_us += other.running_us;
        self.retrying_us += other.retrying_us;
    }
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Times of every task run, in the order given.
    pub(crate) tasks: Vec<Spent>,
    /// Positions of the task runs of the chain that ended last, first to last.
    pub(crate) critical: Vec<usize>,
    /// From the creation of the run to its end, or to `now`.
    pub(crate) elapsed_us: i64,
}

impl Account {
    /// Times along the critical chain, added up.
    pub(crate) fn critical_spent(&self) -> Spent {
        let mut sum = Spent::default();
        for &at in &self.critical {
            sum.add(&self.tasks[at]);
        }
        sum
    }
}

/// Accounts for a run: the run, its task runs, its graph; what is not over goes on until `now`.
pub(crate) fn account(run: &Value, tasks: &[Value], graph: &Value, now: Timestamp) -> Account {
    let created = read::instant(run, "created_at").unwrap_or(now);
    let end = read::instant(run, "finished_at").unwrap_or(now);
    let upstream = Upstream::new(tasks, graph);
    let spent = |(at, task): (usize, &Value)| {
        let ready = upstream
            .last_before(at)
            .and_then(|before| finished(&tasks[before]))
            // What a rerun took over was over before the rerun was there to wait for it.
            .map_or(created, |before| before.max(created));
        spent(task, ready, now)
    };
    Account {
        tasks: tasks.iter().enumerate().map(spent).collect(),
        critical: critical(tasks, &upstream),
        elapsed_us: (end.0 - created.0).max(0),
    }
}

fn finished(task: &Value) -> Option<Timestamp> {
    read::instant(task, "finished_at")
}

fn spent(task: &Value, ready: Timestamp, now: Timestamp) -> Spent {
    let mut spent = Spent::default();
    if !task["reused_from"].is_null() {
        return spent;
    }
    let mut before: Option<Timestamp> = None;
    for attempt in read::items(task, "attempts") {
        let started = read::instant(attempt, "started_at");
        let ended = read::instant(attempt, "finished_at").unwrap_or(now);
        let leased = read::instant(attempt, "leased_at")
            .or(started)
            .unwrap_or(ended);
        match before {
            None => spent.queued_us = since(ready, leased),
            Some(before) => spent.retrying_us += since(before, leased),
        }
        spent.starting_us += since(leased, started.unwrap_or(ended));
        spent.running_us += started.map_or(0, |started| since(started, ended));
        before = Some(ended);
    }
    if before.is_none() && task["status"] == "queued" {
        spent.queued_us = since(ready, now);
    }
    spent
}

fn since(from: Timestamp, to: Timestamp) -> i64 {
    (to.0 - from.0).max(0)
}

/// For every task, the task run upstream that was over last.
struct Upstream<'a> {
    /// Name of the task of each task run: its group, or its own.
    task_of: Vec<&'a str>,
    last: HashMap<&'a str, usize>,
}

impl<'a> Upstream<'a> {
    fn new(tasks: &'a [Value], graph: &'a Value) -> Self {
        let name = |task: &'a Value| {
            task["group"]
                .as_str()
                .or(task["name"].as_str())
                .unwrap_or_default()
        };
        let task_of: Vec<&str> = tasks.iter().map(name).collect();
        let mut last_of: HashMap<&str, usize> = HashMap::new();
        for (at, name) in task_of.iter().copied().enumerate() {
            keep_later(&mut last_of, name, at, tasks);
        }
        let mut last = HashMap::new();
        for edge in read::items(graph, "task_edges") {
            let ends = (edge["from"].as_str(), edge["to"].as_str());
            if let (Some(from), Some(to)) = ends
                && let Some(&at) = last_of.get(from)
            {
                keep_later(&mut last, to, at, tasks);
            }
        }
        Self { task_of, last }
    }

    fn last_before(&self, at: usize) -> Option<usize> {
        self.last.get(self.task_of[at]).copied()
    }
}

/// Keeps under `name` the task run that was over last.
fn keep_later<'a>(kept: &mut HashMap<&'a str, usize>, name: &'a str, at: usize, tasks: &[Value]) {
    let present = kept.entry(name).or_insert(at);
    if finished(&tasks[at]) > finished(&tasks[*present]) {
        *present = at;
    }
}

fn critical(tasks: &[Value], upstream: &Upstream) -> Vec<usize> {
    let ran = |at: &usize| !read::items(&tasks[*at], "attempts").is_empty();
    let all = (0..tasks.len())
        .filter(ran)
        .filter(|at| finished(&tasks[*at]).is_some());
    let mut next = all.max_by_key(|at| finished(&tasks[*at]));
    let mut chain = Vec::new();
    // Graphs have no cycles; the bound is against answers that are not graphs.
    while let Some(at) = next.filter(|_| chain.len() < tasks.len()) {
        chain.push(at);
        next = upstream.last_before(at);
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(ms: i64) -> String {
        Timestamp(ms * 1000).to_string()
    }

    fn attempt(leased: i64, started: i64, finished: i64) -> Value {
        json!({"leased_at": at(leased), "started_at": at(started), "finished_at": at(finished)})
    }

    fn task(name: &str, group: Option<&str>, attempts: &[Value]) -> Value {
        let finished = attempts.last().map(|last| last["finished_at"].clone());
        json!({"name": name, "group": group, "status": "success", "reused_from": null,
               "attempts": attempts, "finished_at": finished})
    }

    fn example() -> (Value, Vec<Value>, Value) {
        let run = json!({"created_at": at(0), "finished_at": at(1000)});
        let tasks = vec![
            task(
                "load",
                None,
                &[attempt(10, 15, 100), attempt(300, 301, 400)],
            ),
            task("p-1", Some("p"), &[attempt(400, 410, 500)]),
            task("p-2", Some("p"), &[attempt(450, 460, 900)]),
            task("sum", None, &[attempt(900, 905, 1000)]),
        ];
        let edges =
            json!({"task_edges": [{"from": "load", "to": "p"}, {"from": "p", "to": "sum"}]});
        (run, tasks, edges)
    }

    #[test]
    fn every_microsecond_has_a_reason() {
        let (run, tasks, graph) = example();
        let account = account(&run, &tasks, &graph, Timestamp(0));
        let load = Spent {
            queued_us: 10_000,
            starting_us: 6_000,
            running_us: 184_000,
            retrying_us: 200_000,
        };
        assert_eq!(account.tasks[0], load);
        assert_eq!(account.tasks[2].queued_us, 50_000);
        // Along the critical chain nothing is missing.
        assert_eq!(account.critical, [0, 2, 3]);
        assert_eq!(account.critical_spent().total_us(), account.elapsed_us);
    }

    #[test]
    fn a_rerun_does_not_wait_before_it_was_made() {
        let run = json!({"created_at": at(10_000), "finished_at": at(10_100)});
        let mut taken = task("load", None, &[attempt(10, 15, 100)]);
        taken["reused_from"] = json!(7);
        let tasks = vec![taken, task("sum", None, &[attempt(10_020, 10_030, 10_100)])];
        let graph = json!({"task_edges": [{"from": "load", "to": "sum"}]});
        let account = account(&run, &tasks, &graph, Timestamp(0));
        assert_eq!(account.tasks[1].queued_us, 20_000);
        assert_eq!(account.critical_spent().total_us(), account.elapsed_us);
    }

    #[test]
    fn what_goes_on_is_counted_until_now() {
        let run = json!({"created_at": at(0)});
        let running = json!({"leased_at": at(5), "started_at": at(10), "finished_at": null});
        let tasks = vec![json!({"name": "a", "status": "running", "attempts": [running]})];
        let account = account(&run, &tasks, &json!({}), Timestamp(50_000));
        assert_eq!(account.tasks[0].running_us, 40_000);
        assert_eq!(account.elapsed_us, 50_000);
        assert!(account.critical.is_empty());
    }

    #[test]
    fn a_queued_task_waits_since_its_upstream_ended() {
        let run = json!({"created_at": at(0)});
        let tasks = vec![
            task("a", None, &[attempt(0, 0, 20)]),
            json!({"name": "b", "status": "queued", "attempts": []}),
            json!({"name": "c", "status": "waiting", "attempts": []}),
        ];
        let graph = json!({"task_edges": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}]});
        let account = account(&run, &tasks, &graph, Timestamp(50_000));
        assert_eq!(account.tasks[1].queued_us, 30_000);
        assert_eq!(account.tasks[2], Spent::default());
    }
}
