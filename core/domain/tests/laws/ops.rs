//! Random requests: drawn as small numbers, given a meaning by the present state.

use std::sync::Arc;

use fasti_domain::access::Principal;
use fasti_domain::attempt::{AttemptReport, Outcome};
use fasti_domain::backfill::{BackfillOrder, BackfillRequest};
use fasti_domain::calendar::NamedCalendar;
use fasti_domain::command::{
    Command, CreateRun, Force, More, Repeats, Request, ReusedNode, RunSource, Subject,
};
use fasti_domain::definition::Tag;
use fasti_domain::event::KeyUse;
use fasti_domain::ids::{BatchId, RunId, RunSetId, TaskRunId, Token};
use fasti_domain::run::{Reuse, RunType};
use fasti_domain::time::Timestamp;
use fasti_domain::trigger::Signal;
use proptest::collection::vec;
use proptest::prelude::*;

use super::shapes::{Shape, shape};
use crate::batches::{admin, hashed, image, owner, runner, runner_id, stranger};
use crate::world::{Held, World, ended, started};

/// What is done. Numbers choose among what there is, or are off the mark.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Join(u8, u8),
    Lose(u8),
    /// Something asked by somebody, perhaps with a key.
    Ask(Asked, u8, Option<u8>),
    /// A runner's message: which attempt, what is said of it, with which flaw.
    Report(u8, Vec<(u8, Said, Flaw)>),
    /// A message for the trigger of a batch: which one, under which id.
    Signal(u8, u8),
    /// Time passes.
    Pass(u32),
    /// Clocks go back.
    Back(u32),
}

#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Save(u8, Shape, Option<u8>),
    RunSaved(u8),
    RunGiven(u8, Shape),
    Rerun(u8, Shape, u16),
    Set(u8, u8, bool),
    AddToSet(u8, u8, bool),
    Cancel(u8),
    /// On or off; until so many milliseconds later.
    Pause(u8, bool, Option<u16>),
    Delete(u8, bool),
    Image(bool),
    /// A runner, on or off.
    Drain(u8, bool),
    /// The slots of so many seconds up to now, so many at a time.
    Backfill(u8, u8, bool, u8),
    /// A set is paused, resumed or cancelled.
    Steer(u8, u8),
    /// Which weekdays are closed, one bit each.
    Calendar(u8),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Said {
    Started,
    Good,
    Bad,
    Lost,
    Stopped,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    None,
    Token,
    Number,
    /// An attempt of the past.
    Old,
    Nowhere,
}

fn more(more: bool) -> More {
    if more { More::Yes } else { More::No }
}

fn asked() -> BoxedStrategy<Asked> {
    let n = any::<u8>;
    prop_oneof![
        2 => (n(), shape(), proptest::option::weighted(0.2, n())).prop_map(|(b, s, v)| Asked::Save(b, s, v)),
        3 => n().prop_map(Asked::RunSaved),
        4 => (n(), shape()).prop_map(|(b, s)| Asked::RunGiven(b, s)),
        2 => (n(), shape(), any::<u16>()).prop_map(|(b, s, m)| Asked::Rerun(b, s, m)),
        1 => (n(), 0..4_u8, any::<bool>()).prop_map(|(b, c, m)| Asked::Set(b, c, m)),
        1 => (n(), 0..4_u8, any::<bool>()).prop_map(|(b, c, m)| Asked::AddToSet(b, c, m)),
        2 => n().prop_map(Asked::Cancel),
        1 => (n(), any::<bool>(), proptest::option::of(any::<u16>()))
            .prop_map(|(b, p, u)| Asked::Pause(b, p, u)),
        1 => (n(), any::<bool>()).prop_map(|(b, f)| Asked::Delete(b, f)),
        1 => any::<bool>().prop_map(Asked::Image),
        1 => (0..4_u8, any::<bool>()).prop_map(|(r, on)| Asked::Drain(r, on)),
        1 => (n(), 1..40_u8, any::<bool>(), 1..4_u8)
            .prop_map(|(b, s, newest, live)| Asked::Backfill(b, s, newest, live)),
        1 => (n(), 0..3_u8).prop_map(|(s, what)| Asked::Steer(s, what)),
        1 => (0..127_u8).prop_map(Asked::Calendar),
    ]
    .boxed()
}

