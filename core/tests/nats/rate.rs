//! How fast a backlog gets out and how soon a single event is there: printed, because a bound in seconds would
//! fail on a busy machine. What makes it fast, the large batches, is checked.

use std::collections::BTreeSet;
use std::time::Instant;

use async_nats::header;
use fasti_core::bus::PublisherHandle;

use super::server::Server;
use super::world::{STREAM, World, stop, until};

/// Events of the backlog.
const EVENTS: u64 = 100_000;

/// Events sent one by one.
const SINGLE_EVENTS: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_goes_out_in_batches() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(EVENTS - 1);
    let world = world.restarted();
    let started = Instant::now();
    let (handle, shutdown) = world.publisher(&server);
    until(&handle, |status| status.stream_seq.0 == EVENTS).await;
    let took = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of events fits")]
    let rate = EVENTS as f64 / took;
    println!("published a backlog of {EVENTS} events in {took:.2} s: {rate:.0} events/s");
    world.compare(&server).await;
    assert_batches(&server).await;
    one_by_one(world, &handle).await;
    stop(&handle, &shutdown).await;
}

/// The middle of the backlog came in batches of hundreds of messages.
async fn assert_batches(server: &Server) {
    let stream = server.jetstream().await.get_stream(STREAM).await.unwrap();
    let mut batches = BTreeSet::new();
    for seq in (50_000..=60_000).step_by(100) {
        let message = stream.get_raw_message(seq).await.unwrap();
        let batch = message
            .headers
            .get(header::NATS_BATCH_ID)
            .expect("a message of a batch");
        batches.insert(batch.as_str().to_owned());
    }
    assert!(
        batches.len() <= 20,
        "10,000 events came in {} batches",
        batches.len()
    );
}

/// How long a single event takes from durable to stored by the server, printed.
async fn one_by_one(mut world: World, handle: &PublisherHandle) {
    let mut took = Vec::new();
    for _ in 0..SINGLE_EVENTS {
        let appended = Instant::now();
        world.grow(1);
        let last = world.last();
        until(handle, |status| status.stream_seq == last).await;
        took.push(appended.elapsed());
    }
    took.sort();
    let (median, late) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("a single event is in the stream after {median:?} (median), {late:?} (99 %)");
}
