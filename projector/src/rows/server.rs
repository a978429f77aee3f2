//! The log, servers, runners and images as they are listed.

use fasti_core::domain::command::Settings;
use fasti_core::domain::ids::{LogId, Seq};
use fasti_core::domain::image::Image;
use fasti_core::domain::runner::RunnerInfo;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunCounts;

/// The log and what there is in it, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogView {
    /// Identity; `None` before the first event.
    pub log_id: Option<LogId>,
    /// Last event known.
    pub as_of: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// The last starts of servers, oldest first.
    pub server_starts: Vec<ServerStart>,
    /// Settings in force.
    pub settings: Settings,
    /// Living batches.
    pub batches: u64,
    /// Runs ever made, by their present status.
    pub runs: RunCounts,
    /// Task runs of live runs that wait for a runner, or for their next attempt.
    pub task_runs_queued: u64,
    /// Task runs of live runs that have a process.
    pub task_runs_running: u64,
    /// Task runs of live runs that wait for others.
    pub task_runs_waiting: u64,
    /// Reports about attempts that had already ended.
    pub late_reports: u64,
    /// Times that slots of schedules had no outcome when it was due.
    pub slot_alerts: u64,
    /// Events of later versions that were passed over.
    pub unknown_events: u64,
}

/// A server took up the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStart {
    /// The event.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Fasti version.
    pub version: String,
    /// Machine.
    pub host: String,
    /// Release of the time zone database.
    pub tz_database: String,
}

/// A runner that joined, lost or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerView {
    /// What it says of itself; `info.capacity.slots` attempts at a time.
    pub info: RunnerInfo,
    /// When it joined.
    pub joined_at: Timestamp,
    /// When it was lost.
    pub lost_at: Option<Timestamp>,
    /// How that was noticed.
    pub lost_reason: Option<String>,
    /// Attempts leased to it that are not over.
    pub held_attempts: u64,
    /// Of these, how many have a process.
    pub running_attempts: u64,
    /// Attempts it ended.
    pub finished_attempts: u64,
}

/// A runner that is given nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainView {
    /// The event that says so last.
    pub seq: Seq,
    /// Since when.
    pub since: Timestamp,
    /// Who asked.
    pub by: String,
    /// Why, as given.
    pub reason: Option<String>,
}

/// A registered image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageView {
    /// Where its code and interpreter are.
    pub image: Image,
    /// When it was registered last.
    pub updated_at: Timestamp,
}
