//! What goes to NATS and comes from it: the events of the log, the anchors that sealing signs, and the messages that
//! triggers wait for.

use std::sync::Arc;

use fasti_core::bus::{
    Encoding, ExactSource, Intake, NatsConfig, Publisher, PublisherHandle, StreamKey, Tenant,
    publish_anchors,
};
use fasti_core::engine::EngineHandle;
use fasti_core::store::{ExactReader, LogReader, Sealer};
use tokio_util::sync::CancellationToken;

use crate::serve::ServeSettings;

/// Settings of publishing.
#[derive(Debug, Clone)]
pub(crate) struct NatsSettings {
    pub(crate) url: String,
    pub(crate) tenant: String,
    pub(crate) is_json: bool,
    /// Whether messages carry exact records, sealed.
    pub(crate) has_records: bool,
}

/// Publishes the log and listens for the triggers of batches, if a NATS server was named.
pub(crate) fn start(
    settings: &ServeSettings,
    engine: &EngineHandle,
    reader: &LogReader,
    stop: &CancellationToken,
) -> anyhow::Result<Option<PublisherHandle>> {
    let Some(nats) = &settings.nats else {
        return Ok(None);
    };
    let exact = if nats.has_records {
        Some(ExactSource {
            reader: Arc::new(ExactReader::new(
                reader.clone(),
                fasti_core::codec::contents_of,
            )),
            key: StreamKey::of(&settings.data).map_err(crate::cli::store_failure)?,
        })
    } else {
        None
    };
    let config = nats_config(nats)?;
    // It ends with the others; what it holds is not acknowledged and comes again.
    drop(Intake::spawn(engine.clone(), config.clone(), stop.clone()));
    Ok(Some(Publisher::spawn_with(
        engine.feed().clone(),
        exact,
        config,
        stop.clone(),
    )))
}

fn nats_config(nats: &NatsSettings) -> anyhow::Result<NatsConfig> {
    let mut config = NatsConfig::new(&nats.url)?;
    config.tenant = Tenant::new(&nats.tenant)?;
    config.encoding = if nats.is_json {
        Encoding::Json
    } else {
        Encoding::Msgpack
    };
    Ok(config)
}

/// Seals the log, and puts its anchors on NATS when there is one.
pub(crate) fn start_sealing(
    settings: &ServeSettings,
    reader: &LogReader,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Sealer>> {
    let sealer = crate::sealing::start(reader, &settings.log);
    if let (Some(sealer), Some(nats)) = (&sealer, &settings.nats) {
        let data = settings.data.clone();
        publish_anchors(data, sealer.anchors(), nats_config(nats)?, stop.clone());
    }
    Ok(sealer)
}
