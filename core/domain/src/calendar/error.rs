//! Why a schedule or a calendar is refused.

use thiserror::Error;

/// A schedule that cannot be: which field, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// The field as the author wrote it, such as `at_hours` or `first_last.which`; the path before it is the caller's.
    pub field: &'static str,
    /// What is wrong, with the value, and what would be right.
    pub message: String,
}

impl ScheduleError {
    pub(crate) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}
