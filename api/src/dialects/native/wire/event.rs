//! Events of the log.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Position in the log, from 1, without gaps.
    pub(crate) seq: u64,
    /// When it happened.
    pub(crate) time: String,
    /// `noun.past_verb`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Version of the shape of `data`.
    pub(crate) version: u16,
    /// Who asked: `user:<name>`, `runner:<id>`, `system`.
    pub(crate) actor: String,
    /// The event that led to it.
    pub(crate) causation_seq: Option<u64>,
    /// Batch it belongs to.
    pub(crate) batch_id: Option<String>,
    /// Run it belongs to.
    pub(crate) run_id: Option<u64>,
    /// Task run it is about, when it is about exactly one.
    pub(crate) task_run_id: Option<u64>,
    /// W3C trace context given with the request.
    pub(crate) traceparent: Option<String>,
    /// What happened.
    #[schema(value_type = Object)]
    pub(crate) data: Value,
    /// In lists and streams, when `data` would have more than 64 KiB: the address that gives the event whole. `data`
    /// is empty then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_at: Option<String>,
}

/// How many events there were when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventDensity {
    /// Begin of the first stretch.
    pub(crate) from: String,
    /// End of the last stretch. All are equally long; an instant between two belongs to the earlier one.
    pub(crate) until: String,
    /// Events in each stretch.
    pub(crate) counts: Vec<u64>,
    /// Position of the last event in each stretch or before it; 0 before the first event.
    pub(crate) last_seqs: Vec<u64>,
    /// Position in the log this is as of.
    pub(crate) as_of_seq: u64,
}
