//! The log on NATS: every durable event, in order, once, in a JetStream stream whose sequence is the log's own.
//!
//! This is the only place that names async-nats. It follows the [`Feed`](crate::feed::Feed) and nothing
//! follows it: commits, answers and task starts never wait for NATS. The other way, `intake` and `listening` hand the
//! messages that triggers wait for to the engine. The log is the truth and the stream a
//! copy that can be rebuilt, so nothing here may write to the log or remember anything beside it: where to go
//! on is read from the stream itself.
//!
//! Where to look: `subject` and `cloudevent` say what an event looks like outside (pure), `agreement`
//! compares stream and log (pure), `connection`, `stream` and `sending` speak to the server, and
//! `publisher` is the loop over them. `sealed`, `beside` and `reading` are the way of exact records out and back,
//! `anchors` that of the signed statements about the log.

mod agreement;
mod anchors;
mod asyncapi;
mod beside;
mod cloudevent;
mod config;
mod connection;
mod following;
mod intake;
mod listening;
mod outbox;
mod publisher;
mod reading;
mod sealed;
mod sending;
mod status;
mod stream;
mod subject;

pub use agreement::Divergence;
pub use anchors::publish_anchors;
pub use asyncapi::asyncapi_json;
pub use cloudevent::{HASH_HEADER, Message, RECORD_AT_HEADER, RECORD_HEADER, TYPE_PREFIX, message};
pub use config::{Access, ConfigError, Encoding, NatsConfig, Tenant, Tls};
pub use following::{Wanted, end_of_stream, follow};
pub use intake::Intake;
pub use outbox::ExactSource;
pub use publisher::Publisher;
pub use reading::{ReadError, read_anchors, read_records};
pub use sealed::StreamKey;
pub use status::{PublisherHandle, PublisherState, PublisherStatus};
pub use stream::SERVER_VERSION_MIN;
pub use subject::{subject, subject_filter};
