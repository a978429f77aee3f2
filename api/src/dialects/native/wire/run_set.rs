//! Run sets: many runs made together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tag;

/// Many runs made together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunSet {
    /// Its id.
    pub(crate) id: u64,
    /// Batch its runs are of.
    pub(crate) batch_id: String,
    /// Name of the batch.
    pub(crate) batch_name: String,
    /// Tag of the batch.
    pub(crate) tag: Tag,
    /// For people.
    pub(crate) title: String,
    /// Free words.
    pub(crate) labels: Vec<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// Who made it.
    pub(crate) created_by: String,
    /// Whether it takes no more runs.
    pub(crate) closed: bool,
    /// When its last run ended, once it is closed.
    pub(crate) finished_at: Option<String>,
    /// Runs by status; statuses without any are left out.
    pub(crate) run_counts: BTreeMap<&'static str, u64>,
    /// Runs in all.
    pub(crate) run_count: u64,
}

/// One run to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunSetRun {
    /// `YYYY-MM-DD`. Default: derived when the run starts.
    #[serde(default)]
    pub(crate) rundate: Option<String>,
}

/// Body that makes a set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRunSet {
    /// UUID of the batch.
    pub(crate) batch_id: String,
    /// For people. Default: empty.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Free words.
    #[serde(default)]
    pub(crate) labels: Option<Vec<String>>,
    /// Its first runs, at most 1,000.
    #[serde(default)]
    pub(crate) runs: Option<Vec<RunSetRun>>,
    /// Whether more will follow. Default: false.
    #[serde(default)]
    pub(crate) more: Option<bool>,
}

/// Body that adds runs to a set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoreRuns {
    /// Further runs, at most 1,000.
    pub(crate) runs: Vec<RunSetRun>,
    /// Whether more will follow. Default: false.
    #[serde(default)]
    pub(crate) more: Option<bool>,
}
