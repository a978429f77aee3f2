//! A whole server in a temporary folder: store, engine, views, HTTP; and a runner moved by hand.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use fasti_api::{
    ApiConfig, ApiParts, Containers, Environment, Environments, Stage, WebhookKeys, serve,
};
use fasti_core::codec::sha256;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Outcome, Process, ResultRef, Usage,
};
use fasti_core::domain::command::{Command, Intake, Request, Settings};
use fasti_core::domain::container::Engine;
use fasti_core::domain::ids::{Digest, LogId, RunnerId, Seq};
use fasti_core::domain::launch::Launch;
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{EngineHandle, EngineParts, EngineThread, spawn};
use fasti_core::feed::feed;
use fasti_core::mem::ManualClock;
use fasti_core::output::{self, Stream};
use fasti_core::ports::Effects;
use fasti_core::protocol::runner_v1::StopAttempt;
use fasti_core::store::{Content, ExactReader, OpenOptions, Store};
use fasti_projector::{Follower, FollowerOptions, PastViews, SharedViews, Views};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::client::{self, Reply};
use crate::turns::{Gate, Gated};

/// The user the server runs as.
pub(crate) const OWN_USER: &str = "operator";

/// An instant for tests: 2024-03-31T01:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_711_846_800_000_000);

/// What webhooks are signed with.
pub(crate) const WEBHOOK_KEY: &[u8] = b"a key of sixteen bytes";

struct HandedOut(mpsc::Sender<Launch>);

impl Effects for HandedOut {
    fn start(&mut self, _: &RunnerId, launches: Vec<Launch>) {
        for launch in launches {
            // A test that does not look at launches has dropped the other end.
            let _ = self.0.send(launch);
        }
    }

    fn stop(&mut self, _: &RunnerId, _: Vec<StopAttempt>) {}
}

/// Makes environments in no time: ready for the interpreter `good`, failed for any other but `bad`, which is none.
struct Canned;

/// Containers can be run by docker alone.
impl Containers for Canned {
    fn check(&self, engine: Option<Engine>) -> Result<(), String> {
        match engine {
            Some(Engine::Podman) => Err("no containers can be run here".to_owned()),
            Some(Engine::Docker) | None => Ok(()),
        }
    }
}

impl Environments for Canned {
    fn ask(&self, bundle: Digest, python: Option<&str>) -> Result<Environment, String> {
        let id = bundle.to_string()[..8].to_owned();
        match python {
            Some("bad") => Err("`bad` is no interpreter".to_owned()),
            python => Ok(canned(id, python == Some("good"))),
        }
    }

    fn get(&self, id: &str) -> Option<Environment> {
        (id == "known").then(|| canned(id.to_owned(), false))
    }
}

