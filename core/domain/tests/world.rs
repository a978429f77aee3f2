//! A scheduler in a test: time stands still until told, every request is checked against the laws that hold
//! for each, and what happened is told in short lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::access::Principal;
use fasti_domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Outcome, Process, Usage,
};
use fasti_domain::command::{
    Command, CreateRun, Intake, Receipt, Request, RunSource, Settings, Subject,
};
use fasti_domain::definition::Definition;
use fasti_domain::event::{Event, EventKind, KeyUse, Recorded};
use fasti_domain::graph::Graph;
use fasti_domain::ids::{BatchId, LogId, RunId, RunSetId, TaskRunId, Token};
use fasti_domain::ranges::TaskRuns;
use fasti_domain::rehearse::rehearse;
use fasti_domain::rejection::Rejection;
use fasti_domain::run::RunType;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;
use fasti_domain::{evolve, handle};

use crate::batches::{hashed, owner, runner, runner_id};
use crate::oracle::Oracle;

/// 2024-03-31T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp(1_711_886_400_000_000);

/// See the module.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) log: Vec<Recorded>,
    /// How long the log was after each request.
    pub(crate) ends: Vec<usize>,
    pub(crate) oracle: Oracle,
    folded: State,
    graphs: BTreeMap<RunId, Arc<Graph>>,
    /// Events told so far.
    told: usize,
}

/// An attempt as a runner knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) task_run: TaskRunId,
    pub(crate) number: u32,
    pub(crate) token: Token,
}

