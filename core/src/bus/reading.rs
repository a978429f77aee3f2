//! The stream read back: exact records for whoever builds the log anew, and the anchors that were published.

use async_nats::Message;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Info, Stream};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_domain::ids::{Digest, Seq};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::cloudevent::{HASH_HEADER, RECORD_AT_HEADER, RECORD_HEADER};
use super::config::NatsConfig;
use super::connection::{Connection, Trouble};
use super::sealed::StreamKey;
use super::stream::find;
use super::{anchors, beside};
use crate::record::ExactRecord;
use crate::store::Anchor;

/// For the next message of a stream that is known to hold it.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Why a stream could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// NATS is away, or does not have what is asked for.
    #[error("{0}")]
    Away(String),
    /// There is no such stream.
    #[error("there is no stream {0} on this NATS server: check --nats and --nats-tenant")]
    NoStream(String),
    /// A message does not carry its record.
    #[error(
        "message {seq} of the stream holds no exact record: {why}; what is before it can be restored"
    )]
    NoRecord {
        /// Its position.
        seq: Seq,
        /// Why not.
        why: String,
    },
    /// A message is none of Fasti's.
    #[error("message {seq} of the stream was not published by Fasti: {why}")]
    Foreign {
        /// Its position.
        seq: Seq,
        /// What tells.
        why: String,
    },
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        Self::Away(trouble.to_string())
    }
}

/// Reads the stream of events from `from` on (inclusive) up to its present end, and hands every exact record to
/// `take` until that says `false`; answers with the last position of the stream. Whoever takes them checks the chain.
///
/// # Errors
/// NATS does not answer, or a message does not hold what the key opens.
pub async fn read_records(
    config: &NatsConfig,
    key: &StreamKey,
    from: Seq,
    take: &mut (dyn FnMut(ExactRecord) -> bool + Send),
) -> Result<Seq, ReadError> {
    let connection = Connection::open(config).await?;
    let name = config.tenant.stream();
    let mut stream = find(&connection.context, &name)
        .await?
        .ok_or(ReadError::NoStream(name))?;
    let last = last_of(&mut stream).await?;
    let mut messages = Messages::open(&stream, from, last).await?;
    while let Some((seq, message)) = messages.next().await? {
        let record = record_of(&connection, config, key, seq, &message).await?;
        if !take(record) {
            break;
        }
    }
    Ok(last)
}

/// All anchors that were published, oldest first; none if none ever was.
///
/// # Errors
/// NATS does not answer.
pub async fn read_anchors(config: &NatsConfig) -> Result<Vec<Anchor>, ReadError> {
    let connection = Connection::open(config).await?;
    let Some(mut stream) = find(&connection.context, &config.tenant.anchor_stream()).await? else {
        return Ok(Vec::new());
    };
    let last = last_of(&mut stream).await?;
    let mut messages = Messages::open(&stream, Seq(1), last).await?;
    let mut found = Vec::new();
    while let Some((_, message)) = messages.next().await? {
        found.extend(anchors::parse(&message.payload));
    }
    Ok(found)
}

pub(super) async fn last_of(stream: &mut Stream<Info>) -> Result<Seq, ReadError> {
    let info = stream.info().await;
    let info = info.map_err(|error| Trouble::away("ask for the end of the stream", error))?;
    Ok(Seq(info.state.last_sequence))
}

/// Messages in order up to a position.
struct Messages {
    stream: async_nats::jetstream::consumer::pull::Ordered,
    next: Seq,
    last: Seq,
}

impl Messages {
    async fn open(stream: &Stream<Info>, from: Seq, last: Seq) -> Result<Self, ReadError> {
        let config = OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from.0.max(1),
            },
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| Trouble::away("read the stream", error))?;
        let messages = consumer.messages().await;
        Ok(Self {
            stream: messages.map_err(|error| Trouble::away("read the stream", error))?,
            next: from.max(Seq(1)),
            last,
        })
    }

    async fn next(&mut self) -> Result<Option<(Seq, Message)>, ReadError> {
        if self.next > self.last {
            return Ok(None);
        }
        let waited = timeout(PATIENCE, self.stream.next()).await;
        let failed = |error: String| {
            Trouble::away(format!("read message {} of the stream", self.next), error)
        };
        let message = match waited {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Err(failed(error.to_string()).into()),
            Ok(None) => return Err(failed("it ended".to_owned()).into()),
            Err(_) => return Err(failed("it does not come".to_owned()).into()),
        };
        let info = message.info();
        let seq = info
            .map_err(|error| failed(error.to_string()))?
            .stream_sequence;
        self.next = Seq(seq + 1);
        Ok(Some((Seq(seq), message.message.clone())))
    }
}

async fn record_of(
    connection: &Connection,
    config: &NatsConfig,
    key: &StreamKey,
    seq: Seq,
    message: &Message,
) -> Result<ExactRecord, ReadError> {
    let missing = |why: &str| ReadError::NoRecord {
        seq,
        why: why.to_owned(),
    };
    let headers = message.headers.as_ref();
    let header = |name: &str| Some(headers?.get(name)?.as_str());
    let hash: Digest = header(HASH_HEADER)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| missing("it was not published by Fasti"))?;
    let sealed = match (header(RECORD_HEADER), header(RECORD_AT_HEADER)) {
        (Some(text), _) => STANDARD
            .decode(text)
            .map_err(|_| missing("it is not what was sent"))?,
        (None, Some(name)) => beside::fetch(connection, config, name).await?,
        (None, None) => {
            return Err(missing(
                "the server that published it did not send exact records",
            ));
        }
    };
    key.open(seq, hash.0, &sealed).map_err(|why| missing(&why))
}
