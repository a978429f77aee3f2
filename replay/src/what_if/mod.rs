//! What if: recorded history once more, with another schedule, other slots, pools, priorities or another version. The
//! answer is an estimate, with what was recorded beside it, and causes nothing.
//!
//! A run takes as long as recorded runs of its batch took, task by task, drawn from them by chance with a seed; it is
//! played several times over, so that the answer has bands. What is asked for by people, messages and flows comes when
//! it came; slots come by their schedules, and runs after others when those end. Beside the estimate stands the same
//! model without changes and with the recorded times: by how far it is from what was recorded, the estimate may be
//! believed.

mod answer;
mod figures;
mod history;
mod plan;
mod world;

use std::collections::BTreeMap;

use fasti_core::domain::definition::Priority;
use fasti_core::domain::time::Timestamp;

pub use answer::{Answer, BatchAnswer, FigureAnswer};
pub use history::{History, Reader};

/// Runs that are played at most, once over.
pub const RUNS_MAX: usize = 5_000_000;

/// Task runs that are played at most, once over.
pub const TASK_RUNS_MAX: usize = 20_000_000;

/// Task runs to play in all, about; how often that is decides how fine the bands are.
const PLAYED: usize = 2_000_000;

/// How often it is played: bands need some, and beyond these they hardly change.
const TIMES: (usize, usize) = (5, 40);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// First instant, included.
    pub from: Timestamp,
    /// Last instant, excluded.
    pub until: Timestamp,
    /// What is otherwise.
    pub changes: Changes,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How long a task takes of which no time is known, in microseconds.
    pub task_us: i64,
}

/// What is otherwise. Batches by `name` or `name:tag`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Cron texts by batch, in the time zone and with the calendars and policies that the batch has.
    pub schedules: BTreeMap<String, String>,
    /// Task runs at a time, in place of what the runners had.
    pub slots: Option<u32>,
    /// Units by pool, in place of its limits; `None`: as wide as can be.
    pub pools: BTreeMap<String, Option<u64>>,
    /// Priorities of all tasks of a batch.
    pub priorities: BTreeMap<String, Priority>,
    /// Versions by batch, with their schedules.
    pub versions: BTreeMap<String, u32>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// A value is wrong.
    #[error("{message}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// No batch of this name.
    #[error("no batch `{0}` was there in that time; write `name` or `name:tag`")]
    UnknownBatch(String),
    /// Too much to play.
    #[error("{0}")]
    TooMuch(String),
}

/// Plays history once as it was and several times with the changes.
///
/// # Errors
/// The changes speak of what was not there, or there is too much to play.
pub fn what_if(history: &History, asked: &WhatIf) -> Result<Answer, WhatIfError> {
    let recorded = history.recorded();
    let as_it_was = plan::Plan::make(history, &asked.unchanged())?;
    let model = world::play(&as_it_was, world::Draw::Recorded);
    let changed = plan::Plan::make(history, asked)?;
    let expected = changed.task_runs().max(1);
    let times = (PLAYED / expected).clamp(TIMES.0, TIMES.1);
    let played: Vec<_> = (0..times as u64)
        .map(|number| world::play(&changed, world::Draw::Chance(asked.seed, number)))
        .collect();
    Ok(answer::answer(history, asked, &recorded, &model, &played))
}

impl WhatIf {
    /// The same without changes.
    fn unchanged(&self) -> Self {
        Self {
            changes: Changes::default(),
            ..self.clone()
        }
    }
}
