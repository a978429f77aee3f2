//! What questions to the log cost when it is long: why a run is as it is, what was at some moment, how two runs of a
//! thousand tasks differ; and a what-if over a month of a thousand schedules.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::Path;
use std::process::Command as Program;
use std::time::Instant;

use anyhow::Context as _;
use fasti_core::codec;
use fasti_core::domain::access::Principal;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Lease, Outcome, Process, Usage,
};
use fasti_core::domain::command::{Command, Hashed, Request};
use fasti_core::domain::definition::{Definition, Task, Work};
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::RunnerId;
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{Commit, fold};
use fasti_core::store::{OpenOptions, Store};
use serde_json::json;

use crate::measure::median;
use crate::server::Server;
use crate::{Context, Figure, million};

/// Questions of a kind; each about another run or moment.
const QUESTIONS: u64 = 50;

/// Tasks of the runs that are compared.
const TASKS: u32 = 1_000;

/// Schedules of the month; each has a slot every five hours, which makes about a million events.
const SCHEDULES: u32 = 1_000;
const DAYS: i64 = 30;

/// Events of a commit, about.
const COMMIT_EVENTS: usize = 1_000;

const SECOND_US: i64 = 1_000_000;

/// Why, as of, and the difference of two runs, on a log of a million events.
pub(crate) fn questions(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let folder = context.scratch.join("questions");
    let last = million::grown(context, &folder)?;
    let (server, _) = Server::start(context, &folder)?;
    let newest = server.get("/runs?order=desc&limit=1")?;
    let newest = newest["items"][0]["id"]
        .as_u64()
        .context("there is a run")?;
    let spread = |upto: u64| (1..=QUESTIONS).map(move |it| it * upto / (QUESTIONS + 1));
    // Ids are those of runs and of task runs by turns: a run and its one task.
    let why = spread(newest).map(|id| {
        let begin = Instant::now();
        let run = server.get(&format!("/runs/{id}/why"));
        run.or_else(|_| server.get(&format!("/task-runs/{id}/why")))?;
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    });
    let why = why.collect::<anyhow::Result<Vec<f64>>>()?;
    let as_of = |seq: u64| {
        let begin = Instant::now();
        server.get(&format!("/runs?order=desc&limit=50&as_of={seq}"))?;
        Ok(begin.elapsed().as_secs_f64() * 1e3)
    };
    let first = spread(last.0)
        .map(as_of)
        .collect::<anyhow::Result<Vec<f64>>>()?;
    let again = spread(last.0).map(|_| as_of(last.0 / 2));
    let again = again.collect::<anyhow::Result<Vec<f64>>>()?;
    let mut figures = vec![
        figure("why a run is so, median", median(why), "ms"),
        figure("runs as of another moment, median", median(first), "ms"),
        figure("runs as of the same moment, median", median(again), "ms"),
    ];
    figures.push(difference(context, &server)?);
    Ok(figures)
}

fn difference(context: &Context, server: &Server) -> anyhow::Result<Figure> {
    let task = |number: u32| json!({"name": format!("t{number}"), "command": ["/bin/true"]});
    let tasks: Vec<_> = (0..context.count(TASKS)).map(task).collect();
    let batch = server.save(&json!({"name": "compared", "tasks": tasks}))?;
    let one = server.run(&batch)?;
    let other = server.run(&batch)?;
    let path = format!("/runs/{}/diff?with={}", other["id"], one["id"]);
    let mut times = Vec::new();
    for _ in 0..10 {
        let begin = Instant::now();
        server.get(&path)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(figure(
        "difference of two runs of 1,000 tasks",
        median(times),
        "ms",
    ))
}

/// A what-if over 30 days of 1,000 schedules, by the real binary on a data folder.
pub(crate) fn what_if(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let folder = context.scratch.join("what_if");
    let (server, _) = Server::start(context, &folder)?;
    drop(server);
    let month = grow(context, &folder)?;
    let begin = Instant::now();
    #[expect(
        clippy::disallowed_methods,
        reason = "the real binary is what is measured"
    )]
    let output = Program::new(&context.fasti)
        .args(["what-if", "--json", "--slots", "40"])
        .args(["--schedule", "b1=*/10 * * * *", "--priority", "b2=high"])
        .args(["--from", &month.from.to_string()])
        .args(["--to", &month.until.to_string(), "--data"])
        .arg(&folder)
        .output()?;
    let took = begin.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "what-if: {said}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let runs = answer["figures"][0]["recorded"].as_f64();
    Ok(vec![
        figure(
            "events of the month",
            million::count(month.events),
            "events",
        ),
        figure(
            "runs of the month",
            runs.context("runs are counted")?,
            "runs",
        ),
        figure("what-if over it", took, "s"),
    ])
}

fn figure(name: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure {
        name,
        value,
        unit,
        floor: None,
    }
}

struct Month {
    from: Timestamp,
    until: Timestamp,
    events: u64,
}