fn news() -> impl Strategy<Value = (u8, Said, Flaw)> {
    let said = prop_oneof![
        3 => Just(Said::Started),
        5 => Just(Said::Good),
        3 => Just(Said::Bad),
        1 => Just(Said::Lost),
        1 => Just(Said::Stopped),
    ];
    let flaw = prop_oneof![
        16 => Just(Flaw::None),
        1 => Just(Flaw::Token),
        1 => Just(Flaw::Number),
        1 => Just(Flaw::Old),
        1 => Just(Flaw::Nowhere),
    ];
    (any::<u8>(), said, flaw)
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let key = proptest::option::weighted(0.3, 0..12_u8);
    prop_oneof![
        2 => (0..4_u8, 0..5_u8).prop_map(|(r, s)| Op::Join(r, s)),
        1 => (0..4_u8).prop_map(Op::Lose),
        5 => (asked(), 0..10_u8, key).prop_map(|(a, who, key)| Op::Ask(a, who, key)),
        8 => (0..5_u8, vec(news(), 1..6)).prop_map(|(r, n)| Op::Report(r, n)),
        1 => (any::<u8>(), 0..20_u8).prop_map(|(b, id)| Op::Signal(b, id)),
        3 => (0..1_500_u32).prop_map(Op::Pass),
        1 => (0..40_000_000_u32).prop_map(Op::Pass),
        1 => (0..100_000_u32).prop_map(Op::Back),
    ]
}

/// A world in which things are done.
pub(crate) struct Play {
    pub(crate) world: World,
    sets: Vec<RunSetId>,
    old: Vec<Held>,
}

fn pick<T: Copy>(from: &[T], number: u8) -> Option<T> {
    from.get(usize::from(number) % from.len().max(1)).copied()
}

