//! Stream and log disagree: nothing is sent, and the status says who is where.

use fasti_core::bus::{PublisherState, PublisherStatus};
use fasti_core::domain::ids::Seq;

use super::server::Server;
use super::world::{STREAM, World, event, stop, until};

fn is_diverged(status: &PublisherStatus) -> bool {
    matches!(status.state, PublisherState::Diverged(_))
}

/// The publisher of `world` finds a stream that it must leave alone.
async fn diverges(world: &World, server: &Server, ends: (u64, u64), word: &str) {
    let stream = async || {
        let mut stream = server.jetstream().await.get_stream(STREAM).await.unwrap();
        stream.info().await.unwrap().state.clone()
    };
    let before = stream().await;
    let (handle, shutdown) = world.publisher(server);
    let status = until(&handle, is_diverged).await;
    let PublisherState::Diverged(found) = status.state else {
        unreachable!("waited for it");
    };
    assert_eq!(
        (found.stream_seq, found.log_seq),
        (Seq(ends.0), Seq(ends.1))
    );
    assert!(found.to_string().contains(word), "{found}");
    assert_eq!(
        stream().await.last_sequence,
        before.last_sequence,
        "nothing is sent"
    );
    stop(&handle, &shutdown).await;
}

/// A stream with the first `count` events of a world.
async fn filled(count: u64) -> (Server, World) {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(count - 1);
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
    (server, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_message_stops_the_publisher_until_the_stream_is_deleted() {
    let (server, mut world) = filled(100).await;
    let jetstream = server.jetstream().await;
    let (handle, shutdown) = world.publisher(&server);
    until(&handle, |status| status.state == PublisherState::Following).await;
    let sent = jetstream
        .publish("fasti.v1.acme.run.created.x.y.z", "foreign".into())
        .await
        .unwrap();
    sent.await.unwrap();
    world.grow(300);
    let status = until(&handle, is_diverged).await;
    let error = status.state.error().unwrap();
    assert!(error.contains("101") && error.contains("400"), "{error}");
    let mut stream = jetstream.get_stream(STREAM).await.unwrap();
    assert_eq!(
        stream.info().await.unwrap().state.last_sequence,
        101,
        "nothing is sent after it"
    );
    // A person looked, and decided for the log.
    jetstream.delete_stream(STREAM).await.unwrap();
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_end_does_not_write_on() {
    let (server, world) = filled(100).await;
    diverges(&world.backup(60), &server, (100, 60), "lacks").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_that_went_on_does_not_write_over() {
    let (server, world) = filled(100).await;
    let mut restored = world.backup(60);
    for _ in 0..80 {
        restored.commit(vec![event("another future")]);
    }
    diverges(&restored, &server, (100, 140), "another one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_is_not_published_over() {
    let (server, mut world) = filled(100).await;
    let jetstream = server.jetstream().await;
    jetstream.delete_stream(STREAM).await.unwrap();
    let open = async_nats::jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["fasti.v1.acme.>".to_owned()],
        discard: async_nats::jetstream::stream::DiscardPolicy::New,
        ..Default::default()
    };
    let stream = jetstream.create_stream(open).await.unwrap();
    let (handle, shutdown) = world.publisher(&server);
    until(&handle, |status| status.stream_seq == Seq(100)).await;
    stop(&handle, &shutdown).await;
    stream.delete_message(50).await.unwrap();
    world.grow(10);
    diverges(&world, &server, (100, 110), "middle").await;
}
