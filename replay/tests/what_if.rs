//! What if, of a history that the real rules decided: without a change the model is what was, with one it says what the
//! change does.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::codec;
use fasti_core::domain::access::Principal;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Outcome, Process, Usage,
};
use fasti_core::domain::command::{Command, Hashed, Request, Settings};
use fasti_core::domain::definition::{
    Definition, Edge, PoolUse, Priority, Task, TaskOptions, Work,
};
use fasti_core::domain::event::{Event, Recorded};
use fasti_core::domain::handle;
use fasti_core::domain::ids::{LogId, RunnerId, TaskRunId, Token};
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_replay::what_if::{
    Answer, Changes, FigureAnswer, History, Reader, WhatIf, WhatIfError, what_if,
};

const SECOND_US: i64 = 1_000_000;
/// 2024-03-31T12:00:00Z
const NOON: Timestamp = Timestamp(1_711_886_400_000_000);

/// The rules, and a runner on which each task takes as long as its name says, in seconds.
struct World {
    state: State,
    now: Timestamp,
    log: Vec<Recorded>,
    running: Vec<(Timestamp, TaskRunId, u32, Token)>,
    names: BTreeMap<TaskRunId, String>,
}

impl World {
    fn new(slots: u32) -> Self {
        let mut world = Self {
            state: State::default(),
            now: NOON.plus_us(-SECOND_US),
            log: Vec::new(),
            running: Vec::new(),
            names: BTreeMap::new(),
        };
        world.ask(Command::CreateLog {
            log_id: LogId([1; 16]),
            seed: [7; 16],
        });
        world.ask(Command::StartServer {
            version: "0".to_owned(),
            host: "host".to_owned(),
            tz_database: "2024a".to_owned(),
            settings: Settings::default(),
        });
        let info = RunnerInfo {
            runner: RunnerId::new("r1").unwrap(),
            host: "host".to_owned(),
            boot_id: "boot".to_owned(),
            pid: 1,
            version: "0".to_owned(),
            capacity: Capacity {
                slots,
                cpu_mhz: 4_000,
                memory_mb: 1_000,
            },
            labels: BTreeMap::new(),
        };
        world.ask(Command::JoinRunner { info });
        world
    }

    fn ask(&mut self, command: Command) {
        let request = Request::system(command);
        let handled = handle(&mut self.state, &request, self.now).unwrap();
        for recorded in &handled.events {
            if let Event::RunCreated(run) = &recorded.event {
                let graph = self.state.graph(run.definition).unwrap();
                for node in 0..run.task_runs {
                    let id = run.run.task_run(node);
                    self.names.insert(id, graph.node_name(node));
                }
            }
            if let Event::AttemptLeased(event) = &recorded.event {
                for lease in &event.leases {
                    let name = &self.names[&lease.task_run];
                    let seconds: i64 = name.rsplit('-').next().unwrap().parse().unwrap();
                    let end = self.now.plus_us(seconds * SECOND_US);
                    self.running
                        .push((end, lease.task_run, lease.number, lease.token));
                }
            }
        }
        let begun: Vec<AttemptReport> = handled.events.iter().flat_map(started).collect();
        self.log.extend(handled.events);
        if !begun.is_empty() {
            self.report(begun);
        }
    }

    fn report(&mut self, reports: Vec<AttemptReport>) {
        let runner = RunnerId::new("r1").unwrap();
        self.ask(Command::Report { runner, reports });
    }

