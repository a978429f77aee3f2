//! What would have been.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Priority;

/// What is otherwise. Batches by `name` or `name:tag`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhatIfBody {
    /// First instant, RFC 3339.
    pub(crate) from: String,
    /// Last instant, excluded; default: now.
    #[serde(default)]
    pub(crate) until: Option<String>,
    /// Cron texts by batch, in the time zone and with the calendars and policies that the batch has.
    #[serde(default)]
    pub(crate) schedules: BTreeMap<String, String>,
    /// Task runs at a time; default: what the runners had.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(crate) slots: Option<u32>,
    /// Units by pool, in place of its limits; null: no limit.
    #[serde(default)]
    pub(crate) pools: BTreeMap<String, Option<u64>>,
    /// Priorities of all tasks of a batch.
    #[serde(default)]
    pub(crate) priorities: BTreeMap<String, Priority>,
    /// Versions by batch, with their schedules.
    #[serde(default)]
    pub(crate) versions: BTreeMap<String, u32>,
    /// Seed of everything drawn: the same seed gives the same answer. Default: 0.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How long a task takes of which no time is known, in seconds; default: 60, at most a week.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 604_800)]
    pub(crate) task_seconds: Option<u32>,
}

/// An estimate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhatIf {
    /// First instant.
    pub(crate) from: String,
    /// Last instant, excluded.
    pub(crate) until: String,
    /// Seed of everything drawn.
    pub(crate) seed: u64,
    /// Always true.
    pub(crate) is_estimate: bool,
    /// Position in the log this is as of.
    pub(crate) as_of_seq: u64,
    /// What is otherwise, in words.
    pub(crate) changes: Vec<String>,
    /// How often it was played.
    pub(crate) times: u64,
    /// Over all batches.
    pub(crate) figures: Vec<WhatIfFigure>,
    /// By batch, those with runs, in the order of their names.
    pub(crate) batches: Vec<WhatIfBatch>,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhatIfFigure {
    /// Of what.
    pub(crate) name: &'static str,
    /// In which unit: `runs`, `slots`, `s`, `%`.
    pub(crate) unit: &'static str,
    /// As it was.
    pub(crate) recorded: f64,
    /// By the model, without changes and with the recorded times.
    pub(crate) model: f64,
    /// With the changes: one of ten times it is lower.
    pub(crate) low: f64,
    /// With the changes: half of the times it is lower.
    pub(crate) median: f64,
    /// With the changes: one of ten times it is higher.
    pub(crate) high: f64,
}

/// One batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhatIfBatch {
    /// Its name and tag, `name:tag`.
    pub(crate) batch: String,
    /// Figures.
    pub(crate) figures: Vec<WhatIfFigure>,
}
