//! Messages for triggers, over a real NATS server and a real engine: each starts its run once, whoever is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream;
use fasti_core::bus::Intake;
use fasti_core::codec;
use fasti_core::domain::access::Principal;
use fasti_core::domain::command::{self, Command, Hashed, Request, Settings, Subject};
use fasti_core::domain::definition::{Definition, Parts, Resources, Task, Work};
use fasti_core::domain::event::Event;
use fasti_core::domain::evolve;
use fasti_core::domain::ids::{BatchId, LogId, RunnerId, Seq};
use fasti_core::domain::launch::Launch;
use fasti_core::domain::schedule::Schedule;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::domain::trigger::{Condition, Scalar, Trigger, TriggerSource};
use fasti_core::engine::{EngineHandle, EngineParts, EngineThread, spawn};
use fasti_core::feed::feed;
use fasti_core::mem::{ManualClock, MemLog};
use fasti_core::ports::Effects;
use fasti_core::protocol::runner_v1::StopAttempt;
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::server::Server;
use super::world::config;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

struct Nothing;

impl Effects for Nothing {
    fn start(&mut self, _: &RunnerId, _: Vec<Launch>) {}
    fn stop(&mut self, _: &RunnerId, _: Vec<StopAttempt>) {}
}

/// An engine that receives messages.
struct Scheduler {
    engine: EngineHandle,
    thread: EngineThread,
    intake: JoinHandle<()>,
}

impl Scheduler {
    /// Takes up what is in the log.
    async fn start(log: &MemLog, server: &Server) -> Self {
        let mut state = State::default();
        let records = log.records();
        for record in &records {
            evolve(&mut state, &codec::decode(record).unwrap().recorded);
        }
        let last = Seq(records.len() as u64);
        let (writer, feed) = feed(LogId([7; 16]), last, Box::new(log.clone()));
        let (engine, thread) = spawn(EngineParts {
            state,
            clock: Box::new(ManualClock::at(Timestamp(1_711_846_800_000_000))),
            log: Box::new(log.clone()),
            writer,
            feed,
            effects: Box::new(Nothing),
            snapshots: None,
        })
        .unwrap();
        let begin = [
            Command::CreateLog {
                log_id: LogId([7; 16]),
                seed: [1; 16],
            },
            Command::StartServer {
                version: "0".to_owned(),
                host: "here".to_owned(),
                tz_database: "2026b".to_owned(),
                settings: Settings {
                    intake: Some(command::Intake {
                        nats: true,
                        webhook_keys: vec![],
                    }),
                    ..Settings::default()
                },
            },
        ];
        for command in begin {
            engine.submit(Request::system(command)).await.unwrap();
        }
        let intake = Intake::spawn(engine.clone(), config(server), CancellationToken::new());
        Self {
            engine,
            thread,
            intake,
        }
    }

    /// Ends as `kill -9` does, wherever it is.
    async fn kill(self) {
        self.intake.abort();
        self.engine.stop();
        tokio::task::spawn_blocking(move || drop(self.thread.join()))
            .await
            .unwrap();
    }

    async fn save(&self, triggers: Vec<Trigger>) -> BatchId {
        let definition = Definition {
            schedule: Schedule {
                triggers,
                ..Schedule::default()
            },
            ..definition()
        };
        let digest = codec::sha256(format!("{definition:?}").as_bytes());
        let request = Request {
            principal: Principal::user("ann", vec![], true),
            ..Request::system(Command::SaveBatch {
                definition: Hashed {
                    digest,
                    definition: definition.into(),
                },
                expected_version: None,
            })
        };
        let subject = self.engine.submit(request).await.unwrap().subject;
        let Subject::Batch { batch, .. } = subject else {
            panic!("{subject:?}")
        };
        batch
    }
}

