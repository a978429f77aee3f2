//! Runners as the scheduler knows them: what they can take, what they hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::RunnerId;

/// What a runner says of itself when it joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerInfo {
    /// Its name; a restarted runner takes a new one.
    pub runner: RunnerId,
    /// Machine it runs on.
    pub host: String,
    /// Identity of the machine's boot: processes of another boot are gone for certain.
    pub boot_id: String,
    /// Its process id.
    pub pid: u32,
    /// Its Fasti version.
    pub version: String,
    /// What it can take.
    pub capacity: Capacity,
    /// Free words for placement.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A runner takes attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerJoined {
    /// What it says of itself.
    pub info: RunnerInfo,
}

/// A runner is gone; the attempts it held are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunnerLost {
    /// The runner.
    pub runner: RunnerId,
    /// How that was noticed.
    pub reason: String,
}

/// How much a runner takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Capacity {
    /// Attempts at a time.
    pub slots: u32,
    /// Processor, in MHz as tasks count it (4000 = one core).
    pub cpu_mhz: u32,
    /// Memory in megabytes.
    pub memory_mb: u32,
}
