//! One trigger's messages: a subscription of core NATS, or a durable consumer of a stream.
//!
//! A durable consumer stands for as long as its trigger does, also while no server is there, so that what comes
//! meanwhile is delivered later; it is removed with the trigger.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, Context};
use fasti_domain::ids::BatchId;
use fasti_domain::trigger::TriggerSource;
use futures_util::StreamExt as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Trouble};
use super::intake::{Door, Stopped, given_id, pause};
use super::stream;

/// Messages of one consumer that may be on their way to the engine.
const PENDING_MAX: i64 = 256;

/// A message that was not acknowledged for so long is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// A consumer that nobody has read from for so long goes away: that of a trigger removed while NATS was away.
const UNUSED_MAX: Duration = Duration::from_secs(90 * 86_400);

/// Listens until `end`, over one connection.
pub(super) fn spawn(
    connection: &Connection,
    door: Door,
    source: TriggerSource,
    end: CancellationToken,
) {
    let (client, context) = (connection.client.clone(), connection.context.clone());
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = end.cancelled() => {}
            () = listen(&client, &context, &door, &source) => {}
        }
    });
}

async fn listen(client: &Client, context: &Context, door: &Door, source: &TriggerSource) {
    let mut failures = 0;
    // Whether the stream was seen not to be there: all of one that is made after that is news.
    let mut was_missing = false;
    loop {
        let heard = match source {
            TriggerSource::Nats { subject } => subscribed(client, door, subject).await,
            TriggerSource::Stream { stream, subject } => {
                consumed(
                    context,
                    door,
                    (stream, subject.as_deref()),
                    &mut was_missing,
                )
                .await
            }
            TriggerSource::Webhook { .. } => return,
        };
        match heard {
            Ok(Stopped) => return,
            Err(trouble) => {
                failures += 1;
                if failures == 1 {
                    let (batch, trigger) = (door.batch, &door.trigger);
                    tracing::warn!(%trouble, %batch, trigger, "a trigger hears nothing now");
                }
                sleep(pause(failures)).await;
            }
        }
    }
}

async fn subscribed(client: &Client, door: &Door, subject: &str) -> Result<Stopped, Trouble> {
    let tried = format!("subscribe to `{subject}`");
    let subscription = client.subscribe(subject.to_owned()).await;
    let mut subscription = subscription.map_err(|error| Trouble::away(&tried, error))?;
    // Unlike any other, so that ids made of it are, too.
    let origin = client.new_inbox();
    let mut number = 0_u64;
    while let Some(message) = subscription.next().await {
        number += 1;
        let id = given_id(message.headers.as_ref()).unwrap_or_else(|| format!("{origin}.{number}"));
        if door.hand(id, &message.payload).await.is_err() {
            return Ok(Stopped);
        }
    }
    Err(Trouble::away(tried, "the subscription ended"))
}

async fn consumed(
    context: &Context,
    door: &Door,
    (name, subject): (&str, Option<&str>),
    was_missing: &mut bool,
) -> Result<Stopped, Trouble> {
    let tried = format!("read the stream `{name}`");
    let away = |error: &dyn std::fmt::Display| Trouble::away(&tried, error);
    let Some(stream) = stream::find(context, name).await? else {
        *was_missing = true;
        return Err(away(
            &"there is no such stream; it is read from its start once it is made",
        ));
    };
    let durable = consumer_name(door.batch, &door.trigger);
    // What a consumer began with cannot be changed later.
    let begun = stream.consumer_info(&durable).await.ok();
    let deliver_policy = match begun {
        Some(begun) => begun.config.deliver_policy,
        None if *was_missing => DeliverPolicy::All,
        None => DeliverPolicy::New,
    };
    // A stream that was made anew counts from the start again: its birth is part of the ids.
    let born = stream.cached_info().created.timestamp_micros();
    let consumer = stream.create_consumer(pull::Config {
        durable_name: Some(durable),
        description: Some(format!("trigger `{}` of a batch of Fasti", door.trigger)),
        deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        filter_subject: subject.unwrap_or_default().to_owned(),
        max_ack_pending: PENDING_MAX,
        inactive_threshold: UNUSED_MAX,
        ..pull::Config::default()
    });
    let consumer = consumer.await.map_err(|error| away(&error))?;
    let mut messages = consumer.messages().await.map_err(|error| away(&error))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| away(&error))?;
        let position = message
            .info()
            .map_err(|error| away(&error))?
            .stream_sequence;
        let id = given_id(message.headers.as_ref())
            .unwrap_or_else(|| format!("{name:.60}:{born}:{position}"));
        if door.hand(id, &message.payload).await.is_err() {
            return Ok(Stopped);
        }
        // Lost acknowledgements mean a second delivery, which is known by its id.
        message
            .ack_with(AckKind::Ack)
            .await
            .map_err(|error| away(&error))?;
    }
    Err(away(&"the consumer ended"))
}

/// Whether both are read through the same consumer.
pub(super) fn is_same_consumer(one: &TriggerSource, other: &TriggerSource) -> bool {
    match (one, other) {
        (TriggerSource::Stream { stream, .. }, TriggerSource::Stream { stream: other, .. }) => {
            stream == other
        }
        _ => false,
    }
}

/// Removes the consumer of a trigger that is gone.
pub(super) fn forget(connection: &Connection, key: &(BatchId, String), source: &TriggerSource) {
    let TriggerSource::Stream { stream, .. } = source else {
        return;
    };
    let (context, stream) = (connection.context.clone(), stream.clone());
    let name = consumer_name(key.0, &key.1);
    tokio::spawn(async move {
        if let Err(error) = context.delete_consumer_from_stream(&name, &stream).await {
            tracing::warn!(%error, name, stream, "the consumer of a trigger stays");
        }
    });
}

fn consumer_name(batch: BatchId, trigger: &str) -> String {
    format!("fasti-{batch}-{trigger}")
}
