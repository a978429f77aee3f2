//! Where the time of a run went: what each task run waited for, and the chain of task runs that decided when
//! the run was over. Computed from the answers of the server alone.
//!
//! The split of a run is a walk along that chain from the instant at which the run was due to its end, with one reason
//! for every microsecond: it adds up to the whole by the way it is made, whatever the clocks of runners say.

use std::collections::HashMap;

use fasti_core::domain::time::Timestamp;
use serde_json::Value;

use super::read;

/// Times of a task run, or along a chain of them, in microseconds.
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
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Times of every task run, in the order given.
    pub(crate) tasks: Vec<Spent>,
    /// Positions of the task runs of the chain that ended last, first to last.
    pub(crate) critical: Vec<usize>,
    /// From the instant at which the run was due until it was made.
    pub(crate) late_us: i64,
    /// Along the critical chain.
    pub(crate) spent: Spent,
    /// From the end of the last process of the chain until the run was over.
    pub(crate) delivering_us: i64,
    /// From the instant at which the run was due to its end, or to `now`: the sum of all the others.
    pub(crate) elapsed_us: i64,
}

/// Accounts for a run: the run, its task runs, its graph; what is not over goes on until `now`.
pub(crate) fn account(run: &Value, tasks: &[Value], graph: &Value, now: Timestamp) -> Account {
    let created = read::instant(run, "created_at").unwrap_or(now);
    // A run made ahead of its time waits for nothing until then.
    let due = read::instant(run, "scheduled_time").unwrap_or(created);
    let over = read::instant(run, "finished_at");
    let end = over.unwrap_or(now).max(due);
    let upstream = Upstream::new(tasks, graph);
    let begin = created.max(due);
    let of_task = |(at, task): (usize, &Value)| {
        let ready = upstream
            .last_before(at)
            .and_then(|before| finished(&tasks[before]))
            // What a rerun took over was over before the rerun was there to wait for it.
            .map_or(begin, |before| before.max(begin));
        let mut walk = Walk::new(ready, Timestamp(i64::MAX));
        walk.pass(task, now);
        if read::items(task, "attempts").is_empty() && task["status"] == "queued" {
            walk.queued(now);
        }
        walk.spent
    };
    let critical = critical(tasks, &upstream, now);
    let mut walk = Walk::new(begin.min(end), end);
    for &at in &critical {
        walk.pass(&tasks[at], now);
    }
    // What is left: on its way to the log, or nothing was given to a runner since.
    let mut delivering_us = 0;
    if critical.is_empty() || over.is_none() || waits_in_vain(tasks) {
        walk.queued(end);
    } else {
        delivering_us = walk.to(end);
    }
    Account {
        tasks: tasks.iter().enumerate().map(of_task).collect(),
        critical,
        late_us: since(due, begin.min(end)),
        spent: walk.spent,
        delivering_us,
        elapsed_us: since(due, end),
    }
}

/// Whether the run ended while some task run still waited for a runner.
fn waits_in_vain(tasks: &[Value]) -> bool {
    let waits =
        |task: &Value| task["status"] == "cancelled" && read::items(task, "attempts").is_empty();
    tasks.iter().any(waits)
}

/// A walk through time: never backwards, never beyond its end, so that no microsecond counts twice.
struct Walk {
    at: Timestamp,
    end: Timestamp,
    spent: Spent,
}

impl Walk {
    fn new(at: Timestamp, end: Timestamp) -> Self {
        Self {
            at,
            end,
            spent: Spent::default(),
        }
    }

    /// Goes on until `to`; the way.
    fn to(&mut self, to: Timestamp) -> i64 {
        let to = to.min(self.end).max(self.at);
        let way = since(self.at, to);
        self.at = to;
        way
    }

    fn queued(&mut self, to: Timestamp) {
        self.spent.queued_us += self.to(to);
    }

    /// Through the attempts of a task run.
    fn pass(&mut self, task: &Value, now: Timestamp) {
        if is_taken_over(task) {
            return;
        }
        for (number, attempt) in read::items(task, "attempts").iter().enumerate() {
            let started = read::instant(attempt, "started_at");
            let ended = read::instant(attempt, "finished_at").unwrap_or(now);
            let leased = read::instant(attempt, "leased_at")
                .or(started)
                .unwrap_or(ended);
            let waited = self.to(leased);
            if number == 0 {
                self.spent.queued_us += waited;
            } else {
                self.spent.retrying_us += waited;
            }
            self.spent.starting_us += self.to(started.unwrap_or(ended));
            self.spent.running_us += self.to(ended);
        }
    }
}

fn is_taken_over(task: &Value) -> bool {
    !task["reused_from"].is_null()
}

fn finished(task: &Value) -> Option<Timestamp> {
    read::instant(task, "finished_at")
}

fn since(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0).max(0)
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

