//! The server itself.

use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, `degraded` (a runner has said nothing for 30 seconds), `stale` (answers stand still although the log goes on: start the server again), `disk_full`, `damaged` (the log is not what was written, or closed for writing) or `stopping`.
    pub(crate) status: &'static str,
    /// Whether commands are accepted.
    pub(crate) accepting: bool,
    /// Whether this is a sandbox: a copy of a log, in which no task runs.
    pub(crate) is_sandbox: bool,
    /// Last event in the log.
    pub(crate) log_seq: u64,
    /// Last event that answers know of.
    pub(crate) views_seq: u64,
    /// Whether that stays as it is: what computes the answers has ended.
    pub(crate) is_stale: bool,
    /// Events in between.
    pub(crate) views_lag: u64,
    /// Last event of a copy of the views that is being built anew; null when none is.
    pub(crate) views_rebuild_seq: Option<u64>,
    /// Copies that took their place since the start.
    pub(crate) views_rebuilds: u64,
    /// Commands waiting to be written.
    pub(crate) queue_length: usize,
    /// Connected runners that have said nothing for 30 seconds: they hang, or were stopped.
    pub(crate) silent_runners: Vec<String>,
    /// Milliseconds by which recorded time is ahead of the clock, which went back; they meet again by themselves.
    pub(crate) clock_ahead_ms: u64,
    /// Times since the start that the clock jumped ahead by more than a minute: it was set, or the machine slept.
    pub(crate) clock_jumps: u64,
    /// The log on the disk.
    pub(crate) store: StoreHealth,
}

/// The log on the disk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreHealth {
    /// Last event that survives a power cut.
    pub(crate) durable_seq: u64,
    /// Last event that the head file is known to remember.
    pub(crate) head_seq: u64,
    /// Syncs since the start.
    pub(crate) syncs: u64,
    /// Milliseconds since the last sync; null before the first.
    pub(crate) last_sync_ago_ms: Option<u64>,
    /// Microseconds that it took.
    pub(crate) last_sync_us: u64,
    /// Bytes set aside for the ends of running tasks.
    pub(crate) reserve_bytes: u64,
    /// Bytes that should be set aside.
    pub(crate) reserve_wanted_bytes: u64,
    /// Up to which event the check of the whole log, which every start begins, has come.
    pub(crate) checked_seq: u64,
    /// Where this check ends.
    pub(crate) check_end_seq: u64,
    /// What is wrong with it; null when nothing is.
    pub(crate) trouble: Option<String>,
}

/// The views are being built anew.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rebuild {
    /// Last event in the log.
    pub(crate) log_seq: u64,
    /// Copies that took their place before this one, since the start of the server.
    pub(crate) rebuilds: u64,
}

/// Which versions are at work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Of Fasti.
    pub(crate) server: &'static str,
    /// Of this interface.
    pub(crate) api: &'static str,
    /// Release of the time zone database.
    pub(crate) tz_database: String,
    /// Identity of the log.
    pub(crate) log_id: String,
}

/// An empty object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Nothing {}

/// What is left to say of a command that is done when nothing of it can be shown, since the views no longer follow
/// the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Position in the log as of which it is done.
    pub(crate) seq: u64,
    /// Id of what it made or changed: a batch, a run or a run set.
    pub(crate) id: Option<serde_json::Value>,
    /// Why there is no more to see.
    pub(crate) detail: &'static str,
}