    /// Goes on to an instant: slots fire and tasks end when they are due.
    fn until(&mut self, until: Timestamp) {
        loop {
            self.running.sort();
            let end = self.running.first().map(|it| it.0);
            let next = end.into_iter().chain(self.state.next_wake()).min();
            let Some(next) = next.filter(|next| *next < until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            if end == Some(next) {
                let (_, task_run, number, token) = self.running.remove(0);
                self.report(vec![AttemptReport {
                    token,
                    news: AttemptNews::Finished(AttemptEnd {
                        task_run,
                        number,
                        finished_at: self.now,
                        outcome: Outcome::Exited { code: 0 },
                        result: None,
                        failure: None,
                        usage: Usage::default(),
                        gathered: None,
                    }),
                }]);
            } else {
                self.ask(Command::Wake);
            }
        }
    }

    fn save(&mut self, definition: Definition) {
        let digest = codec::definition_digest(&definition);
        self.ask(Command::SaveBatch {
            definition: Hashed {
                digest,
                definition: Arc::new(definition),
            },
            expected_version: None,
        });
    }

    fn history(&self, minutes: i64) -> History {
        let mut reader = Reader::new(NOON, NOON.plus_us(minutes * 60 * SECOND_US));
        for recorded in &self.log {
            if !reader.see(recorded) {
                break;
            }
        }
        reader.finish()
    }
}

fn started(recorded: &Recorded) -> Vec<AttemptReport> {
    let Event::AttemptLeased(event) = &recorded.event else {
        return Vec::new();
    };
    let one = |lease: &fasti_core::domain::attempt::Lease| AttemptReport {
        token: lease.token,
        news: AttemptNews::Started(AttemptStart {
            task_run: lease.task_run,
            number: lease.number,
            started_at: recorded.at,
            process: Process {
                pid: 1,
                start_ticks: 1,
            },
        }),
    };
    event.leases.iter().map(one).collect()
}

/// A batch whose tasks follow each other; a task takes as many seconds as its name ends with.
fn batch(name: &str, cron: &str, tasks: &[&str]) -> Definition {
    let work = Work::Command {
        argv: vec!["true".to_owned()],
        env: BTreeMap::new(),
        cwd: None,
        stdin: None,
    };
    let tasks: Vec<Task> = tasks
        .iter()
        .map(|task| Task::of_work(*task, work.clone()))
        .collect();
    let edges = (1..u32::try_from(tasks.len()).unwrap()).map(|to| Edge { from: to - 1, to });
    let who = Principal::user("owner", vec![], false);
    Definition {
        schedule: Schedule {
            cron: Some(cron.to_owned()),
            ..Schedule::default()
        },
        edges: edges.collect(),
        ..Definition::of_tasks(name, &who, tasks)
    }
}

fn asked(minutes: i64, changes: Changes) -> WhatIf {
    WhatIf {
        from: NOON,
        until: NOON.plus_us(minutes * 60 * SECOND_US),
        changes,
        seed: 1,
        task_us: 60 * SECOND_US,
    }
}

fn figure<'a>(answer: &'a Answer, name: &str) -> &'a FigureAnswer {
    let found = answer.figures.iter().find(|it| it.name == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {answer:?}"))
}

/// Three batches each minute on two slots: one waits for another.
fn busy() -> World {
    let mut world = World::new(2);
    world.save(batch("a", "* * * * *", &["one-10", "two-5"]));
    world.save(batch("b", "* * * * *", &["one-20"]));
    world.save(batch("c", "*/2 * * * *", &["one-30"]));
    world.until(NOON.plus_us(60 * 60 * SECOND_US));
    world
}

#[test]
fn without_a_change_the_model_is_what_was() {
    let history = busy().history(60);
    let answer = what_if(&history, &asked(60, Changes::default())).unwrap();
    for figure in &answer.figures {
        let close = (figure.recorded - figure.model).abs() < 1e-3;
        assert!(close, "{figure:?}");
        assert!(figure.low <= figure.median && figure.median <= figure.high);
    }
    assert_eq!(figure(&answer, "runs").recorded, 150.0);
    assert_eq!(figure(&answer, "most slots used at once").model, 2.0);
    // Every run of a batch took as long as any other: nothing is left to chance.
    let delay = figure(&answer, "start delay, longest");
    assert!(delay.recorded > 0.0, "{delay:?}");
    assert_eq!((delay.low, delay.high), (delay.model, delay.model));
    assert_eq!(answer.batches.len(), 3);
    assert_eq!(answer.batches[0].batch, "a:dev");
}

#[test]
fn more_slots_take_the_waits_away_and_fewer_make_them_long() {
    let history = busy().history(60);
    let slots = |slots| Changes {
        slots: Some(slots),
        ..Changes::default()
    };
    let wide = what_if(&history, &asked(60, slots(3))).unwrap();
    assert_eq!(figure(&wide, "start delay, longest").high, 0.0);
    assert_eq!(figure(&wide, "most slots used at once").median, 3.0);
    assert_eq!(
        figure(&wide, "use of slots").recorded,
        figure(&wide, "use of slots").model
    );
    assert!(figure(&wide, "use of slots").median < figure(&wide, "use of slots").model);
    let narrow = what_if(&history, &asked(60, slots(1))).unwrap();
    let waits = figure(&narrow, "start delay, 95 of 100");
    assert!(waits.low > waits.recorded, "{waits:?}");
}

#[test]
fn another_schedule_has_its_slots_and_the_batchs_times() {
    let history = busy().history(60);
    let changes = Changes {
        schedules: BTreeMap::from([("c".to_owned(), "* * * * *".to_owned())]),
        ..Changes::default()
    };
    let answer = what_if(&history, &asked(60, changes)).unwrap();
    let runs = figure(&answer, "runs");
    assert_eq!(
        (runs.recorded, runs.model, runs.median),
        (150.0, 150.0, 180.0)
    );
    assert_eq!(answer.changes, ["`c` starts by `* * * * *`"]);
    assert!(figure(&answer, "use of slots").median > figure(&answer, "use of slots").model);
}

