//! Anchors on NATS: the signed statements about the log, in a stream of their own, where whoever can write the
//! server's disk cannot reach them. Remembers nothing: where to go on is read from the end of that stream.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType, Stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::config::NatsConfig;
use super::connection::{Connection, Trouble};
use super::stream::find;
use crate::store::{self, Anchor, Anchors};

/// How often fresh anchors are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Publishes the anchors of the data folder `data`, those of the manifest first, then `fresh` ones as they are signed,
/// until `shutdown`. What does not work is tried again.
///
/// # Panics
/// Outside a tokio runtime.
pub fn publish_anchors(
    data: PathBuf,
    fresh: Anchors,
    config: NatsConfig,
    shutdown: CancellationToken,
) {
    let publishing = async move {
        loop {
            let Err(trouble) = session(&data, &fresh, &config).await;
            tracing::debug!(error = %trouble, "anchors are not on NATS yet");
            sleep(RETRY_AFTER).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = publishing => {}
        }
    });
}

/// One connection, up to its first trouble.
async fn session(
    data: &std::path::Path,
    fresh: &Anchors,
    config: &NatsConfig,
) -> Result<std::convert::Infallible, Trouble> {
    let connection = Connection::open(config).await?;
    let stream = open(&connection, config).await?;
    // What is fresh by now is in the manifest.
    drop(fresh.take());
    let folder = data.to_owned();
    let reading = tokio::task::spawn_blocking(move || store::anchors_of(&folder)).await;
    let written = reading
        .map_err(|error| Trouble::away("read the anchors", error))?
        .map_err(|error| Trouble::away("read the anchors", error))?;
    let last = last(&stream).await?;
    let known = written
        .iter()
        .rposition(|anchor| Some(anchor) == last.as_ref());
    for anchor in &written[known.map_or(0, |at| at + 1)..] {
        publish(&connection, config, anchor).await?;
    }
    loop {
        for anchor in fresh.take() {
            publish(&connection, config, &anchor).await?;
        }
        tokio::select! {
            biased;
            trouble = connection.lost() => return Err(trouble),
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

async fn open(connection: &Connection, config: &NatsConfig) -> Result<Stream<Info>, Trouble> {
    let name = config.tenant.anchor_stream();
    if let Some(found) = find(&connection.context, &name).await? {
        return Ok(found);
    }
    let wanted = Config {
        name: name.clone(),
        description: Some("Signed anchors of a Fasti log".to_owned()),
        subjects: vec![config.tenant.anchor_subject()],
        storage: StorageType::File,
        num_replicas: config.replicas(),
        discard: DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        ..Config::default()
    };
    let made = connection.context.create_stream(wanted).await;
    made.map_err(|error| Trouble::away(format!("make the stream {name}"), error))?;
    find(&connection.context, &name)
        .await?
        .ok_or_else(|| Trouble::Away(format!("the stream {name} vanished")))
}

async fn last(stream: &Stream<Info>) -> Result<Option<Anchor>, Trouble> {
    let at = stream.cached_info().state.last_sequence;
    if at == 0 {
        return Ok(None);
    }
    let message = stream.get_raw_message(at).await;
    let message = message.map_err(|error| Trouble::away("read the last anchor", error))?;
    Ok(parse(&message.payload))
}

/// The anchor in a message.
pub(super) fn parse(payload: &[u8]) -> Option<Anchor> {
    serde_json::from_slice(payload).ok()
}

async fn publish(
    connection: &Connection,
    config: &NatsConfig,
    anchor: &Anchor,
) -> Result<(), Trouble> {
    let failed =
        |error: String| Trouble::away(format!("publish the anchor of {}", anchor.last), error);
    let body = serde_json::to_vec(anchor).map_err(|error| failed(error.to_string()))?;
    // Sent twice in doubt, it is stored once.
    let message = PublishMessage::build()
        .payload(body.into())
        .message_id(&anchor.signature);
    let sent = connection
        .context
        .send_publish(config.tenant.anchor_subject(), message)
        .await;
    let ack = sent.map_err(|error| failed(error.to_string()))?;
    ack.await.map_err(|error| failed(error.to_string()))?;
    Ok(())
}