impl Play {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(),
            sets: vec![],
            old: vec![],
        }
    }

    pub(crate) fn perform(&mut self, op: &Op) {
        match op {
            Op::Join(name, slots) => {
                let info = runner(&format!("r{name}"), u32::from(*slots));
                self.system(Command::JoinRunner { info });
            }
            Op::Lose(name) => self.system(Command::LoseRunner {
                runner: runner_id(&format!("r{name}")),
                reason: "gone".to_owned(),
            }),
            Op::Ask(asked, who, key) => self.ask(asked, *who, *key),
            Op::Report(name, news) => {
                let reports = news.iter().map(|news| self.news(*news)).collect();
                let runner = runner_id(&format!("r{name}"));
                let command = Command::Report { runner, reports };
                // Unknown runners are refused.
                drop(self.world.ask_as(Principal::system(), command));
            }
            Op::Signal(batch, id) => {
                let signal = Signal {
                    batch: self.batch(*batch),
                    trigger: "orders".to_owned(),
                    id: id.to_string(),
                    payload: id.to_string().as_bytes().into(),
                };
                // Most batches have no trigger.
                drop(self.world.request(&signal.into_request(None)));
            }
            Op::Pass(ms) => {
                self.world.now = self.world.now.plus_ms(u64::from(*ms));
                self.system(Command::Wake);
            }
            Op::Back(ms) => {
                let us = i64::from(*ms) * 1000;
                self.world.now = self.world.now.plus_us(-us);
            }
        }
    }

    fn system(&mut self, command: Command) {
        self.world.ask_as(Principal::system(), command).unwrap();
    }

    fn ask(&mut self, asked: &Asked, who: u8, key: Option<u8>) {
        let principal = match who {
            0 => stranger(),
            1 => admin(),
            _ => owner(),
        };
        let key = key.map(|key| {
            Arc::new(KeyUse {
                key: format!("k{key}"),
                fingerprint: format!("{asked:?}"),
            })
        });
        let request = Request {
            command: self.command(asked),
            principal,
            key,
            trace: None,
        };
        let before = self.world.log.len();
        if let Ok(receipt) = self.world.request(&request) {
            if let Subject::RunSet(set) = receipt.subject {
                self.sets.push(set);
            }
            let made = &self.world.log[before..];
            if request.key.is_some() && !made.is_empty() {
                assert_eq!(made.iter().filter(|it| it.key.is_some()).count(), 1);
                let again = self.world.request(&request).unwrap();
                assert!(again.repeated);
                assert_eq!(again.subject, receipt.subject, "the same answer");
            }
        }
    }

    fn batch(&self, number: u8) -> BatchId {
        let known = (0..3).filter_map(|n| self.world.state.batch_named(&format!("b{n}"), Tag::Dev));
        let known: Vec<BatchId> = known.map(|batch| batch.id).collect();
        pick(&known, number).unwrap_or(BatchId([0; 16]))
    }

    fn command(&self, asked: &Asked) -> Command {
        let given = |name: &u8, shape: &Shape| {
            let name = format!("b{}", name % 3);
            hashed(&shape.definition(&name))
        };
        match asked {
            Asked::Save(name, shape, version) => Command::SaveBatch {
                definition: given(name, shape),
                expected_version: version.map(|version| u32::from(version % 3)),
            },
            Asked::RunSaved(batch) => run(RunSource::Saved(self.batch(*batch)), None),
            Asked::RunGiven(name, shape) => run(RunSource::Given(given(name, shape)), None),
            Asked::Rerun(name, shape, mask) => {
                let source = RunSource::Given(given(name, shape));
                run(source, Some(repeats(shape, *mask)))
            }
            Asked::Set(batch, count, is_open) => Command::CreateRunSet {
                batch: self.batch(*batch),
                title: "set".to_owned(),
                labels: vec![],
                runs: vec![None; usize::from(*count)],
                more: more(*is_open),
            },
            Asked::AddToSet(set, count, is_open) => Command::AddRunSetRuns {
                run_set: pick(&self.sets, *set).unwrap_or(RunSetId(3)),
                runs: vec![Some("2024-02-29".to_owned()); usize::from(*count)],
                more: more(*is_open),
            },
            Asked::Cancel(run) => {
                let runs: Vec<RunId> = self.world.state.runs().map(|run| run.id).collect();
                Command::CancelRun {
                    run: pick(&runs, *run).unwrap_or(RunId(2)),
                    reason: None,
                }
            }
            Asked::Delete(batch, force) => Command::DeleteBatch {
                batch: self.batch(*batch),
                force: if *force { Force::Yes } else { Force::No },
            },
            Asked::Pause(batch, on, until) => self.pause(*batch, *on, *until),
            Asked::Drain(name, on) => drain(*name, *on),
            Asked::Backfill(batch, seconds, newest, live) => {
                self.backfill(*batch, *seconds, *newest, *live)
            }
            Asked::Steer(set, what) => self.steer(*set, *what),
            Asked::Calendar(closed) => calendar(*closed),
            Asked::Image(true) => Command::RegisterImage {
                image: image("image"),
            },
            Asked::Image(false) => Command::RemoveImage {
                name: "image".to_owned(),
            },
        }
    }

    fn pause(&self, batch: u8, on: bool, until: Option<u16>) -> Command {
        let batch = self.batch(batch);
        if !on {
            return Command::ResumeBatch { batch };
        }
        Command::PauseBatch {
            batch,
            reason: None,
            until: until.map(|ms| self.world.now.plus_ms(u64::from(ms))),
        }
    }

    fn backfill(&self, batch: u8, seconds: u8, newest: bool, live: u8) -> Command {
        let until = self.world.state.at;
        Command::CreateBackfill(BackfillRequest {
            batch: self.batch(batch),
            title: "again".to_owned(),
            labels: vec![],
            from: until.plus_us(-i64::from(seconds) * 1_000_000),
            until,
            order: if newest {
                BackfillOrder::NewestFirst
            } else {
                BackfillOrder::OldestFirst
            },
            live_max: u32::from(live),
        })
    }

    fn steer(&self, set: u8, what: u8) -> Command {
        let run_set = pick(&self.sets, set).unwrap_or(RunSetId(3));
        match what {
            0 => Command::PauseRunSet { run_set },
            1 => Command::ResumeRunSet { run_set },
            _ => Command::CancelRunSet {
                run_set,
                reason: None,
            },
        }
    }

    fn news(&mut self, (number, said, flaw): (u8, Said, Flaw)) -> AttemptReport {
        let live: Vec<Held> = self.world.all_held().into_iter().map(|it| it.1).collect();
        let nowhere = Held {
            task_run: TaskRunId(u64::from(number)),
            number: 1,
            token: Token([number; 16]),
        };
        let held = pick(&live, number).unwrap_or(nowhere);
        let held = match flaw {
            Flaw::None => held,
            Flaw::Token => Held {
                token: nowhere.token,
                ..held
            },
            Flaw::Number => Held {
                number: held.number + 1,
                ..held
            },
            Flaw::Old => pick(&self.old, number).unwrap_or(held),
            Flaw::Nowhere => nowhere,
        };
        self.old.push(held);
        let at = Timestamp(self.world.now.0 + i64::from(number) * 100);
        let outcome = match said {
            Said::Started => return started(held, at),
            Said::Good => Outcome::Exited { code: 0 },
            Said::Bad => Outcome::Exited { code: 1 },
            Said::Lost => Outcome::Lost {
                message: "crash".to_owned(),
            },
            Said::Stopped => Outcome::Stopped,
        };
        ended(held, outcome, at)
    }

    /// Faults stop: a good runner is there, everything succeeds, time passes.
    pub(crate) fn finish(&mut self) {
        self.world.now = self.world.now.max(self.world.state.at);
        self.world.join("last", 16);
        for number in 0..3 {
            let name = format!("b{number}");
            if let Some(batch) = self.world.state.batch_named(&name, Tag::Dev) {
                let batch = batch.id;
                // Its slots would make runs for ever.
                let pause = Command::PauseBatch {
                    batch,
                    reason: None,
                    until: None,
                };
                self.world.ask(pause);
            }
        }
        for _ in 0..500 {
            // A signal that waits for silence is told of the pause when it is over.
            if self.world.state.runs().next().is_none() && self.world.state.next_wake().is_none() {
                return;
            }
            let good = Outcome::Exited { code: 0 };
            let now = self.world.now;
            let held = self.world.all_held().into_iter();
            let reports = held.map(|(_, held)| ended(held, good.clone(), now));
            let reports = reports.collect();
            self.world.report("last", reports);
            self.world.pass_ms(1_000);
        }
    }
}

