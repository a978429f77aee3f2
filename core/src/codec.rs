//! Events to bytes and back: msgpack maps with field names inside the envelope of [`crate::record`].
//!
//! Stored bytes are never rewritten. A payload of an older version passes its upcaster here; one that is not
//! known stops the reader, because passing over it could mean acting on half of the history.

mod contents;
mod foreign;
mod upcast;

pub use contents::{contents, contents_of};

use std::sync::Arc;

use fasti_domain::command::Hashed;
use fasti_domain::definition::Definition;
use fasti_domain::event::{Event, EventKind, KeyUse, Recorded, UnknownEvent};
use fasti_domain::ids::{Digest, Seq};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::upcast::{UPCASTERS, Upcaster, upcast};
use crate::feed::Entry;
use crate::record::{NewRecord, RecordView, StoredRecord};

/// A record that cannot be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Written by a later version.
    #[error(
        "this log needs {}, because of the event `{name}` version {version} at sequence {seq}, which this version does not know",
        needed.as_ref().map_or_else(|| "the version of Fasti that wrote it, or a later one".to_owned(), |needed| format!("Fasti {needed} or later"))
    )]
    Unknown {
        /// Where it stands.
        seq: Seq,
        /// Its name.
        name: String,
        /// Version of its payload.
        version: u16,
        /// The version of Fasti that wrote it, once somebody has looked.
        needed: Option<String>,
    },
    /// The payload does not have the shape its name promises.
    #[error("the event `{name}` at sequence {seq} cannot be read: {source}")]
    Payload {
        /// Where it stands.
        seq: Seq,
        /// Its name.
        name: String,
        /// What is wrong.
        source: rmp_serde::decode::Error,
    },
}

/// The record of an event.
#[must_use]
pub fn encode(recorded: &Recorded) -> NewRecord {
    let payload = payload(&recorded.event);
    NewRecord {
        at: recorded.at,
        actor: recorded.actor.to_string(),
        causation: recorded.causation,
        correlation: recorded.event.run().map(|run| run.0),
        key: recorded
            .key
            .as_ref()
            .map(|key| format!("{}:{}", key.fingerprint, key.key)),
        trace: recorded.trace.as_ref().map(ToString::to_string),
        name: recorded.event.name().to_owned(),
        version: recorded.event.version(),
        critical: !matches!(
            recorded.event,
            Event::AttemptReportedLate(_) | Event::ContentsRemoved(_) | Event::Unknown(_)
        ),
        payload,
    }
}

fn payload(event: &Event) -> Vec<u8> {
    if let Event::Unknown(unknown) = event {
        return unknown.payload.to_vec();
    }
    let mut payload = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut payload).with_struct_map();
    event
        .serialize_payload(&mut serializer)
        .expect("payloads are plain data and the buffer is memory");
    payload
}

/// The event of a record. One of a later version that may be passed over is kept as it is.
///
/// # Errors
/// The record is of a later version and critical, or its payload is not what its name promises.
pub fn decode(stored: &StoredRecord) -> Result<Entry, CodecError> {
    Decoder::default().decode(&stored.view())
}

/// Reads event after event; what is mostly the same in one as in the one before is kept once.
#[derive(Debug, Default)]
pub struct Decoder {
    actor: Option<Arc<str>>,
}

