//! Messages for triggers: received from NATS, handed to the engine as they are, acknowledged once what was decided
//! about them is durable. Nothing is remembered here: a message that is delivered again is known by its id in the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use fasti_domain::event::Event;
use fasti_domain::ids::{BatchId, Seq};
use fasti_domain::state::State;
use fasti_domain::trigger::{SIGNAL_ID_MAX, Signal, TriggerSource};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::config::NatsConfig;
use super::connection::{Connection, Trouble};
use super::listening;
use crate::engine::{EngineHandle, SubmitError};

/// Pause after the first failure; doubled by each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Batches that are saved one after the other are looked at together.
const GATHER: Duration = Duration::from_millis(100);

/// Pause before a message that could not be taken is handed over again.
const AGAIN: Duration = Duration::from_millis(200);

/// Events of the log looked at in one go.
const EVENTS_MAX: usize = 4_096;

/// Which messages are wanted, by batch and trigger.
type Wanted = BTreeMap<(BatchId, String), TriggerSource>;

/// Where messages of one trigger go.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) engine: EngineHandle,
    pub(super) batch: BatchId,
    pub(super) trigger: String,
}

/// The scheduler stops: what was not taken is delivered again later.
#[derive(Debug)]
pub(super) struct Stopped;

/// Receives messages for the triggers of all batches, until `shutdown`. Never fails: what does not work is told in the
/// log of the program and tried again.
pub struct Intake {
    engine: EngineHandle,
    config: NatsConfig,
}

impl Intake {
    /// Starts receiving.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn spawn(
        engine: EngineHandle,
        config: NatsConfig,
        shutdown: CancellationToken,
    ) -> JoinHandle<()> {
        let intake = Self { engine, config };
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = intake.run() => {}
            }
        })
    }

    async fn run(&self) {
        let mut failures = 0;
        loop {
            match self.session(&mut failures).await {
                Ok(Stopped) => return,
                Err(trouble) => {
                    failures += 1;
                    if failures == 1 {
                        tracing::warn!(%trouble, "messages for triggers cannot be received now");
                    }
                    sleep(pause(failures)).await;
                }
            }
        }
    }

    /// One connection, with listeners for whatever is wanted, until it breaks or the scheduler stops.
    async fn session(&self, failures: &mut u32) -> Result<Stopped, Trouble> {
        let mut seen = self.engine.feed().last();
        let Ok(mut wanted) = self.wanted().await else {
            return Ok(Stopped);
        };
        while wanted.is_empty() {
            // Nobody waits for messages: no connection is needed.
            let Ok(last) = self.changed(seen).await else {
                return Ok(Stopped);
            };
            seen = last;
            match self.wanted().await {
                Ok(now) => wanted = now,
                Err(Stopped) => return Ok(Stopped),
            }
        }
        let connection = Connection::open(&self.config).await?;
        *failures = 0;
        let mut listeners = BTreeMap::new();
        loop {
            self.listen(&connection, &wanted, &mut listeners);
            tokio::select! {
                biased;
                trouble = connection.lost() => return Err(trouble),
                changed = self.changed(seen) => match changed {
                    Ok(last) => seen = last,
                    Err(Stopped) => return Ok(Stopped),
                },
            }
            match self.wanted().await {
                Ok(now) => wanted = now,
                Err(Stopped) => return Ok(Stopped),
            }
        }
    }

    async fn wanted(&self) -> Result<Wanted, Stopped> {
        loop {
            match self.engine.inspect(wanted).await {
                Ok(wanted) => return Ok(wanted),
                Err(SubmitError::Stopped) => return Err(Stopped),
                Err(_busy) => sleep(AGAIN).await,
            }
        }
    }

    /// Waits until batches were saved or deleted after `seen`; where the log is then.
    async fn changed(&self, mut seen: Seq) -> Result<Seq, Stopped> {
        let feed = self.engine.feed();
        loop {
            feed.wait_beyond(seen).await.map_err(|_| Stopped)?;
            sleep(GATHER).await;
            let from = feed.clone();
            let read = tokio::task::spawn_blocking(move || from.read(seen, EVENTS_MAX));
            let Ok(Ok(entries)) = read.await else {
                // Whoever else reads the log says what is wrong with it; listening goes on as it is.
                return Err(Stopped);
            };
            seen = entries.last().map_or(seen, |entry| entry.seq());
            let is_other =
                |event: &Event| matches!(event, Event::BatchSaved(_) | Event::BatchDeleted(_));
            if entries.iter().any(|entry| is_other(&entry.recorded.event)) {
                return Ok(seen);
            }
        }
    }

    /// Starts listeners for what is wanted now, and ends those of what is not any more.
    fn listen(
        &self,
        connection: &Connection,
        wanted: &Wanted,
        listeners: &mut BTreeMap<(BatchId, String), (TriggerSource, DropGuard)>,
    ) {
        listeners.retain(|key, (source, _)| {
            let stays = wanted.get(key) == Some(source);
            if !stays
                && wanted
                    .get(key)
                    .is_none_or(|now| !listening::is_same_consumer(now, source))
            {
                listening::forget(connection, key, source);
            }
            stays
        });
        for (key, source) in wanted {
            if listeners.contains_key(key) {
                continue;
            }
            let door = Door {
                engine: self.engine.clone(),
                batch: key.0,
                trigger: key.1.clone(),
            };
            let end = CancellationToken::new();
            listening::spawn(connection, door, source.clone(), end.clone());
            listeners.insert(key.clone(), (source.clone(), end.drop_guard()));
        }
    }
}

fn wanted(state: &State) -> Wanted {
    let mut wanted = Wanted::new();
    for batch in state.batches() {
        let definition = state.batch_definition(batch);
        for trigger in definition.into_iter().flat_map(|it| &it.schedule.triggers) {
            let is_on_nats = match trigger.source {
                TriggerSource::Nats { .. } | TriggerSource::Stream { .. } => true,
                TriggerSource::Webhook { .. } => false,
            };
            if is_on_nats {
                wanted.insert((batch.id, trigger.name.clone()), trigger.source.clone());
            }
        }
    }
    wanted
}

impl Door {
    /// Hands a message over until it is decided; a full inbox or disk is waited for.
    pub(super) async fn hand(&self, id: String, payload: &[u8]) -> Result<(), Stopped> {
        let signal = Signal {
            batch: self.batch,
            trigger: self.trigger.clone(),
            id,
            payload: Arc::from(payload),
        };
        loop {
            let request = signal.clone().into_request(None);
            match self.engine.submit(request).await {
                Ok(_receipt) => return Ok(()),
                Err(SubmitError::Rejected(rejection)) => {
                    // The trigger was removed a moment ago.
                    tracing::warn!(%rejection, trigger = self.trigger, "a message was refused");
                    return Ok(());
                }
                Err(SubmitError::Busy | SubmitError::DiskFull) => sleep(AGAIN).await,
                Err(SubmitError::Stopped) => return Err(Stopped),
            }
        }
    }
}

/// The id that the sender gave a message, if it is one.
pub(super) fn given_id(headers: Option<&HeaderMap>) -> Option<String> {
    let id = headers?.get(async_nats::header::NATS_MESSAGE_ID)?.as_str();
    let is_id =
        (1..=SIGNAL_ID_MAX).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_graphic());
    is_id.then(|| id.to_owned())
}

pub(super) fn pause(failures: u32) -> Duration {
    (PAUSE_MIN * 2_u32.saturating_pow(failures.min(10))).min(PAUSE_MAX)
}
