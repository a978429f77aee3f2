//! The stream followed by whoever wants to hear of events as they come: the same events as over HTTP, from NATS
//! alone.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Info, Stream};
use fasti_domain::event::EventKind;
use fasti_domain::ids::{BatchId, RunId, Seq};
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::cloudevent::TYPE_PREFIX;
use super::config::{NatsConfig, Tenant};
use super::connection::{Connection, Trouble};
use super::reading::{ReadError, last_of};
use super::stream::find;
use super::subject::filter;

/// Which events are wanted; nothing set is all of them.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of these kinds.
    pub kinds: Vec<EventKind>,
    /// Only of this batch.
    pub batch: Option<BatchId>,
    /// Only of this run.
    pub run: Option<RunId>,
}

impl Wanted {
    fn subjects(&self, tenant: &Tenant) -> Vec<String> {
        let of = |kind: Option<EventKind>| filter(tenant, kind, self.batch, self.run);
        if self.kinds.is_empty() {
            return vec![of(None)];
        }
        let mut subjects: Vec<_> = self.kinds.iter().map(|kind| of(Some(*kind))).collect();
        // NATS refuses filters that overlap, as two equal ones do.
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }
}

/// Position of the last event in the stream.
///
/// # Errors
/// NATS cannot be reached, or there is no such stream.
pub async fn end_of_stream(config: &NatsConfig) -> Result<Seq, ReadError> {
    let connection = Connection::open(config).await?;
    last_of(&mut open(&connection, config).await?).await
}

async fn open(connection: &Connection, config: &NatsConfig) -> Result<Stream<Info>, ReadError> {
    let name = config.tenant.stream();
    let found = find(&connection.context, &name).await?;
    found.ok_or(ReadError::NoStream(name))
}

/// Hands every wanted event behind `after` to `take`, as JSON, until that says `false` or the connection ends.
///
/// # Errors
/// NATS cannot be reached any more, there is no such stream, or a message was not published by Fasti.
pub async fn follow(
    config: &NatsConfig,
    wanted: &Wanted,
    after: Seq,
    take: &mut (dyn FnMut(Value) -> bool + Send),
) -> Result<(), ReadError> {
    let connection = Connection::open(config).await?;
    let stream = open(&connection, config).await?;
    let ordered = OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: after.next().0,
        },
        filter_subjects: wanted.subjects(&config.tenant),
        ..OrderedConfig::default()
    };
    let away = |error: String| Trouble::away("read the stream", error);
    let consumer = stream.create_consumer(ordered).await;
    let consumer = consumer.map_err(|error| away(error.to_string()))?;
    let messages = consumer.messages().await;
    let mut messages = messages.map_err(|error| away(error.to_string()))?;
    loop {
        let next = tokio::select! {
            next = messages.next() => next,
            trouble = connection.lost() => return Err(trouble.into()),
        };
        let message = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(away(error.to_string()).into()),
            None => return Err(away("it ended".to_owned()).into()),
        };
        if !take(event_of(&message)?) {
            return Ok(());
        }
    }
}

/// An event as the native API shows it.
fn event_of(message: &Message) -> Result<Value, ReadError> {
    let info = message.info();
    let seq = info
        .map_err(|error| Trouble::away("read the stream", error))?
        .stream_sequence;
    let foreign = |why: &str| ReadError::Foreign {
        seq: Seq(seq),
        why: why.to_owned(),
    };
    let headers = message.headers.as_ref();
    let headers = headers.ok_or_else(|| foreign("it has no headers"))?;
    // CloudEvents writes `%` and two digits for what headers cannot hold.
    let header = |name: &str| {
        let value = percent_decode_str(headers.get(name)?.as_str());
        Some(value.decode_utf8_lossy().into_owned())
    };
    let kind = header("ce-type").ok_or_else(|| foreign("it has no `ce-type`"))?;
    let (name, version) = kind
        .strip_prefix(TYPE_PREFIX)
        .and_then(|kind| kind.strip_prefix('.'))
        .and_then(|kind| kind.rsplit_once(".v"))
        .ok_or_else(|| foreign("its `ce-type` is not one of Fasti"))?;
    let version: u16 = version
        .parse()
        .map_err(|_| foreign("its `ce-type` has no version"))?;
    let left_out = header("ce-dataref");
    let data = match left_out {
        Some(_) => Value::Object(Map::new()),
        None => data_of(headers, &message.payload).ok_or_else(|| foreign("its body is broken"))?,
    };
    let tokens: Vec<&str> = message.subject.split('.').collect();
    let token = |position: usize| tokens.get(position).copied().filter(|token| *token != "-");
    let number = |text: &str| text.parse::<u64>().ok();
    let task_run =
        header("ce-subject").and_then(|about| about.strip_prefix("task_run/").and_then(number));
    let causation = header("ce-causationid")
        .and_then(|id| id.rsplit_once('-').and_then(|(_, seq)| number(seq)));
    let mut event = json!({
        "seq": seq,
        "time": header("ce-recordedtime"),
        "type": name,
        "version": version,
        "actor": actor(header("ce-authtype").as_deref(), header("ce-authid").as_deref()),
        "causation_seq": causation,
        "batch_id": token(5),
        "run_id": token(6).and_then(number),
        "task_run_id": task_run,
        "traceparent": header("ce-traceparent"),
        "data": data,
    });
    if left_out.is_some() {
        event["data_at"] = json!(format!("/api/v1/events/{seq}"));
    }
    Ok(event)
}

fn data_of(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let kind = headers.get("ce-datacontenttype").map(|kind| kind.as_str());
    match kind {
        Some("application/msgpack") => rmp_serde::from_slice(body).ok(),
        _ => serde_json::from_slice(body).ok(),
    }
}

/// Who asked, as the log writes it.
fn actor(kind: Option<&str>, id: Option<&str>) -> String {
    match (kind, id) {
        (Some("user"), Some(id)) => format!("user:{id}"),
        (Some("service_account"), Some(id)) => format!("runner:{id}"),
        (_, Some(id)) => id.to_owned(),
        (_, None) => "system".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_said_by_subjects() {
        let tenant = Tenant::default();
        let all = Wanted::default();
        assert_eq!(all.subjects(&tenant), ["fasti.v1.default.*.*.*.*.*"]);
        let some = Wanted {
            kinds: vec![
                EventKind::RunFinished,
                EventKind::AttemptLeased,
                EventKind::RunFinished,
            ],
            batch: Some(BatchId([0xab; 16])),
            run: Some(RunId(8)),
        };
        assert_eq!(
            some.subjects(&tenant),
            [
                "fasti.v1.default.attempt.leased.abababab-abab-abab-abab-abababababab.8.*",
                "fasti.v1.default.run.finished.abababab-abab-abab-abab-abababababab.8.*",
            ]
        );
    }

    #[test]
    fn actors_read_as_in_the_log() {
        assert_eq!(actor(Some("user"), Some("ada")), "user:ada");
        assert_eq!(actor(Some("service_account"), Some("r1")), "runner:r1");
        assert_eq!(actor(Some("system"), None), "system");
        assert_eq!(actor(Some("unknown"), Some("x:y")), "x:y");
    }
}