fn definition() -> Definition {
    Definition {
        name: "orders".to_owned(),
        tag: fasti_core::domain::definition::Tag::Dev,
        schedule: Schedule::default(),
        image: None,
        bundle: None,
        python: None,
        labels: vec![],
        fail_after_seconds: None,
        fail_after_run_children: fasti_core::domain::definition::EndCondition::default(),
        run_as: "ann".to_owned(),
        owner: "ann".to_owned(),
        group: "ann".to_owned(),
        permissions: "rwrwr-".to_owned(),
        priority: fasti_core::domain::definition::Priority::default(),
        alert_email: None,
        alert_sms: None,
        alert_only_failures: false,
        tasks: vec![Task {
            name: "a".to_owned(),
            work: Work::Command {
                argv: vec!["true".to_owned()],
                env: BTreeMap::new(),
                cwd: None,
                stdin: None,
            },
            parts: Parts::One,
            image: None,
            description: String::new(),
            configuration: None,
            configuration_blob: None,
            resources: Resources::default(),
            retries: 0,
            count_for_prewarming: false,
            priority: None,
            timeout_ms: None,
            options: None,
        }],
        edges: vec![],
        annotations: std::collections::BTreeMap::new(),
    }
}

fn trigger(source: TriggerSource) -> Trigger {
    Trigger {
        name: "paid".to_owned(),
        source,
        filter: vec![],
        debounce_seconds: None,
    }
}

fn stream_source() -> TriggerSource {
    TriggerSource::Stream {
        stream: "ORDERS".to_owned(),
        subject: Some("orders.paid".to_owned()),
    }
}

/// How often each payload started a run.
fn started(log: &MemLog) -> BTreeMap<String, u32> {
    let mut started = BTreeMap::new();
    for record in log.records() {
        if let Event::RunCreated(event) = codec::decode(&record).unwrap().recorded.event {
            let signal = event.signal.expect("only signals start runs");
            *started.entry(signal.payload.clone()).or_default() += 1;
        }
    }
    started
}

async fn until(what: &str, mut test: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !test().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "still waiting: {what}");
}

