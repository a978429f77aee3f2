//! The played scheduler: what comes, what has room, what ends, in the order of time. The rules are those of placement
//! in short: by priority, then by turn; a full pool keeps only those waiting that want it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use fasti_core::domain::definition::EndCondition;
use fasti_core::domain::slots::Overlap;
use fasti_core::domain::time::Timestamp;

use super::figures::{BatchTally, Tally};
use super::history::capacity_us;
use super::plan::{Arrival, Course, Plan, Planned};

/// Slots of one batch that may wait.
const QUEUED_MAX: usize = 1_000;

/// Runs that ends of others may make in a row at one instant.
const CHAIN_MAX: u32 = 1_000;

/// How long runs take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    /// As they did, where that is known.
    Recorded,
    /// As some run of the batch did: by a seed, the how-manieth time it is played.
    Chance(u64, u64),
}

/// What happens at an instant: ends first, so that what they free is there for what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// A task run ends, unless its run is over.
    End {
        run: usize,
        number: u64,
        node: u32,
    },
    /// There are other slots, or another pool is wider or narrower.
    Slots(usize),
    Pool(usize, usize),
    /// The next slot or request of the batch.
    Arrival(usize, usize),
}

struct Run<'a> {
    number: u64,
    batch: usize,
    created: Timestamp,
    slot: Option<Timestamp>,
    course: &'a Course,
    started: bool,
    /// Parents that are not over, by task.
    waits: Box<[u32]>,
    /// Task runs that are not over, by task.
    left: Box<[u32]>,
    open: u32,
    running: BTreeMap<u32, Timestamp>,
    depth: u32,
}

#[derive(Default)]
struct Life {
    live: Vec<usize>,
    waiting: VecDeque<Timestamp>,
    /// Runs so far, for what is drawn.
    made: u64,
}

struct Pool {
    width: Option<u64>,
    used: u64,
}

/// Task runs of one task that wait: its run with its number, the first and the one behind the last.
#[derive(Debug, Clone, Copy)]
struct Ready {
    run: usize,
    number: u64,
    next: u32,
    end: u32,
}

type Lane = BTreeMap<(u8, u64), Ready>;

struct World<'a> {
    plan: &'a Plan,
    draw: Draw,
    moments: BinaryHeap<Reverse<(Timestamp, Moment)>>,
    runs: Vec<Option<Run<'a>>>,
    unused: Vec<usize>,
    lives: Vec<Life>,
    numbers: u64,
    slots: u64,
    used: u64,
    pools: Vec<Pool>,
    /// What waits, by the pool and the units it wants.
    lanes: BTreeMap<Option<(usize, u64)>, Lane>,
    turns: u64,
    /// Task runs that are over without having been executed, with the numbers of their runs.
    over: Vec<(usize, u64, u32)>,
    tally: Tally,
}

