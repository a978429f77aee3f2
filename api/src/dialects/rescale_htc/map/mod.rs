//! Pure: between what is sent and received and what the domain and the views know.

mod job;
mod outcome;
mod project;
mod submit;
mod summary;

use chrono::SecondsFormat;
use fasti_core::domain::time::Timestamp;

pub(super) use job::*;
pub(super) use outcome::*;
pub(super) use project::*;
pub(super) use submit::*;
pub(super) use summary::*;

/// An instant with milliseconds, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}
