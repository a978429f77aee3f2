//! The server's side, played by the test, and the start of runner processes.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fasti_core::domain::attempt::{AttemptEnd, AttemptNews, AttemptStart, Outcome};
use fasti_core::domain::ids::{AttemptId, LogId, RunId, RunnerId, TaskRunId, Token};
use fasti_core::domain::launch::{Launch, Program};
use fasti_core::protocol::frame;
use fasti_core::protocol::runner_v1::{
    self, FromRunner, Held, Report, ShutdownMode, StopAttempt, ToRunner,
};
use fasti_runner::{Config, run};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

/// Nothing in these tests takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

const ENV_SOCKET: &str = "TEST_RUNNER_SOCKET";
const ENV_DATA: &str = "TEST_RUNNER_DATA";
const ENV_ID: &str = "TEST_RUNNER_ID";
const ENV_SLOTS: &str = "TEST_RUNNER_SLOTS";
const ENV_SDK: &str = "TEST_RUNNER_SDK";
const ENV_CONTAINERS: &str = "TEST_RUNNER_CONTAINERS";

/// Not a test of its own: the body of the runner processes that the other tests start.
#[test]
fn be_a_runner_when_asked() {
    let Ok(socket) = std::env::var(ENV_SOCKET) else {
        return;
    };
    let var = |name: &str| std::env::var(name).unwrap();
    let id = RunnerId::new(&var(ENV_ID)).unwrap();
    let mut config = Config::new(socket.into(), var(ENV_DATA).into(), id);
    config.capacity.slots = var(ENV_SLOTS).parse().unwrap();
    config.sdk = var(ENV_SDK).into();
    config.containers.engine = std::env::var(ENV_CONTAINERS).ok();
    match run(config) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(3)
        }
    }
}

/// The Python packages of this repository.
pub(crate) fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/src")
}

/// How a runner is started.
pub(crate) struct Setup {
    pub(crate) slots: u32,
    pub(crate) sdk: PathBuf,
    /// Shell command that starts the runner, given as `"$@"`.
    pub(crate) shell: &'static str,
    pub(crate) id: &'static str,
    /// Data folder; one beside the socket when not given.
    pub(crate) data: Option<PathBuf>,
    /// Container engine.
    pub(crate) engine: Option<PathBuf>,
}

impl Default for Setup {
    fn default() -> Self {
        let shell = "exec \"$@\"";
        Self {
            slots: 2,
            sdk: sdk(),
            shell,
            id: "runner-1",
            data: None,
            engine: None,
        }
    }
}

/// A data folder, a listening socket, one runner process and the connection to it.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) folder: tempfile::TempDir,
    listener: UnixListener,
    pub(crate) runner: Child,
    setup: Setup,
    connection: Option<(BufReader<OwnedReadHalf>, OwnedWriteHalf)>,
    waiting: VecDeque<Report>,
    pub(crate) last_number: u64,
    pub(crate) started: BTreeMap<AttemptId, AttemptStart>,
    pub(crate) ended: BTreeMap<AttemptId, (AttemptEnd, Option<Vec<u8>>)>,
    /// Acknowledge everything at once.
    pub(crate) acks: bool,
}

impl Server {
    /// A welcomed runner.
    pub(crate) fn new(setup: Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let guard = runtime.enter();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        drop(guard);
        let runner = start_runner(&setup, folder.path());
        let mut server = Self {
            runtime,
            folder,
            listener,
            runner,
            setup,
            connection: None,
            waiting: VecDeque::new(),
            last_number: 0,
            started: BTreeMap::new(),
            ended: BTreeMap::new(),
            acks: true,
        };
        assert_eq!(server.accept(), []);
        server
    }

    pub(crate) fn with_slots(slots: u32) -> Self {
        Self::new(Setup {
            slots,
            ..Setup::default()
        })
    }

    pub(crate) fn data(&self) -> PathBuf {
        let own = || self.folder.path().join("data");
        self.setup
            .data
            .clone()
            .unwrap_or_else(own)
            .canonicalize()
            .unwrap()
    }

