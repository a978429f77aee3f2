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
    /// The slots that it has runs for; null unless it is a backfill.
    pub(crate) backfill: Option<Backfill>,
}

/// The slots of a backfill.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Backfill {
    /// First instant, included.
    pub(crate) from: String,
    /// Last instant, excluded.
    pub(crate) until: String,
    /// `oldest_first` or `newest_first`.
    pub(crate) order: &'static str,
    /// Runs that go on at a time.
    pub(crate) live_max: u32,
    /// Slots in the range when it was made.
    pub(crate) slots: u64,
    /// Whether it makes no runs until it is resumed.
    pub(crate) paused: bool,
    /// Why it is paused, when nobody asked for it: its batch cannot run.
    pub(crate) pause_reason: Option<String>,
}

/// Body that makes a backfill: one run a slot of the range.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBackfill {
    /// UUID of the batch.
    pub(crate) batch_id: String,
    /// First instant, included; RFC 3339.
    pub(crate) from: String,
    /// Last instant, excluded; RFC 3339.
    pub(crate) until: String,
    /// `oldest_first` (default) or `newest_first`.
    #[serde(default)]
    pub(crate) order: Option<BackfillOrder>,
    /// Runs that go on at a time, 1 to 1,000. Default: 4.
    #[serde(default)]
    pub(crate) live_max: Option<u32>,
    /// For people. Default: `backfill`.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Free words.
    #[serde(default)]
    pub(crate) labels: Option<Vec<String>>,
    /// Answer with what it comes to and start nothing.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// Which end of the range comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackfillOrder {
    /// In the order of time.
    #[default]
    OldestFirst,
    /// What is most recent first.
    NewestFirst,
}

/// What a backfill comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackfillPreview {
    /// Slots in the range.
    pub(crate) slots: u64,
    /// The first of them, in the order in which they get their runs; at most 1,000.
    pub(crate) fire_times: Vec<String>,
    /// Rundates of these.
    pub(crate) rundates: Vec<String>,
    /// Whether there are more than are listed.
    pub(crate) truncated: bool,
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
