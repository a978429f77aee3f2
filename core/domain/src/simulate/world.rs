//! The simulated scheduler: slots and ends of runs in the order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Report, Simulated, Start, Stretch, Sums};
use crate::limits::QUEUED_SLOTS_MAX;
use crate::slots::Overlap;
use crate::time::Timestamp;

/// What happens at an instant: ends before slots, so that a run that ends as the next slot comes is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// The run under this index ends, if it is still this one.
    End { run: usize, number: u64 },
    /// A slot of the batch.
    Slot { batch: usize },
}

/// A run that goes on or waits for a place.
#[derive(Debug, Clone, Copy)]
struct Run {
    number: u64,
    batch: usize,
    slot: Timestamp,
    started_at: Option<Timestamp>,
}

/// One batch while the simulation goes on.
#[derive(Debug, Default)]
struct Life {
    sums: Sums,
    /// Indices of its runs that are not over.
    live: Vec<usize>,
    /// Slots that wait.
    waiting: VecDeque<Timestamp>,
    /// Batches that run after it.
    followers: Vec<usize>,
}

/// See the module.
pub(super) struct World<'a> {
    batches: &'a [Simulated],
    stretch: Stretch,
    lives: Vec<Life>,
    moments: BinaryHeap<Reverse<(Timestamp, Moment)>>,
    /// Runs by index; those that are over are used again.
    runs: Vec<Option<Run>>,
    unused: Vec<usize>,
    numbers: u64,
    /// Runs that wait for a place, with their numbers.
    pending: VecDeque<(usize, u64)>,
    running: u64,
    minute: (Timestamp, u64),
    report: Report,
}

impl<'a> World<'a> {
    pub(super) fn new(batches: &'a [Simulated], stretch: Stretch) -> Self {
        let mut world = Self {
            batches,
            stretch,
            lives: batches.iter().map(|_| Life::default()).collect(),
            moments: BinaryHeap::new(),
            runs: Vec::new(),
            unused: Vec::new(),
            numbers: 0,
            pending: VecDeque::new(),
            running: 0,
            minute: (stretch.from, 0),
            report: Report::default(),
        };
        for (index, batch) in batches.iter().enumerate() {
            match &batch.start {
                Start::Times(rule) => world.expect(index, rule.next_from(stretch.from)),
                Start::After(before) => world.lives[*before].followers.push(index),
            }
        }
        world
    }

    pub(super) fn play(mut self) -> Report {
        while let Some(Reverse((at, moment))) = self.moments.pop() {
            if at >= self.stretch.until {
                break;
            }
            match moment {
                Moment::Slot { batch } => {
                    let rule = self.batches[batch].rule();
                    self.expect(batch, rule.and_then(|rule| rule.next_after(at)));
                    self.slot(batch, at);
                }
                Moment::End { run, number } => self.end(run, number, at),
            }
            self.place(at);
        }
        self.finish()
    }

    fn expect(&mut self, batch: usize, slot: Option<Timestamp>) {
        if let Some(slot) = slot.filter(|slot| *slot < self.stretch.until) {
            self.moments.push(Reverse((slot, Moment::Slot { batch })));
        }
    }

    fn slot(&mut self, batch: usize, at: Timestamp) {
        const MINUTE_US: i64 = 60_000_000;
        let minute = Timestamp(at.0 - at.0.rem_euclid(MINUTE_US));
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        self.minute.1 += 1;
        if self
            .report
            .busiest_minute
            .is_none_or(|(_, most)| self.minute.1 > most)
        {
            self.report.busiest_minute = Some(self.minute);
        }
        let Simulated {
            policy,
            paused_until,
            ..
        } = &self.batches[batch];
        let life = &mut self.lives[batch];
        life.sums.slots += 1;
        if paused_until.is_some_and(|until| at < until) {
            life.sums.skipped += 1;
            return;
        }
        let is_busy = !life.live.is_empty() || !life.waiting.is_empty();
        match policy.overlap {
            Overlap::Allow => self.fire(batch, at),
            _ if !is_busy => self.fire(batch, at),
            Overlap::Skip => life.sums.skipped += 1,
            Overlap::QueueOne => {
                life.sums.superseded += life.waiting.len() as u64;
                life.waiting.clear();
                life.waiting.push_back(at);
            }
            Overlap::QueueAll if life.waiting.len() >= QUEUED_SLOTS_MAX => life.sums.skipped += 1,
            Overlap::QueueAll => life.waiting.push_back(at),
            Overlap::CancelOld => {
                for run in std::mem::take(&mut life.live) {
                    self.cancel(run, at);
                }
                self.fire(batch, at);
            }
        }
    }

