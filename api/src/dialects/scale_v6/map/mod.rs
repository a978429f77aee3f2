//! What there is, in the published JSON forms. Pure: from the views to values.

pub(super) mod batch;
pub(super) mod comparison;
pub(super) mod dataset;
pub(super) mod diff;
pub(super) mod file;
pub(super) mod job;
pub(super) mod job_type;
pub(super) mod recipe;
pub(super) mod recipe_type;

use fasti_core::domain::flow::{Counts, StepStatus};
use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use serde_json::{Map, Value, json};

use super::wire::time;

/// The event that made something.
fn event(seq: Seq, at: Timestamp) -> Value {
    json!({"id": seq.0, "type": "USER", "rule": null, "occurred": time::stamp(at)})
}

/// The same in details.
fn event_detail(seq: Seq, at: Timestamp) -> Value {
    json!({
        "id": seq.0, "type": "USER", "rule": null, "occurred": time::stamp(at), "description": {"user": "Anonymous"},
    })
}

/// Names of the counters with the status that each counts; the first counts all.
pub(super) const COUNTERS: [(&str, Option<StepStatus>); 8] = [
    ("jobs_total", None),
    ("jobs_pending", Some(StepStatus::Pending)),
    ("jobs_blocked", Some(StepStatus::Blocked)),
    ("jobs_queued", Some(StepStatus::Queued)),
    ("jobs_running", Some(StepStatus::Running)),
    ("jobs_failed", Some(StepStatus::Failed)),
    ("jobs_completed", Some(StepStatus::Completed)),
    ("jobs_canceled", Some(StepStatus::Canceled)),
];

/// One counter.
pub(super) fn counter(counts: &Counts, status: Option<StepStatus>) -> u64 {
    status.map_or_else(|| counts.total(), |status| counts.of(status))
}

fn counters(counts: &Counts) -> Map<String, Value> {
    let all = COUNTERS
        .iter()
        .map(|(name, status)| ((*name).to_owned(), counter(counts, *status).into()));
    all.collect()
}

/// The members of two objects together.
fn joined(mut one: Value, other: impl IntoIterator<Item = (String, Value)>) -> Value {
    if let Value::Object(members) = &mut one {
        members.extend(other);
    }
    one
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value {
        return members;
    }
    Map::new()
}

/// A status as written.
pub(super) fn status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "PENDING",
        StepStatus::Blocked => "BLOCKED",
        StepStatus::Queued => "QUEUED",
        StepStatus::Running => "RUNNING",
        StepStatus::Failed => "FAILED",
        StepStatus::Completed => "COMPLETED",
        StepStatus::Canceled => "CANCELED",
    }
}