fn run(source: RunSource, repeats: Option<Repeats>) -> Command {
    Command::CreateRun(CreateRun {
        source,
        rundate: None,
        run_type: RunType::Manual,
        repeats,
    })
}

fn drain(name: u8, on: bool) -> Command {
    let runner = runner_id(&format!("r{name}"));
    if !on {
        return Command::ResumeRunner { runner };
    }
    Command::DrainRunner {
        runner,
        reason: None,
        instead_of: None,
    }
}

/// A calendar that is closed on the weekdays of these bits.
fn calendar(closed: u8) -> Command {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let closed = (0..7).filter(|day| closed >> day & 1 == 1);
    let calendar = NamedCalendar {
        closed_weekdays: closed.map(|day| DAYS[day].to_owned()).collect(),
        ..NamedCalendar::default()
    };
    Command::SaveCalendar {
        name: "days".to_owned(),
        calendar: Arc::new(calendar),
    }
}

/// Any task runs may be taken over, sensible or not.
fn repeats(shape: &Shape, mask: u16) -> Repeats {
    let nodes = (0..shape.nodes()).filter(|node| mask >> (node % 16) & 1 == 1);
    let reused = nodes.map(|node| ReusedNode {
        node,
        reuse: Reuse {
            task_run: TaskRunId(0),
            from: TaskRunId(1),
            result: None,
            started_at: None,
            finished_at: None,
        },
    });
    Repeats {
        original: RunId(1),
        version: None,
        reused: reused.collect(),
        signal: None,
    }
}
