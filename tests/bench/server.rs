//! A real server for a measurement, and the native API as far as measurements need it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::Context;

/// A running server; stopped when dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

impl Server {
    /// Starts one on `folder` and waits until it takes commands; answers with how long that took.
    pub(crate) fn start(context: &Context, folder: &Path) -> anyhow::Result<(Self, Duration)> {
        let begin = Instant::now();
        #[expect(
            clippy::disallowed_methods,
            reason = "the real binary is what is measured"
        )]
        let mut child = Command::new(&context.fasti)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--on-shutdown",
                "kill",
                "--data",
            ])
            .arg(folder)
            .args([
                "--slots",
                &context.slots.to_string(),
                "--python",
                &context.python,
            ])
            .env("FASTI_LOG", "warn,fasti::phases=info")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", context.fasti.display()))?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let mut lines = BufReader::new(stderr).lines();
        let url = loop {
            let line = lines
                .next()
                .context("the server ended before it listened")??;
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.to_owned();
            }
            eprintln!("{line}");
        };
        let took = begin.elapsed();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| eprintln!("{line}"));
        });
        Ok((
            Self {
                child,
                url,
                agent: ureq::Agent::new_with_defaults(),
            },
            took,
        ))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut answer = self
            .agent
            .get(format!("{}/api/v1{path}", self.url))
            .call()?;
        Ok(answer.body_mut().with_config().limit(1 << 30).read_json()?)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let address = format!("{}/api/v1{path}", self.url);
        let request = if method == "PUT" {
            self.agent.put(address)
        } else {
            self.agent.post(address)
        };
        Ok(request
            .send_json(body)?
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_json()?)
    }

    /// Saves a batch and answers with its id.
    pub(crate) fn save(&self, definition: &Value) -> anyhow::Result<String> {
        let batch = self.send("POST", "/batches", definition)?;
        Ok(batch["id"]
            .as_str()
            .context("a batch has an id")?
            .to_owned())
    }

    /// Starts a run and waits for its end; answers with its JSON.
    pub(crate) fn run(&self, batch: &str) -> anyhow::Result<Value> {
        let run = self.send("POST", &format!("/batches/{batch}/runs"), &json!({}))?;
        self.wait(&run)
    }

    /// Waits for the end of a run by following the events.
    pub(crate) fn wait(&self, run: &Value) -> anyhow::Result<Value> {
        let id = run["id"].as_u64().context("a run has an id")?;
        loop {
            let run = self.get(&format!("/runs/{id}"))?;
            match run["status"].as_str() {
                Some("queued" | "running") => std::thread::sleep(Duration::from_millis(20)),
                Some("success") => return Ok(run),
                other => anyhow::bail!("run {id} ended as {other:?}: {}", run["status_reason"]),
            }
        }
    }

    /// Resident memory of the server in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|rest| rest.split_whitespace().next())
            .context("no VmRSS")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Ends it at once, as a power cut would end the process.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.child.wait());
    }
}
