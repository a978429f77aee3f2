//! The demo's server: this program again, as `fasti serve`, in a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::interrupt::Interrupt;

/// How long a start may take: a long log is read first.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long it may take to end before it is killed: its tasks get their grace.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What it says before its address.
const LISTENING: &str = "listening on ";

/// A running server; it is stopped when this goes.
pub(super) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Server {
    /// Starts a server on the data below `folder` and waits until it takes commands.
    pub(super) fn start(
        folder: &Path,
        port: u16,
        python: &str,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let log = folder.join("server.log");
        let settings = folder.join("config.toml");
        let note = "# The demo's server reads this file instead of the user's own.\n";
        std::fs::write(&settings, note)
            .with_context(|| format!("writing {}", settings.display()))?;
        let mut child = command(folder, &settings, port, python)?
            .spawn()
            .context("starting the server")?;
        let stderr = child
            .stderr
            .take()
            .context("the server's stderr is a pipe")?;
        let address = read_log(stderr, &log)?;
        let mut server = Self {
            child,
            url: String::new(),
            log,
            ended: None,
        };
        server.url = server.address(&address, interrupt)?;
        server.until_ready(interrupt)?;
        Ok(server)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn address(
        &mut self,
        address: &Receiver<String>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<String> {
        let begin = Instant::now();
        loop {
            match address.recv_timeout(LOOK) {
                Ok(url) => return Ok(url),
                Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
                Err(RecvTimeoutError::Timeout) => self.still_starting(begin, interrupt)?,
            }
        }
    }

    fn until_ready(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let begin = Instant::now();
        let client = Client::at(&self.url, None);
        while client.get("/health").is_err() {
            self.still_starting(begin, interrupt)?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn still_starting(&mut self, begin: Instant, interrupt: &Interrupt) -> anyhow::Result<()> {
        if self.has_ended()? {
            return Err(self.died());
        }
        if interrupt.is_asked() {
            return Err(
                Failure::new(Exit::RunCancelled, "interrupted while the server started").into(),
            );
        }
        if begin.elapsed() > START_TIMEOUT {
            bail!(
                "the server does not start; its log is {}",
                self.log.display()
            );
        }
        Ok(())
    }

    fn has_ended(&mut self) -> anyhow::Result<bool> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().context("looking at the server")?;
        }
        Ok(self.ended.is_some())
    }

    /// Why it ended by itself: the last lines of its log.
    fn died(&mut self) -> anyhow::Error {
        const LINES: usize = 5;
        let ended = self.child.wait().ok();
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
        let message = format!(
            "the server ended by itself; {} ends with:\n{tail}",
            self.log.display()
        );
        // Such as a port that is taken.
        let exit = match ended.and_then(|ended| ended.code()) {
            Some(code) if code == Exit::Conflict as i32 => Exit::Conflict,
            Some(code) if code == Exit::Usage as i32 => Exit::Usage,
            Some(_) | None => Exit::Internal,
        };
        Failure::new(exit, message).into()
    }

    /// Returns when somebody asks for the end.
    pub(super) fn wait(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        const LOOK_AGAIN: Duration = Duration::from_millis(500);
        while !interrupt.wait(LOOK_AGAIN) {
            if self.has_ended()? {
                return Err(self.died());
            }
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has; its tasks are ended with it.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        if self.has_ended()? {
            return Ok(());
        }
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .context("stopping the server")?;
        let begin = Instant::now();
        while !self.has_ended()? {
            if begin.elapsed() > STOP_TIMEOUT {
                self.child.kill().context("killing the server")?;
                self.ended = Some(self.child.wait().context("waiting for the server")?);
                bail!(
                    "the server did not end in time and was killed; its log is {}",
                    self.log.display()
                );
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the server could not be stopped");
        }
    }
}

fn command(folder: &Path, settings: &Path, port: u16, python: &str) -> anyhow::Result<Command> {
    #[expect(
        clippy::disallowed_methods,
        reason = "starts this very program as a server"
    )]
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    // Settings of another server are not this one's.
    let foreign = std::env::vars_os().map(|(name, _)| name);
    for name in foreign.filter(|name| name.to_string_lossy().starts_with("FASTI_")) {
        if name != "FASTI_LOG" {
            command.env_remove(name);
        }
    }
    command
        .arg("--config")
        .arg(settings)
        .args(["serve", "--on-shutdown", "kill", "--python", python])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .arg("--data")
        .arg(folder.join("data"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A Ctrl-C in the terminal is for the demo, which stops it in order.
        .process_group(0);
    Ok(command)
}

/// Copies what it says to `log` as long as it lives; hands over its address when it says that.
fn read_log(stderr: ChildStderr, log: &Path) -> anyhow::Result<Receiver<String>> {
    let mut file = File::create(log).with_context(|| format!("writing {}", log.display()))?;
    let (send, receive) = channel();
    std::thread::Builder::new()
        .name("server log".to_owned())
        .spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // A full disk is for the server to report, and reading must go on or it would block.
                drop(writeln!(file, "{line}"));
                if let Some(url) = address_in(&line) {
                    drop(send.send(url.to_owned()));
                }
            }
        })
        .context("reading the server's log")?;
    Ok(receive)
}

fn address_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(LISTENING)?;
    rest.split_whitespace()
        .next()
        .filter(|word| word.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_its_line() {
        assert_eq!(
            address_in("listening on http://127.0.0.1:7450"),
            Some("http://127.0.0.1:7450")
        );
        let line = "2025-01-01T00:00:00Z  INFO listening on http://[::1]:1 version=1";
        assert_eq!(address_in(line), Some("http://[::1]:1"));
        assert_eq!(address_in("cannot be listening on 127.0.0.1:1"), None);
    }
}
