//! Counts over steps, kept with every change instead of being counted anew.

use serde::{Deserialize, Serialize};

use super::model::StepStatus;

/// Steps by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    by_status: [u64; 7],
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_status.iter().sum()
    }

    /// Those of one status.
    #[must_use]
    pub fn of(&self, status: StepStatus) -> u64 {
        self.by_status[status as usize]
    }

    /// Whether there are steps that keep what waits for them from going on.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.of(StepStatus::Failed) + self.of(StepStatus::Canceled) + self.of(StepStatus::Blocked)
            > 0
    }

    pub(super) fn shift(&mut self, from: Option<StepStatus>, to: Option<StepStatus>) {
        if let Some(from) = from {
            let count = &mut self.by_status[from as usize];
            *count = count.saturating_sub(1);
        }
        if let Some(to) = to {
            self.by_status[to as usize] += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.by_status.iter_mut().zip(other.by_status) {
            *own += other;
        }
    }
}

/// Durations of completed steps, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// How many.
    pub count: u64,
    sum: i64,
    min: i64,
    max: i64,
}

impl Durations {
    pub(super) fn add(&mut self, us: i64) {
        let us = us.max(0);
        self.min = if self.count == 0 {
            us
        } else {
            self.min.min(us)
        };
        self.max = self.max.max(us);
        self.sum = self.sum.saturating_add(us);
        self.count += 1;
    }

    /// The shortest; `None` without any.
    #[must_use]
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Option<i64> {
        let count = i64::try_from(self.count).ok().filter(|count| *count > 0)?;
        Some(self.sum / count)
    }
}

/// What the steps of one node come to, over all flows of a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMetrics {
    /// By status.
    pub counts: Counts,
    /// From start to end of the command.
    pub command: Durations,
    /// From start to the end of everything around it.
    pub step: Durations,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_the_published_example() {
        let mut command = Durations::default();
        assert_eq!(
            (command.min(), command.mean(), command.max()),
            (None, None, None)
        );
        for us in [1_200_000, 1_400_000, 2_100_000, 62_900_000] {
            command.add(us);
        }
        assert_eq!(command.min(), Some(1_200_000));
        assert_eq!(command.mean(), Some(16_900_000));
        assert_eq!(command.max(), Some(62_900_000));
    }
}