    /// Take the runner's connection and welcome it; what it says to hold.
    pub(crate) fn accept(&mut self) -> Vec<Held> {
        self.accept_silently();
        let Some(FromRunner::Hello { held, protocol, .. }) = self.read() else {
            panic!("no hello")
        };
        assert_eq!(protocol, runner_v1::VERSION);
        let log_id = LogId([5; 16]);
        self.say(&ToRunner::Welcome {
            protocol: runner_v1::VERSION,
            log_id,
        });
        held
    }

    /// Take the runner's connection.
    pub(crate) fn accept_silently(&mut self) {
        let accepted = async { tokio::time::timeout(PATIENCE, self.listener.accept()).await };
        let (stream, _): (UnixStream, _) = self.runtime.block_on(accepted).unwrap().unwrap();
        let (reader, writer) = stream.into_split();
        self.connection = Some((BufReader::new(reader), writer));
    }

    /// Break the connection.
    pub(crate) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Break the connection for good: nobody listens any more.
    pub(crate) fn vanish(&mut self) {
        let _ = fs::remove_file(self.folder.path().join("socket"));
        self.hang_up();
    }

    /// Start a runner of this data folder in place of the present one, which must be gone.
    pub(crate) fn replace_runner(&mut self, id: &'static str) {
        self.hang_up();
        self.setup.id = id;
        self.last_number = 0;
        self.runner = self.another_runner();
    }

    /// Start one more runner, with the same settings.
    pub(crate) fn another_runner(&self) -> Child {
        start_runner(&self.setup, self.folder.path())
    }