    fn fire(&mut self, batch: usize, slot: Timestamp) {
        self.numbers += 1;
        let run = Run {
            number: self.numbers,
            batch,
            slot,
            started_at: None,
        };
        let index = match self.unused.pop() {
            Some(index) => {
                self.runs[index] = Some(run);
                index
            }
            None => {
                self.runs.push(Some(run));
                self.runs.len() - 1
            }
        };
        let life = &mut self.lives[batch];
        life.sums.fired += 1;
        life.live.push(index);
        self.pending.push_back((index, run.number));
    }

    /// Starts what waits for a place, as far as there are some.
    fn place(&mut self, at: Timestamp) {
        let places = self.stretch.places.map_or(u64::MAX, u64::from);
        while self.running < places
            && let Some((index, number)) = self.pending.pop_front()
        {
            let run = self.runs[index].filter(|run| run.number == number);
            let Some(run) = run else {
                continue;
            };
            let batch = run.batch;
            let wait_us = at.0 - run.slot.0;
            if self.is_too_late(batch, wait_us) {
                self.lives[batch].live.retain(|live| *live != index);
                self.cancel(index, at);
                self.fire_waiting(batch, at);
                continue;
            }
            self.runs[index] = Some(Run {
                started_at: Some(at),
                ..run
            });
            let end = at.plus_us(self.batches[batch].duration_us.max(1));
            self.moments
                .push(Reverse((end, Moment::End { run: index, number })));
            let sums = &mut self.lives[batch].sums;
            sums.longest_wait_us = sums.longest_wait_us.max(wait_us);
            self.running += 1;
            if self.running > self.report.most_running {
                self.report.most_running = self.running;
                self.report.most_running_at = Some(at);
            }
        }
    }

    fn is_too_late(&self, batch: usize, wait_us: i64) -> bool {
        let deadline = self.batches[batch].policy.start_deadline_seconds;
        let deadline = deadline.and_then(|seconds| i64::try_from(seconds).ok());
        deadline.is_some_and(|seconds| wait_us > seconds.saturating_mul(1_000_000))
    }

    fn end(&mut self, index: usize, number: u64, at: Timestamp) {
        let run = self.runs[index].filter(|run| run.number == number);
        let Some(run) = run else {
            return;
        };
        self.lives[run.batch].live.retain(|live| *live != index);
        self.close(index, at);
        self.fire_waiting(run.batch, at);
        for position in 0..self.lives[run.batch].followers.len() {
            let follower = self.lives[run.batch].followers[position];
            self.slot(follower, at);
        }
    }

    /// The oldest slot that waits fires once no run goes on; those that waited too long are skipped.
    fn fire_waiting(&mut self, batch: usize, at: Timestamp) {
        while self.lives[batch].live.is_empty()
            && let Some(slot) = self.lives[batch].waiting.pop_front()
        {
            if self.is_too_late(batch, at.0 - slot.0) {
                self.lives[batch].sums.skipped += 1;
                continue;
            }
            self.lives[batch].sums.queued += 1;
            self.fire(batch, slot);
        }
    }

    fn cancel(&mut self, index: usize, at: Timestamp) {
        if let Some(run) = self.runs[index] {
            self.lives[run.batch].sums.runs_cancelled += 1;
        }
        self.close(index, at);
    }

    fn close(&mut self, index: usize, at: Timestamp) {
        let Some(run) = self.runs[index].take() else {
            return;
        };
        self.unused.push(index);
        if let Some(started_at) = run.started_at {
            self.running -= 1;
            self.lives[run.batch].sums.busy_us += at.0 - started_at.0;
        }
    }

    fn finish(mut self) -> Report {
        for index in 0..self.runs.len() {
            self.close(index, self.stretch.until);
        }
        for (batch, life) in self.batches.iter().zip(&mut self.lives) {
            life.sums.waiting = life.waiting.len() as u64;
            self.report.sums.add(&life.sums);
            self.report.batches.push((batch.name.clone(), life.sums));
        }
        self.report
    }
}
