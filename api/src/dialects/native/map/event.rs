//! Events as they are answered.

use fasti_core::codec::event_json;
use fasti_core::feed::Entry;

use super::super::wire;
use super::time;

/// An event.
pub(crate) fn event(entry: &Entry) -> wire::Event {
    let recorded = &entry.recorded;
    wire::Event {
        seq: recorded.seq.0,
        time: time(recorded.at),
        kind: recorded.event.name(),
        version: recorded.event.version(),
        actor: recorded.actor.to_string(),
        causation_seq: recorded.causation.map(|seq| seq.0),
        batch_id: recorded.event.batch().map(|id| id.to_string()),
        run_id: recorded.event.run().map(|id| id.0),
        task_run_id: recorded.event.task_run().map(|id| id.0),
        traceparent: recorded.trace.as_deref().map(str::to_owned),
        data: event_json(entry),
    }
}