    /// Send bytes that need not be a message.
    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        let (_, writer) = self.connection.as_mut().unwrap();
        self.runtime.block_on(writer.write_all(bytes)).unwrap();
    }

    pub(crate) fn say(&mut self, message: &ToRunner) {
        self.say_raw(&frame::encode(message).unwrap());
    }

    /// The next message; `None` at the end of the connection.
    pub(crate) fn read(&mut self) -> Option<FromRunner> {
        let (reader, _) = self.connection.as_mut().unwrap();
        let message = async { tokio::time::timeout(PATIENCE, frame::read(reader)).await };
        self.runtime
            .block_on(message)
            .expect("the runner says something in time")
            .unwrap_or(None)
    }

    pub(crate) fn start(&mut self, launches: Vec<Launch>) {
        self.say(&ToRunner::Start { launches });
    }

    pub(crate) fn stop(&mut self, attempt: AttemptId) {
        let attempts = vec![StopAttempt {
            attempt,
            token: token(attempt),
        }];
        self.say(&ToRunner::Stop { attempts });
    }

    pub(crate) fn shutdown(&mut self, mode: ShutdownMode) {
        self.say(&ToRunner::Shutdown { mode });
    }

    /// Take in reports until `done`.
    pub(crate) fn until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            if let Some(report) = self.waiting.pop_front() {
                self.take_in(report);
                continue;
            }
            match self.read().expect("the runner stays connected") {
                FromRunner::Reports { first, reports } => {
                    assert_eq!(first, self.last_number + 1, "reports have no gaps");
                    self.last_number += reports.len() as u64;
                    if self.acks {
                        self.say(&ToRunner::Ack {
                            through: self.last_number,
                        });
                    }
                    self.waiting.extend(reports);
                }
                FromRunner::Ping => self.say(&ToRunner::Pong),
                message @ (FromRunner::Hello { .. } | FromRunner::Bye) => panic!("{message:?}"),
            }
        }
    }

    fn take_in(&mut self, report: Report) {
        match report.report.news {
            AttemptNews::Started(start) => {
                let attempt = AttemptId {
                    task_run: start.task_run,
                    number: start.number,
                };
                assert_eq!(report.report.token, token(attempt));
                assert!(!self.ended.contains_key(&attempt), "a start after the end");
                assert!(
                    self.started.insert(attempt, start).is_none(),
                    "started twice"
                );
            }
            AttemptNews::Progressed(_) => {}
            AttemptNews::Finished(end) => {
                assert_eq!(report.report.token, token(end.attempt()));
                let attempt = end.attempt();
                let first = self.ended.insert(attempt, (end, report.value)).is_none();
                assert!(first, "finished twice");
            }
        }
    }

    /// Wait for the start of an attempt; its process id.
    pub(crate) fn started(&mut self, attempt: AttemptId) -> u32 {
        self.until(|server| server.started.contains_key(&attempt));
        self.started[&attempt].process.pid
    }

    /// Wait for the end of an attempt.
    pub(crate) fn end(&mut self, attempt: AttemptId) -> AttemptEnd {
        self.until(|server| server.ended.contains_key(&attempt));
        self.ended[&attempt].0.clone()
    }

    pub(crate) fn outcome(&mut self, attempt: AttemptId) -> Outcome {
        self.end(attempt).outcome
    }

    /// Run one command to its end.
    pub(crate) fn run(&mut self, number: u64, argv: &[&str]) -> AttemptEnd {
        self.start(vec![launch(number, command(argv))]);
        self.end(id(number))
    }

    /// Run one shell script to its end.
    pub(crate) fn sh(&mut self, number: u64, script: &str) -> AttemptEnd {
        self.run(number, &["/bin/sh", "-c", script])
    }

    /// What an attempt wrote to one stream: `out` or `err`. Without a file it wrote nothing.
    pub(crate) fn output(&self, number: u64, stream: &str) -> Vec<u8> {
        let file = format!("output/100/0/{number}.1.{stream}");
        match fs::read(self.data().join(file)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read.unwrap(),
        }
    }

    pub(crate) fn out(&self, number: u64) -> String {
        String::from_utf8(self.output(number, "out")).unwrap()
    }

    /// Wait until the runner process ends; its exit code.
    pub(crate) fn runner_exit(&mut self) -> i32 {
        let mut status = None;
        eventually("the runner ends", || {
            status = self.runner.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code().expect("the runner is not killed")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.runner.try_wait() {
            return;
        }
        // TERM, so that it ends its tasks: a failed test must not leave processes behind. Without a server it
        // need not wait for acknowledgements.
        self.vanish();
        signal(self.runner.id(), "TERM");
        let end = Instant::now() + Duration::from_secs(12);
        while matches!(self.runner.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.runner.kill();
        let _ = self.runner.wait();
    }
}

fn start_runner(setup: &Setup, folder: &Path) -> Child {
    let data = setup.data.clone().unwrap_or_else(|| folder.join("data"));
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", setup.shell, "sh"])
        .arg(std::env::current_exe().unwrap());
    command.args(["--exact", "server::be_a_runner_when_asked", "--nocapture"]);
    command
        .env(ENV_SOCKET, folder.join("socket"))
        .env(ENV_DATA, data);
    command
        .env(ENV_ID, setup.id)
        .env(ENV_SLOTS, setup.slots.to_string())
        .env(ENV_SDK, &setup.sdk);
    if let Some(engine) = &setup.engine {
        command.env(ENV_CONTAINERS, engine);
    }
    command
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

pub(crate) fn id(number: u64) -> AttemptId {
    AttemptId {
        task_run: TaskRunId(number),
        number: 1,
    }
}

pub(crate) fn token(attempt: AttemptId) -> Token {
    Token((u128::from(attempt.task_run.0) << 32 | u128::from(attempt.number)).to_be_bytes())
}

pub(crate) fn launch(number: u64, program: Program) -> Launch {
    Launch {
        attempt: id(number),
        token: token(id(number)),
        run: RunId(100),
        index: u32::try_from(number).unwrap(),
        env: BTreeMap::new(),
        program,
        timeout_ms: None,
        grace_ms: 20_000,
        staging: None,
        options: None,
    }
}

pub(crate) fn command(argv: &[&str]) -> Program {
    let argv = argv.iter().map(ToString::to_string).collect();
    Program::Command {
        argv,
        cwd: None,
        stdin: None,
    }
}

pub(crate) fn sh(script: &str) -> Program {
    command(&["/bin/sh", "-c", script])
}

/// Wait for a condition that nothing announces.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Wait until a file holds a line, and read it as a process id.
pub(crate) fn pid_in(path: &Path) -> u32 {
    let mut text = String::new();
    eventually("a process id is written", || {
        text = fs::read_to_string(path).unwrap_or_default();
        text.ends_with('\n')
    });
    text.trim().parse().unwrap()
}

/// Whether a process exists and is no zombie.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// Send a signal by its name.
pub(crate) fn signal(pid: u32, name: &str) {
    let number = pid.to_string();
    let sent = Command::new("/bin/kill")
        .args(["-s", name, "--", &number])
        .status();
    assert!(sent.unwrap().success());
}
