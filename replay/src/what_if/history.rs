//! What the log has of a stretch of time: what was asked for when, how long each task run took, how many could run at a
//! time. Read from the first event on, because what was there when the stretch began was made before.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::calendar::{NamedCalendar, Rule};
use fasti_core::domain::calendars::rule_with;
use fasti_core::domain::definition::{Definition, Tag};
use fasti_core::domain::event::{Event, Recorded, RunCreated};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest, RunId, RunnerId, TaskRunId};
use fasti_core::domain::run::{RunStatus, RunType};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::time::Timestamp;

use super::figures::{BatchTally, Tally};

/// Times of task runs that are kept, of the first runs; later ones are drawn from these. 8 bytes each.
const TIMES_MAX: usize = 10_000_000;

/// Slots that one event may stand for and are taken one by one.
const RANGE_SLOTS_MAX: u64 = 100_000;

/// Not executed: skipped, or served by an earlier one.
pub(super) const NOT_EXECUTED: i64 = -1;

/// A value that changes at instants; the first is at the begin of the stretch.
pub(super) type Steps<T> = Vec<(Timestamp, T)>;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) batches: BTreeMap<BatchId, Batch>,
    pub(super) definitions: BTreeMap<Digest, Arc<Definition>>,
    pub(super) graphs: BTreeMap<Digest, Arc<Graph>>,
    pub(super) calendars: BTreeMap<String, Arc<NamedCalendar>>,
    /// Task runs at a time.
    pub(super) slots: Steps<u64>,
    /// Units by pool; `None`: as wide as can be.
    pub(super) pools: BTreeMap<String, Steps<Option<u64>>>,
    observed: Observed,
}

/// A batch, living or deleted.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) tag: Tag,
    pub(super) made: Timestamp,
    pub(super) deleted: Option<Timestamp>,
    pub(super) version: u32,
    pub(super) versions: BTreeMap<u32, Digest>,
    pub(super) runs_after: Option<BatchId>,
    /// Pauses with their ends.
    pub(super) pauses: Vec<(Timestamp, Option<Timestamp>)>,
    /// Slots that could have a run, with when they were due and the run's sample.
    pub(super) slots: BTreeMap<Timestamp, (Timestamp, Option<usize>)>,
    /// When runs were asked for by somebody or something else.
    pub(super) asked: Vec<(Timestamp, Option<usize>)>,
    /// Runs that ended.
    pub(super) samples: Vec<Sample>,
}

/// A run that ended, as one like it would go.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) definition: Digest,
    /// Time of each task run on a slot, all attempts together, in microseconds.
    pub(super) times: Arc<[i64]>,
    pub(super) is_success: bool,
}

/// What happened, in the figures of the answer.
#[derive(Debug, Clone, Default)]
struct Observed {
    tally: Tally,
    by_batch: BTreeMap<BatchId, BatchTally>,
    /// Begins and ends of attempts.
    uses: Vec<(Timestamp, bool)>,
}

/// Makes a history of events, which come in order.
#[derive(Debug, Default)]
pub struct Reader {
    history: History,
    runners: BTreeMap<RunnerId, u64>,
    limits: BTreeMap<String, BTreeMap<String, u64>>,
    open: BTreeMap<RunId, Open>,
    times: usize,
}

/// A run of the stretch that goes on.
#[derive(Debug)]
struct Open {
    batch: BatchId,
    created: Timestamp,
    /// Its slot, if its schedule made it.
    slot: Option<Timestamp>,
    /// Position among the runs that were asked for, if somebody asked.
    asked: Option<usize>,
    definition: Digest,
    task_runs: u32,
    started: bool,
    /// Processes that run, and times so far, by position.
    begun: BTreeMap<u32, Timestamp>,
    times: BTreeMap<u32, i64>,
}

impl Reader {
    /// For a stretch of time.
    #[must_use]
    pub fn new(from: Timestamp, until: Timestamp) -> Self {
        let history = History {
            from,
            until,
            slots: vec![(from, 0)],
            ..History::default()
        };
        Self {
            history,
            ..Self::default()
        }
    }

