//! Why something ran, or did not.

use serde::Serialize;
use utoipa::ToSchema;

/// An answer to "why".
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// What was asked about.
    pub(crate) about: String,
    /// The moment it is about: after this event.
    pub(crate) as_of_seq: u64,
    /// The answer in one sentence.
    pub(crate) answer: String,
    /// What led to it, in the order in which it happened.
    pub(crate) causes: Vec<Cause>,
}

/// One of the things that led to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cause {
    /// The event; null for a fact that follows from several.
    pub(crate) seq: Option<u64>,
    /// When.
    pub(crate) at: Option<String>,
    /// In a sentence.
    pub(crate) text: String,
}
