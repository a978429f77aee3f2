//! Events as they happen: a reader of server-sent events on a thread of its own, so that waiting has an end.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::time::Instant;

use serde_json::Value;

use super::client::Client;

/// A stream of events. The connection ends soon after this is dropped.
pub(crate) struct Stream {
    events: mpsc::Receiver<Value>,
}

/// What came, or why nothing will.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Event(Value),
    /// The server closed the stream.
    Closed,
    /// Nothing came in time.
    Nothing,
}

impl Stream {
    /// Opens `path`; with a last event id it goes on after that one.
    pub(crate) fn open(client: &Client, path: &str, last_event_id: Option<u64>) -> Self {
        let last = last_event_id.map(|id| id.to_string());
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.as_deref().map(|last| ("last-event-id", last)));
        let reader = BufReader::new(client.open(path, &headers));
        let (sender, events) = mpsc::channel();
        std::thread::spawn(move || read(reader, &sender));
        Self { events }
    }

    pub(crate) fn next(&self, deadline: Instant) -> Next {
        match self
            .events
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(event) => Next::Event(event),
            Err(mpsc::RecvTimeoutError::Disconnected) => Next::Closed,
            Err(mpsc::RecvTimeoutError::Timeout) => Next::Nothing,
        }
    }

    /// The first event that is wanted.
    pub(crate) fn wait_for(&self, deadline: Instant, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        loop {
            match self.next(deadline) {
                Next::Event(event) if is_wanted(&event) => return event,
                Next::Event(event) => seen.push(event["type"].to_string()),
                end @ (Next::Closed | Next::Nothing) => {
                    panic!(
                        "the event waited for did not come ({end:?}); seen: {}",
                        seen.join(" ")
                    )
                }
            }
        }
    }
}

/// Hands over each event until either side ends; its id must be the sequence it carries.
fn read(reader: impl BufRead, sender: &mpsc::Sender<Value>) -> Option<()> {
    let (mut id, mut data) = (String::new(), String::new());
    for line in reader.lines() {
        let line = line.ok()?;
        match line.split_once(':') {
            Some(("id", value)) => value.trim_start().clone_into(&mut id),
            Some(("data", value)) => data.push_str(value.strip_prefix(' ').unwrap_or(value)),
            None if line.is_empty() && !data.is_empty() => {
                let event: Value = serde_json::from_str(&data).expect("data of an event is JSON");
                assert_eq!(event["seq"].to_string(), id, "id of {data}");
                sender.send(event).ok()?;
                data.clear();
            }
            Some(_) | None => {}
        }
    }
    None
}
