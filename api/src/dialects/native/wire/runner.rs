//! Runners: what executes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a runner is drained.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drain {
    /// Why, for others to read: at most 2,000 bytes.
    pub(crate) reason: Option<String>,
}

/// A runner that joined, lost or not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Runner {
    /// Its id.
    pub(crate) id: String,
    /// Machine it runs on.
    pub(crate) host: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Its Fasti version.
    pub(crate) version: String,
    /// Free words for placement.
    pub(crate) labels: BTreeMap<String, String>,
    /// Attempts at a time.
    pub(crate) slots: u32,
    /// MHz it offers.
    pub(crate) cpu: u32,
    /// Megabytes it offers.
    pub(crate) memory: u32,
    /// When it joined.
    pub(crate) joined_at: String,
    /// When it was lost.
    pub(crate) lost_at: Option<String>,
    /// How that was noticed.
    pub(crate) lost_reason: Option<String>,
    /// Since when it is drained: it is given nothing new, what it has goes on.
    pub(crate) drained_at: Option<String>,
    /// Who drained it.
    pub(crate) drained_by: Option<String>,
    /// Why, as given.
    pub(crate) drained_reason: Option<String>,
    /// Attempts given to it that are not over.
    pub(crate) held_attempts: u64,
    /// Of these, how many have a process.
    pub(crate) running_attempts: u64,
    /// Attempts it ended.
    pub(crate) finished_attempts: u64,
}
