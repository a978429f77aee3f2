//! History and what is otherwise, made ready to be played: what comes when, what runs are like, how much there is of
//! everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::domain::calendar::Rule;
use fasti_core::domain::definition::{Definition, EndCondition, Priority};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest};
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::slots::SlotPolicy;
use fasti_core::domain::time::Timestamp;

use super::history::{Batch, History, NOT_EXECUTED, Sample, Steps};
use super::{RUNS_MAX, TASK_RUNS_MAX, WhatIf, WhatIfError};

/// See the module.
pub(super) struct Plan {
    pub(super) until: Timestamp,
    pub(super) batches: Vec<Planned>,
    pub(super) slots: Steps<u64>,
    pub(super) pools: Vec<Steps<Option<u64>>>,
}

/// One batch.
pub(super) struct Planned {
    pub(super) policy: SlotPolicy,
    pub(super) arrivals: Vec<Arrival>,
    /// What its runs are like; at least one.
    pub(super) courses: Vec<Course>,
    /// Batches that its ends start.
    pub(super) followers: Vec<(usize, EndCondition)>,
}

/// A run is asked for, or a slot comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Timestamp,
    pub(super) slot: Option<Timestamp>,
    /// The course that it took, if it did.
    pub(super) course: Option<usize>,
}

/// How a run goes: the time of each task run on its slot.
#[derive(Clone)]
pub(super) struct Course {
    pub(super) shape: Arc<Shape>,
    pub(super) times: Arc<[i64]>,
    pub(super) is_success: bool,
}

/// A definition as far as it is played.
pub(super) struct Shape {
    pub(super) graph: Arc<Graph>,
    pub(super) tasks: Vec<ShapeTask>,
}

/// One of its tasks.
pub(super) struct ShapeTask {
    /// 0 = high.
    pub(super) rank: u8,
    /// Share of a pool.
    pub(super) pool: Option<(usize, u64)>,
    pub(super) parents: u32,
}

struct Maker<'a> {
    history: &'a History,
    asked: &'a WhatIf,
    pools: Vec<Steps<Option<u64>>>,
    pool_numbers: BTreeMap<String, usize>,
    shapes: BTreeMap<(Digest, Option<Priority>), Arc<Shape>>,
}

impl Plan {
    pub(super) fn make(history: &History, asked: &WhatIf) -> Result<Self, WhatIfError> {
        let changes = &asked.changes;
        let batch = |name: &String| find(history, name);
        let of = |names: Vec<&String>| names.into_iter().map(batch).collect::<Result<Vec<_>, _>>();
        let schedules = of(changes.schedules.keys().collect())?;
        let priorities = of(changes.priorities.keys().collect())?;
        let versions = of(changes.versions.keys().collect())?;
        let mut maker = Maker {
            history,
            asked,
            pools: Vec::new(),
            pool_numbers: BTreeMap::new(),
            shapes: BTreeMap::new(),
        };
        let crons: BTreeMap<_, _> = schedules.iter().zip(changes.schedules.values()).collect();
        let ranks: BTreeMap<_, _> = priorities.iter().zip(changes.priorities.values()).collect();
        let forced: BTreeMap<_, _> = versions.iter().zip(changes.versions.values()).collect();
        let mut batches = Vec::with_capacity(history.batches.len());
        for (id, batch) in &history.batches {
            let change = OfBatch {
                cron: crons.get(id).map(|cron| cron.as_str()),
                priority: ranks.get(id).map(|rank| **rank),
                version: forced.get(id).map(|version| **version),
            };
            batches.push(maker.planned(batch, &change)?);
        }
        link(history, &crons, &mut batches, &forced);
        let slots = match changes.slots {
            Some(slots) => vec![(history.from, u64::from(slots))],
            None => history.slots.clone(),
        };
        if slots.iter().all(|(_, slots)| *slots == 0) {
            return Err(WhatIfError::Invalid {
                field: "slots",
                message: "no runner was there in that time, so nothing could run; say how many task runs there is room for"
                    .to_owned(),
            });
        }
        let plan = Self {
            until: history.until,
            batches,
            slots,
            pools: maker.pools,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Task runs that come, about: those of runs that start others are not counted.
    pub(super) fn task_runs(&self) -> usize {
        let of = |batch: &Planned| {
            let nodes: usize = batch.courses.iter().map(|it| it.times.len()).sum();
            nodes / batch.courses.len().max(1) * batch.arrivals.len()
        };
        self.batches.iter().map(of).fold(0, usize::saturating_add)
    }

    fn check(&self) -> Result<(), WhatIfError> {
        let runs: usize = self.batches.iter().map(|it| it.arrivals.len()).sum();
        let task_runs = self.task_runs();
        if runs <= RUNS_MAX && task_runs <= TASK_RUNS_MAX {
            return Ok(());
        }
        Err(WhatIfError::TooMuch(format!(
            "that time has {runs} slots and runs with about {task_runs} task runs; {RUNS_MAX} and {TASK_RUNS_MAX} can be played: choose a shorter time"
        )))
    }
}

/// What is otherwise with one batch.
struct OfBatch<'a> {
    cron: Option<&'a str>,
    priority: Option<Priority>,
    version: Option<u32>,
}

impl Maker<'_> {
    fn planned(&mut self, batch: &Batch, change: &OfBatch<'_>) -> Result<Planned, WhatIfError> {
        let history = self.history;
        let unknown = |version: u32| WhatIfError::Invalid {
            field: "versions",
            message: format!("`{}` has no version {version}", batch.name),
        };
        let forced = match change.version {
            Some(version) => Some(batch.version_digest(version).ok_or(unknown(version))?),
            None => None,
        };
        let digest = forced.or(batch.version_digest(batch.version));
        let definition = digest.and_then(|digest| history.definitions.get(&digest));
        let Some((digest, definition)) = digest.zip(definition) else {
            return Err(WhatIfError::Invalid {
                field: "from",
                message: format!("the definition of `{}` is not in this log", batch.name),
            });
        };
        let rule = self.rule(batch, definition, change)?;
        let mut arrivals: Vec<Arrival> = match &rule {
            Some(rule) => self.slots(batch, rule)?,
            None => {
                let slots = batch.slots.iter();
                let one =
                    |(slot, (due, course)): (&Timestamp, &(Timestamp, Option<usize>))| Arrival {
                        at: *due,
                        slot: Some(*slot),
                        course: *course,
                    };
                slots.map(one).collect()
            }
        };
        let asked = batch.asked.iter().map(|(at, course)| Arrival {
            at: *at,
            slot: None,
            course: *course,
        });
        arrivals.extend(asked);
        arrivals.sort_by_key(|arrival| (arrival.at, arrival.slot));
        let courses = self.courses(
            batch,
            (digest, definition),
            forced.is_some(),
            change.priority,
        );
        Ok(Planned {
            policy: definition.schedule.policy.clone(),
            arrivals,
            courses,
            followers: Vec::new(),
        })
    }