/// Plays it once.
pub(super) fn play(plan: &Plan, draw: Draw) -> Tally {
    let mut world = World::new(plan, draw);
    while let Some(Reverse((at, moment))) = world.moments.pop() {
        if at >= plan.until {
            break;
        }
        world.happen(at, moment);
        world.settle(at);
        // What else happens at the same instant comes first.
        let is_last = world
            .moments
            .peek()
            .is_none_or(|Reverse((next, _))| *next > at);
        if is_last {
            world.place(at);
        }
    }
    world.finish()
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, draw: Draw) -> Self {
        let mut moments = BinaryHeap::new();
        for (step, (at, _)) in plan.slots.iter().enumerate().skip(1) {
            moments.push(Reverse((*at, Moment::Slots(step))));
        }
        for (pool, steps) in plan.pools.iter().enumerate() {
            for (step, (at, _)) in steps.iter().enumerate().skip(1) {
                moments.push(Reverse((*at, Moment::Pool(pool, step))));
            }
        }
        for (batch, planned) in plan.batches.iter().enumerate() {
            if let Some(first) = planned.arrivals.first() {
                moments.push(Reverse((first.at, Moment::Arrival(batch, 0))));
            }
        }
        let pools = plan.pools.iter().map(|steps| Pool {
            width: steps.first().and_then(|(_, width)| *width),
            used: 0,
        });
        Self {
            plan,
            draw,
            moments,
            runs: Vec::new(),
            unused: Vec::new(),
            lives: plan.batches.iter().map(|_| Life::default()).collect(),
            numbers: 0,
            slots: plan.slots.first().map_or(0, |(_, slots)| *slots),
            used: 0,
            pools: pools.collect(),
            lanes: BTreeMap::new(),
            turns: 0,
            over: Vec::new(),
            tally: Tally {
                batches: vec![BatchTally::default(); plan.batches.len()],
                ..Tally::default()
            },
        }
    }

    fn happen(&mut self, at: Timestamp, moment: Moment) {
        match moment {
            Moment::End { run, number, node } => {
                if self.is_there(run, number) {
                    self.node_ends(run, node, at);
                }
            }
            Moment::Slots(step) => self.slots = self.plan.slots[step].1,
            Moment::Pool(pool, step) => self.pools[pool].width = self.plan.pools[pool][step].1,
            Moment::Arrival(batch, number) => {
                let plan = self.plan;
                let arrivals = &plan.batches[batch].arrivals;
                if let Some(next) = arrivals.get(number + 1) {
                    let moment = Moment::Arrival(batch, number + 1);
                    self.moments.push(Reverse((next.at, moment)));
                }
                self.arrives(batch, &arrivals[number], at);
            }
        }
    }

    fn arrives(&mut self, batch: usize, arrival: &Arrival, at: Timestamp) {
        let Some(slot) = arrival.slot else {
            self.create(batch, None, arrival.course, at, 0);
            return;
        };
        let plan: &'a Planned = &self.plan.batches[batch];
        let life = &mut self.lives[batch];
        let is_busy = !life.live.is_empty() || !life.waiting.is_empty();
        if !is_busy || plan.policy.overlap == Overlap::Allow {
            self.create(batch, Some(slot), arrival.course, at, 0);
            return;
        }
        match plan.policy.overlap {
            Overlap::Skip => self.tally.left_out += 1,
            Overlap::QueueOne => {
                self.tally.left_out += life.waiting.len() as u64;
                life.waiting.clear();
                life.waiting.push_back(slot);
            }
            Overlap::QueueAll if life.waiting.len() >= QUEUED_MAX => self.tally.left_out += 1,
            Overlap::QueueAll => life.waiting.push_back(slot),
            Overlap::CancelOld | Overlap::Allow => {
                for run in std::mem::take(&mut life.live) {
                    self.cancel(run, at);
                }
                self.create(batch, Some(slot), arrival.course, at, 0);
            }
        }
    }

    fn create(
        &mut self,
        batch: usize,
        slot: Option<Timestamp>,
        recorded: Option<usize>,
        at: Timestamp,
        depth: u32,
    ) {
        let plan: &'a Planned = &self.plan.batches[batch];
        let life = &mut self.lives[batch];
        let made = life.made;
        life.made += 1;
        if plan.courses.is_empty() {
            return;
        }
        let drawn = match self.draw {
            Draw::Recorded => recorded.unwrap_or_else(|| index(made, plan.courses.len())),
            Draw::Chance(seed, time) => {
                let chance = mixed(mixed(mixed(mixed(seed) ^ time) ^ batch as u64) ^ made);
                index(chance, plan.courses.len())
            }
        };
        let course = &plan.courses[drawn % plan.courses.len()];
        self.tally.runs += 1;
        self.tally.batches[batch].runs += 1;
        self.numbers += 1;
        let graph = &course.shape.graph;
        let tasks = course.shape.tasks.iter();
        let left = (0..graph.task_count()).map(|task| {
            let nodes = graph.nodes(task);
            nodes.end - nodes.start
        });
        let run = Run {
            number: self.numbers,
            batch,
            created: at,
            slot,
            course,
            started: false,
            waits: tasks.map(|task| task.parents).collect(),
            left: left.collect(),
            open: graph.node_count(),
            running: BTreeMap::new(),
            depth,
        };
        let place = self.unused.pop().unwrap_or_else(|| {
            self.runs.push(None);
            self.runs.len() - 1
        });
        self.runs[place] = Some(run);
        self.lives[batch].live.push(place);
        let roots: Vec<u32> = (0..graph.task_count())
            .filter(|task| course.shape.tasks[*task as usize].parents == 0)
            .collect();
        for task in roots {
            self.ready(place, task);
        }
    }

    /// A task may begin. What was not executed then is over at once.
    fn ready(&mut self, place: usize, task: u32) {
        let Some(run) = &self.runs[place] else {
            return;
        };
        let (course, number) = (run.course, run.number);
        let nodes = course.shape.graph.nodes(task);
        let of_task = &course.shape.tasks[task as usize];
        let lane = self.lanes.entry(of_task.pool).or_default();
        let mut first = None;
        for node in nodes.start..=nodes.end {
            let is_executed = node < nodes.end && course.times[node as usize] >= 0;
            if is_executed {
                first.get_or_insert(node);
                continue;
            }
            if let Some(next) = first.take() {
                self.turns += 1;
                let ready = Ready {
                    run: place,
                    number,
                    next,
                    end: node,
                };
                lane.insert((of_task.rank, self.turns), ready);
            }
            if node < nodes.end {
                self.over.push((place, number, node));
            }
        }
    }

    /// What was not executed is over; one after the other, because a chain of them can be long.
    fn settle(&mut self, at: Timestamp) {
        while let Some((place, number, node)) = self.over.pop() {
            if self.is_there(place, number) {
                self.node_over(place, node, at);
            }
        }
    }

    fn is_there(&self, place: usize, number: u64) -> bool {
        let run = self.runs[place].as_ref();
        run.is_some_and(|run| run.number == number)
    }

    /// Gives slots to what waits, as far as there are some.
    fn place(&mut self, at: Timestamp) {
        while self.used < self.slots {
            let heads = self.lanes.iter().filter_map(|(pool, lane)| {
                let (turn, _) = lane.first_key_value()?;
                self.has_room(*pool).then_some((*turn, *pool))
            });
            let Some((turn, pool)) = heads.min() else {
                return;
            };
            let lane = self.lanes.get_mut(&pool);
            let Some(mut ready) = lane.and_then(|lane| lane.remove(&turn)) else {
                return;
            };
            if !self.is_there(ready.run, ready.number) {
                continue;
            }
            let node = ready.next;
            ready.next += 1;
            if ready.next < ready.end {
                self.lanes.entry(pool).or_default().insert(turn, ready);
            }
            if self.is_too_late(ready.run, at) {
                let batch = self.runs[ready.run].as_ref().map(|run| run.batch);
                self.cancel(ready.run, at);
                if let Some(batch) = batch {
                    self.fire_waiting(batch, at);
                    self.settle(at);
                }
                continue;
            }
            self.begin(ready.run, node, pool, at);
        }
    }

    fn has_room(&self, pool: Option<(usize, u64)>) -> bool {
        pool.is_none_or(|(pool, units)| {
            let pool = &self.pools[pool];
            pool.width.is_none_or(|width| pool.used + units <= width)
        })
    }

    fn is_too_late(&self, place: usize, at: Timestamp) -> bool {
        let Some(run) = self.runs[place].as_ref().filter(|run| !run.started) else {
            return false;
        };
        let policy = &self.plan.batches[run.batch].policy;
        let deadline = policy.start_deadline_seconds;
        let deadline = deadline.and_then(|seconds| i64::try_from(seconds).ok());
        run.slot
            .zip(deadline)
            .is_some_and(|(slot, seconds)| at.0 - slot.0 > seconds.saturating_mul(1_000_000))
    }

    fn begin(&mut self, place: usize, node: u32, pool: Option<(usize, u64)>, at: Timestamp) {
        let Some(run) = &mut self.runs[place] else {
            return;
        };
        run.running.insert(node, at);
        if !run.started {
            run.started = true;
            let delay = at.0 - run.created.0;
            self.tally.delays.push(delay);
            self.tally.batches[run.batch].delays.push(delay);
            if let Some(slot) = run.slot {
                self.tally.lateness.push(at.0 - slot.0);
            }
        }
        let end = at.plus_us(run.course.times[node as usize].max(0));
        let moment = Moment::End {
            run: place,
            number: run.number,
            node,
        };
        self.moments.push(Reverse((end, moment)));
        self.used += 1;
        self.tally.most_used = self.tally.most_used.max(self.used);
        if let Some((pool, units)) = pool {
            self.pools[pool].used += units;
        }
    }

    fn node_ends(&mut self, place: usize, node: u32, at: Timestamp) {
        self.give_back(place, node, at);
        self.node_over(place, node, at);
    }

    /// The slot and the share of a pool that a task run had.
    fn give_back(&mut self, place: usize, node: u32, at: Timestamp) {
        let Some(run) = &mut self.runs[place] else {
            return;
        };
        let Some(begun) = run.running.remove(&node) else {
            return;
        };
        self.used -= 1;
        self.tally.busy_us += at.0 - begun.0;
        let (task, _) = run.course.shape.graph.locate(node);
        if let Some((pool, units)) = run.course.shape.tasks[task as usize].pool {
            let pool = &mut self.pools[pool];
            pool.used = pool.used.saturating_sub(units);
        }
    }

    fn node_over(&mut self, place: usize, node: u32, at: Timestamp) {
        let Some(run) = &mut self.runs[place] else {
            return;
        };
        let course = run.course;
        run.open -= 1;
        let (task, _) = course.shape.graph.locate(node);
        let left = &mut run.left[task as usize];
        *left -= 1;
        let mut ready = Vec::new();
        if *left == 0 {
            for child in course.shape.graph.children(task) {
                let waits = &mut run.waits[*child as usize];
                *waits = waits.saturating_sub(1);
                if *waits == 0 {
                    ready.push(*child);
                }
            }
        }
        if run.open == 0 {
            self.run_ends(place, at);
            return;
        }
        for task in ready {
            self.ready(place, task);
        }
    }

    fn run_ends(&mut self, place: usize, at: Timestamp) {
        let Some(run) = self.runs[place].take() else {
            return;
        };
        self.unused.push(place);
        if run.started {
            self.tally.took.push(at.0 - run.created.0);
        }
        self.lives[run.batch].live.retain(|live| *live != place);
        self.fire_waiting(run.batch, at);
        let plan: &'a Planned = &self.plan.batches[run.batch];
        for (follower, condition) in &plan.followers {
            let fits = match condition {
                EndCondition::OnSuccess => run.course.is_success,
                EndCondition::OnFailure => !run.course.is_success,
                EndCondition::Always => true,
            };
            if fits && run.depth < CHAIN_MAX {
                self.create(*follower, None, None, at, run.depth + 1);
            }
        }
    }

    /// The oldest slot that waits has its turn once no run goes on.
    fn fire_waiting(&mut self, batch: usize, at: Timestamp) {
        let life = &mut self.lives[batch];
        if life.live.is_empty()
            && let Some(slot) = life.waiting.pop_front()
        {
            self.create(batch, Some(slot), None, at, 0);
        }
    }

    fn cancel(&mut self, place: usize, at: Timestamp) {
        let Some(run) = &self.runs[place] else {
            return;
        };
        let (batch, nodes): (usize, Vec<u32>) = (run.batch, run.running.keys().copied().collect());
        for node in nodes {
            self.give_back(place, node, at);
        }
        self.tally.cancelled += 1;
        self.runs[place] = None;
        self.unused.push(place);
        self.lives[batch].live.retain(|live| *live != place);
    }

    fn finish(mut self) -> Tally {
        let until = self.plan.until;
        for run in self.runs.iter().flatten() {
            self.tally.unstarted += u64::from(!run.started);
            for begun in run.running.values() {
                self.tally.busy_us += until.0 - begun.0;
            }
        }
        self.tally.capacity_us = capacity_us(&self.plan.slots, until);
        self.tally
    }
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number % length.max(1) as u64).unwrap_or(0)
}

/// A number with nothing to see of the one it was made of (SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
