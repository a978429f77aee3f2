//! The way back: a log built anew from the stream is the log, byte for byte; and the anchors are there for whoever
//! holds it against them.

use fasti_core::bus::{
    ExactSource, NatsConfig, Publisher, ReadError, StreamKey, publish_anchors, read_anchors,
    read_records,
};
use fasti_core::codec;
use fasti_core::domain::event::{Event, LogCreated, Recorded};
use fasti_core::domain::ids::{LogId, Seq};
use fasti_core::domain::time::Timestamp;
use fasti_core::mem::ManualClock;
use fasti_core::record::ExactRecord;
use fasti_core::store::{
    Anchor, OpenOptions, Rebuild, SealOptions, Sealer, Store, anchors_of, verify,
};
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::world::{World, config, event, stop, until};

fn exact(world: &World, secret: u8) -> Option<ExactSource> {
    Some(ExactSource {
        reader: std::sync::Arc::new(world.log.clone()),
        key: StreamKey::from_secret([secret; 32]),
    })
}

/// Publishes all of `world`, exact records included.
async fn published(world: &World, server: &Server) {
    let shutdown = CancellationToken::new();
    let handle = Publisher::spawn_with(
        world.feed.clone(),
        exact(world, 1),
        config(server),
        shutdown.clone(),
    );
    world.published(&handle, server).await;
    stop(&handle, &shutdown).await;
}

