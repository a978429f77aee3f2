//! Task runs that wait for a runner: by priority, first in first out within a level. Kept as ranges, so that
//! a queued array of 100,000 parts is one entry.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::definition::Priority;
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
    entries: BTreeMap<Place, ReadyRange>,
    /// The same entries by run and first position, so that one is found without a search.
    places: BTreeSet<(RunId, u32, Place)>,
    last_order: u64,
    len: u64,
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
    pub(crate) fn push(&mut self, priority: Priority, range: ReadyRange) {
        self.last_order += 1;
        self.len += u64::from(range.end - range.first);
        let place = Place {
            rank: rank(priority),
            order: self.last_order,
            first: range.first,
        };
        self.insert(place, range);
    }

    fn insert(&mut self, place: Place, range: ReadyRange) {
        self.places.insert((range.run, range.first, place));
        self.entries.insert(place, range);
    }

    /// Entries in the order in which they are served.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ReadyRange> {
        self.entries.values()
    }

    /// Takes one position out, wherever it stands; what is left of its range keeps its turn.
    pub(crate) fn remove(&mut self, run: RunId, index: u32) {
        let before = (run, u32::MIN, Place::LOWEST)..=(run, index, Place::HIGHEST);
        let Some((_, _, place)) = self.places.range(before).next_back().copied() else {
            return;
        };
        let Some(range) = self.entries.get(&place).copied() else {
            return;
        };
        if index >= range.end {
            return;
        }
        self.len -= 1;
        self.entries.remove(&place);
        self.places.remove(&(run, range.first, place));
        if range.first < index {
            let front = ReadyRange {
                end: index,
                ..range
            };
            self.insert(place, front);
        }
        if index + 1 < range.end {
            let first = index + 1;
            self.insert(Place { first, ..place }, ReadyRange { first, ..range });
        }
    }

    /// Takes everything of a run out.
    pub(crate) fn remove_run(&mut self, run: RunId) {
        let all = (run, u32::MIN, Place::LOWEST)..=(run, u32::MAX, Place::HIGHEST);
        let own: Vec<_> = self.places.range(all).copied().collect();
        for entry in own {
            self.places.remove(&entry);
            if let Some(range) = self.entries.remove(&entry.2) {
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
        queue
            .iter()
            .flat_map(|r| (r.first..r.end).map(|i| (r.run.0, i)))
            .collect()
    }

    #[test]
    fn priority_then_first_in_first_out() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, range(1, 0, 2));
        queue.push(Priority::Low, range(2, 0, 1));
        queue.push(Priority::High, range(3, 5, 6));
        queue.push(Priority::Normal, range(4, 0, 1));
        assert_eq!(order(&queue), [(3, 5), (1, 0), (1, 1), (4, 0), (2, 0)]);
        queue.remove(RunId(1), 0);
        assert_eq!(order(&queue), [(3, 5), (1, 1), (4, 0), (2, 0)]);
        queue.remove_run(RunId(4));
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn removal_in_the_middle_keeps_the_rest() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, range(1, 0, 5));
        queue.remove(RunId(1), 2);
        assert_eq!(order(&queue), [(1, 0), (1, 1), (1, 3), (1, 4)]);
        queue.remove(RunId(1), 9);
        assert_eq!(queue.len(), 4);
    }

    #[test]
    fn a_divided_range_keeps_its_turn() {
        let mut queue = ReadyQueue::default();
        queue.push(Priority::Normal, range(1, 0, 5));
        queue.push(Priority::Normal, range(2, 0, 2));
        for index in [0, 2, 4] {
            queue.remove(RunId(1), index);
        }
        assert_eq!(order(&queue), [(1, 1), (1, 3), (2, 0), (2, 1)]);
        queue.remove_run(RunId(1));
        assert_eq!(order(&queue), [(2, 0), (2, 1)]);
        assert_eq!(queue.len(), 2);
    }
}