impl World {
    /// A log that has begun, at noon, with retries a second apart; nothing told of that.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            now: NOON,
            log: Vec::new(),
            ends: Vec::new(),
            oracle: Oracle::default(),
            folded: State::default(),
            graphs: BTreeMap::new(),
            told: 0,
        };
        world.ask(Command::CreateLog {
            log_id: LogId([1; 16]),
            seed: [7; 16],
        });
        world.start_server();
        world.told = world.log.len();
        world
    }

    /// A server takes the log up.
    pub(crate) fn start_server(&mut self) {
        self.ask(Command::StartServer {
            version: "0".to_owned(),
            host: "host".to_owned(),
            tz_database: "2024a".to_owned(),
            settings: Settings {
                intake: Some(Intake {
                    nats: true,
                    webhook_keys: vec!["shop".to_owned()],
                }),
                ..Settings::default()
            },
        });
    }

    /// Something that another build decided.
    pub(crate) fn append(&mut self, event: impl Into<Event>) {
        let recorded = Recorded {
            seq: self.state.seq.next(),
            at: self.now,
            actor: owner().actor,
            causation: None,
            key: None,
            trace: None,
            event: event.into(),
        };
        self.oracle.see(&recorded);
        evolve(&mut self.state, &recorded);
        evolve(&mut self.folded, &recorded);
        self.log.push(recorded);
    }

    /// A request with all that holds for each one.
    pub(crate) fn request(&mut self, request: &Request) -> Result<Receipt, Rejection> {
        let before = self.state.clone();
        let handled = match handle(&mut self.state, request, self.now) {
            Ok(handled) => handled,
            Err(rejection) => {
                assert_eq!(self.state, before, "a refusal changes nothing");
                return Err(rejection);
            }
        };
        let mut again = before.clone();
        let repeated = handle(&mut again, request, self.now);
        assert_eq!(repeated.as_ref(), Ok(&handled), "the same in, the same out");
        if handled.receipt.repeated || handled.events.is_empty() {
            assert_eq!(self.state, before, "without events nothing changes");
        }
        for recorded in &handled.events {
            check_encoding(&recorded.event);
            self.oracle.see(recorded);
            evolve(&mut self.folded, recorded);
            if let Event::RunCreated(event) = &recorded.event {
                let definition = event.definition;
                let graph = self.folded.graph(definition).unwrap().clone();
                self.graphs.insert(event.run, graph);
            }
        }
        let mut rehearsed_on = before;
        let rehearsed = rehearse(&mut rehearsed_on, &handled.events);
        let difference = rehearsed.difference;
        assert_eq!(difference, None, "decided again it is the same");
        assert!(!rehearsed.held_back);
        assert_eq!(self.folded, self.state, "the state is the fold of the log");
        self.oracle.rest(&self.state);
        assert_eq!(handled.receipt.seq, self.state.seq);
        self.check_grants(&handled.events);
        self.log.extend(handled.events);
        self.ends.push(self.log.len());
        Ok(handled.receipt)
    }

    /// Nobody is given more than the limit.
    fn check_grants(&self, events: &[Recorded]) {
        for recorded in events {
            if let Event::AttemptLeased(event) = &recorded.event {
                let runner = self.state.runner(&event.runner).unwrap();
                assert!(runner.held.len() <= runner.lease_limit() as usize);
            }
        }
    }

    pub(crate) fn ask_as(
        &mut self,
        principal: Principal,
        command: Command,
    ) -> Result<Receipt, Rejection> {
        self.request(&Request {
            command,
            principal,
            key: None,
            trace: None,
        })
    }

    /// The owner asks for something that must be granted.
    pub(crate) fn ask(&mut self, command: Command) -> Receipt {
        self.ask_as(owner(), command).unwrap()
    }

    /// The owner asks for something that must be refused.
    pub(crate) fn refused(&mut self, command: Command) -> Rejection {
        self.ask_as(owner(), command).unwrap_err()
    }

    /// The owner asks with an idempotency key.
    pub(crate) fn ask_keyed(
        &mut self,
        key: &str,
        body: &str,
        command: Command,
    ) -> Result<Receipt, Rejection> {
        self.request(&Request {
            command,
            principal: owner(),
            key: Some(Arc::new(KeyUse {
                key: key.to_owned(),
                fingerprint: body.to_owned(),
            })),
            trace: None,
        })
    }

    pub(crate) fn join(&mut self, name: &str, slots: u32) {
        self.ask(Command::JoinRunner {
            info: runner(name, slots),
        });
    }

    pub(crate) fn lose(&mut self, name: &str) {
        self.ask(Command::LoseRunner {
            runner: runner_id(name),
            reason: "gone".to_owned(),
        });
    }

    pub(crate) fn save(&mut self, definition: &Definition) -> BatchId {
        let receipt = self.ask(Command::SaveBatch {
            definition: hashed(definition),
            expected_version: None,
        });
        match receipt.subject {
            Subject::Batch { batch, .. } => batch,
            other => panic!("a batch was saved, not {other:?}"),
        }
    }

    pub(crate) fn run_saved(&mut self, batch: BatchId) -> RunId {
        let receipt = self.ask(create_run(RunSource::Saved(batch)));
        made_run(&receipt)
    }

    /// Runs a definition without saving it.
    pub(crate) fn run(&mut self, definition: &Definition) -> RunId {
        let receipt = self.ask(create_run(RunSource::Given(hashed(definition))));
        made_run(&receipt)
    }

    pub(crate) fn cancel(&mut self, run: RunId) {
        self.ask(Command::CancelRun { run, reason: None });
    }

    pub(crate) fn pass_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.ask_as(Principal::system(), Command::Wake).unwrap();
    }

    /// The live attempt of the task run of this name in the youngest run that has one.
    pub(crate) fn held(&self, name: &str) -> Held {
        let find = |run: &fasti_domain::run::Run| {
            let graph = &self.graphs[&run.id];
            let mut live = run.live_attempts();
            let (index, attempt) = live.find(|(index, _)| graph.node_name(*index) == name)?;
            Some(Held {
                task_run: run.id.task_run(index),
                number: attempt.number,
                token: attempt.token,
            })
        };
        let runs: Vec<_> = self.state.runs().collect();
        runs.into_iter()
            .rev()
            .find_map(find)
            .unwrap_or_else(|| panic!("`{name}` is not live"))
    }

    /// All live attempts, with the names of their task runs, oldest run first.
    pub(crate) fn all_held(&self) -> Vec<(String, Held)> {
        let of_run = |run: &fasti_domain::run::Run| {
            let graph = self.graphs[&run.id].clone();
            let id = run.id;
            let held = run.live_attempts().map(move |(index, attempt)| {
                let held = Held {
                    task_run: id.task_run(index),
                    number: attempt.number,
                    token: attempt.token,
                };
                (graph.node_name(index), held)
            });
            held.collect::<Vec<_>>()
        };
        self.state.runs().flat_map(of_run).collect()
    }

    pub(crate) fn report(&mut self, runner: &str, reports: Vec<AttemptReport>) {
        self.ask(Command::Report {
            runner: runner_id(runner),
            reports,
        });
    }

    /// `r1` says that the task run's process runs.
    pub(crate) fn start(&mut self, name: &str) {
        let report = started(self.held(name), self.now);
        self.report("r1", vec![report]);
    }

    /// `r1` says that the task run's process exited with this code.
    pub(crate) fn exit(&mut self, name: &str, code: i32) {
        let report = ended(self.held(name), Outcome::Exited { code }, self.now);
        self.report("r1", vec![report]);
    }

    /// `r1` says how the task run ended.
    pub(crate) fn end(&mut self, name: &str, outcome: Outcome) {
        let report = ended(self.held(name), outcome, self.now);
        self.report("r1", vec![report]);
    }

    /// What happened since the last time this was asked.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let lines = self.log[self.told..].iter().map(|r| self.tell(r));
        let lines = lines.collect();
        self.told = self.log.len();
        lines
    }

    /// Says nothing of what happened so far.
    pub(crate) fn hush(&mut self) {
        self.told = self.log.len();
    }

    /// Position in the log up to which everything was told or hushed.
    pub(crate) fn hushed(&self) -> usize {
        self.told
    }

    /// Ends every run there is.
    pub(crate) fn cancel_all(&mut self) {
        let runs: Vec<RunId> = self.state.runs().map(|run| run.id).collect();
        for run in runs {
            self.cancel(run);
        }
        while let Some((name, _)) = self.all_held().pop() {
            self.end(&name, Outcome::Stopped);
        }
    }

    fn name(&self, run: RunId, task_run: TaskRunId) -> String {
        let index = u32::try_from(task_run.0 - run.0 - 1).unwrap();
        self.graphs[&run].node_name(index)
    }

    fn names(&self, run: RunId, task_runs: &TaskRuns) -> String {
        let names: Vec<_> = task_runs.iter().map(|id| self.name(run, id)).collect();
        names.join(" ")
    }

    fn tell(&self, Recorded { event, at: now, .. }: &Recorded) -> String {
        let details = match event {
            Event::BatchSaved(e) => format!("{} v{} {:?}", e.name, e.version, e.saved_from),
            Event::RunSetClosed(e) => format!("of {}", e.runs),
            Event::RunSetFinished(e) => format!("{}+{}-{}x", e.success, e.failure, e.cancelled),
            Event::RunStarted(e) => e.rundate.clone(),
            Event::RunFinished(e) => tell_end(e.status.as_str(), e.reason.as_deref()),
            Event::TaskQueued(e) => self.names(e.run, &e.task_runs),
            Event::TaskReused(e) => self.names(e.run, &e.task_runs),
            Event::TaskSkipped(e) => format!("{} ({})", self.names(e.run, &e.task_runs), e.reason),
            Event::TaskFinished(e) => {
                let end = tell_end(e.status.as_str(), e.reason.as_deref());
                format!("{} {end}", self.names(e.run, &e.task_runs))
            }
            Event::TaskAttemptFailed(e) => {
                let next = e.retry_at.map_or("no tries left".to_owned(), |at| {
                    format!("again in {} ms", (at.0 - now.0) / 1000)
                });
                format!("{} ({}) {next}", self.name(e.run, e.task_run), e.reason)
            }
            Event::AttemptLeased(e) => {
                let one = |lease: &fasti_domain::attempt::Lease| {
                    format!("{}.{}", self.name(e.run, lease.task_run), lease.number)
                };
                let leases: Vec<_> = e.leases.iter().map(one).collect();
                format!("{} -> {}", leases.join(" "), e.runner)
            }
            Event::AttemptStarted(e) => {
                let names = e.starts.iter().map(|it| self.name(e.run, it.task_run));
                names.collect::<Vec<_>>().join(" ")
            }
            Event::AttemptFinished(e) => {
                let one = |end: &AttemptEnd| {
                    let name = self.name(e.run, end.task_run);
                    format!("{name}.{} {}", end.number, end.outcome.summary())
                };
                e.ends.iter().map(one).collect::<Vec<_>>().join(" ")
            }
            Event::RunnerJoined(e) => e.info.runner.to_string(),
            Event::RunnerLost(e) => e.runner.to_string(),
            Event::RunnerDrained(e) => e.runner.to_string(),
            Event::RunnerResumed(e) => e.runner.to_string(),
            Event::ImageRegistered(e) => e.image.name.clone(),
            Event::ImageRemoved(e) => e.name.clone(),
            _ => String::new(),
        };
        format!("{} {details}", event.name()).trim_end().to_owned()
    }
}

