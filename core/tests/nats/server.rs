//! A NATS server of our own, with its data in a temporary folder, on a free port of the loopback.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context};
use tempfile::TempDir;

/// Says where the server's program is.
const PROGRAM: &str = "FASTI_TEST_NATS_SERVER";

/// Until a server that was started must answer.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A server; its data stays when it is killed and goes when this is dropped.
pub(super) struct Server {
    port: u16,
    data: TempDir,
    /// User and password, when the server asks for them.
    login: Option<(&'static str, &'static str)>,
    child: Option<Child>,
}

impl Server {
    /// A place for a server that does not run yet.
    pub(super) fn reserved() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            port: free.local_addr().unwrap().port(),
            data: TempDir::new().unwrap(),
            login: None,
            child: None,
        }
    }

    /// A server that lets in one user with a password.
    pub(super) async fn guarded(user: &'static str, password: &'static str) -> Self {
        let mut server = Self::reserved();
        server.login = Some((user, password));
        server.start().await;
        server
    }

    /// A server that answers.
    pub(super) async fn started() -> Self {
        let mut server = Self::reserved();
        server.start().await;
        server
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Starts it, on the data that it left.
    pub(super) async fn start(&mut self) {
        assert!(self.child.is_none(), "the server runs already");
        let (user, password) = self.login.unwrap_or_default();
        let child = Command::new(program())
            .args(["--user", user, "--pass", password])
            .args([
                "--jetstream",
                "--addr",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
            ])
            .arg("--store_dir")
            .arg(self.data.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let started = Instant::now();
        while self.options().connect(self.url()).await.is_err() {
            assert!(
                started.elapsed() < START_TIMEOUT,
                "the NATS server does not answer"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it as `kill -9` does.
    pub(super) fn kill(&mut self) {
        let mut child = self.child.take().expect("the server runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends it a signal, by name.
    pub(super) fn signal(&self, name: &str) {
        let pid = self
            .child
            .as_ref()
            .expect("the server runs")
            .id()
            .to_string();
        let done = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// A client of its JetStream.
    pub(super) async fn jetstream(&self) -> Context {
        jetstream::new(self.options().connect(self.url()).await.unwrap())
    }

    fn options(&self) -> ConnectOptions {
        match self.login {
            Some((user, password)) => {
                ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
            }
            None => ConnectOptions::new(),
        }
    }

    /// A copy of its data. The server must not run.
    pub(super) fn backup(&self) -> TempDir {
        assert!(self.child.is_none(), "the server runs");
        let copy = TempDir::new().unwrap();
        copy_folder(self.data.path(), copy.path());
        copy
    }

    /// Puts back data that was copied before. The server must not run.
    pub(super) fn restore(&mut self, backup: TempDir) {
        assert!(self.child.is_none(), "the server runs");
        self.data = backup;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn program() -> PathBuf {
    let path = std::env::var_os(PROGRAM).unwrap_or_else(|| {
        panic!(
            "{PROGRAM} is not set: let it name a nats-server program of version 2.12.3 or later (`cargo xtask test` does)"
        )
    });
    path.into()
}
