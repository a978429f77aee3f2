//! What is around an event in the log, and events of later versions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::ids::Seq;
use crate::time::Timestamp;

/// An event with what surrounds it in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Position.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// Who asked: `user:<name>`, `runner:<id>`, `system`.
    pub actor: Arc<str>,
    /// The event that led to it.
    pub causation: Option<Seq>,
    /// Idempotency key of the command, on the event that the command is remembered by.
    pub key: Option<Arc<KeyUse>>,
    /// W3C trace context given with the request.
    pub trace: Option<Arc<str>>,
    /// What happened.
    pub event: Event,
}

/// An event of a later version, which says of itself that it may be passed over. Kept as it is: it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEvent {
    /// Its name.
    pub name: Arc<str>,
    /// Version of its payload.
    pub version: u16,
    /// Its payload, as stored.
    pub payload: Arc<[u8]>,
}

impl From<UnknownEvent> for Event {
    fn from(event: UnknownEvent) -> Self {
        Self::Unknown(event)
    }
}

/// An idempotency key as it was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyUse {
    /// The key, chosen by the caller.
    pub key: String,
    /// Digest of the request, so that the same key on another request is noticed.
    pub fingerprint: String,
}
