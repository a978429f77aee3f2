//! Events as they are answered. Lists leave long data out: a definition can have 64 MiB, and a list a thousand events.

use std::io;

use fasti_core::codec::{Secrets, event_json_with};
use fasti_core::domain::access::Principal;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Entry;
use serde_json::{Map, Value};

use super::super::wire;
use super::time;

/// Bytes of data that an event has in a list.
const LISTED_DATA_BYTES_MAX: usize = 64 << 10;

/// An event, whole; secrets of an image only for those who may change it.
pub(crate) fn event(entry: &Entry, principal: &Principal) -> wire::Event {
    let secrets = if let Event::ImageRegistered(event) = &entry.recorded.event
        && event.image.shows_secrets_to(principal)
    {
        Secrets::Shown
    } else {
        Secrets::Hidden
    };
    with_data(entry, event_json_with(entry, secrets), None)
}

/// An event as lists and streams have it.
pub(crate) fn listed_event(entry: &Entry, principal: &Principal) -> wire::Event {
    let mut room = Room(LISTED_DATA_BYTES_MAX);
    let mut sink = serde_json::Serializer::new(&mut room);
    let fits = entry.recorded.event.serialize_payload(&mut sink).is_ok();
    if fits {
        return event(entry, principal);
    }
    let whole_at = format!("/api/v1/events/{}", entry.seq());
    with_data(entry, Value::Object(Map::new()), Some(whole_at))
}

/// Events by stretch, of the positions at the bounds of the stretches.
pub(crate) fn event_density(
    (from, until): (Timestamp, Timestamp),
    seqs: &[Seq],
    last: Seq,
) -> wire::EventDensity {
    let counted = seqs.windows(2).map(|pair| pair[1].0 - pair[0].0);
    wire::EventDensity {
        from: time(from),
        until: time(until),
        counts: counted.collect(),
        last_seqs: seqs.iter().skip(1).map(|seq| seq.0).collect(),
        as_of_seq: last.0,
    }
}

/// Takes so many bytes and keeps none.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.0.checked_sub(bytes.len());
        self.0 = left.ok_or_else(|| io::Error::other("there is no room for it"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_data(entry: &Entry, data: Value, data_at: Option<String>) -> wire::Event {
    let recorded = &entry.recorded;
    wire::Event {
        seq: recorded.seq.0,
        time: time(recorded.at),
        kind: recorded.event.name().to_owned(),
        version: recorded.event.version(),
        actor: recorded.actor.to_string(),
        causation_seq: recorded.causation.map(|seq| seq.0),
        batch_id: recorded.event.batch().map(|id| id.to_string()),
        run_id: recorded.event.run().map(|id| id.0),
        task_run_id: recorded.event.task_run().map(|id| id.0),
        traceparent: recorded.trace.as_deref().map(str::to_owned),
        data,
        data_at,
    }
}
