//! The ordinary course: a backlog, then events as they come.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, PersistenceMode};
use fasti_core::bus::{Encoding, Publisher, PublisherState};
use fasti_core::codec;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::world::{STREAM, World, config, event, stop, until};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_in_the_stream_in_order_once() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(2_500);
    let (handle, shutdown) = world.publisher(&server);
    for _ in 0..50 {
        world.grow(37);
        tokio::task::yield_now().await;
    }
    world.published(&handle, &server).await;
    // One at a time, each seen before the next is made.
    for _ in 0..20 {
        world.grow(1);
        let last = world.last();
        until(&handle, |status| status.stream_seq == last).await;
    }
    world.compare(&server).await;
    let status = handle.status();
    assert!(status.connected);
    assert_eq!(status.stream, STREAM);
    assert_eq!(
        (status.stream_seq, status.log_seq),
        (world.last(), world.last())
    );
    stop(&handle, &shutdown).await;
    assert_eq!(handle.status().state, PublisherState::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_made_as_it_has_to_be() {
    let server = Server::started().await;
    let world = World::new();
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    let jetstream = server.jetstream().await;
    let mut stream = jetstream.get_stream(STREAM).await.unwrap();
    let found = stream.info().await.unwrap().config.clone();
    assert_eq!(found.subjects, ["fasti.v1.acme.>"]);
    assert!(found.deny_delete && found.deny_purge && found.allow_atomic_publish);
    assert_eq!(found.duplicate_window, Duration::from_secs(120));
    assert!(stream.purge().await.is_err(), "events cannot be purged");
    assert!(stream.delete_message(1).await.is_err(), "nor deleted");
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_payloads_are_referred_to_and_large_pieces_get_through() {
    let server = Server::started().await;
    let mut world = World::new();
    for size in [600 << 10, 500 << 10, 500 << 10, 2 << 20, 10] {
        world.commit(vec![
            event(&"y".repeat(size)),
            event("small"),
            event(&"z".repeat(size)),
        ]);
    }
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_can_be_msgpack() {
    let server = Server::started().await;
    let world = World::new();
    let mut config = config(&server);
    config.encoding = Encoding::Msgpack;
    let handle = Publisher::spawn(world.feed.clone(), config, CancellationToken::new());
    until(&handle, |status| status.stream_seq == world.last()).await;
    let stream = server.jetstream().await.get_stream(STREAM).await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    let found: serde_json::Value = rmp_serde::from_slice(&message.payload).unwrap();
    let entries = world.feed.read(fasti_core::domain::ids::Seq(0), 1).unwrap();
    assert_eq!(found, codec::event_json(&entries[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_atomic_batches_gets_them_or_is_filled_one_by_one() {
    for persist_mode in [None, Some(PersistenceMode::Async)] {
        let server = Server::started().await;
        let is_atomic = persist_mode.is_none();
        let plain = Config {
            name: STREAM.to_owned(),
            subjects: vec!["fasti.v1.acme.>".to_owned()],
            discard: async_nats::jetstream::stream::DiscardPolicy::New,
            persist_mode,
            ..Config::default()
        };
        server.jetstream().await.create_stream(plain).await.unwrap();
        let mut world = World::new();
        world.grow(3_000);
        let (handle, shutdown) = world.publisher(&server);
        world.published(&handle, &server).await;
        let mut stream = server.jetstream().await.get_stream(STREAM).await.unwrap();
        let found = stream.info().await.unwrap().config.allow_atomic_publish;
        assert_eq!(
            found, is_atomic,
            "a stream that persists later takes no atomic batches"
        );
        stop(&handle, &shutdown).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_stopped_anywhere_goes_on_where_the_stream_is() {
    let server = Server::started().await;
    let mut world = World::new();
    let mut chance = 42_u64;
    for round in 0..40 {
        world.grow(400);
        let (handle, shutdown) = world.restarted().publisher(&server);
        // A small generator: the same rounds every time, however they fall between the messages.
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        if round % 4 == 0 {
            let at_least = handle.status().log_seq.0 - 200;
            until(&handle, |status| status.stream_seq.0 >= at_least).await;
        } else {
            tokio::time::sleep(Duration::from_micros((chance >> 33) % 20_000)).await;
        }
        stop(&handle, &shutdown).await;
    }
    let (handle, _shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_of_one_log_cannot_spoil_the_stream() {
    let server = Server::started().await;
    let mut world = World::new();
    let (one, _) = world.publisher(&server);
    let (other, _) = world.publisher(&server);
    for _ in 0..40 {
        world.grow(100);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let last = world.last();
    until(&one, |status| status.stream_seq == last).await;
    until(&other, |status| status.stream_seq == last).await;
    world.compare(&server).await;
}