#[test]
fn who_goes_first_waits_less() {
    let mut world = World::new(1);
    world.save(batch("a", "* * * * *", &["one-20"]));
    world.save(batch("b", "* * * * *", &["one-20"]));
    world.until(NOON.plus_us(60 * 60 * SECOND_US));
    let history = world.history(60);
    let delay = |answer: &Answer, batch: &str| {
        let of = answer.batches.iter().find(|it| it.batch == batch).unwrap();
        of.figures[1].median
    };
    for (first, second) in [("a", "b"), ("b", "a")] {
        let changes = Changes {
            priorities: BTreeMap::from([(first.to_owned(), Priority::High)]),
            ..Changes::default()
        };
        let answer = what_if(&history, &asked(60, changes)).unwrap();
        assert_eq!(delay(&answer, &format!("{first}:dev")), 0.0);
        assert_eq!(delay(&answer, &format!("{second}:dev")), 20.0);
    }
}

#[test]
fn a_pool_holds_back_only_what_wants_it() {
    let mut world = World::new(4);
    let pooled = |name: &str| {
        let mut definition = batch(name, "* * * * *", &["one-20"]);
        definition.tasks[0].options = Some(Box::new(TaskOptions {
            pool: Some(PoolUse {
                pool: "db".into(),
                units: 1,
            }),
            ..TaskOptions::default()
        }));
        definition
    };
    world.save(pooled("a"));
    world.save(pooled("b"));
    world.save(batch("free", "* * * * *", &["one-20"]));
    world.until(NOON.plus_us(60 * 60 * SECOND_US));
    let changes = Changes {
        pools: BTreeMap::from([("db".to_owned(), Some(1))]),
        ..Changes::default()
    };
    let answer = what_if(&world.history(60), &asked(60, changes)).unwrap();
    let longest = figure(&answer, "start delay, longest");
    assert_eq!((longest.recorded, longest.median), (0.0, 20.0));
    let free = answer
        .batches
        .iter()
        .find(|it| it.batch == "free:dev")
        .unwrap();
    assert_eq!(free.figures[2].high, 0.0);
}

#[test]
fn another_version_has_its_tasks_and_its_schedule() {
    let mut world = World::new(2);
    world.save(batch("a", "*/10 * * * *", &["one-10"]));
    world.save(batch("a", "* * * * *", &["one-10", "two-30"]));
    world.until(NOON.plus_us(60 * 60 * SECOND_US));
    let history = world.history(60);
    let version = |version| Changes {
        versions: BTreeMap::from([("a".to_owned(), version)]),
        ..Changes::default()
    };
    let answer = what_if(&history, &asked(60, version(1))).unwrap();
    let runs = figure(&answer, "runs");
    assert_eq!((runs.recorded, runs.median), (60.0, 6.0));
    assert_eq!(figure(&answer, "time to the end, median").median, 10.0);
    let unknown = what_if(&history, &asked(60, version(9))).unwrap_err();
    assert!(unknown.to_string().contains("no version 9"), "{unknown}");
}

#[test]
fn times_that_differ_make_a_band_and_the_same_seed_the_same_answer() {
    let mut world = World::new(1);
    for (number, seconds) in [1, 9, 20, 40, 55].into_iter().enumerate() {
        world.save(batch("a", "* * * * *", &[&format!("t-{seconds}")]));
        let minutes = i64::try_from(number + 1).unwrap() * 12;
        world.until(NOON.plus_us(minutes * 60 * SECOND_US));
    }
    let history = world.history(60);
    let changes = Changes {
        schedules: BTreeMap::from([("a".to_owned(), "*/2 * * * *".to_owned())]),
        ..Changes::default()
    };
    let ask = asked(60, changes);
    let answer = what_if(&history, &ask).unwrap();
    let busy = figure(&answer, "use of slots");
    assert!(
        busy.low < busy.median && busy.median < busy.high,
        "{busy:?}"
    );
    assert_eq!(what_if(&history, &ask).unwrap(), answer);
    let other = what_if(&history, &WhatIf { seed: 2, ..ask }).unwrap();
    assert_ne!(other, answer);
}

#[test]
fn what_was_not_there_is_refused_in_words() {
    let history = busy().history(60);
    let changes = |batch: &str, cron: &str| Changes {
        schedules: BTreeMap::from([(batch.to_owned(), cron.to_owned())]),
        ..Changes::default()
    };
    let ask = |batch, cron| what_if(&history, &asked(60, changes(batch, cron))).unwrap_err();
    assert_eq!(
        ask("z", "* * * * *"),
        WhatIfError::UnknownBatch("z".to_owned())
    );
    assert!(matches!(
        ask("a", "nonsense"),
        WhatIfError::Invalid {
            field: "schedules",
            ..
        }
    ));
    let nobody = World::new(0);
    let none = what_if(&nobody.history(60), &asked(60, Changes::default())).unwrap_err();
    assert!(none.to_string().contains("no runner"), "{none}");
}