/// Builds a log from the stream in `data`.
async fn restored(nats: &NatsConfig, data: &std::path::Path) -> Seq {
    let mut rebuild = Rebuild::begin(data).unwrap();
    let key = StreamKey::from_secret([1; 32]);
    let mut take = |record: ExactRecord| {
        for (digest, content) in &record.contents {
            rebuild.put_content(*digest, content).unwrap();
        }
        rebuild.push(&record.bytes, record.hash).unwrap();
        true
    };
    let last = read_records(nats, &key, Seq(1), &mut take).await.unwrap();
    assert_eq!(rebuild.finish(false).unwrap().end.seq, last);
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_back_from_the_stream_byte_for_byte() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(1_500);
    // Beside the log; left out of its message; and with an exact record too large for one.
    let noise: String = (0..900_000_u32)
        .map(|n| char::from(b'a' + u8::try_from(n.wrapping_mul(n ^ 0x5bd1) % 26).unwrap()))
        .collect();
    for text in ["y".repeat(5 << 10), "y".repeat(600 << 10), noise] {
        world.commit(vec![event(&text), event("small")]);
    }
    world.grow(40);
    published(&world, &server).await;
    let data = tempfile::tempdir().unwrap();
    let last = restored(&config(&server), data.path()).await;
    assert_eq!(last, world.last());
    let store = Store::open(data.path(), OpenOptions::default()).unwrap();
    let all: Result<Vec<_>, _> = store.reader.scan(Seq(1)).unwrap().collect();
    assert!(all.unwrap() == world.log.records(), "another log came back");
    drop(store);
    let report = verify(data.path(), &mut |_| {}).unwrap();
    assert!(report.is_intact() && report.is_complete(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_in_the_stream_only_under_seal() {
    let server = Server::started().await;
    let world = World::new();
    published(&world, &server).await;
    let context = server.jetstream().await;
    let stream = context.get_stream(super::world::STREAM).await.unwrap();
    let message = stream.get_raw_message(1).await.unwrap();
    let sealed = message.headers.get("fasti-record").unwrap().as_str();
    let exact = &fasti_core::ports::ExactRead::read_exact(&world.log, Seq(1), 1, 1).unwrap()[0];
    use base64::Engine as _;
    let sealed = base64::engine::general_purpose::STANDARD
        .decode(sealed)
        .unwrap();
    let seed = [1_u8; 16];
    let shows = |bytes: &[u8]| bytes.windows(16).any(|it| it == seed);
    assert!(shows(&exact.bytes), "the seed is in the first record");
    assert!(!shows(&sealed) && !shows(&message.payload));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_records_or_under_another_key_says_so() {
    let server = Server::started().await;
    let mut world = World::new();
    world.grow(20);
    // By a server that did not send them.
    let (handle, shutdown) = world.publisher(&server);
    world.published(&handle, &server).await;
    stop(&handle, &shutdown).await;
    let nats = config(&server);
    let key = StreamKey::from_secret([1; 32]);
    let refused = read_records(&nats, &key, Seq(1), &mut |_| true).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(&refused, ReadError::NoRecord { seq: Seq(1), .. }),
        "{refused}"
    );
    // Later events have them: a server that does goes on in the same stream.
    world.grow(5);
    published(&world, &server).await;
    let mut seen = Vec::new();
    let mut take = |record: ExactRecord| {
        seen.push(record.seq);
        true
    };
    let reading = read_records(&nats, &key, Seq(22), &mut take);
    assert_eq!(reading.await.unwrap(), Seq(26));
    assert_eq!(seen, (22..=26).map(Seq).collect::<Vec<_>>());
    let other = StreamKey::from_secret([2; 32]);
    let refused = read_records(&nats, &other, Seq(22), &mut |_| true).await;
    assert!(refused.unwrap_err().to_string().contains("another"));
    let mut nowhere = config(&server);
    nowhere.tenant = fasti_core::bus::Tenant::new("nobody").unwrap();
    let refused = read_records(&nowhere, &key, Seq(1), &mut |_| true).await;
    assert!(matches!(refused, Err(ReadError::NoStream(_))));
}

/// A log on the disk that grows by commits of one.
fn grown(store: &mut Store, count: u64) {
    for _ in 0..count {
        let seq = store.log.last().seq.next();
        let event: Event = match seq {
            Seq(1) => LogCreated {
                log_id: LogId([7; 16]),
                seed: [1; 16],
            }
            .into(),
            _ => event("x"),
        };
        let recorded = Recorded {
            seq,
            at: Timestamp(1_000_000),
            actor: "user:ann".into(),
            causation: None,
            key: None,
            trace: None,
            event,
        };
        store
            .log
            .append(vec![codec::encode(&recorded)], &[])
            .unwrap();
    }
}

/// Waits until so many anchors are on NATS.
async fn anchors_there(nats: &NatsConfig, count: usize) -> Vec<Anchor> {
    let reading = async {
        loop {
            let found = read_anchors(nats).await.unwrap();
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_secs(60), reading).await;
    found.expect("the anchors come")
}

#[tokio::test(flavor = "multi_thread")]
async fn anchors_are_published_once_over_restarts_and_outages() {
    let mut server = Server::started().await;
    let nats = config(&server);
    assert_eq!(read_anchors(&nats).await.unwrap(), []);
    let dir = tempfile::tempdir().unwrap();
    let options = SealOptions {
        segment_events: 10,
        ..SealOptions::default()
    };
    for round in 1..=3_usize {
        let mut store = Store::open(dir.path(), OpenOptions::default()).unwrap();
        let clock = Box::new(ManualClock::at(Timestamp(9_000_000)));
        let sealer = Sealer::start(&store.reader, options.clone(), clock).unwrap();
        let stop = CancellationToken::new();
        publish_anchors(
            dir.path().to_owned(),
            sealer.anchors(),
            nats.clone(),
            stop.clone(),
        );
        grown(&mut store, 30);
        let found = anchors_there(&nats, round * 3).await;
        if round == 2 {
            server.kill();
            server.start().await;
        }
        assert_eq!(found, anchors_of(dir.path()).unwrap());
        assert!(found.iter().all(Anchor::is_signed));
        stop.cancel();
    }
    let (handle, shutdown) = World::new().publisher(&server);
    until(&handle, |status| status.stream_seq > Seq(0)).await;
    stop(&handle, &shutdown).await;
    assert_eq!(read_anchors(&nats).await.unwrap().len(), 9);
}
