//! The JetStream stream of one tenant's events: made when it is not there, checked when it is, and read at its
//! end. Never purged, and deleted only when it is empty and nothing that an operator has set explains that.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, ErrorCode};
use fasti_domain::ids::Seq;

use super::agreement::Tail;
use super::cloudevent::{HASH_HEADER, SOURCE_HEADER};
use super::config::NatsConfig;
use super::connection::{Connection, Trouble, is};
use super::subject::subject_filter;

/// The oldest server that is published to: earlier ones lose streams in ways that were fixed there.
pub const SERVER_VERSION_MIN: &str = "2.12.3";

/// How long the server remembers message ids. Only a second net: what is sent twice is refused by its
/// expected sequence.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The stream as it was found or made.
pub(super) struct EventStream {
    pub(super) name: String,
    /// Whether many messages can be stored as one.
    pub(super) is_atomic: bool,
    /// What stands at its end.
    pub(super) tail: Tail,
}

impl EventStream {
    /// Finds or makes the stream and reads its end. `source` is the log's name, for people who look.
    pub(super) async fn open(
        connection: &Connection,
        config: &NatsConfig,
        source: &str,
    ) -> Result<Self, Trouble> {
        check_version(connection)?;
        let name = config.tenant.stream();
        let mut stream = match find(&connection.context, &name).await? {
            Some(stream) => checked(connection, stream, config).await?,
            None => make(connection, config, source).await?,
        };
        if has_lost_its_messages(stream.cached_info()) {
            // Nothing is in it, but its numbers go on: only a new one begins at 1 again.
            tracing::warn!(
                stream = name,
                "the event stream lost its messages; it is made again and refilled"
            );
            let deleted = connection.context.delete_stream(&name).await;
            deleted.map_err(|error| {
                Trouble::away(format!("make the empty stream {name} again"), error)
            })?;
            stream = make(connection, config, source).await?;
        }
        let tail = tail(&stream).await?;
        let info = stream.cached_info();
        Ok(Self {
            is_atomic: info.config.allow_atomic_publish,
            name,
            tail,
        })
    }
}

/// Whether a stream that had messages has none, for no reason that it knows itself. Limits are a reason: then it is
/// as somebody wanted it, and with it would go the consumers that others have made.
fn has_lost_its_messages(info: &Info) -> bool {
    let state = &info.state;
    state.messages == 0 && state.last_sequence > 0 && !is_bounded(&info.config)
}

/// Refuses a server that is too old.
fn check_version(connection: &Connection) -> Result<(), Trouble> {
    let mut least = SERVER_VERSION_MIN
        .split('.')
        .map_while(|part| part.parse().ok());
    let mut part = || least.next().unwrap_or(0);
    let (major, minor, patch) = (part(), part(), part());
    if connection.client.is_server_compatible(major, minor, patch) {
        return Ok(());
    }
    let version = connection.client.server_info().version;
    Err(Trouble::Refused(format!(
        "cannot publish to NATS server {version}: Fasti needs {SERVER_VERSION_MIN} or later, update the server"
    )))
}

pub(super) async fn find(context: &Context, name: &str) -> Result<Option<Stream>, Trouble> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            // The only answer that means that there is none. No answer is an election, and no reason to make one.
            GetStreamErrorKind::JetStream(error) if is(&error, ErrorCode::STREAM_NOT_FOUND) => {
                Ok(None)
            }
            GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::InvalidStreamName
            | GetStreamErrorKind::JetStream(_) => {
                let asked =
                    format!("find the stream {name} (is JetStream switched on at the server?)");
                Err(Trouble::away(asked, error))
            }
        },
    }
}

async fn make(
    connection: &Connection,
    config: &NatsConfig,
    source: &str,
) -> Result<Stream, Trouble> {
    let wanted = wanted(config, source);
    let name = wanted.name.clone();
    let made = connection.context.create_stream(wanted).await;
    let stream = made.map_err(|error| Trouble::away(format!("make the stream {name}"), error))?;
    tracing::info!(stream = name, "made the event stream");
    checked(connection, stream, config).await
}