    /// Takes note of an event; whether there is more to take note of.
    pub fn see(&mut self, recorded: &Recorded) -> bool {
        let at = recorded.at;
        if at >= self.history.until {
            return false;
        }
        self.standing(&recorded.event, at);
        if at >= self.history.from {
            self.slots(&recorded.event);
            self.runs(&recorded.event, at);
        }
        true
    }

    /// The history.
    #[must_use]
    pub fn finish(self) -> History {
        let mut history = self.history;
        let observed = &mut history.observed;
        observed.tally.unstarted = self.open.values().filter(|run| !run.started).count() as u64;
        observed.uses.sort_unstable();
        let mut used = 0_u64;
        for (_, begins) in std::mem::take(&mut observed.uses) {
            used = if begins {
                used + 1
            } else {
                used.saturating_sub(1)
            };
            observed.tally.most_used = observed.tally.most_used.max(used);
        }
        history
    }

    /// What stands until it is changed.
    fn standing(&mut self, event: &Event, at: Timestamp) {
        let history = &mut self.history;
        if let Event::DefinitionAdded(event) = event {
            let definition = event.definition.clone();
            history.definitions.insert(event.digest, definition);
        } else if let Event::BatchSaved(event) = event {
            let batch = history.batches.entry(event.batch).or_insert_with(|| Batch {
                name: event.name.clone(),
                tag: event.tag,
                made: at,
                deleted: None,
                version: 0,
                versions: BTreeMap::new(),
                runs_after: None,
                pauses: Vec::new(),
                slots: BTreeMap::new(),
                asked: Vec::new(),
                samples: Vec::new(),
            });
            batch.version = event.version;
            batch.versions.insert(event.version, event.definition);
            batch.runs_after = event.runs_after;
        } else if let Event::CalendarSaved(event) = event {
            let calendar = event.calendar.clone();
            history.calendars.insert(event.name.clone(), calendar);
        } else if let Event::RunnerJoined(event) = event {
            let slots = u64::from(event.info.capacity.slots);
            self.runners.insert(event.info.runner.clone(), slots);
            self.capacity(at);
        } else if let Event::RunnerLost(event) = event {
            self.runners.remove(&event.runner);
            self.capacity(at);
        } else if let Event::PoolLimited(event) = event {
            let limits = self.limits.entry(event.pool.clone()).or_default();
            for (name, units) in &event.limits {
                match units {
                    Some(units) => limits.insert(name.clone(), *units),
                    None => limits.remove(name),
                };
            }
            let width = limits.values().min().copied();
            let steps = history.pools.entry(event.pool.clone()).or_default();
            step(steps, at.max(history.from), width);
        } else if let Some(batch) = event.batch().and_then(|id| history.batches.get_mut(&id)) {
            match (event, batch.pauses.last_mut()) {
                (Event::BatchDeleted(_), _) => batch.deleted = Some(at),
                // Another end of the same pause.
                (Event::BatchPaused(_), Some((_, None))) => {}
                (Event::BatchPaused(_), _) => batch.pauses.push((at, None)),
                (Event::BatchResumed(_), Some((_, end))) => *end = Some(at),
                (_, _) => {}
            }
        }
    }

    fn capacity(&mut self, at: Timestamp) {
        let slots = self.runners.values().sum();
        step(&mut self.history.slots, at.max(self.history.from), slots);
    }

    /// Slots that would have had a run but for another run that went on.
    fn slots(&mut self, event: &Event) {
        if let Event::ScheduleFired(event) = event {
            self.slot(event.batch, event.slot, event.due);
        } else if let Event::ScheduleQueued(event) = event {
            self.slot(event.batch, event.slot, event.due);
        } else if let Event::ScheduleSkipped(event) = event {
            self.left_out(event.batch, (event.first, event.last), event.count);
        } else if let Event::ScheduleSuperseded(event) = event {
            self.left_out(event.batch, (event.first, event.last), event.count);
        }
    }