    /// The rule that is in force all the time, if it is not the recorded one.
    fn rule(
        &self,
        batch: &Batch,
        definition: &Definition,
        change: &OfBatch<'_>,
    ) -> Result<Option<Rule>, WhatIfError> {
        let Some(cron) = change.cron else {
            if change.version.is_none() {
                return Ok(None);
            }
            let rule = self.history.rule_of(&definition.schedule);
            return rule.map_err(|message| WhatIfError::Invalid {
                field: "versions",
                message: format!(
                    "the schedule of that version of `{}`: {message}",
                    batch.name
                ),
            });
        };
        let given = &definition.schedule;
        let schedule = Schedule {
            cron: Some(cron.to_owned()),
            timezone: given.timezone.clone(),
            calendars: given.calendars.clone(),
            policy: given.policy.clone(),
            ..Schedule::default()
        };
        let rule = self.history.rule_of(&schedule);
        let wrong = |message: String| WhatIfError::Invalid {
            field: "schedules",
            message: format!("`{}`: {message}", batch.name),
        };
        let rule = rule.map_err(wrong)?;
        rule.map(Some)
            .ok_or_else(|| wrong(format!("`{cron}` gives no times")))
    }

    /// Slots of another rule, while the batch was there and not paused.
    fn slots(&self, batch: &Batch, rule: &Rule) -> Result<Vec<Arrival>, WhatIfError> {
        let from = self.history.from.max(batch.made);
        let until = batch.deleted.unwrap_or(self.history.until);
        let until = until.min(self.history.until);
        let slots = rule.count_between(from.plus_us(-1), until.plus_us(-1));
        if slots > RUNS_MAX as u64 {
            return Err(WhatIfError::TooMuch(format!(
                "the other schedule of `{}` has {slots} slots in that time; {RUNS_MAX} can be played",
                batch.name
            )));
        }
        let mut arrivals = Vec::new();
        let mut next = rule.next_from(from);
        while let Some(slot) = next.filter(|slot| *slot < until) {
            if !batch.is_paused(slot) {
                // A slot that it also had goes as it went.
                let course = batch.slots.get(&slot).and_then(|(_, course)| *course);
                arrivals.push(Arrival {
                    at: slot,
                    slot: Some(slot),
                    course,
                });
            }
            next = rule.next_after(slot);
        }
        Ok(arrivals)
    }

    fn courses(
        &mut self,
        batch: &Batch,
        (digest, definition): (Digest, &Arc<Definition>),
        is_forced: bool,
        priority: Option<Priority>,
    ) -> Vec<Course> {
        let mut courses = Vec::with_capacity(batch.samples.len());
        for sample in &batch.samples {
            let Some(graph) = self.history.graphs.get(&sample.definition).cloned() else {
                continue;
            };
            let (shape, times) = if is_forced && sample.definition != digest {
                let Some(shape) = self.shape_of(digest, definition, priority) else {
                    continue;
                };
                let times = self.carried_over(sample, &graph, &shape.graph);
                (shape, times)
            } else {
                (
                    self.shape(sample.definition, graph, priority),
                    sample.times.clone(),
                )
            };
            courses.push(Course {
                shape,
                times,
                is_success: sample.is_success,
            });
        }
        if courses.is_empty()
            && let Some(shape) = self.shape_of(digest, definition, priority)
        {
            let nodes = shape.graph.node_count() as usize;
            courses.push(Course {
                shape,
                times: vec![self.asked.task_us; nodes].into(),
                is_success: true,
            });
        }
        courses
    }