fn canned(id: String, is_ready: bool) -> Environment {
    let (stage, step) = if is_ready {
        (Stage::Ready, "ready")
    } else {
        (Stage::Failed, "installing failed")
    };
    Environment {
        id,
        stage,
        step: step.to_owned(),
        output: "ERROR: no such thing\n".to_owned(),
        output_bytes: 100,
        python: is_ready.then(|| "/venv/bin/python".into()),
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) data: TempDir,
    pub(crate) engine: EngineHandle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) clock: ManualClock,
    /// Before exact records.
    pub(crate) gate: std::sync::Arc<Gate>,
    content: Content,
    launches: mpsc::Receiver<Launch>,
    serving: tokio::task::JoinHandle<()>,
    thread: EngineThread,
    follower: Option<Follower>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(configure: impl FnOnce(&mut ApiConfig)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path(), OpenOptions::default()).unwrap();
        let log_id = LogId([7; 16]);
        let (writer, feed) = feed(log_id, Seq(0), Box::new(store.reader.clone()));
        let (send, launches) = mpsc::channel();
        let clock = ManualClock::at(NOW);
        let parts = EngineParts {
            state: State::default(),
            clock: Box::new(clock.clone()),
            log: Box::new(store.log),
            writer,
            feed: feed.clone(),
            effects: Box::new(HandedOut(send)),
            snapshots: None,
        };
        let (engine, thread) = spawn(parts).unwrap();
        let views = SharedViews::new(Views::new());
        let options = FollowerOptions {
            tables: None,
            snapshots: None,
            snapshot_at: Seq(0),
        };
        let follower = Follower::start(views.clone(), feed.clone(), options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = ApiConfig::new(address, data.path().to_owned(), "0.0.0-test", OWN_USER);
        let key = (String::from("shop"), WEBHOOK_KEY.to_vec());
        config.webhook_keys = WebhookKeys([key].into());
        configure(&mut config);
        let shutdown = CancellationToken::new();
        let gate = std::sync::Arc::new(Gate::default());
        let parts = ApiParts {
            engine: engine.clone(),
            past: PastViews::new(views.clone(), feed.clone(), None),
            feed,
            views: views.clone(),
            exact: std::sync::Arc::new(Gated(
                ExactReader::new(store.reader.clone(), |_| Vec::new()),
                gate.clone(),
            )),
            content: store.content.clone(),
            rebuild: None,
            links: fasti_core::link::Links::default(),
            clock: std::sync::Arc::new(clock.clone()),
            vitals: store.vitals.clone(),
            environments: std::sync::Arc::new(Canned),
            containers: std::sync::Arc::new(Canned),
        };
        let until = shutdown.clone();
        let serving =
            tokio::spawn(async move { serve(listener, parts, config, until).await.unwrap() });
        let server = Self {
            address,
            data,
            engine,
            shutdown,
            clock,
            gate,
            content: store.content,
            launches,
            serving,
            thread,
            follower: Some(follower),
        };
        server.begin(log_id).await;
        views.wait_for(server.engine.feed().last()).await.unwrap();
        server
    }

    async fn begin(&self, log_id: LogId) {
        let seed = [3; 16];
        self.command(Command::CreateLog { log_id, seed }).await;
        self.command(Command::StartServer {
            version: "0.0.0-test".to_owned(),
            host: "here".to_owned(),
            tz_database: "2026b".to_owned(),
            settings: Settings {
                intake: Some(Intake {
                    nats: false,
                    webhook_keys: vec!["shop".to_owned()],
                }),
                ..Settings::default()
            },
        })
        .await;
        let info = RunnerInfo {
            runner: runner(),
            host: "here".to_owned(),
            boot_id: "boot".to_owned(),
            pid: 42,
            version: "0.0.0-test".to_owned(),
            capacity: Capacity {
                slots: 8,
                cpu_mhz: 32_000,
                memory_mb: 32_000,
            },
            labels: std::collections::BTreeMap::new(),
        };
        self.command(Command::JoinRunner { info }).await;
    }

    async fn command(&self, command: Command) {
        self.engine.submit(Request::system(command)).await.unwrap();
    }

    /// The views stand still from now on, as if they could not take an event.
    pub(crate) async fn stop_following(&mut self) {
        let follower = self.follower.take();
        tokio::task::spawn_blocking(move || drop(follower))
            .await
            .unwrap();
    }

    /// Stops everything in order and waits for it.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
        self.engine.stop();
        let (thread, follower) = (self.thread, self.follower);
        tokio::task::spawn_blocking(move || {
            drop(follower);
            drop(thread.join());
        })
        .await
        .unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        client::send(self.address, "GET", path, &[], b"").await
    }

    pub(crate) async fn get_as(&self, user: &str, path: &str) -> Reply {
        client::send(self.address, "GET", path, &[("X-Fasti-User", user)], b"").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        client::send(self.address, "DELETE", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[], body).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend(headers);
        client::send(
            self.address,
            method,
            path,
            &all,
            body.to_string().as_bytes(),
        )
        .await
    }

    /// Saves a batch and gives its id.
    pub(crate) async fn saved(&self, definition: &Value) -> String {
        let reply = self.post("/api/v1/batches", definition).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Starts a definition and gives the id of the run.
    pub(crate) async fn started(&self, definition: &Value) -> u64 {
        let reply = self
            .post("/api/v1/runs", &json!({"definition": definition}))
            .await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["id"].as_u64().unwrap()
    }

    /// Lets the engine look at its clock.
    pub(crate) async fn wake(&self) {
        self.command(Command::Wake).await;
    }

    /// The next attempt given to the runner.
    pub(crate) fn next_launch(&self) -> Launch {
        self.launches.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    async fn report(&self, launch: &Launch, news: AttemptNews, values: Vec<Vec<u8>>) {
        let report = AttemptReport {
            token: launch.token,
            news,
        };
        let command = Command::Report {
            runner: runner(),
            reports: vec![report],
        };
        let named = values
            .into_iter()
            .map(|value| (sha256(&value), value))
            .collect();
        self.engine
            .submit_with(Request::system(command), named)
            .await
            .unwrap();
    }

    /// The runner says that an attempt has a process.
    pub(crate) async fn begin_attempt(&self, launch: &Launch) {
        let start = AttemptStart {
            task_run: launch.attempt.task_run,
            number: launch.attempt.number,
            started_at: NOW,
            process: Process {
                pid: 4711,
                start_ticks: 1,
            },
        };
        self.report(launch, AttemptNews::Started(start), Vec::new())
            .await;
    }

    /// The runner says that an attempt is over, with its value.
    pub(crate) async fn end_attempt(&self, launch: &Launch, code: i32, value: Option<Vec<u8>>) {
        let result = value.as_ref().map(|value| ResultRef {
            sha256: sha256(value),
            size: value.len() as u64,
            format: "pickle".to_owned(),
        });
        let mut values = Vec::new();
        if let Some(value) = value {
            // As the runner does: small values travel along, large ones are in the blob store before.
            if value.len() <= 4096 {
                values.push(value);
            } else {
                self.content.blobs.put_bytes(&value).unwrap();
            }
        }
        let end = AttemptEnd {
            task_run: launch.attempt.task_run,
            number: launch.attempt.number,
            finished_at: NOW.plus_ms(2_000),
            outcome: Outcome::Exited { code },
            result,
            failure: None,
            usage: Usage {
                cpu_us: 1_000_000,
                max_rss_kib: 2_048,
                stdout_bytes: 0,
                stderr_bytes: 0,
            },
            gathered: None,
        };
        self.report(launch, AttemptNews::Finished(end), values)
            .await;
    }

    /// Runs the next attempt from beginning to end.
    pub(crate) async fn run_next(&self, code: i32, value: Option<&[u8]>) -> Launch {
        let launch = self.next_launch();
        self.begin_attempt(&launch).await;
        self.end_attempt(&launch, code, value.map(<[u8]>::to_vec))
            .await;
        launch
    }

    /// Writes to the output of an attempt.
    pub(crate) fn write_output(&self, launch: &Launch, stream: Stream, text: &str) {
        use std::io::Write as _;
        let number = launch.attempt.number;
        let path = output::path(self.data.path(), launch.run, launch.index, number, stream);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

fn runner() -> RunnerId {
    RunnerId::new("local-1").unwrap()
}

/// A definition of command tasks, each after the one before.
pub(crate) fn chain(name: &str, tasks: &[&str]) -> Value {
    let edges: Vec<Value> = tasks
        .windows(2)
        .map(|two| json!({"from": two[0], "to": two[1]}))
        .collect();
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|task| json!({"name": task, "command": ["true"]}))
        .collect();
    json!({"name": name, "tasks": tasks, "edges": edges})
}
