//! How fast a backlog gets out and how soon a single event is there, printed. The bound only catches a
//! publisher that waits for each message.

use std::time::Instant;

use fasti_core::bus::PublisherHandle;

use super::server::Server;
use super::world::{World, stop, until};

/// Events of the backlog.
const EVENTS: u64 = 100_000;

/// Events sent one by one for comparison.
const SINGLE_EVENTS: u64 = 500;

/// Batches are at least this much faster than single events, in the same run on the same machine.
const GAIN_MIN: f64 = 2.0;

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
    let rate = per_second(EVENTS, took);
    println!("published a backlog of {EVENTS} events in {took:.2} s: {rate:.0} events/s");
    world.compare(&server).await;
    let single_rate = one_by_one(world, &handle).await;
    assert!(
        rate > GAIN_MIN * single_rate,
        "{rate:.0} events/s in batches, {single_rate:.0} one by one"
    );
    stop(&handle, &shutdown).await;
}

/// How long a single event takes from durable to stored by the server, printed; answers with their rate.
async fn one_by_one(mut world: World, handle: &PublisherHandle) -> f64 {
    let mut took = Vec::new();
    let started = Instant::now();
    for _ in 0..SINGLE_EVENTS {
        let appended = Instant::now();
        world.grow(1);
        let last = world.last();
        until(handle, |status| status.stream_seq == last).await;
        took.push(appended.elapsed());
    }
    let rate = per_second(SINGLE_EVENTS, started.elapsed().as_secs_f64());
    took.sort();
    let (median, late) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("a single event is in the stream after {median:?} (median), {late:?} (99 %)");
    rate
}

#[expect(clippy::cast_precision_loss, reason = "a count of events fits")]
fn per_second(events: u64, seconds: f64) -> f64 {
    events as f64 / seconds
}
