//! Taking back what an operator asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How an event is undone.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UndoBody {
    /// Say what it would do, or why it would be refused, and change nothing.
    pub(crate) dry_run: bool,
}

/// What was undone, or would be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    /// The event that was undone: the one asked about, or the one that led to it.
    pub(crate) event_seq: u64,
    /// Its type, `noun.past_verb`.
    pub(crate) event_type: String,
    /// When it happened.
    pub(crate) event_time: String,
    /// What was done, and by whom, in a sentence.
    pub(crate) did: String,
    /// What undoing it does, in a sentence.
    pub(crate) undo: String,
    /// What stays as it is all the same; null when nothing does.
    pub(crate) stays: Option<String>,
    /// Last event that undoing it led to; null when it was only looked at.
    pub(crate) seq: Option<u64>,
}
