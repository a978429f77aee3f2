//! The rules once more, naively: what each event presupposes, and what must be the case when all is quiet.
//!
//! It reads events alone, so it can be wrong only where it misreads the rules, not where the state does. The
//! simulation of the whole shares it. `run` has the rules of one run, `rest` what holds between two requests.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "it looks at the few events it speaks of, and worlds in tests are small"
)]

mod pools;
mod rest;
mod run;
mod slots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fasti_domain::attempt::Outcome;
use fasti_domain::definition::Definition;
use fasti_domain::event::{Event, Recorded};
use fasti_domain::ids::{AttemptId, Digest, RunId, RunSetId, RunnerId, Seq, Token};
use fasti_domain::limits::KEY_KEPT_US;
use fasti_domain::run::{RunStatus, RunType};
use fasti_domain::time::Timestamp;

use self::pools::PoolModels;
use self::run::RunModel;
use self::slots::SlotModels;

/// What the events said so far.
#[derive(Default)]
pub(crate) struct Oracle {
    seq: Seq,
    at: Timestamp,
    last_id: u64,
    definitions: BTreeMap<Digest, Arc<Definition>>,
    /// Runs that go on.
    pub(crate) runs: BTreeMap<RunId, RunModel>,
    /// Runs that are over, with how.
    pub(crate) ended: BTreeMap<RunId, RunStatus>,
    sets: BTreeMap<RunSetId, SetModel>,
    runners: BTreeMap<RunnerId, RunnerModel>,
    drained: BTreeSet<RunnerId>,
    tokens: BTreeSet<Token>,
    /// Attempts leased so far, with their terminal events so far.
    attempts: BTreeMap<AttemptId, u32>,
    slots: SlotModels,
    pools: PoolModels,
    /// Keys with the time of their last use.
    keys: BTreeMap<(Arc<str>, String), Timestamp>,
}

#[derive(Default)]
struct SetModel {
    runs: BTreeSet<RunId>,
    is_closed: bool,
    is_finished: bool,
}

#[derive(Default)]
struct RunnerModel {
    holds: BTreeSet<(RunId, u32)>,
    is_leaving: bool,
}

impl Oracle {
    /// Takes note of one event; panics when it breaks a rule.
    pub(crate) fn see(&mut self, recorded: &Recorded) {
        let Recorded {
            seq, at, causation, ..
        } = recorded;
        assert_eq!(*seq, self.seq.next(), "positions are dense");
        assert!(*at >= self.at, "time in the log goes back at {seq}");
        assert!(
            causation.is_none_or(|cause| cause < *seq),
            "{seq} has a cause that came later"
        );
        (self.seq, self.at) = (*seq, *at);
        if let Some(key) = &recorded.key {
            let earlier = self
                .keys
                .insert((recorded.actor.clone(), key.key.clone()), *at);
            assert!(
                earlier.is_none_or(|earlier| at.0 - earlier.0 > KEY_KEPT_US),
                "{seq}: the key `{}` was used before",
                key.key
            );
        }
        self.see_event(&recorded.event);
    }