/// What is written is what is read.
fn check_encoding(event: &Event) {
    let mut bytes = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    event.serialize_payload(&mut serializer).unwrap();
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(&bytes);
    let kind = EventKind::of(event.name()).unwrap();
    let read = Event::deserialize_payload(kind, &mut deserializer);
    assert_eq!(read.unwrap(), *event);
}

fn tell_end(status: &str, reason: Option<&str>) -> String {
    reason.map_or(status.to_owned(), |reason| format!("{status} ({reason})"))
}

/// A command to run something, by hand.
pub(crate) fn create_run(source: RunSource) -> Command {
    Command::CreateRun(CreateRun {
        source,
        rundate: None,
        run_type: RunType::Manual,
        repeats: None,
    })
}

/// The run that a receipt names.
pub(crate) fn made_run(receipt: &Receipt) -> RunId {
    match receipt.subject {
        Subject::Run(run) => run,
        ref other => panic!("a run was made, not {other:?}"),
    }
}

/// The run set that a receipt names.
pub(crate) fn made_set(receipt: &Receipt) -> RunSetId {
    match receipt.subject {
        Subject::RunSet(set) => set,
        ref other => panic!("a run set was made, not {other:?}"),
    }
}

pub(crate) fn started(held: Held, at: Timestamp) -> AttemptReport {
    AttemptReport {
        token: held.token,
        news: AttemptNews::Started(AttemptStart {
            task_run: held.task_run,
            number: held.number,
            started_at: at,
            process: Process {
                pid: 100,
                start_ticks: 1,
            },
        }),
    }
}

pub(crate) fn ended(held: Held, outcome: Outcome, at: Timestamp) -> AttemptReport {
    AttemptReport {
        token: held.token,
        news: AttemptNews::Finished(AttemptEnd {
            task_run: held.task_run,
            number: held.number,
            finished_at: at,
            outcome,
            result: None,
            failure: None,
            usage: Usage::default(),
            gathered: None,
        }),
    }
}
