//! A real NATS server with a folder and an address of its own, killed and started at will.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;

use crate::support::{PATIENCE, handed};

/// A NATS server; ended when dropped.
pub(super) struct Broker {
    folder: TempDir,
    port: u16,
    url: String,
    child: Option<Child>,
}

impl Broker {
    /// Starts one with JetStream and waits until it takes connections.
    pub(super) fn start() -> Self {
        // Free now; kept over restarts, since clients come back to it.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::Builder::new()
            .prefix("fasti-test-nats-")
            .tempdir()
            .unwrap();
        let mut broker = Self {
            folder,
            port,
            url: format!("nats://127.0.0.1:{port}"),
            child: None,
        };
        broker.restart();
        broker
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Starts it again on the same folder and address.
    pub(super) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let mut child = Command::new(handed("FASTI_TEST_NATS_SERVER"))
            .args([
                "--addr",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--jetstream",
                "--store_dir",
            ])
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        self.child = Some(child);
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut said = Vec::new();
            for line in lines.by_ref().map_while(Result::ok) {
                if line.contains("Server is ready") {
                    sender.send(()).ok();
                }
                said.push(line);
            }
            // Shown only if the test fails.
            println!("--- the NATS server said\n{}", said.join("\n"));
        });
        ready
            .recv_timeout(PATIENCE)
            .expect("the NATS server becomes ready");
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Removes everything it stored.
    pub(super) fn forget(&self) {
        assert!(self.child.is_none(), "it runs");
        for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
