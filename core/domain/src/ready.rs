//! Task runs that wait for a runner: by priority, first in first out within a level. Kept as ranges, so that
//! a queued array of 100,000 parts is one entry.

use std::collections::{BTreeMap, btree_map};

use serde::{Deserialize, Serialize};

use crate::definition::{PoolUse, Priority};
use crate::ids::RunId;

/// Place in the queue: lower goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// 0 = high.
    rank: u8,
    /// Order of queuing.
    order: u64,
    /// First position of the range, so that what is left of a divided range keeps its turn.
    first: u32,
}

impl Place {
    const LOWEST: Self = Self {
        rank: u8::MIN,
        order: u64::MIN,
        first: u32::MIN,
    };
    const HIGHEST: Self = Self {
        rank: u8::MAX,
        order: u64::MAX,
        first: u32::MAX,
    };
}

/// Adjacent positions of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadyRange {
    pub(crate) run: RunId,
    pub(crate) first: u32,
    /// One past the last.
    pub(crate) end: u32,
}

/// The queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadyQueue {
    /// By the share of a pool that they take, so that a full pool is passed over whole.
    lanes: BTreeMap<Option<PoolUse>, BTreeMap<Place, ReadyRange>>,
    /// The lanes of the entries by run and first position, so that one is found without a search.
    places: BTreeMap<(RunId, u32, Place), Option<PoolUse>>,
    last_order: u64,
    len: u64,
}

/// What is left of a lane behind its head.
pub(crate) struct Lane<'a> {
    pub(crate) pool: Option<&'a PoolUse>,
    entries: btree_map::Iter<'a, Place, ReadyRange>,
}

/// The queue on its way to the runners: of each lane its head, the first of all first.
pub(crate) struct Served<'a> {
    heads: BTreeMap<Place, (ReadyRange, Lane<'a>)>,
}

impl<'a> Served<'a> {
    /// The next entry, with its lane. To go on with the lane behind it, give it back.
    pub(crate) fn next(&mut self) -> Option<(ReadyRange, Lane<'a>)> {
        self.heads.pop_first().map(|(_, head)| head)
    }

    /// Goes on with a lane.
    pub(crate) fn go_on(&mut self, mut lane: Lane<'a>) {
        if let Some((place, range)) = lane.entries.next() {
            self.heads.insert(*place, (*range, lane));
        }
    }
}

fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl ReadyQueue {
    /// Appends positions behind all others of their priority.
    pub(crate) fn push(&mut self, priority: Priority, pool: Option<&PoolUse>, range: ReadyRange) {
        self.last_order += 1;
        self.len += u64::from(range.end - range.first);
        let place = Place {
            rank: rank(priority),
            order: self.last_order,
            first: range.first,
        };
        self.insert(place, pool.cloned(), range);
    }

    fn insert(&mut self, place: Place, pool: Option<PoolUse>, range: ReadyRange) {
        let lane = self.lanes.entry(pool.clone()).or_default();
        lane.insert(place, range);
        self.places.insert((range.run, range.first, place), pool);
    }

    fn take(&mut self, entry: (RunId, u32, Place)) -> Option<(Option<PoolUse>, ReadyRange)> {
        let pool = self.places.remove(&entry)?;
        let lane = self.lanes.get_mut(&pool)?;
        let range = lane.remove(&entry.2);
        if lane.is_empty() {
            self.lanes.remove(&pool);
        }
        Some((pool, range?))
    }

    /// Entries in the order in which they are served.
    pub(crate) fn served(&self) -> Served<'_> {
        let mut served = Served {
            heads: BTreeMap::new(),
        };
        for (pool, lane) in &self.lanes {
            let mut entries = lane.iter();
            if let Some((place, range)) = entries.next() {
                let lane = Lane {
                    pool: pool.as_ref(),
                    entries,
                };
                served.heads.insert(*place, (*range, lane));
            }
        }
        served
    }

    /// Takes one position out, wherever it stands; what is left of its range keeps its turn.
    pub(crate) fn remove(&mut self, run: RunId, index: u32) {
        let before = (run, u32::MIN, Place::LOWEST)..=(run, index, Place::HIGHEST);
        let Some((entry, pool)) = self.places.range(before).next_back() else {
            return;
        };
        let (entry, place) = (*entry, entry.2);
        let range = self.lanes.get(pool).and_then(|lane| lane.get(&place));
        if range.is_none_or(|range| index >= range.end) {
            return;
        }
        let Some((pool, range)) = self.take(entry) else {
            return;
        };
        self.len -= 1;
        if range.first < index {
            let front = ReadyRange {
                end: index,
                ..range
            };
            self.insert(place, pool.clone(), front);
        }
        if index + 1 < range.end {
            let first = index + 1;
            self.insert(
                Place { first, ..place },
                pool,
                ReadyRange { first, ..range },
            );
        }
    }

    /// Takes everything of a run out.
    pub(crate) fn remove_run(&mut self, run: RunId) {
        let all = (run, u32::MIN, Place::LOWEST)..=(run, u32::MAX, Place::HIGHEST);
        let own: Vec<_> = self.places.range(all).map(|(entry, _)| *entry).collect();
        for entry in own {
            if let Some((_, range)) = self.take(entry) {
                self.len -= u64::from(range.end - range.first);
            }
        }
    }

    /// Number of positions.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(run: u64, first: u32, end: u32) -> ReadyRange {
        ReadyRange {
            run: RunId(run),
            first,
            end,
        }
    }

    fn order(queue: &ReadyQueue) -> Vec<(u64, u32)> {
        let mut served = queue.served();
        let mut order = Vec::new();
        while let Some((range, lane)) = served.next() {
            order.extend((range.first..range.end).map(|index| (range.run.0, index)));
            served.go_on(lane);
        }
        order
    }

    #[test]
    fn priority_then_first_in_first_out() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, None, range(1, 0, 2));
        queue.push(Priority::Low, None, range(2, 0, 1));
        queue.push(Priority::High, None, range(3, 5, 6));
        queue.push(Priority::Normal, None, range(4, 0, 1));
        assert_eq!(order(&queue), [(3, 5), (1, 0), (1, 1), (4, 0), (2, 0)]);
        queue.remove(RunId(1), 0);
        assert_eq!(order(&queue), [(3, 5), (1, 1), (4, 0), (2, 0)]);
        queue.remove_run(RunId(4));
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn removal_in_the_middle_keeps_the_rest() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, None, range(1, 0, 5));
        queue.remove(RunId(1), 2);
        assert_eq!(order(&queue), [(1, 0), (1, 1), (1, 3), (1, 4)]);
        queue.remove(RunId(1), 9);
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn a_divided_range_keeps_its_turn() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, None, range(1, 0, 5));
        queue.push(Priority::Normal, None, range(2, 0, 2));
        for index in [0, 2, 4] {
            queue.remove(RunId(1), index);
        }
        assert_eq!(order(&queue), [(1, 1), (1, 3), (2, 0), (2, 1)]);
        queue.remove_run(RunId(1));
        assert_eq!(order(&queue), [(2, 0), (2, 1)]);
        assert_eq!(queue.len(), 2);
    }

    #[test]
    fn lanes_are_served_in_one_order() {
        let share = |pool: &str, units| PoolUse {
            pool: pool.into(),
            units,
        };
        let (one, two) = (share("p", 1), share("p", 2));
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, Some(&one), range(1, 0, 2));
        queue.push(Priority::Normal, None, range(2, 0, 1));
        queue.push(Priority::High, Some(&two), range(3, 0, 1));
        queue.push(Priority::Normal, Some(&one), range(4, 0, 1));
        assert_eq!(order(&queue), [(3, 0), (1, 0), (1, 1), (2, 0), (4, 0)]);
        queue.remove(RunId(1), 0);
        queue.remove_run(RunId(3));
        assert_eq!(order(&queue), [(1, 1), (2, 0), (4, 0)]);
        assert_eq!(queue.len(), 3);
        for run in [1, 2, 4] {
            queue.remove_run(RunId(run));
        }
        assert_eq!(
            queue,
            ReadyQueue {
                last_order: 4,
                ..ReadyQueue::default()
            }
        );
    }
}
