//! A real server on a data folder of its own, with everything that runs below it. Dropping it ends them all.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::client::Client;
use super::{PATIENCE, fasti, processes};

/// A server that may be killed and started again on the same data folder and address.
pub(crate) struct Server {
    folder: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
    address: String,
    child: Option<Child>,
    said: Arc<Mutex<Vec<String>>>,
    /// Whether its standard error is at its end.
    is_silent: Arc<AtomicBool>,
    ready: Option<mpsc::Receiver<String>>,
    client: Client,
}

impl Server {
    /// Starts one with further arguments and waits until it takes commands.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut server = Self::stopped(arguments);
        server.restart();
        server
    }

    /// One that is not running yet.
    pub(crate) fn stopped(arguments: &[&str]) -> Self {
        Self {
            folder: tempfile::Builder::new()
                .prefix("fasti-test-")
                .tempdir()
                .unwrap(),
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            variables: Vec::new(),
            wrapper: Vec::new(),
            address: "127.0.0.1:0".to_owned(),
            child: None,
            said: Arc::default(),
            is_silent: Arc::default(),
            ready: None,
            client: Client::new("http://127.0.0.1:0"),
        }
    }

    /// Sets variables of its environment, from the next start on, in place of those set before.
    pub(crate) fn set_variables(&mut self, variables: Vec<(String, String)>) {
        self.variables = variables;
    }

    /// Writes its configuration file.
    pub(crate) fn configure(&self, text: &str) {
        let folder = self.folder.path().join("config/fasti");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// Has it started by another program, which is given it with its arguments and must become it.
    pub(crate) fn set_wrapper(&mut self, program_and_arguments: Vec<String>) {
        self.wrapper = program_and_arguments;
    }

    /// Starts it and waits until it takes commands.
    pub(crate) fn restart(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, ready) = mpsc::channel();
        let said = Arc::clone(&self.said);
        self.is_silent = Arc::default();
        let is_silent = Arc::clone(&self.is_silent);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    drop(sender.send(url.to_owned()));
                }
                said.lock().unwrap().push(line);
            }
            is_silent.store(true, Ordering::Release);
        });
        self.child = Some(child);
        self.ready = Some(ready);
    }

    /// The call that starts it.
    pub(crate) fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => bare(&fasti(), self.folder.path()),
            Some((program, arguments)) => {
                let mut command = bare(Path::new(program), self.folder.path());
                command.args(arguments).arg(fasti());
                command
            }
        };
        command
            .env("FASTI_LISTEN", &self.address)
            .args(["serve", "--data"])
            .arg(self.data());
        command
            .args(&self.arguments)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Waits until it takes commands. From then on it keeps its address over restarts.
    pub(crate) fn wait_ready(&mut self) {
        assert!(
            self.listens(),
            "the server does not listen\n{}",
            self.said()
        );
    }

    /// Waits until it takes commands, or has ended; whether it does.
    pub(crate) fn listens(&mut self) -> bool {
        let ready = self.ready.take().expect("it was started");
        let url = match ready.recv_timeout(PATIENCE) {
            Ok(url) => url,
            Err(mpsc::RecvTimeoutError::Disconnected) => return false,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                panic!("nothing within {PATIENCE:?}\n{}", self.said())
            }
        };
        url.strip_prefix("http://")
            .unwrap()
            .clone_into(&mut self.address);
        // Connections of the caller before are gone with the server before.
        self.client = Client::new(&url);
        true
    }

    pub(crate) fn api(&self) -> &Client {
        &self.client
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder of the test, beside the data folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether its process has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Ends its process at once; runner and tasks go on.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to stop; answers with how it ended and how long that took.
    pub(crate) fn stop(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        processes::signal(i32::try_from(self.pid()).unwrap(), Signal::TERM);
        self.wait_ended(begin)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_ended(&mut self, begin: Instant) -> (ExitStatus, Duration) {
        let mut child = self.child.take().expect("it runs");
        let status = super::look_until("the server ends", || child.try_wait().unwrap());
        (status, begin.elapsed())
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Processor time it used, in seconds: unlike time on the clock, the same on a busy machine.
    pub(crate) fn cpu_seconds(&self) -> u64 {
        const TICKS_A_SECOND: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap());
        ticks.sum::<u64>() / TICKS_A_SECOND
    }

    /// Everything it said, after its end: waits until nobody can say more, or for a moment if somebody holds on.
    pub(crate) fn all_said(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(2);
        while !self.is_silent.load(Ordering::Acquire) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.said()
    }

    /// Largest memory it had resident, in bytes.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }
}

/// A program with nothing of the developer's own settings.
pub(crate) fn bare(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FASTI_") {
            command.env_remove(name);
        }
    }
    command
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("share"));
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<&str> = said.lines().rev().take(60).collect();
            println!("--- the server said, last line first\n{}", last.join("\n"));
            let log = std::fs::read_to_string(self.data().join("runner.log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(30).collect();
            println!("--- the runners said, last line first\n{}", last.join("\n"));
        }
        processes::end_all(self.folder.path());
    }
}
