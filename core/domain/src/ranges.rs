//! Sets of task runs as ascending ranges, so that a fact about 100,000 of them is one small event.

use serde::{Deserialize, Serialize};

use crate::ids::{RunId, TaskRunId};

/// Task runs of one run: disjoint, ascending, inclusive ranges of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct TaskRuns(Vec<(TaskRunId, TaskRunId)>);

impl TaskRuns {
    /// The task runs of `run` at these positions; they must ascend.
    pub fn from_indexes(run: RunId, indexes: impl IntoIterator<Item = u32>) -> Self {
        let mut out = Self::default();
        for index in indexes {
            out.push(run.task_run(index));
        }
        out
    }

    /// Adds one that is above all others (repetitions of the last are ignored).
    pub fn push(&mut self, id: TaskRunId) {
        match self.0.last_mut() {
            Some((_, last)) if last.0 >= id.0 => {
                debug_assert_eq!(last.0, id.0, "task runs are added in ascending order");
            }
            Some((_, last)) if last.0 + 1 == id.0 => *last = id,
            _ => self.0.push((id, id)),
        }
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, id: TaskRunId) -> bool {
        self.ranges()
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&id))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0
            .iter()
            .map(|(first, last)| last.0 - first.0 + 1)
            .sum()
    }

    /// The ranges, inclusive at both ends.
    #[must_use]
    pub fn ranges(&self) -> &[(TaskRunId, TaskRunId)] {
        &self.0
    }

    /// All ids, ascending.
    pub fn iter(&self) -> impl Iterator<Item = TaskRunId> + '_ {
        self.0
            .iter()
            .flat_map(|(first, last)| (first.0..=last.0).map(TaskRunId))
    }

    /// Positions in `run`, ascending. Ids outside the run are left out.
    pub fn indexes(&self, run: RunId) -> impl Iterator<Item = u32> + '_ {
        self.iter().filter_map(move |id| index_in(run, id))
    }

    /// The only one, if there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<TaskRunId> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }
}

/// Position of a task run in its run.
#[must_use]
pub fn index_in(run: RunId, id: TaskRunId) -> Option<u32> {
    id.0.checked_sub(run.0 + 1)
        .and_then(|index| u32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge() {
        let set = TaskRuns::from_indexes(RunId(10), [0, 1, 2, 5, 7, 8]);
        assert_eq!(set.ranges().len(), 3);
        assert_eq!(set.len(), 6);
        assert_eq!(
            set.indexes(RunId(10)).collect::<Vec<_>>(),
            [0, 1, 2, 5, 7, 8]
        );
        assert_eq!(set.single(), None);
        assert_eq!(
            TaskRuns::from_indexes(RunId(10), [4]).single(),
            Some(TaskRunId(15))
        );
    }
}