fn with_id(id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_starts_runs_and_the_same_id_only_one() {
    let server = Server::started().await;
    let log = MemLog::default();
    let scheduler = Scheduler::start(&log, &server).await;
    let jetstream = server.jetstream().await;
    let client = jetstream.client();
    scheduler
        .save(vec![Trigger {
            filter: vec![Condition {
                path: "/n".to_owned(),
                one_of: (0..100).map(Scalar::Number).collect(),
            }],
            ..trigger(TriggerSource::Nats {
                subject: "orders.*".to_owned(),
            })
        }])
        .await;
    // Who is not listening yet misses it.
    until("it listens", async || {
        client
            .publish("orders.paid", r#"{"n":0}"#.into())
            .await
            .unwrap();
        !started(&log).is_empty()
    })
    .await;
    for n in 1..10 {
        for _ in 0..2 {
            let headers = with_id(&format!("order-{n}"));
            let payload = format!(r#"{{"n":{n}}}"#).into();
            client
                .publish_with_headers("orders.paid", headers, payload)
                .await
                .unwrap();
        }
    }
    client
        .publish("orders.paid", r#"{"n":500}"#.into())
        .await
        .unwrap();
    client
        .publish("orders.paid", r#"{"n":10}"#.into())
        .await
        .unwrap();
    until("the last one", async || {
        started(&log).contains_key(r#"{"n":10}"#)
    })
    .await;
    let started = started(&log);
    for n in 1..=10 {
        assert_eq!(started[&format!(r#"{{"n":{n}}}"#)], 1);
    }
    assert!(!started.contains_key(r#"{"n":500}"#));
    let ignored = log
        .records()
        .into_iter()
        .filter(|it| it.record.name == "trigger.ignored");
    assert_eq!(ignored.count(), 1, "what is ignored is on record");
    scheduler.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story from start to end")]
async fn a_stream_starts_each_run_once_whoever_is_killed() {
    const MESSAGES: u32 = 300;
    let mut server = Server::started().await;
    let log = MemLog::default();
    let mut scheduler = Scheduler::start(&log, &server).await;
    let jetstream = server.jetstream().await;
    jetstream
        .create_stream(stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec!["orders.>".to_owned()],
            duplicate_window: Duration::from_millis(100),
            ..stream::Config::default()
        })
        .await
        .unwrap();
    let batch = scheduler.save(vec![trigger(stream_source())]).await;
    let consumer = format!("fasti-{batch}-paid");
    until("the consumer", async || {
        let stream = jetstream.get_stream("ORDERS").await.unwrap();
        stream.consumer_info(&consumer).await.is_ok()
    })
    .await;
    for n in 0..MESSAGES {
        let payload = n.to_string();
        let context = server.jetstream().await;
        context
            .publish("orders.paid", payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
        context
            .publish("orders.open", "0".into())
            .await
            .unwrap()
            .await
            .unwrap();
        if n % 60 == 30 {
            // Acknowledgements that were on their way are lost, and the messages delivered again.
            scheduler.kill().await;
            scheduler = Scheduler::start(&log, &server).await;
        }
        if n == 150 {
            server.kill();
            server.start().await;
        }
    }
    // The same message under its id, after the stream has forgotten it.
    for _ in 0..2 {
        let context = server.jetstream().await;
        let sent = context
            .publish_with_headers("orders.paid", with_id("once"), "\"once\"".into())
            .await;
        sent.unwrap().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let context = server.jetstream().await;
    context
        .publish("orders.paid", "\"last\"".into())
        .await
        .unwrap()
        .await
        .unwrap();
    until("the last one", async || {
        started(&log).contains_key("\"last\"")
    })
    .await;
    until("all of them", async || {
        started(&log).len() == MESSAGES as usize + 2
    })
    .await;
    let started = started(&log);
    assert!(started.values().all(|count| *count == 1), "{started:?}");
    until("all are acknowledged", async || {
        let stream = server.jetstream().await.get_stream("ORDERS").await.unwrap();
        let info = stream.consumer_info(&consumer).await.unwrap();
        info.num_ack_pending == 0 && info.num_pending == 0
    })
    .await;
    // Without its trigger the consumer goes.
    scheduler.save(vec![]).await;
    until("the consumer goes", async || {
        let stream = server.jetstream().await.get_stream("ORDERS").await.unwrap();
        stream.consumer_info(&consumer).await.is_err()
    })
    .await;
    scheduler.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_nobody_is_there_starts_its_run_later() {
    let server = Server::started().await;
    let log = MemLog::default();
    let scheduler = Scheduler::start(&log, &server).await;
    // The stream may be made after the batch: nothing of it is missed. Whoever asks for it a second time has been told
    // that there is none.
    let client = server.jetstream().await.client();
    let mut asked = client
        .subscribe("$JS.API.STREAM.INFO.ORDERS")
        .await
        .unwrap();
    scheduler.save(vec![trigger(stream_source())]).await;
    let twice = async {
        asked.next().await.unwrap();
        asked.next().await.unwrap();
    };
    tokio::time::timeout(PATIENCE, twice).await.unwrap();
    let jetstream = server.jetstream().await;
    jetstream
        .create_stream(stream::Config {
            name: "ORDERS".to_owned(),
            subjects: vec!["orders.>".to_owned()],
            ..stream::Config::default()
        })
        .await
        .unwrap();
    let first = jetstream.publish("orders.paid", "0".into()).await.unwrap();
    first.await.unwrap();
    until("the very first message", async || {
        started(&log).contains_key("0")
    })
    .await;
    scheduler.kill().await;
    for n in 1..=5 {
        let payload = n.to_string();
        jetstream
            .publish("orders.paid", payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
    let scheduler = Scheduler::start(&log, &server).await;
    until("all five", async || {
        (1..=5).all(|n| started(&log).contains_key(&n.to_string()))
    })
    .await;
    let started = started(&log);
    assert!((1..=5).all(|n| started[&n.to_string()] == 1), "{started:?}");
    scheduler.kill().await;
}