fn wanted(config: &NatsConfig, source: &str) -> Config {
    Config {
        name: config.tenant.stream(),
        description: Some("All events of a Fasti log; stream sequence = log sequence".to_owned()),
        subjects: vec![subject_filter(&config.tenant)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: config.replicas(),
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        metadata: HashMap::from([("fasti.source".to_owned(), source.to_owned())]),
        ..Config::default()
    }
}

/// Refuses a stream that would lose or change events, and switches on what makes publishing fast. Limits that
/// an operator has set stay.
async fn checked(
    connection: &Connection,
    stream: Stream,
    config: &NatsConfig,
) -> Result<Stream, Trouble> {
    let found = &stream.cached_info().config;
    if let Some(problem) = problem(found, &subject_filter(&config.tenant)) {
        return Err(Trouble::Refused(format!(
            "cannot use the stream {}: {problem}; change that, or delete the stream, and it is made as it has to be",
            found.name
        )));
    }
    if found.allow_atomic_publish {
        return Ok(stream);
    }
    let better = Config {
        allow_atomic_publish: true,
        ..found.clone()
    };
    match connection.context.update_stream(better).await {
        Ok(_) => find(&connection.context, &config.tenant.stream())
            .await?
            .ok_or_else(|| Trouble::Away("the event stream vanished".to_owned())),
        Err(error) => {
            tracing::debug!(%error, "the event stream takes no atomic batches; publishing goes one by one");
            Ok(stream)
        }
    }
}

/// What about a stream would make it something else than a copy of the log.
fn problem(config: &Config, filter: &str) -> Option<String> {
    let problems = [
        (
            !config.subjects.iter().any(|subject| subject == filter),
            format!("it does not listen to {filter}"),
        ),
        (
            config.retention != RetentionPolicy::Limits,
            "it drops what was consumed".to_owned(),
        ),
        (
            config.max_messages_per_subject > 0,
            "it drops events from its middle".to_owned(),
        ),
        (
            config.discard != DiscardPolicy::New && is_bounded(config),
            "it drops the oldest when it is full".to_owned(),
        ),
        (
            !config.max_age.is_zero(),
            "it drops what is old (max_age), and with its last event the place where the next one belongs"
                .to_owned(),
        ),
        (config.no_ack, "it does not acknowledge".to_owned()),
        (config.sealed, "it is sealed".to_owned()),
        (
            config.mirror.is_some() || config.sources.is_some(),
            "it is filled from other streams".to_owned(),
        ),
    ];
    problems
        .into_iter()
        .find_map(|(is_so, problem)| is_so.then_some(problem))
}

fn is_bounded(config: &Config) -> bool {
    config.max_messages > 0 || config.max_bytes > 0 || !config.max_age.is_zero()
}

/// Reads the end of the stream, from its leader: a replica may be behind.
async fn tail(stream: &Stream<Info>) -> Result<Tail, Trouble> {
    let state = &stream.cached_info().state;
    let mut tail = Tail {
        seq: Seq(state.last_sequence),
        hash: None,
        source: None,
        holes: state.deleted_count.unwrap_or(0),
    };
    if state.last_sequence == 0 {
        return Ok(tail);
    }
    match stream.get_raw_message(state.last_sequence).await {
        Ok(message) => {
            let header = |name: &str| {
                message
                    .headers
                    .get(name)
                    .map(|value| value.as_str().to_owned())
            };
            tail.hash = header(HASH_HEADER);
            tail.source = header(SOURCE_HEADER);
            Ok(tail)
        }
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(tail),
        Err(error) => Err(Trouble::away(
            format!("read message {} of the event stream", tail.seq),
            error,
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_stream_we_make_is_one_we_take() {
        let config = NatsConfig::new("localhost").unwrap();
        let filter = subject_filter(&config.tenant);
        let good = wanted(&config, "/fasti/x");
        assert_eq!(problem(&good, &filter), None);
        let bad: [fn(&mut Config); 7] = [
            |config| config.subjects = vec!["fasti.v1.other.>".to_owned()],
            |config| config.retention = RetentionPolicy::WorkQueue,
            |config| config.max_messages_per_subject = 1,
            |config| (config.discard, config.max_bytes) = (DiscardPolicy::Old, 1 << 30),
            |config| config.no_ack = true,
            |config| config.sealed = true,
            |config| config.max_age = Duration::from_secs(3600),
        ];
        for change in bad {
            let mut config = good.clone();
            change(&mut config);
            assert!(problem(&config, &filter).is_some(), "{config:?}");
        }
    }
}