    fn left_out(&mut self, batch: BatchId, (first, last): (Timestamp, Timestamp), count: u64) {
        let Some(known) = self.history.batches.get(&batch) else {
            return;
        };
        if known.is_paused(last) {
            return;
        }
        self.history.observed.tally.left_out += count;
        if count == 1 {
            self.slot(batch, first, first);
            return;
        }
        let known = &self.history.batches[&batch];
        let Some(rule) = self.history.rule(known.version_digest(known.version)) else {
            return;
        };
        let mut next = rule.next_from(first);
        for _ in 0..count.min(RANGE_SLOTS_MAX) {
            let Some(slot) = next.filter(|slot| *slot <= last) else {
                break;
            };
            self.slot(batch, slot, slot);
            next = rule.next_after(slot);
        }
    }

    fn slot(&mut self, batch: BatchId, slot: Timestamp, due: Timestamp) {
        let due = due.max(self.history.from);
        if let Some(batch) = self.history.batches.get_mut(&batch) {
            batch.slots.entry(slot).or_insert((due, None));
        }
    }

    fn runs(&mut self, event: &Event, at: Timestamp) {
        if let Event::RunCreated(event) = event {
            self.created(event, at);
        } else if let Event::RunStarted(event) = event {
            self.started(event.run, at);
        } else if let Event::AttemptStarted(event) = event {
            for start in &event.starts {
                self.begins(event.run, start.task_run, start.started_at);
            }
        } else if let Event::AttemptFinished(event) = event {
            for end in &event.ends {
                self.ends(event.run, end.task_run, end.finished_at);
            }
        } else if let Event::RunFinished(event) = event {
            self.finished(event.run, event.status, at);
        }
    }

    fn created(&mut self, event: &RunCreated, at: Timestamp) {
        let Some(batch) = self.history.batches.get_mut(&event.batch) else {
            return;
        };
        let slot = (event.run_type == RunType::Scheduled).then_some(event.scheduled_time);
        let is_asked = slot.is_none() && event.run_type != RunType::RunAfter;
        let asked = is_asked.then(|| {
            batch.asked.push((at, None));
            batch.asked.len() - 1
        });
        let observed = &mut self.history.observed;
        observed.tally.runs += 1;
        observed.by_batch.entry(event.batch).or_default().runs += 1;
        let open = Open {
            batch: event.batch,
            created: at,
            slot,
            asked,
            definition: event.definition,
            task_runs: event.task_runs,
            started: false,
            begun: BTreeMap::new(),
            times: BTreeMap::new(),
        };
        self.open.insert(event.run, open);
    }

    fn started(&mut self, run: RunId, at: Timestamp) {
        let Some(open) = self.open.get_mut(&run) else {
            return;
        };
        open.started = true;
        let delay = at.0 - open.created.0;
        let observed = &mut self.history.observed;
        observed.tally.delays.push(delay);
        let of_batch = observed.by_batch.entry(open.batch).or_default();
        of_batch.delays.push(delay);
        if let Some(slot) = open.slot {
            observed.tally.lateness.push(at.0 - slot.0);
        }
    }

    fn begins(&mut self, run: RunId, task_run: TaskRunId, at: Timestamp) {
        let Some(open) = self.open.get_mut(&run) else {
            return;
        };
        let position = task_run.0.wrapping_sub(run.0 + 1);
        if let Ok(position) = u32::try_from(position) {
            open.begun.insert(position, at);
        }
    }

    fn ends(&mut self, run: RunId, task_run: TaskRunId, at: Timestamp) {
        let Some(open) = self.open.get_mut(&run) else {
            return;
        };
        let position = task_run.0.wrapping_sub(run.0 + 1);
        let begun = u32::try_from(position)
            .ok()
            .and_then(|position| Some((position, open.begun.remove(&position)?)));
        let Some((position, begun)) = begun else {
            return;
        };
        let took = (at.0 - begun.0).max(0);
        *open.times.entry(position).or_default() += took;
        let observed = &mut self.history.observed;
        observed.tally.busy_us += took;
        observed.uses.push((begun, true));
        observed.uses.push((at, false));
    }