impl Decoder {
    /// The event of a record.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode(&mut self, record: &RecordView<'_>) -> Result<Entry, CodecError> {
        self.decode_with(record, EventKind::version, UPCASTERS)
    }

    /// As [`Decoder::decode`], with the present versions of the events and the steps to them from earlier ones.
    fn decode_with(
        &mut self,
        record: &RecordView<'_>,
        present: fn(EventKind) -> u16,
        steps: &[Upcaster],
    ) -> Result<Entry, CodecError> {
        let known = EventKind::of(record.name).map(|kind| (kind, present(kind)));
        let known = known.filter(|(_, present)| record.version <= *present);
        let event = match known {
            Some((kind, present)) => known_event(record, kind, present, steps)?,
            None if record.critical => return Err(unknown(record)),
            None => Event::Unknown(UnknownEvent {
                name: record.name.into(),
                version: record.version,
                payload: record.payload.into(),
            }),
        };
        let key = record.key.and_then(|text| text.split_once(':'));
        let key = key.map(|(fingerprint, key)| {
            Arc::new(KeyUse {
                key: key.to_owned(),
                fingerprint: fingerprint.to_owned(),
            })
        });
        Ok(Entry {
            recorded: Recorded {
                seq: record.seq,
                at: record.at,
                actor: self.actor(record.actor),
                causation: record.causation,
                key,
                trace: record.trace.map(Into::into),
                event,
            },
            epoch: record.epoch,
            commit_first: record.commit_first,
            commit_len: record.commit_len,
            hash: record.hash,
        })
    }

    fn actor(&mut self, name: &str) -> Arc<str> {
        match &self.actor {
            Some(known) if **known == *name => known.clone(),
            Some(_) | None => self.actor.insert(name.into()).clone(),
        }
    }
}

fn known_event(
    record: &RecordView<'_>,
    kind: EventKind,
    present: u16,
    steps: &[Upcaster],
) -> Result<Event, CodecError> {
    let unreadable = |source| CodecError::Payload {
        seq: record.seq,
        name: record.name.to_owned(),
        source,
    };
    let payload = upcast(record.name, record.version, present, record.payload, steps);
    let payload = payload.map_err(unreadable)?;
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(payload.as_ref());
    Event::deserialize_payload(kind, &mut deserializer).map_err(unreadable)
}

fn unknown(record: &RecordView<'_>) -> CodecError {
    CodecError::Unknown {
        seq: record.seq,
        name: record.name.to_owned(),
        version: record.version,
        needed: None,
    }
}

/// SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Digest of a definition's canonical encoding: msgpack with field names, in the order of the fields.
#[must_use]
pub fn definition_digest(definition: &Definition) -> Digest {
    let mut bytes = Vec::new();
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    definition
        .serialize(&mut serializer)
        .expect("definitions are plain data and the buffer is memory");
    sha256(&bytes)
}

/// A definition with its digest, as commands take it.
#[must_use]
pub fn hashed(definition: Definition) -> Hashed {
    Hashed {
        digest: definition_digest(&definition),
        definition: Arc::new(definition),
    }
}

/// Whether values of an image's variables that look like secrets are in the JSON of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// For those who may change the image.
    Shown,
    /// For everybody else, and for what leaves the house.
    Hidden,
}

/// The payload of an event as JSON for people and programs outside: without the seed and the tokens, which
/// are rights and not facts, without secrets, and with the idempotency key of the command, when there was one.
#[must_use]
pub fn event_json(entry: &Entry) -> Value {
    event_json_with(entry, Secrets::Hidden)
}

/// As [`event_json`], with or without secrets.
#[must_use]
pub fn event_json_with(entry: &Entry, secrets: Secrets) -> Value {
    let recorded = &entry.recorded;
    let mut data = if let Event::Unknown(unknown) = &recorded.event {
        foreign::json(&unknown.payload)
    } else {
        recorded
            .event
            .serialize_payload(serde_json::value::Serializer)
            .unwrap_or(Value::Null)
    };
    let Some(fields) = data.as_object_mut() else {
        return data;
    };
    fields.remove("seed");
    if let (Event::ImageRegistered(event), Secrets::Hidden) = (&recorded.event, secrets) {
        fields["image"]["env"] = event.image.env_without_secrets().into_iter().collect();
    }
    if let Some(leases) = fields.get_mut("leases").and_then(Value::as_array_mut) {
        for lease in leases.iter_mut().filter_map(Value::as_object_mut) {
            lease.remove("token");
        }
    }
    if let Some(key) = &recorded.key {
        fields.insert("idempotency_key".to_owned(), Value::String(key.key.clone()));
    }
    data
}

#[cfg(test)]
mod evolution_tests;
#[cfg(test)]
mod golden_tests;
