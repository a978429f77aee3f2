//! Triggers: a message from outside starts a batch. Whoever receives messages hands them over as they are; whether one
//! starts a run, waits or is ignored is decided here, and each has one record in the log.
//!
//! A signal is known by its id, like a request by its idempotency key: the same id again, whoever delivers it once
//! more, gets the same answer and starts nothing.

mod apply;
mod check;
mod filter;
mod take;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Command, Request};
use crate::event::KeyUse;
use crate::ids::BatchId;
use crate::time::Timestamp;

pub(crate) use apply::{clear, fired, held, ignored};
pub(crate) use check::check;
pub(crate) use take::{close_for_end, close_removed, fire_held, take};

/// Triggers of one batch.
pub const TRIGGERS_MAX: usize = 8;

/// Characters of the name of a trigger; it is part of addresses and of consumer names.
pub const TRIGGER_NAME_MAX: usize = 32;

/// Conditions of one filter.
pub const CONDITIONS_MAX: usize = 16;

/// Values of one condition.
pub const VALUES_MAX: usize = 100;

/// Bytes of a payload: it travels in an environment variable, which the system bounds at 128 KiB.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// Characters of the id of a signal.
pub const SIGNAL_ID_MAX: usize = 128;

/// Longest wait for silence: a day.
pub const DEBOUNCE_SECONDS_MAX: u64 = 86_400;

/// A steady stream of signals starts a run all the same after so many times the wait for silence.
pub const DEBOUNCE_TIMES_MAX: u64 = 10;

/// One way in which messages start a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Trigger {
    /// Its name, unique in the batch.
    pub name: String,
    /// Where messages come from.
    pub source: TriggerSource,
    /// What the payload must be like; all of it.
    #[serde(default)]
    pub filter: Vec<Condition>,
    /// Start once it has been silent for so long, with the newest payload.
    #[serde(default)]
    pub debounce_seconds: Option<u64>,
}

/// Where messages come from.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TriggerSource {
    /// A subject of core NATS: who does not listen misses it.
    Nats {
        /// With or without wildcards.
        subject: String,
    },
    /// A stream of JetStream, through a durable consumer: what comes while the server is away is delivered later.
    Stream {
        /// Name of the stream.
        stream: String,
        /// Only messages of this subject.
        subject: Option<String>,
    },
    /// A signed request.
    Webhook {
        /// Name of the key that it is signed with; the key itself is the server's secret.
        key: String,
    },
}

/// What a part of the payload must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Condition {
    /// JSON pointer (RFC 6901) into the payload, such as `/order/country`; empty for the payload itself.
    pub path: String,
    /// One of these; when empty, it must be there, whatever it is.
    #[serde(default)]
    pub one_of: Vec<Scalar>,
}

/// A value that is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
}

/// A message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Batch that it is for.
    pub batch: BatchId,
    /// Trigger of it.
    pub trigger: String,
    /// What tells it from others: chosen by the sender, or the position in the stream.
    pub id: String,
    /// JSON, or what should be.
    pub payload: Arc<[u8]>,
}

/// The signal that started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunSignal {
    /// Name of the trigger.
    pub trigger: String,
    /// Id of the signal.
    pub id: String,
    /// The payload: JSON text.
    pub payload: String,
}

/// A signal that waits for silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The newest one.
    pub signal: Arc<RunSignal>,
    /// When the first of them came.
    pub since: Timestamp,
    /// When it starts its run.
    pub due: Timestamp,
}

/// Signals that wait, by trigger.
pub type HeldSignals = BTreeMap<String, Held>;

impl Signal {
    /// As a request: the same signal twice is the same request.
    #[must_use]
    pub fn into_request(self, trace: Option<Arc<str>>) -> Request {
        let key = KeyUse {
            key: format!("signal {}/{}/{}", self.batch, self.trigger, self.id),
            // The id alone counts, whatever else a second delivery says.
            fingerprint: "signal".to_owned(),
        };
        Request {
            key: Some(Arc::new(key)),
            trace,
            ..Request::system(Command::TakeSignal(self))
        }
    }
}
