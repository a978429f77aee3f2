//! The ends of all runs, from the first one on: `subscriber nats://127.0.0.1:4222`.
#![expect(clippy::print_stdout, reason = "what it is for")]

use async_nats::jetstream::{self, consumer::pull::OrderedConfig};
use futures_util::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("no address of a server")?;
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = context.get_stream("FASTI_EVENTS_DEFAULT").await?;
    let ends = OrderedConfig {
        filter_subject: "fasti.v1.default.run.finished.>".to_owned(),
        ..OrderedConfig::default()
    };
    let mut events = stream.create_consumer(ends).await?.messages().await?;
    while let Some(event) = events.try_next().await? {
        println!("{}", std::str::from_utf8(&event.payload)?);
    }
    Ok(())
}
