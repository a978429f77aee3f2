//! The server away, killed, frozen, emptied, or too old.

use std::time::{Duration, Instant};

use fasti_core::bus::{Access, NatsConfig, Publisher, PublisherState};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::world::{STREAM, World, config, event, stop, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_gets_everything() {
    let mut server = Server::reserved();
    let mut world = World::new();
    world.grow(500);
    let (handle, shutdown) = world.publisher(&server);
    let status = until(&handle, |status| status.state != PublisherState::Connecting).await;
    let error = status.state.error().unwrap();
    assert!(error.contains(&server.url()), "{error}");
    assert!(!status.connected);
    server.start().await;
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

/// The log grows all the time while the server is killed and started again twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_twice_while_events_come_has_them_all() {
    let mut server = Server::started().await;
    let mut world = World::new();
    let (handle, shutdown) = world.publisher(&server);
    for _ in 0..2 {
        let before = world.last();
        for _ in 0..40 {
            world.grow(100);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        until(&handle, |status| status.stream_seq > before).await;
        world.grow(5_000);
        server.kill();
        world.grow(1_000);
        let status = until(&handle, |status| status.state != PublisherState::Following).await;
        assert!(
            matches!(status.state, PublisherState::Waiting { .. }),
            "{status:?}"
        );
        let appending = Instant::now();
        world.grow(1_000);
        assert!(
            appending.elapsed() < Duration::from_secs(2),
            "appending waits for NATS"
        );
        server.start().await;
    }
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_again_and_again_in_the_middle_of_batches() {
    let mut server = Server::started().await;
    let mut world = World::new();
    let (handle, shutdown) = world.publisher(&server);
    for round in 0..8 {
        world.grow(4_000);
        tokio::time::sleep(Duration::from_millis(20 + 13 * round)).await;
        server.kill();
        server.start().await;
    }
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

/// What a server acknowledges reaches its disk up to two minutes later.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_its_last_minutes_gets_them_again() {
    let mut server = Server::started().await;
    let mut world = World::new();
    world.grow(2_000);
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    server.kill();
    let backup = server.backup();
    server.start().await;
    world.grow(2_000);
    world.published(&handle, &server).await;
    server.kill();
    server.restore(backup);
    server.start().await;
    world.grow(10);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_let_us_in_says_so_until_it_does() {
    let server = Server::guarded("fasti", "right-secret").await;
    let world = World::new();
    let login = |password: &str| {
        let mut config = config(&server);
        config.access = Access::User {
            name: "fasti".to_owned(),
            password: password.to_owned(),
        };
        config
    };
    let shutdown = CancellationToken::new();
    let wrong = Publisher::spawn(world.feed.clone(), login("wrong-secret"), shutdown.clone());
    let status = until(&wrong, |status| status.state.error().is_some()).await;
    let error = status.state.error().unwrap();
    assert!(error.contains("authorization"), "{error}");
    assert!(!format!("{status:?}").contains("secret"), "{status:?}");
    stop(&wrong, &shutdown).await;
    let right = Publisher::spawn(
        world.feed.clone(),
        login("right-secret"),
        CancellationToken::new(),
    );
    world.published(&right, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_noticed_and_waited_for() {
    let server = Server::started().await;
    let mut world = World::new();
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    server.signal("STOP");
    world.grow(300);
    until(&handle, |status| {
        matches!(status.state, PublisherState::Waiting { .. })
    })
    .await;
    world.grow(300);
    server.signal("CONT");
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_made_again_and_refilled() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(3_000);
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    let jetstream = server.jetstream().await;
    // While events come, and while none do.
    world.grow(2_000);
    jetstream.delete_stream(STREAM).await.unwrap();
    world.grow(2_000);
    world.published(&handle, &server).await;
    jetstream.delete_stream(STREAM).await.unwrap();
    let refilled = async {
        while jetstream.get_stream(STREAM).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refilled)
        .await
        .expect("the stream is looked at");
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

/// The server lost the messages and kept the count, as after the loss of its blocks.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_stream_begins_at_one_again() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(50);
    let jetstream = server.jetstream().await;
    let plain = async_nats::jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["fasti.v1.acme.>".to_owned()],
        discard: async_nats::jetstream::stream::DiscardPolicy::New,
        ..Default::default()
    };
    let stream = jetstream.create_stream(plain).await.unwrap();
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
    stream.purge().await.unwrap();
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
}

/// A server that says it is an old one, and answers pings.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_refused_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (read, mut write) = socket.into_split();
            let info = r#"{"server_id":"X","version":"2.9.10","max_payload":1048576,"headers":true,"jetstream":true}"#;
            write
                .write_all(format!("INFO {info}\r\n").as_bytes())
                .await
                .unwrap();
            tokio::spawn(async move {
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "PING" && write.write_all(b"PONG\r\n").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let mut world = World::new();
    let config = NatsConfig::new(&url).unwrap();
    let handle = Publisher::spawn(world.feed.clone(), config, CancellationToken::new());
    let status = until(&handle, |status| status.state != PublisherState::Connecting).await;
    let PublisherState::Refused { error } = status.state else {
        panic!("{status:?}");
    };
    assert!(
        error.contains("2.9.10") && error.contains("2.12.3"),
        "{error}"
    );
    world.commit(vec![event("scheduling goes on")]);
    assert_eq!(handle.status().log_seq, world.last());
    server.abort();
}
