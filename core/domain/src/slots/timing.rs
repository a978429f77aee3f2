//! From a definition to instants: its rule, its jitter, the next slot.

use std::collections::VecDeque;

use crate::batch::Batch;
use crate::calendar::Rule;
use crate::definition::Definition;
use crate::ids::{BatchId, RunId};
use crate::seeded;
use crate::slots::NextSlot;
use crate::state::State;
use crate::time::Timestamp;

/// A slot this much past its due time is late: the misfire policy decides about it. Shorter delays are those of
/// a busy or restarting server.
pub(super) const ON_TIME_US: i64 = 5_000_000;

/// The timing of one batch.
pub(super) struct Timing<'a> {
    pub(super) rule: Rule,
    batch: BatchId,
    jitter_us: u64,
    seed: &'a [u8; 16],
}

impl<'a> Timing<'a> {
    /// `None` for a batch that no rule starts. A rule that cannot be read cannot have been saved.
    pub(super) fn of(state: &'a State, batch: BatchId, definition: &Definition) -> Option<Self> {
        let rule = state.rule(&definition.schedule).ok().flatten()?;
        let jitter = definition.schedule.policy.jitter_seconds.unwrap_or(0);
        Some(Self {
            rule,
            batch,
            jitter_us: u64::from(jitter) * 1_000_000,
            seed: &state.seed,
        })
    }

    /// The slot after an instant.
    pub(super) fn next(&self, after: Timestamp) -> Option<NextSlot> {
        let slot = self.rule.next_after(after)?;
        Some(NextSlot {
            slot,
            due: self.due(slot),
        })
    }

    /// When a slot fires: its own delay has passed, and those of the slots before it. Slots keep their order, so
    /// one with a short delay waits for one before it with a long one; never longer than the longest delay.
    pub(super) fn due(&self, slot: Timestamp) -> Timestamp {
        let mut due = self.own_due(slot);
        let mut earlier = slot;
        while self.jitter_us > 0
            && let Some(before) = self.rule.prev_before(earlier)
            && before.plus_us(self.longest_us()) > due
        {
            due = due.max(self.own_due(before));
            earlier = before;
        }
        due
    }

    fn own_due(&self, slot: Timestamp) -> Timestamp {
        if self.jitter_us == 0 {
            return slot;
        }
        let delay = seeded::slot_delay_us(self.seed, self.batch, slot, self.jitter_us);
        slot.plus_us(i64::try_from(delay).unwrap_or(0))
    }

    fn longest_us(&self) -> i64 {
        i64::try_from(self.jitter_us).unwrap_or(0)
    }

    /// The last slot that is due at `at`, given that `first` is.
    pub(super) fn last_due(&self, first: Timestamp, at: Timestamp) -> Timestamp {
        // Up to here no jitter can be in the way; beyond, slots are looked at one by one: at most an hour's.
        let certain = self.rule.prev_before(at.plus_us(1 - self.longest_us()));
        let mut last = certain.map_or(first, |slot| slot.max(first));
        if self.jitter_us == 0 {
            return last;
        }
        // That of the slots before it has passed, so its own delay is what counts.
        while let Some(next) = self.rule.next_after(last)
            && self.own_due(next) <= at
        {
            last = next;
        }
        last
    }

    /// The slots from `last` back to those after `after`, each with when it was due.
    pub(super) fn back_from(&self, last: Timestamp, after: Timestamp) -> BackFrom<'_> {
        BackFrom {
            timing: self,
            after,
            slot: Some(last),
            ahead: VecDeque::new(),
            looked: Some(last.plus_us(1)),
        }
    }
}

/// Walks back over slots. The greatest due time of those before each is kept on the way, so that a walk costs the
/// same however long the delays are.
pub(super) struct BackFrom<'a> {
    timing: &'a Timing<'a>,
    after: Timestamp,
    slot: Option<Timestamp>,
    /// Slots not later than the present one, latest first, with falling due times: the first is the greatest.
    ahead: VecDeque<NextSlot>,
    /// The earliest slot looked at so far.
    looked: Option<Timestamp>,
}

impl Iterator for BackFrom<'_> {
    type Item = NextSlot;

    fn next(&mut self) -> Option<NextSlot> {
        let slot = self.slot.filter(|slot| *slot > self.after)?;
        let earliest = slot.plus_us(-self.timing.longest_us());
        while let Some(before) = self.looked.and_then(|it| self.timing.rule.prev_before(it))
            && before >= earliest
        {
            self.looked = Some(before);
            let due = self.timing.own_due(before);
            while self.ahead.back().is_some_and(|it| it.due <= due) {
                self.ahead.pop_back();
            }
            self.ahead.push_back(NextSlot { slot: before, due });
        }
        while self.ahead.front().is_some_and(|it| it.slot > slot) {
            self.ahead.pop_front();
        }
        let due = self.ahead.front().map_or(slot, |greatest| greatest.due);
        self.slot = self.timing.rule.prev_before(slot);
        Some(NextSlot { slot, due })
    }
}

impl State {
    /// A batch with its present definition and what of it concerns slots.
    pub(super) fn timing(&self, batch: &Batch) -> Option<Timing<'_>> {
        Timing::of(self, batch.id, self.batch_definition(batch)?)
    }
}

/// Ids for the runs that one decision makes.
pub(crate) struct RunIds(u64);

impl RunIds {
    pub(crate) fn of(state: &State) -> Self {
        Self(state.last_id + 1)
    }

    /// Ids taken so far: one a run, and one a task run.
    pub(crate) fn taken(&self, state: &State) -> u64 {
        self.0 - (state.last_id + 1)
    }

    /// The id of the next run, which has so many task runs.
    pub(crate) fn take(&mut self, task_runs: u32) -> RunId {
        let id = RunId(self.0);
        self.0 += 1 + u64::from(task_runs);
        id
    }
}
