//! Exact records too large for a message: objects in a bucket beside the stream, stored before the message that
//! names them, as blobs are before their record.

use async_nats::jetstream::object_store::{Config, ObjectStore};
use async_nats::jetstream::stream::StorageType;
use tokio::io::AsyncReadExt;

use super::cloudevent::Message;
use super::config::NatsConfig;
use super::connection::{Connection, Trouble};

/// Stores what the messages name.
pub(super) async fn store(
    connection: &Connection,
    config: &NatsConfig,
    messages: &[Message],
) -> Result<(), Trouble> {
    for message in messages {
        let Some(sealed) = &message.beside else {
            continue;
        };
        let failed = |error: String| {
            Trouble::away(
                format!("store the exact record of event {}", message.seq),
                error,
            )
        };
        let bucket = bucket(connection, config).await?;
        let stored = bucket.put(message.id(), &mut sealed.as_slice()).await;
        stored.map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// What a message names.
pub(super) async fn fetch(
    connection: &Connection,
    config: &NatsConfig,
    name: &str,
) -> Result<Vec<u8>, Trouble> {
    let bucket = bucket(connection, config).await?;
    let failed = |error: String| Trouble::away(format!("fetch the exact record {name}"), error);
    let mut object = bucket
        .get(name)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let mut sealed = Vec::new();
    object
        .read_to_end(&mut sealed)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(sealed)
}

/// The bucket; made if there is none.
async fn bucket(connection: &Connection, config: &NatsConfig) -> Result<ObjectStore, Trouble> {
    let name = config.tenant.bucket();
    if let Ok(found) = connection.context.get_object_store(&name).await {
        return Ok(found);
    }
    let wanted = Config {
        bucket: name.clone(),
        description: Some(
            "Exact records of a Fasti log that are too large for messages".to_owned(),
        ),
        storage: StorageType::File,
        num_replicas: config.replicas(),
        ..Config::default()
    };
    let made = connection.context.create_object_store(wanted).await;
    made.map_err(|error| Trouble::away(format!("make the bucket {name}"), error))
}
