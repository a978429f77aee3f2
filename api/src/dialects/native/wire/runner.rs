//! Runners: what executes.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

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
    /// Attempts given to it that are not over.
    pub(crate) held_attempts: u64,
    /// Of these, how many have a process.
    pub(crate) running_attempts: u64,
    /// Attempts it ended.
    pub(crate) finished_attempts: u64,
}