/// The engine's decisions without its thread, and a runner on which a task takes one to ten minutes.
struct World {
    state: State,
    now: Timestamp,
    commit: Commit,
    running: BinaryHeap<Reverse<(Timestamp, u64)>>,
    leases: BTreeMap<u64, Lease>,
}

fn grow(context: &Context, folder: &Path) -> anyhow::Result<Month> {
    let mut store = Store::open(folder, OpenOptions::default())?;
    let last = store.opened.last.seq;
    let mut world = World {
        state: fold(&store.reader, None, last, &mut |_| {})?.state,
        now: store.log.last_at(),
        commit: Commit::default(),
        running: BinaryHeap::new(),
        leases: BTreeMap::new(),
    };
    world.offer(Command::JoinRunner { info: runner() })?;
    for number in 0..context.count(SCHEDULES) {
        world.offer(save(number))?;
    }
    world.append(&mut store)?;
    let from = world.now;
    let until = from.plus_us(DAYS * 86_400 * SECOND_US);
    world.until(until, &mut store)?;
    world.append(&mut store)?;
    Ok(Month {
        from,
        until,
        events: world.state.seq.0,
    })
}

fn runner() -> RunnerInfo {
    RunnerInfo {
        runner: RunnerId("bench-1".into()),
        host: "bench".to_owned(),
        boot_id: String::new(),
        pid: 1,
        version: String::new(),
        capacity: Capacity {
            slots: 32,
            cpu_mhz: 128_000,
            memory_mb: 64_000,
        },
        labels: BTreeMap::new(),
    }
}

fn save(number: u32) -> Command {
    let work = Work::Command {
        argv: vec!["/bin/true".to_owned()],
        env: BTreeMap::new(),
        cwd: None,
        stdin: None,
    };
    let who = Principal::user("bench", Vec::new(), false);
    let task = Task::of_work("t", work);
    let (minute, hour) = (number % 60, number / 60 % 5);
    let definition = Definition {
        schedule: Schedule {
            cron: Some(format!("{minute} {hour}-23/5 * * *")),
            ..Schedule::default()
        },
        ..Definition::of_tasks(format!("b{number}"), &who, vec![task])
    };
    Command::SaveBatch {
        definition: Hashed {
            digest: codec::definition_digest(&definition),
            definition: definition.into(),
        },
        expected_version: None,
    }
}

impl World {
    fn offer(&mut self, command: Command) -> anyhow::Result<()> {
        let before = self.commit.events().len();
        let request = Request::system(command);
        self.commit.offer(&mut self.state, &request, self.now)?;
        let leased: Vec<Lease> = self.commit.events()[before..]
            .iter()
            .filter_map(|recorded| {
                let Event::AttemptLeased(leased) = &recorded.event else {
                    return None;
                };
                Some(leased.leases.clone())
            })
            .flatten()
            .collect();
        for lease in leased {
            let drawn = i64::from(lease.token.0[0]) * 540 / 255;
            let end = self.now.plus_us((60 + drawn) * SECOND_US);
            self.running.push(Reverse((end, lease.task_run.0)));
            let start = AttemptStart {
                task_run: lease.task_run,
                number: lease.number,
                started_at: self.now,
                process: Process {
                    pid: 1_000,
                    start_ticks: self.state.seq.0,
                },
            };
            self.report(&lease, AttemptNews::Started(start))?;
            self.leases.insert(lease.task_run.0, lease);
        }
        Ok(())
    }

    fn report(&mut self, lease: &Lease, news: AttemptNews) -> anyhow::Result<()> {
        let token = lease.token;
        self.offer(Command::Report {
            runner: RunnerId("bench-1".into()),
            reports: vec![AttemptReport { token, news }],
        })
    }

    fn until(&mut self, until: Timestamp, store: &mut Store) -> anyhow::Result<()> {
        loop {
            let end = self.running.peek().map(|Reverse((end, _))| *end);
            let next = end.into_iter().chain(self.state.next_wake()).min();
            let Some(next) = next.filter(|next| *next < until) else {
                return Ok(());
            };
            self.now = self.now.max(next);
            if end == Some(next)
                && let Some(Reverse((_, task_run))) = self.running.pop()
                && let Some(lease) = self.leases.remove(&task_run)
            {
                let news = AttemptNews::Finished(ended(&lease, self.now));
                self.report(&lease, news)?;
            } else {
                self.offer(Command::Wake)?;
            }
            if self.commit.events().len() >= COMMIT_EVENTS {
                self.append(store)?;
            }
        }
    }

    fn append(&mut self, store: &mut Store) -> anyhow::Result<()> {
        let commit = std::mem::take(&mut self.commit);
        let records = commit.events().iter().map(codec::encode).collect();
        store.log.append(records, &[])?;
        Ok(())
    }
}

fn ended(lease: &Lease, at: Timestamp) -> AttemptEnd {
    AttemptEnd {
        task_run: lease.task_run,
        number: lease.number,
        finished_at: at,
        outcome: Outcome::Exited { code: 0 },
        result: None,
        failure: None,
        usage: Usage::default(),
        gathered: None,
    }
}
