//! Task runs as they are kept: a hundred thousand queued ones are to cost little. Names, resources and
//! everything else that the definition says is not repeated here.

use std::sync::Arc;

use fasti_core::domain::attempt::{Outcome, ResultRef, Usage};
use fasti_core::domain::ids::{RunnerId, TaskRunId};
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rows::Phase;

/// An instant or none, in eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct When(i64);

/// One task run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskCell {
    pub(crate) status: TaskStatus,
    pub(crate) queued_at: When,
    pub(crate) started_at: When,
    pub(crate) finished_at: When,
    /// Why it ended as it did; shared by all that one event ended.
    pub(crate) reason: Option<Arc<str>>,
    /// `None` for one that was neither leased nor reused.
    pub(crate) detail: Option<Box<Detail>>,
    /// Stages of its task that it has passed.
    pub(crate) passed: u8,
}

/// What only some task runs have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detail {
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) result: Option<ResultRef>,
    pub(crate) reused_from: Option<TaskRunId>,
    pub(crate) retry_at: Option<Timestamp>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    pub(crate) number: u32,
    /// 0 until it has a process.
    pub(crate) pid: u32,
    pub(crate) runner: RunnerId,
    pub(crate) leased_at: Timestamp,
    pub(crate) started_at: When,
    pub(crate) finished_at: When,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) usage: Usage,
}

impl When {
    const NEVER: i64 = i64::MIN;

    pub(crate) fn get(self) -> Option<Timestamp> {
        (self.0 != Self::NEVER).then_some(Timestamp(self.0))
    }

    pub(crate) fn or(self, other: Self) -> Self {
        if self.0 == Self::NEVER { other } else { self }
    }
}

impl Default for When {
    fn default() -> Self {
        Self(Self::NEVER)
    }
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        Self(at.0)
    }
}

impl From<Option<Timestamp>> for When {
    fn from(at: Option<Timestamp>) -> Self {
        at.map(Self::from).unwrap_or_default()
    }
}

impl TaskCell {
    pub(crate) fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_default()
    }

    pub(crate) fn attempts(&self) -> &[AttemptRow] {
        self.detail.as_ref().map_or(&[], |detail| &detail.attempts)
    }

    pub(crate) fn has_live_attempt(&self) -> bool {
        let last = self.attempts().last();
        last.is_some_and(|attempt| attempt.outcome.is_none())
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::of(self.status, self.has_live_attempt())
    }

    /// The last attempt, if it is this one and not over.
    pub(crate) fn live_attempt(&mut self, number: u32) -> Option<&mut AttemptRow> {
        let last = self.detail.as_mut()?.attempts.last_mut()?;
        (last.number == number && last.outcome.is_none()).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_task_run_is_small() {
        assert!(
            size_of::<TaskCell>() <= 56,
            "{} bytes a task run",
            size_of::<TaskCell>()
        );
    }

    #[test]
    fn never_is_no_instant() {
        assert_eq!(When::default().get(), None);
        assert_eq!(When::from(Timestamp(0)).get(), Some(Timestamp(0)));
        let first = When::from(Timestamp(1));
        assert_eq!(When::default().or(first), first);
        assert_eq!(first.or(When::from(Timestamp(2))), first);
    }
}
