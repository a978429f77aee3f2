//! Messages into the stream, each at exactly the sequence it has in the log, or not at all.
//!
//! Every message names the sequence that has to stand before it, so that whatever was lost, repeated or
//! written by somebody else makes the server refuse instead of shifting the numbers. Any answer but the
//! expected one is an error; the caller then looks at the stream before it sends again.

use std::collections::VecDeque;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName, header};
use fasti_domain::ids::Seq;

use super::cloudevent::Message;
use super::connection::{Connection, Trouble};
use super::stream::EventStream;

/// Acknowledgements waited for at a time where messages are not stored as one.
const WINDOW: usize = 256;

/// Sends messages that directly follow one another and waits until the server has stored all.
pub(super) async fn send(
    connection: &Connection,
    stream: &EventStream,
    messages: Vec<Message>,
) -> Result<(), Trouble> {
    if stream.is_atomic && messages.len() > 1 {
        send_as_one(connection, stream, messages).await
    } else {
        send_each(connection, stream, messages).await
    }
}

/// An atomic batch: the server stores all messages when the last one arrives, with one sync, or none.
async fn send_as_one(
    connection: &Connection,
    stream: &EventStream,
    messages: Vec<Message>,
) -> Result<(), Trouble> {
    let inbox = connection.client.new_inbox();
    // The unique part of an inbox: another batch under the same id would be mixed with this one.
    let batch = inbox.rsplit('.').next().unwrap_or(&inbox).to_owned();
    let count = messages.len();
    for (index, message) in messages.into_iter().enumerate() {
        let seq = message.seq;
        let mut headers = headers(&message);
        headers.insert(header::NATS_BATCH_ID, batch.as_str());
        headers.insert(header::NATS_BATCH_SEQUENCE, (index + 1).to_string());
        if index == 0 {
            expect(&mut headers, stream, seq);
        }
        if index + 1 == count {
            headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
            let ack = publish(connection, message, headers).await?;
            return acknowledged(stream, seq, ack).await;
        }
        let sent =
            connection
                .client
                .publish_with_headers(message.subject, headers, message.body.into());
        sent.await.map_err(|error| failed(seq, error))?;
    }
    Ok(())
}

/// Message by message, with a bounded number of acknowledgements outstanding.
async fn send_each(
    connection: &Connection,
    stream: &EventStream,
    messages: Vec<Message>,
) -> Result<(), Trouble> {
    let mut outstanding = VecDeque::with_capacity(WINDOW.min(messages.len()));
    for message in messages {
        if outstanding.len() == WINDOW
            && let Some((seq, ack)) = outstanding.pop_front()
        {
            acknowledged(stream, seq, ack).await?;
        }
        let seq = message.seq;
        let mut headers = headers(&message);
        expect(&mut headers, stream, seq);
        outstanding.push_back((seq, publish(connection, message, headers).await?));
    }
    // The first failure ends it: the messages after it were refused too, and waiting for each would take long.
    for (seq, ack) in outstanding {
        acknowledged(stream, seq, ack).await?;
    }
    Ok(())
}

fn headers(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &message.headers {
        headers.insert(HeaderName::from_static(name), value.as_str());
    }
    headers.insert(header::NATS_MESSAGE_ID, message.id());
    headers
}

/// What has to be true for the message to be stored: it is our stream, and it ends just before.
fn expect(headers: &mut HeaderMap, stream: &EventStream, seq: Seq) {
    headers.insert(header::NATS_EXPECTED_STREAM, stream.name.as_str());
    headers.insert(
        header::NATS_EXPECTED_LAST_SEQUENCE,
        seq.0.saturating_sub(1).to_string(),
    );
}

async fn publish(
    connection: &Connection,
    message: Message,
    headers: HeaderMap,
) -> Result<PublishAckFuture, Trouble> {
    let seq = message.seq;
    let publish = PublishMessage::build()
        .payload(message.body.into())
        .headers(headers);
    let sent = connection
        .context
        .send_publish(message.subject, publish)
        .await;
    sent.map_err(|error| failed(seq, error))
}

/// Waits for the answer and takes only the one that says: this very sequence, stored now.
async fn acknowledged(
    stream: &EventStream,
    seq: Seq,
    ack: PublishAckFuture,
) -> Result<(), Trouble> {
    let ack = ack.await.map_err(|error| failed(seq, error))?;
    if ack.sequence == seq.0 && ack.stream == stream.name && !ack.duplicate {
        return Ok(());
    }
    Err(failed(
        seq,
        format!(
            "the server answered with sequence {} of {}",
            ack.sequence, ack.stream
        ),
    ))
}

fn failed(seq: Seq, error: impl std::fmt::Display) -> Trouble {
    Trouble::away(format!("publish event {seq}"), error)
}