/// The chain that ends with the task run that was over last; one that is not over ends last of all.
fn critical(tasks: &[Value], upstream: &Upstream, now: Timestamp) -> Vec<usize> {
    let ran = |at: &usize| {
        let task = &tasks[*at];
        !read::items(task, "attempts").is_empty() && !is_taken_over(task)
    };
    let end = |at: &usize| finished(&tasks[*at]).unwrap_or(now);
    let mut next = (0..tasks.len()).filter(ran).max_by_key(end);
    let mut chain = Vec::new();
    // Graphs have no cycles; the bound is against answers that are not graphs.
    while let Some(at) = next.filter(|at| ran(at) && chain.len() < tasks.len()) {
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
        adds_up(&account);
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
        assert_eq!(account.critical, [1], "what was taken over decided nothing");
        adds_up(&account);
    }

    #[test]
    fn what_goes_on_is_counted_until_now() {
        let run = json!({"created_at": at(0)});
        let running = json!({"leased_at": at(5), "started_at": at(10), "finished_at": null});
        let tasks = vec![json!({"name": "a", "status": "running", "attempts": [running]})];
        let account = account(&run, &tasks, &json!({}), Timestamp(50_000));
        assert_eq!(account.tasks[0].running_us, 40_000);
        assert_eq!(account.elapsed_us, 50_000);
        assert_eq!(
            (account.spent.running_us, account.delivering_us),
            (40_000, 0)
        );
        adds_up(&account);
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

    #[test]
    fn what_was_late_or_never_given_out_is_accounted_for() {
        let run = json!({"scheduled_time": at(0), "created_at": at(300), "finished_at": at(1000)});
        let waits = json!({"name": "b", "status": "cancelled", "attempts": []});
        let all = account(&run, &[waits], &json!({}), Timestamp(0));
        assert_eq!((all.late_us, all.spent.queued_us), (300_000, 700_000));
        let done = task("a", None, &[attempt(300, 300, 900)]);
        let all = account(&run, &[done], &json!({}), Timestamp(0));
        assert_eq!(
            (all.spent.running_us, all.delivering_us),
            (600_000, 100_000)
        );
        adds_up(&all);
        // Made ahead of its time, and cancelled before that.
        let run =
            json!({"scheduled_time": at(2000), "created_at": at(300), "finished_at": at(1000)});
        assert_eq!(account(&run, &[], &json!({}), Timestamp(0)).elapsed_us, 0);
    }

    fn adds_up(account: &Account) {
        let Account {
            late_us,
            spent,
            delivering_us,
            elapsed_us,
            ..
        } = account;
        let parts = [
            *late_us,
            *delivering_us,
            spent.queued_us,
            spent.starting_us,
            spent.running_us,
            spent.retrying_us,
        ];
        assert!(parts.iter().all(|us| *us >= 0), "{account:?}");
        assert_eq!(parts.iter().sum::<i64>(), *elapsed_us, "{account:?}");
    }

    /// Numbers that look like chance.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        /// An instant near `ms`, now and then none, or one of a runner whose clock is wrong.
        fn instant(&mut self, ms: i64) -> Value {
            match self.below(12) {
                0 => Value::Null,
                1 => json!(at(ms - 5_000)),
                2 => json!(at(ms + 5_000)),
                _ => json!(at(ms)),
            }
        }
    }

    /// A run of up to nine task runs, some of them parts, that did anything that task runs do, and more.
    fn history(chance: &mut Chance) -> (Value, Vec<Value>, Value) {
        let count = 1 + chance.below(9);
        let mut tasks = Vec::new();
        let mut edges = Vec::new();
        let mut ms = i64::try_from(chance.below(1_000)).unwrap();
        for n in 0..count {
            let attempts: Vec<Value> = (0..chance.below(4))
                .map(|_| {
                    let mut step = || {
                        ms += i64::try_from(chance.below(400)).unwrap();
                        chance.instant(ms)
                    };
                    json!({"leased_at": step(), "started_at": step(), "finished_at": step()})
                })
                .collect();
            let words = [
                "waiting",
                "queued",
                "running",
                "success",
                "failure",
                "cancelled",
                "skipped",
            ];
            let status = words[usize::try_from(chance.below(7)).unwrap()];
            let finished = attempts
                .last()
                .map_or(Value::Null, |it| it["finished_at"].clone());
            let reused = if chance.below(8) == 0 {
                json!(3)
            } else {
                Value::Null
            };
            tasks.push(
                json!({"name": format!("t{n}"), "group": null, "status": status,
                "attempts": attempts, "finished_at": finished, "reused_from": reused}),
            );
            for before in 0..n {
                if chance.below(3) == 0 {
                    edges.push(json!({"from": format!("t{before}"), "to": format!("t{n}")}));
                }
            }
        }
        let run = json!({"scheduled_time": chance.instant(0), "created_at": chance.instant(200),
            "finished_at": chance.instant(ms + 50)});
        (run, tasks, json!({"task_edges": edges}))
    }

    #[test]
    fn the_parts_add_up_to_the_whole_whatever_happened() {
        let mut chance = Chance(20_260_711);
        let mut parts_seen = [0_usize; 6];
        for _ in 0..5_000 {
            let (run, tasks, graph) = history(&mut chance);
            let account = account(&run, &tasks, &graph, Timestamp(9_000_000));
            adds_up(&account);
            let Account {
                late_us,
                spent,
                delivering_us,
                ..
            } = &account;
            let parts = [
                *late_us,
                *delivering_us,
                spent.queued_us,
                spent.starting_us,
                spent.running_us,
                spent.retrying_us,
            ];
            for (seen, us) in parts_seen.iter_mut().zip(parts) {
                *seen += usize::from(us > 0);
            }
            // A chain of the graph, each link executed.
            for pair in account.critical.windows(2) {
                let link = json!({"from": tasks[pair[0]]["name"], "to": tasks[pair[1]]["name"]});
                assert!(read::items(&graph, "task_edges").contains(&link));
            }
            for at in &account.critical {
                assert!(!read::items(&tasks[*at], "attempts").is_empty());
            }
            assert!(account.tasks.iter().all(|task| task.total_us() >= 0));
        }
        assert!(parts_seen.iter().all(|seen| *seen > 100), "{parts_seen:?}");
    }
}
