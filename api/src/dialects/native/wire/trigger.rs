//! Signals: messages for triggers.

use serde::Serialize;
use utoipa::ToSchema;

use super::SignalOutcome;

/// What became of a signal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignalAnswer {
    /// `fired`, `held` or `ignored`.
    pub(crate) outcome: SignalOutcome,
    /// The run that it started.
    pub(crate) run_id: Option<u64>,
    /// When a run starts unless another signal comes, for one that is held.
    pub(crate) due: Option<String>,
    /// Why it was ignored.
    pub(crate) reason: Option<String>,
    /// Whether this id came before: then this is what became of it, and nothing was started now.
    pub(crate) repeated: bool,
}
