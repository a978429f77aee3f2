//! A scheduler without threads: the real domain, a log in memory, runners that do as they are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::codec::{self, hashed};
use fasti_core::domain::access::Principal;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Outcome, Process, ResultRef, Usage,
};
use fasti_core::domain::command::{
    Command, CreateRun, Force, Hashed, More, Receipt, Repeats, Request, RunSource, Settings,
    Subject,
};
use fasti_core::domain::definition::{
    Definition, Edge, EndCondition, Parts, Priority, Resources, Tag, Task, Work,
};
use fasti_core::domain::event::KeyUse;
use fasti_core::domain::handle;
use fasti_core::domain::ids::{BatchId, LogId, RunId, RunSetId, RunnerId, Seq, TaskRunId};
use fasti_core::domain::run::RunType;
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::{self, Entry, Feed, FeedWriter};
use fasti_core::mem::MemLog;
use fasti_core::ports::LogWrite;
use fasti_projector::Views;

/// First instant of every test.
pub(crate) const START: Timestamp = Timestamp(1_711_846_800_000_000);

/// See the module.
pub(crate) struct World {
    pub(crate) state: State,
    log: MemLog,
    pub(crate) entries: Vec<Entry>,
    pub(crate) at: Timestamp,
    publish: Option<FeedWriter>,
}

/// A task that runs a program.
pub(crate) fn task(name: &str) -> Task {
    Task {
        name: name.to_owned(),
        work: Work::Command {
            argv: vec!["/bin/true".to_owned()],
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
        },
        parts: Parts::One,
        image: None,
        description: String::new(),
        configuration: None,
        configuration_blob: None,
        resources: Resources::default(),
        retries: 0,
        count_for_prewarming: false,
        priority: None,
        timeout_ms: None,
        options: None,
    }
}

/// A parallel task of so many parts.
pub(crate) fn parallel(name: &str, count: u32) -> Task {
    Task {
        parts: Parts::Count(count),
        ..task(name)
    }
}

/// A definition owned by `owner`.
pub(crate) fn definition(name: &str, tasks: Vec<Task>, edges: &[(u32, u32)]) -> Definition {
    Definition {
        name: name.to_owned(),
        tag: Tag::Dev,
        schedule: Schedule::default(),
        image: None,
        bundle: None,
        python: None,
        labels: Vec::new(),
        fail_after_seconds: None,
        fail_after_run_children: EndCondition::OnSuccess,
        run_as: "owner".to_owned(),
        owner: "owner".to_owned(),
        group: "group".to_owned(),
        permissions: "rwrwr-".to_owned(),
        priority: Priority::Normal,
        alert_email: None,
        alert_sms: None,
        alert_only_failures: false,
        tasks,
        edges: edges.iter().map(|&(from, to)| Edge { from, to }).collect(),
        annotations: std::collections::BTreeMap::new(),
    }
}

/// `a` then `b` then `c`.
pub(crate) fn chain(name: &str) -> Definition {
    definition(
        name,
        vec![task("a"), task("b"), task("c")],
        &[(0, 1), (1, 2)],
    )
}