    fn shape_of(
        &mut self,
        digest: Digest,
        definition: &Arc<Definition>,
        priority: Option<Priority>,
    ) -> Option<Arc<Shape>> {
        if let Some(known) = self.shapes.get(&(digest, priority)) {
            return Some(known.clone());
        }
        let graph = Graph::new(definition.clone()).ok()?;
        Some(self.shape(digest, Arc::new(graph), priority))
    }

    fn shape(
        &mut self,
        digest: Digest,
        graph: Arc<Graph>,
        priority: Option<Priority>,
    ) -> Arc<Shape> {
        if let Some(known) = self.shapes.get(&(digest, priority)) {
            return known.clone();
        }
        let tasks = (0..graph.task_count()).map(|number| {
            let task = graph.task(number);
            let own = task.priority.unwrap_or(graph.definition().priority);
            ShapeTask {
                rank: match priority.unwrap_or(own) {
                    Priority::High => 0,
                    Priority::Normal => 1,
                    Priority::Low => 2,
                },
                pool: task
                    .pool()
                    .map(|used| (self.pool(&used.pool), u64::from(used.units))),
                parents: u32::try_from(graph.parents(number).len()).unwrap_or(u32::MAX),
            }
        });
        let tasks = tasks.collect();
        let shape = Arc::new(Shape { graph, tasks });
        self.shapes.insert((digest, priority), shape.clone());
        shape
    }

    fn pool(&mut self, name: &str) -> usize {
        if let Some(number) = self.pool_numbers.get(name) {
            return *number;
        }
        let from = self.history.from;
        let mut steps = vec![(from, None)];
        match self.asked.changes.pools.get(name) {
            Some(units) => steps = vec![(from, *units)],
            None => steps.extend(self.history.pools.get(name).into_iter().flatten().copied()),
        }
        self.pools.push(steps);
        let number = self.pools.len() - 1;
        self.pool_numbers.insert(name.to_owned(), number);
        number
    }

    /// Times of a run, for another definition: by the names of the tasks. One that was not there takes what the others
    /// took in the middle.
    fn carried_over(&self, sample: &Sample, was: &Graph, is: &Graph) -> Arc<[i64]> {
        let mut known: Vec<i64> = sample.times.iter().copied().filter(|it| *it >= 0).collect();
        known.sort_unstable();
        let middle = known.get(known.len() / 2).copied();
        let middle = middle.unwrap_or(self.asked.task_us);
        let mut times = vec![NOT_EXECUTED; is.node_count() as usize];
        for task in 0..is.task_count() {
            let same = (0..was.task_count()).find(|it| was.task(*it).name == is.task(task).name);
            let before: &[i64] = same.map_or(&[], |same| {
                let nodes = was.nodes(same);
                &sample.times[nodes.start as usize..nodes.end as usize]
            });
            for (part, node) in is.nodes(task).enumerate() {
                let time = before.get(part % before.len().max(1)).copied();
                times[node as usize] = time.unwrap_or(middle);
            }
        }
        times.into()
    }
}

/// Batches that ends of others start, unless they have times of their own now.
fn link(
    history: &History,
    crons: &BTreeMap<&BatchId, &String>,
    batches: &mut [Planned],
    forced: &BTreeMap<&BatchId, &u32>,
) {
    let numbers: BTreeMap<&BatchId, usize> = history.batches.keys().zip(0..).collect();
    for (id, batch) in &history.batches {
        let target = batch.runs_after.and_then(|target| numbers.get(&target));
        let version = forced.get(id).map_or(batch.version, |version| **version);
        let definition = batch.version_digest(version);
        let definition = definition.and_then(|digest| history.definitions.get(&digest));
        let after = definition.and_then(|it| it.schedule.run_after.as_ref());
        if let Some((target, after)) = target.zip(after)
            && !crons.contains_key(id)
            && batch.deleted.is_none()
        {
            let follower = (numbers[id], after.condition);
            batches[*target].followers.push(follower);
        }
    }
}

/// The batch of a name, or of a name and tag.
fn find(history: &History, name: &str) -> Result<BatchId, WhatIfError> {
    let fits = |batch: &&Batch| {
        let tagged = |batch: &Batch| format!("{}:{}", batch.name, batch.tag.as_str());
        batch.name == name || tagged(batch) == name
    };
    let was_there = |batch: &&Batch| batch.deleted.is_none_or(|at| at > history.from);
    let all = history.batches.iter();
    let found: Vec<BatchId> = all
        .filter(|(_, batch)| fits(batch) && was_there(batch))
        .map(|(id, _)| *id)
        .collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(WhatIfError::UnknownBatch(name.to_owned())),
        several => Err(WhatIfError::Invalid {
            field: "batch",
            message: format!(
                "{} batches are called `{name}`; write `name:tag`",
                several.len()
            ),
        }),
    }
}