    fn finished(&mut self, run: RunId, status: RunStatus, at: Timestamp) {
        let Some(open) = self.open.remove(&run) else {
            return;
        };
        let history = &mut self.history;
        if open.started {
            history.observed.tally.took.push(at.0 - open.created.0);
        }
        if status == RunStatus::Cancelled {
            history.observed.tally.cancelled += 1;
            // One that was broken off says nothing of how long such runs take.
            return;
        }
        self.times += open.task_runs as usize;
        let Some(batch) = history.batches.get_mut(&open.batch) else {
            return;
        };
        if self.times > TIMES_MAX {
            return;
        }
        let mut times = vec![NOT_EXECUTED; open.task_runs as usize];
        for (position, took) in open.times {
            if let Some(time) = times.get_mut(position as usize) {
                *time = took;
            }
        }
        let number = batch.samples.len();
        batch.samples.push(Sample {
            definition: open.definition,
            times: times.into(),
            is_success: status == RunStatus::Success,
        });
        if let Some(slot) = open.slot.and_then(|slot| batch.slots.get_mut(&slot)) {
            slot.1 = Some(number);
        }
        if let Some(asked) = open.asked {
            batch.asked[asked].1 = Some(number);
        }
        if let std::collections::btree_map::Entry::Vacant(entry) =
            history.graphs.entry(open.definition)
            && let Some(definition) = history.definitions.get(&open.definition)
            && let Ok(graph) = Graph::new(definition.clone())
        {
            entry.insert(Arc::new(graph));
        }
    }
}

fn step<T: PartialEq>(steps: &mut Steps<T>, at: Timestamp, value: T) {
    match steps.last_mut() {
        Some(last) if last.1 == value => {}
        Some(last) if last.0 >= at => last.1 = value,
        Some(_) | None => steps.push((at, value)),
    }
}

impl Batch {
    /// Whether its schedule was off then.
    pub(super) fn is_paused(&self, at: Timestamp) -> bool {
        let off = |(begin, end): &(Timestamp, Option<Timestamp>)| {
            *begin <= at && end.is_none_or(|end| at < end)
        };
        self.pauses.iter().any(off)
    }

    /// Digest of the definition of a version.
    pub(super) fn version_digest(&self, version: u32) -> Option<Digest> {
        self.versions.get(&version).copied()
    }
}

impl History {
    /// What was recorded, in the figures of the answer, by batch in the order of the batches.
    pub(super) fn recorded(&self) -> Tally {
        let mut tally = self.observed.tally.clone();
        tally.capacity_us = capacity_us(&self.slots, self.until);
        let batches = self.batches.keys();
        let one = |id: &BatchId| self.observed.by_batch.get(id).cloned().unwrap_or_default();
        tally.batches = batches.map(one).collect();
        tally
    }

    /// The rule of a definition with the calendars there are in the end.
    pub(super) fn rule(&self, digest: Option<Digest>) -> Option<Rule> {
        let definition = self.definitions.get(&digest?)?;
        self.rule_of(&definition.schedule).ok().flatten()
    }

    /// The rule of a schedule with the calendars there are in the end.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn rule_of(&self, schedule: &Schedule) -> Result<Option<Rule>, String> {
        let rule = rule_with(schedule, |name| self.calendars.get(name).map(AsRef::as_ref));
        rule.map_err(|error| error.message)
    }
}

/// Slots times time.
pub(super) fn capacity_us(slots: &Steps<u64>, until: Timestamp) -> i64 {
    let ends = slots.iter().skip(1).map(|(at, _)| *at).chain([until]);
    let parts = slots.iter().zip(ends).map(|((at, slots), end)| {
        let slots = i64::try_from(*slots).unwrap_or(i64::MAX);
        slots.saturating_mul((end.0 - at.0).max(0))
    });
    parts.fold(0, i64::saturating_add)
}