/// A value of a task run.
pub(crate) fn value(id: TaskRunId) -> ResultRef {
    ResultRef {
        sha256: codec::sha256(&id.0.to_be_bytes()),
        size: 8,
        format: "pickle".to_owned(),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            log: MemLog::default(),
            entries: Vec::new(),
            at: START,
            publish: None,
        };
        world.ask(Command::CreateLog {
            log_id: LogId([7; 16]),
            seed: [9; 16],
        });
        world.ask(Command::StartServer {
            version: "0.1.0".to_owned(),
            host: "here".to_owned(),
            tz_database: "2025a".to_owned(),
            settings: Settings::default(),
        });
        world
    }

    /// A feed of the log; what happens from now on is published to it.
    pub(crate) fn feed(&mut self) -> Feed {
        let last = self.entries.last().map_or(Seq(0), Entry::seq);
        let (writer, feed) = feed::feed(LogId([7; 16]), last, Box::new(self.log.clone()));
        self.publish = Some(writer);
        feed
    }

    /// Ends the feed, as the engine does when it stops.
    pub(crate) fn end_feed(&mut self) {
        self.publish = None;
    }

    pub(crate) fn try_ask(&mut self, request: &Request) -> Option<Receipt> {
        self.at = self.at.plus_ms(1);
        let handled = handle(&mut self.state, request, self.at).ok()?;
        let records: Vec<_> = handled.events.iter().map(codec::encode).collect();
        if records.is_empty() {
            return Some(handled.receipt);
        }
        let appended = self.log.append(records, &[]).unwrap();
        let commit: Vec<Entry> = appended
            .records
            .iter()
            .map(|stored| codec::decode(stored).unwrap())
            .collect();
        self.entries.extend(commit.iter().cloned());
        if let Some(writer) = &self.publish {
            writer.publish(commit);
        }
        Some(handled.receipt)
    }

    fn request(command: Command) -> Request {
        Request {
            principal: Principal::user("owner", Vec::new(), false),
            ..Request::system(command)
        }
    }

    pub(crate) fn ask(&mut self, command: Command) -> Receipt {
        self.try_ask(&Self::request(command))
            .expect("the test asks for what is allowed")
    }

    pub(crate) fn ask_with_key(&mut self, command: Command, key: &str) -> Receipt {
        let key = KeyUse {
            key: key.to_owned(),
            fingerprint: "f".to_owned(),
        };
        let request = Request {
            key: Some(Arc::new(key)),
            ..Self::request(command)
        };
        self.try_ask(&request)
            .expect("the test asks for what is allowed")
    }

    pub(crate) fn save(&mut self, definition: Definition) -> BatchId {
        let receipt = self.ask(Command::SaveBatch {
            definition: hashed(definition),
            expected_version: None,
        });
        let Subject::Batch { batch, .. } = receipt.subject else {
            panic!("saved {:?}", receipt.subject);
        };
        batch
    }

    pub(crate) fn delete(&mut self, batch: BatchId) {
        self.ask(Command::DeleteBatch {
            batch,
            force: Force::Yes,
        });
    }

    pub(crate) fn create_run(source: RunSource, rundate: Option<&str>) -> Command {
        Command::CreateRun(CreateRun {
            source,
            rundate: rundate.map(str::to_owned),
            run_type: RunType::Manual,
            repeats: None,
        })
    }

    pub(crate) fn run(&mut self, batch: BatchId) -> RunId {
        self.run_for(batch, None)
    }

    pub(crate) fn run_for(&mut self, batch: BatchId, rundate: Option<&str>) -> RunId {
        let receipt = self.ask(Self::create_run(RunSource::Saved(batch), rundate));
        run_of(&receipt)
    }

    pub(crate) fn rerun(&mut self, definition: Hashed, repeats: Repeats) -> RunId {
        let receipt = self.ask(Command::CreateRun(CreateRun {
            source: RunSource::Given(definition),
            rundate: None,
            run_type: RunType::PartialRerun,
            repeats: Some(repeats),
        }));
        run_of(&receipt)
    }

    pub(crate) fn run_set(&mut self, batch: BatchId, runs: usize, more: bool) -> RunSetId {
        let receipt = self.ask(Command::CreateRunSet {
            batch,
            title: "a set".to_owned(),
            labels: vec!["x".to_owned()],
            runs: vec![None; runs],
            more: if more { More::Yes } else { More::No },
        });
        let Subject::RunSet(set) = receipt.subject else {
            panic!("made {:?}", receipt.subject);
        };
        set
    }

    pub(crate) fn cancel(&mut self, run: RunId) {
        self.ask(Command::CancelRun {
            run,
            reason: Some("enough".to_owned()),
        });
    }

    pub(crate) fn join(&mut self, name: &str, slots: u32) -> RunnerId {
        let runner = RunnerId::new(name).unwrap();
        self.ask(Command::JoinRunner {
            info: RunnerInfo {
                runner: runner.clone(),
                host: "here".to_owned(),
                boot_id: "boot".to_owned(),
                pid: 1,
                version: "0.1.0".to_owned(),
                capacity: Capacity {
                    slots,
                    cpu_mhz: 1_000_000,
                    memory_mb: 1_000_000,
                },
                labels: BTreeMap::new(),
            },
        });
        runner
    }

    pub(crate) fn lose(&mut self, runner: &RunnerId) {
        self.ask(Command::LoseRunner {
            runner: runner.clone(),
            reason: "silent".to_owned(),
        });
    }

    /// Attempts that are leased and not over, with their tokens.
    fn leased(&self) -> Vec<(RunnerId, TaskRunId, AttemptReport)> {
        let mut out = Vec::new();
        for run in self.state.runs() {
            for (index, live) in run.live_attempts() {
                let id = run.id.task_run(index);
                let start = AttemptStart {
                    task_run: id,
                    number: live.number,
                    started_at: self.at,
                    process: Process {
                        pid: 100 + live.number,
                        start_ticks: 1,
                    },
                };
                let report = AttemptReport {
                    token: live.token,
                    news: AttemptNews::Started(start),
                };
                out.push((live.runner.clone(), id, report));
            }
        }
        out
    }

    /// Every leased attempt gets its process.
    pub(crate) fn start_all(&mut self) {
        for (runner, _, report) in self.leased() {
            let reports = vec![report];
            self.ask(Command::Report { runner, reports });
        }
    }

    /// Every leased attempt ends as `outcome` says.
    pub(crate) fn end_all(&mut self, outcome: impl Fn(TaskRunId) -> Outcome) {
        for (runner, id, report) in self.leased() {
            let AttemptNews::Started(start) = report.news else {
                continue;
            };
            let outcome = outcome(id);
            let end = AttemptEnd {
                task_run: id,
                number: start.number,
                finished_at: self.at.plus_ms(5),
                result: outcome.is_success().then(|| value(id)),
                outcome,
                failure: None,
                usage: Usage {
                    cpu_us: 12,
                    ..Usage::default()
                },
                gathered: None,
            };
            let reports = vec![AttemptReport {
                token: report.token,
                news: AttemptNews::Finished(end),
            }];
            self.ask(Command::Report { runner, reports });
        }
    }

    /// Runs everything that can run to its end; time passes for retries.
    pub(crate) fn work_off(&mut self, outcome: impl Fn(TaskRunId) -> Outcome) {
        for _ in 0..10_000 {
            if self.leased().is_empty() {
                let Some(due) = self.state.next_wake() else {
                    return;
                };
                self.at = self.at.max(due);
                self.ask(Command::Wake);
                continue;
            }
            self.start_all();
            self.end_all(&outcome);
        }
    }

    /// As [`World::work_off`], and everything succeeds.
    pub(crate) fn succeed(&mut self) {
        self.work_off(|_| Outcome::Exited { code: 0 });
    }

    pub(crate) fn live_runs(&self) -> Vec<RunId> {
        self.state.runs().map(|run| run.id).collect()
    }

    pub(crate) fn feed_into(&self, views: &mut Views) {
        for entry in &self.entries {
            views.apply(entry);
        }
    }

    pub(crate) fn views(&self) -> Views {
        let mut views = Views::new();
        self.feed_into(&mut views);
        views
    }
}

fn run_of(receipt: &Receipt) -> RunId {
    let Subject::Run(run) = receipt.subject else {
        panic!("made {:?}", receipt.subject);
    };
    run
}
