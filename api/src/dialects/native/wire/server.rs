//! The server itself.

use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, `disk_full` or `stopping`.
    pub(crate) status: &'static str,
    /// Whether commands are accepted.
    pub(crate) accepting: bool,
    /// Last event in the log.
    pub(crate) log_seq: u64,
    /// Last event that answers know of.
    pub(crate) views_seq: u64,
    /// Commands waiting to be written.
    pub(crate) queue_length: usize,
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