    fn see_event(&mut self, event: &Event) {
        if self.slots.see(event, self.at) {
            return;
        }
        match event {
            Event::BatchSaved(event) => {
                let definition = self.definitions[&event.definition].clone();
                self.slots.saved(event.batch, definition);
            }
            Event::DefinitionAdded(event) => {
                self.definitions
                    .insert(event.digest, event.definition.clone());
            }
            Event::RunSetCreated(event) => {
                self.take_ids(event.run_set.0, 0);
                self.sets.insert(event.run_set, SetModel::default());
            }
            Event::RunSetClosed(event) => {
                let set = self.sets.get_mut(&event.run_set).unwrap();
                assert!(!set.is_closed, "a set is closed twice");
                set.is_closed = true;
                assert_eq!(event.runs, set.runs.len() as u64);
            }
            Event::RunSetFinished(event) => {
                let set = self.sets.get_mut(&event.run_set).unwrap();
                assert!(set.is_closed && !set.is_finished, "a set ends out of turn");
                set.is_finished = true;
                let count = |status| {
                    let ended = set.runs.iter().filter_map(|run| self.ended.get(run));
                    ended.filter(|&&end| end == status).count() as u64
                };
                assert_eq!(event.success, count(RunStatus::Success));
                assert_eq!(event.failure, count(RunStatus::Failure));
                assert_eq!(event.cancelled, count(RunStatus::Cancelled));
                let all = event.success + event.failure + event.cancelled;
                assert_eq!(all, set.runs.len() as u64, "a set ends before its runs");
            }
            Event::RunCreated(event) => {
                self.take_ids(event.run.0, event.task_runs);
                let definition = self.definitions[&event.definition].clone();
                let run = RunModel::new(event, definition);
                let slot = (event.run_type == RunType::Scheduled).then_some(event.scheduled_time);
                self.slots.run_created(event.batch, event.run, slot);
                if slot.is_some() && self.slots.cancels_old(event.batch) {
                    let mut others = self.runs.values().filter(|it| it.batch == event.batch);
                    let is_left = others.any(|it| it.is_counted && !it.is_cancelling());
                    assert!(!is_left, "an old run was not cancelled");
                }
                if let Some(set) = event.run_set {
                    let set = self.sets.get_mut(&set).unwrap();
                    assert!(!set.is_closed, "a closed set takes a run");
                    set.runs.insert(event.run);
                }
                self.runs.insert(event.run, run);
            }
            Event::RunFinished(event) => {
                let run = self.runs.remove(&event.run).unwrap();
                run.check_finished(event);
                self.ended.insert(event.run, event.status);
            }
            Event::PoolLimited(event) => self.pools.limited(event),
            Event::RunnerJoined(event) => {
                self.runners.entry(event.info.runner.clone()).or_default();
            }
            Event::RunnerLost(event) => drop(self.runners.remove(&event.runner).unwrap()),
            Event::RunnerDrained(event) => drop(self.drained.insert(event.runner.clone())),
            Event::RunnerResumed(event) => {
                assert!(self.drained.remove(&event.runner), "it was not drained");
            }
            event => self.see_progress(event),
        }
    }

    fn see_progress(&mut self, event: &Event) {
        match event {
            Event::AttemptLeased(event) => {
                let runner = self.runners.get_mut(&event.runner).unwrap();
                assert!(!runner.is_leaving, "a leaving runner is given more");
                let is_drained = self.drained.contains(&event.runner);
                assert!(!is_drained, "a drained runner is given more");
                let run = self.runs.get_mut(&event.run).unwrap();
                let in_time = run.start_by.is_none_or(|by| self.at <= by);
                assert!(in_time, "{} starts too late", event.run);
                for lease in &event.leases {
                    let index = run.lease(lease, &event.runner);
                    assert!(self.tokens.insert(lease.token), "a token is given twice");
                    assert!(self.attempts.insert(lease.attempt(), 0).is_none());
                    runner.holds.insert((event.run, index));
                }
                self.check_pools(event);
            }
            Event::AttemptFinished(event) => {
                let run = self.runs.get_mut(&event.run).unwrap();
                for end in &event.ends {
                    let terminals = self.attempts.get_mut(&end.attempt()).unwrap();
                    *terminals += 1;
                    assert_eq!(*terminals, 1, "{} ends twice", end.attempt());
                    let (index, holder) = run.end_attempt(end);
                    if let Some(runner) = self.runners.get_mut(&holder) {
                        assert!(runner.holds.remove(&(event.run, index)));
                        runner.is_leaving |= end.outcome == Outcome::Stopped && !run.is_stopping();
                    }
                }
            }
            event => {
                if let Some(run) = event.run() {
                    self.runs
                        .get_mut(&run)
                        .unwrap_or_else(|| panic!("{event:?} speaks of a run that is over"))
                        .see(event, self.at);
                }
            }
        }
    }

    /// Runs, task runs and run sets share one sequence of ids; none is given twice.
    fn take_ids(&mut self, first: u64, further: u32) {
        assert!(first > self.last_id, "the id {first} is given twice");
        self.last_id = first + u64::from(further);
    }

    /// Attempts that were leased and have no end.
    pub(crate) fn open_attempts(&self) -> impl Iterator<Item = AttemptId> {
        self.attempts
            .iter()
            .filter(|(_, terminals)| **terminals == 0)
            .map(|(attempt, _)| *attempt)
    }
}
