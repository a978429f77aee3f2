//! Reading one output to its end, over all attempts if it is followed. A connection that breaks, or a server that
//! is started again, costs a pause: reading goes on at the byte where it stopped.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::client::{self, Client, query};
use super::super::exit::{Exit, Failure};
use super::super::read;
use super::super::show::Show;
use super::{LogsArgs, PIECE_BYTES, Stream};

/// Pause before a lost connection is taken up again: the first one, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How long a server may be away while its output is read. Who follows waits as long as it takes.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// Pause between two looks at a task that waits for its next attempt.
const LOOK_AGAIN: Duration = Duration::from_millis(150);

/// One output, and how far it has been read.
pub(super) struct Reading<'a> {
    client: &'a Client,
    show: &'a Show,
    args: &'a LogsArgs,
    stream: Stream,
    /// Id of the task run.
    id: String,
    /// Attempt being read.
    attempt: u64,
    /// Bytes of it that are behind us; `None` before the first answer.
    at: Option<u64>,
}

/// How a connection ended.
enum End {
    /// All that was asked for is here.
    Whole,
    /// It broke off.
    Broken(anyhow::Error),
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        client: &'a Client,
        show: &'a Show,
        args: &'a LogsArgs,
        task: &Value,
        stream: Stream,
    ) -> Self {
        let last = task["attempt"].as_u64().unwrap_or(0);
        Self {
            client,
            show,
            args,
            stream,
            id: read::text(task, "id"),
            attempt: args.attempt.map_or(last, u64::from),
            at: None,
        }
    }

    /// Hands everything to `each`.
    pub(super) fn run(
        mut self,
        each: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.attempt == 0 && !(self.args.follow && self.next()?) {
            return Ok(());
        }
        loop {
            self.whole(each)?;
            let is_all = !self.args.follow || self.args.attempt.is_some();
            if is_all || !self.next()? {
                return Ok(());
            }
        }
    }

    /// Reads one attempt, over as many connections as it takes.
    fn whole(&mut self, each: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let (mut pause, mut seen) = (PAUSE.0, Instant::now());
        loop {
            let before = self.at;
            let error = match self.once(each)? {
                End::Whole => return Ok(()),
                End::Broken(error) => error,
            };
            if self.at != before {
                (pause, seen) = (PAUSE.0, Instant::now());
            }
            if !self.args.follow && seen.elapsed() > AWAY_MAX {
                return Err(error);
            }
            let note = format!("the output broke off ({error}); taking it up again");
            self.show.note(&read::plain(&note));
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Reads until the end of one connection. Errors are those that no other connection would mend.
    fn once(&mut self, each: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<End> {
        let response = match self.client.open(&self.path(), None) {
            Ok(response) => response,
            // A server that never answered is not waited for.
            Err(error) if self.at.is_some() && Failure::is(&error, Exit::Unreachable) => {
                return Ok(End::Broken(error));
            }
            Err(error) => return Err(error),
        };
        let size = response.headers().get("x-fasti-log-size");
        let size = size.and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
        let begin = self
            .args
            .tail
            .map_or(0, |tail| size.unwrap_or(0).saturating_sub(tail));
        let at = self.at.get_or_insert(begin);
        let mut reader = client::reader(response);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return Ok(End::Whole),
                Ok(length) => {
                    each(&piece[..length])?;
                    *at += length as u64;
                }
                Err(error) => return Ok(End::Broken(error.into())),
            }
        }
    }

    fn path(&self) -> String {
        let attempt = self.attempt.to_string();
        let at = self.at.map(|at| at.to_string());
        let tail = self.args.tail.filter(|_| at.is_none());
        let tail = tail.map(|tail| tail.to_string());
        let fields = [
            ("stream", Some(self.stream.as_str())),
            ("attempt", Some(attempt.as_str())),
            ("offset", at.as_deref()),
            ("tail", tail.as_deref()),
            ("follow", self.args.follow.then_some("true")),
        ];
        query(&format!("/task-runs/{}/logs", self.id), &fields)
    }

    /// Waits for the next attempt; whether there is one.
    fn next(&mut self) -> anyhow::Result<bool> {
        let was_connected = self.at.is_some();
        loop {
            match self.client.get(&format!("/task-runs/{}", self.id)) {
                Ok(task) if task["attempt"].as_u64().unwrap_or(0) > self.attempt => {
                    self.attempt += 1;
                    self.at = was_connected.then_some(0);
                    return Ok(true);
                }
                Ok(task) if is_over(&task) => return Ok(false),
                Ok(_) => {}
                Err(error) if was_connected && Failure::is(&error, Exit::Unreachable) => {
                    std::thread::sleep(PAUSE.0);
                }
                Err(error) => return Err(error),
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Whether there will be no more attempts.
pub(super) fn is_over(task: &Value) -> bool {
    !matches!(
        task["status"].as_str(),
        Some("waiting" | "queued" | "running")
    )
}
