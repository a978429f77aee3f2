//! A log in memory with its feed, and the comparison of the stream with it.

use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use fasti_core::bus::{
    NatsConfig, Publisher, PublisherHandle, PublisherState, PublisherStatus, Tenant,
};
use fasti_core::codec;
use fasti_core::domain::event::{Event, LogCreated, Recorded, RunCancelRequested};
use fasti_core::domain::ids::{BatchId, Digest, LogId, RunId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::{Entry, Feed, FeedWriter, feed};
use fasti_core::mem::MemLog;
use fasti_core::ports::LogWrite;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::server::Server;

/// Name of the stream under test.
pub(super) const STREAM: &str = "FASTI_EVENTS_ACME";

/// Longest wait for anything; a busy machine gets a backlog out slowly.
const PATIENCE: Duration = Duration::from_secs(200);

/// A log that grows on demand.
pub(super) struct World {
    pub(super) log: MemLog,
    log_id: LogId,
    writer: FeedWriter,
    pub(super) feed: Feed,
}

impl World {
    /// A log with its first event.
    pub(super) fn new() -> Self {
        let log_id = LogId([7; 16]);
        let mut world = Self::over(MemLog::default(), log_id, Seq(0));
        let created = LogCreated {
            log_id,
            seed: [1; 16],
        };
        world.commit(vec![created.into()]);
        world
    }

    fn over(log: MemLog, log_id: LogId, last: Seq) -> Self {
        let (writer, feed) = feed(log_id, last, Box::new(log.clone()));
        Self {
            log,
            log_id,
            writer,
            feed,
        }
    }

    /// The same log with nothing in memory, as after a restart.
    pub(super) fn restarted(&self) -> Self {
        Self::over(self.log.clone(), self.log_id, self.last())
    }

    /// A copy of the log as it was after `last`.
    pub(super) fn backup(&self, last: u64) -> Self {
        let mut log = MemLog::default();
        for record in self
            .log
            .records()
            .into_iter()
            .take(usize::try_from(last).unwrap())
        {
            log.append(vec![record.record], &[]).unwrap();
        }
        Self::over(log, self.log_id, Seq(last))
    }

    pub(super) fn last(&self) -> Seq {
        self.feed.last()
    }

    /// Appends a commit of events.
    pub(super) fn commit(&mut self, events: Vec<Event>) {
        let first = self.last().0 + 1;
        let records = (first..).zip(events).map(|(seq, event)| {
            codec::encode(&Recorded {
                seq: Seq(seq),
                at: Timestamp(1_711_846_800_000_000 + i64::try_from(seq).unwrap()),
                actor: "user:ann".into(),
                causation: (seq > first).then_some(Seq(first)),
                key: None,
                trace: None,
                event,
            })
        });
        let appended = self.log.append(records.collect(), &[]).unwrap();
        let entries = appended
            .records
            .iter()
            .map(|record| codec::decode(record).unwrap());
        self.writer.publish(entries.collect());
    }

    /// Appends `count` events in commits of 1 to 40, about 300 bytes each.
    pub(super) fn grow(&mut self, count: u64) {
        let until = self.last().0 + count;
        while self.last().0 < until {
            let seq = self.last().0;
            let len = (1 + seq * 7 % 40).min(until - seq);
            self.commit((0..len).map(|_| event(&"x".repeat(200))).collect());
        }
    }

    /// Starts a publisher of this log.
    pub(super) fn publisher(&self, server: &Server) -> (PublisherHandle, CancellationToken) {
        let shutdown = CancellationToken::new();
        let handle = Publisher::spawn(self.feed.clone(), config(server), shutdown.clone());
        (handle, shutdown)
    }

    /// Waits until everything is in the stream, then compares all of it.
    pub(super) async fn published(&self, handle: &PublisherHandle, server: &Server) {
        let last = self.last();
        let status = until(handle, |status| status.stream_seq >= last).await;
        assert_eq!(status.state, PublisherState::Following, "{status:?}");
        self.compare(server).await;
    }

    /// Reads the stream as somebody who comes late, and compares every message with its event.
    pub(super) async fn compare(&self, server: &Server) {
        let mut stream = server.jetstream().await.get_stream(STREAM).await.unwrap();
        let state = stream.info().await.unwrap().state.clone();
        let last = self.last();
        assert_eq!(
            (state.first_sequence, state.last_sequence, state.messages),
            (1, last.0, last.0)
        );
        let consumer = stream
            .create_consumer(OrderedConfig::default())
            .await
            .unwrap();
        let mut messages = consumer.messages().await.unwrap();
        for record in self.log.records() {
            let next = tokio::time::timeout(PATIENCE, messages.next()).await;
            let message = next.expect("a message for every event").unwrap().unwrap();
            let position = message.info().unwrap().stream_sequence;
            assert_eq!(position, record.seq.0);
            same(&message, &codec::decode(&record).unwrap(), self.log_id);
        }
    }
}

/// One message against its event.
fn same(message: &Message, entry: &Entry, log_id: LogId) {
    let headers = message.headers.as_ref().unwrap();
    let header = |name: &str| headers.get(name).map(|value| value.as_str());
    let id = format!("{log_id}-{}", entry.seq());
    assert_eq!(header("ce-id"), Some(id.as_str()));
    assert_eq!(header("Nats-Msg-Id"), Some(id.as_str()));
    assert_eq!(
        header("ce-sequence"),
        Some(format!("{:020}", entry.seq().0).as_str())
    );
    assert_eq!(
        header("fasti-hash"),
        Some(Digest(entry.hash).to_string().as_str())
    );
    let body: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    if header("ce-dataref").is_none() {
        assert_eq!(body, codec::event_json(entry));
    } else {
        assert_eq!(body["dataref"].as_str(), header("ce-dataref"));
    }
}

/// Some event with a text in it.
pub(super) fn event(text: &str) -> Event {
    RunCancelRequested {
        run: RunId(8231),
        batch: BatchId([0xab; 16]),
        reason: Some(text.to_owned()),
    }
    .into()
}

pub(super) fn config(server: &Server) -> NatsConfig {
    let mut config = NatsConfig::new(&server.url()).unwrap();
    config.tenant = Tenant::new("acme").unwrap();
    config
}

/// Waits until the publisher is where it should be.
pub(super) async fn until(
    handle: &PublisherHandle,
    test: impl FnMut(&PublisherStatus) -> bool,
) -> PublisherStatus {
    match tokio::time::timeout(PATIENCE, handle.wait_for(test)).await {
        Ok(status) => status,
        Err(_) => panic!("still not there: {:?}", handle.status()),
    }
}

/// Stops a publisher, in the middle of whatever it does.
pub(super) async fn stop(handle: &PublisherHandle, shutdown: &CancellationToken) {
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, handle.stopped())
        .await
        .expect("the publisher stops");
}
