//! The loop of the engine thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fasti_domain::Placing;
use fasti_domain::command::{Command, Receipt, Request};
use fasti_domain::ids::{Digest, RunnerId};
use fasti_domain::launching::UpstreamLists;
use fasti_domain::rejection::Rejection;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;

use super::fold::SNAPSHOT_NAME;
use super::time::EngineTime;
use super::{
    COMMIT_EVENTS_MAX, COMMIT_REQUESTS_MAX, Commit, EngineHandle, Gauges, INBOX_MAX, Message,
    Question, Reply, SubmitError, snapshot_bytes,
};
use crate::codec;
use crate::feed::{Entry, Feed, FeedWriter};
use crate::ports::{Clock, Effects, LogWrite};
use crate::store::{Appended, Snapshots, StoreError};

/// Longest sleep without a timer; only a bound, nothing depends on it.
const IDLE: Duration = Duration::from_secs(3600);

/// How long a sleep towards a timer may be. Sleeping is by a clock that stands still while the machine is
/// suspended and does not jump with the time of day; looking again this often is what notices either.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A lead over the clock from which on it is told.
const CLOCK_AHEAD_TOLD_MS: u64 = 1_000;

/// How often a full disk is looked at.
const DISK_FULL_PAUSE: Duration = Duration::from_millis(500);

/// Events between two snapshots of the state, and the shortest time between them.
const SNAPSHOT_EVENTS: u64 = 50_000;
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(30);

/// What the engine is made of.
pub struct EngineParts {
    /// The folded state.
    pub state: State,
    /// Where time comes from.
    pub clock: Box<dyn Clock>,
    /// Where events go.
    pub log: Box<dyn LogWrite>,
    /// Where durable events are announced.
    pub writer: FeedWriter,
    /// The reading end of the same feed.
    pub feed: Feed,
    /// What carries out decisions.
    pub effects: Box<dyn Effects>,
    /// Where snapshots of the state are kept, if anywhere.
    pub snapshots: Option<Snapshots>,
}

/// Why the engine stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopReason {
    /// It was asked to.
    #[error("it was asked to stop")]
    Asked,
    /// Nobody can reach it any more.
    #[error("nobody uses it any more")]
    Unused,
    /// An append failed: the state is ahead of the log.
    #[error("appending to the log failed: {0}")]
    Append(#[source] StoreError),
}

/// The running engine thread.
pub struct EngineThread {
    join: JoinHandle<StopReason>,
}

impl EngineThread {
    /// Waits for its end.
    ///
    /// # Panics
    /// The engine panicked: the state cannot be trusted, the caller must not go on either.
    #[must_use]
    pub fn join(self) -> StopReason {
        self.join.join().expect("the engine does not panic")
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }
}

/// Starts the engine.
///
/// # Errors
/// The system gives no thread.
pub fn spawn(parts: EngineParts) -> std::io::Result<(EngineHandle, EngineThread)> {
    let (inbox, messages) = sync_channel(INBOX_MAX);
    let gauges = Arc::new(Gauges::default());
    let handle = EngineHandle {
        inbox,
        gauges: gauges.clone(),
        feed: parts.feed.clone(),
    };
    // A state that was folded from far back is worth a snapshot, also when nothing happens any more.
    let newest = parts
        .snapshots
        .as_ref()
        .map(|all| all.newest(SNAPSHOT_NAME));
    let engine = Engine {
        time: EngineTime::new(parts.state.at, parts.clock.steady()),
        snapshot_seq: newest.unwrap_or(parts.state.seq).0,
        snapshot_at: Instant::now(),
        upstreams: UpstreamLists::default(),
        owes_placement: false,
        writing: None,
        parts,
        messages,
        gauges,
    };
    let join = std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(move || engine.run())?;
    Ok((handle, EngineThread { join }))
}

struct Engine {
    parts: EngineParts,
    messages: Receiver<Message>,
    gauges: Arc<Gauges>,
    time: EngineTime,
    snapshot_seq: u64,
    snapshot_at: Instant,
    /// Values that launches of parallel tasks share.
    upstreams: UpstreamLists,
    /// Requests were decided without giving out what is queued, for want of room on the disk.
    owes_placement: bool,
    /// The snapshot that is being written.
    writing: Option<JoinHandle<()>>,
}

/// One pass of the loop: what is to be decided, answered, done.
#[derive(Default)]
struct Turn {
    commit: Commit,
    values: Vec<(Digest, Vec<u8>)>,
    replies: Vec<(Reply, Result<Receipt, SubmitError>)>,
    questions: Vec<Question>,
    requests: usize,
    stop: bool,
}

impl Engine {
    fn run(mut self) -> StopReason {
        let reason = loop {
            match self.turn() {
                Ok(()) => {}
                Err(reason) => break reason,
            }
        };
        self.gauges.stopped.store(true, Ordering::Release);
        self.end_snapshot();
        if !matches!(reason, StopReason::Append(_)) {
            self.snapshot();
            self.end_snapshot();
        }
        reason
    }

    fn turn(&mut self) -> Result<(), StopReason> {
        let first = self.wait()?;
        let has_room = self.check_room();
        let mut turn = Turn::default();
        self.wake_if_due(&mut turn, has_room);
        if let Some(message) = first {
            self.take(&mut turn, message, has_room);
        }
        while !turn.stop
            && turn.requests < COMMIT_REQUESTS_MAX
            && turn.commit.len() < COMMIT_EVENTS_MAX
        {
            let Ok(message) = self.messages.try_recv() else {
                break;
            };
            self.take(&mut turn, message, has_room);
        }
        let stop = turn.stop;
        self.finish(turn)?;
        self.snapshot_if_due();
        if stop { Err(StopReason::Asked) } else { Ok(()) }
    }

    /// The next message, or `None` when a timer is due first.
    fn wait(&mut self) -> Result<Option<Message>, StopReason> {
        let now = self.now();
        let timeout = match self.parts.state.next_wake() {
            _ if self.gauges.disk_full.load(Ordering::Relaxed) => DISK_FULL_PAUSE,
            None => IDLE,
            Some(due) => {
                let us = due.0.saturating_sub(now.0).max(0);
                Duration::from_micros(u64::try_from(us).unwrap_or(0)).min(LOOK_AGAIN)
            }
        };
        match self.messages.recv_timeout(timeout) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(StopReason::Unused),
        }
    }

    /// The engine's time; what is odd about the clock is told.
    fn now(&mut self) -> Timestamp {
        let clock = &self.parts.clock;
        let reading = self.time.look(clock.now(), clock.steady());
        let ahead_ms = reading.ahead_us / 1_000;
        let before_ms = self.gauges.clock_ahead_ms.swap(ahead_ms, Ordering::Relaxed);
        if ahead_ms >= CLOCK_AHEAD_TOLD_MS && before_ms < CLOCK_AHEAD_TOLD_MS {
            tracing::warn!(
                ahead_ms,
                "the clock went back: time goes on at half speed until the clock has caught up"
            );
        }
        if let Some(jumped_us) = reading.jumped_us {
            let seconds = jumped_us / 1_000_000;
            tracing::warn!(
                seconds,
                "the clock jumped ahead: it was set, or the machine slept"
            );
            self.gauges.clock_jumps.fetch_add(1, Ordering::Relaxed);
        }
        reading.now
    }

    fn check_room(&mut self) -> bool {
        let has_room = match self.parts.log.check_room() {
            Ok(()) => true,
            Err(error) => {
                if !self.gauges.disk_full.load(Ordering::Relaxed) {
                    tracing::error!(%error, "no new requests until space is freed");
                }
                false
            }
        };
        self.gauges.disk_full.store(!has_room, Ordering::Relaxed);
        has_room
    }

    fn wake_if_due(&mut self, turn: &mut Turn, has_room: bool) {
        let now = self.now();
        let is_due = self.parts.state.next_wake().is_some_and(|due| due <= now);
        if has_room && (is_due || self.owes_placement) {
            self.owes_placement = false;
            let wake = Request::system(Command::Wake);
            if let Err(rejection) = turn.commit.offer(&mut self.parts.state, &wake, now) {
                tracing::error!(%rejection, "a wake was refused");
            }
        }
    }

    fn take(&mut self, turn: &mut Turn, message: Message, has_room: bool) {
        self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
        match message {
            Message::Stop => turn.stop = true,
            Message::Inspect(question) => {
                // Asked once this commit is durable: what may still vanish must not be seen.
                turn.questions.push(question);
            }
            Message::Submit {
                request,
                values,
                reply,
            } => {
                turn.requests += 1;
                if !has_room && !begins_nothing(&request.command) {
                    turn.replies.push((reply, Err(SubmitError::DiskFull)));
                    return;
                }
                let placing = if has_room {
                    Placing::Now
                } else {
                    Placing::Later
                };
                self.owes_placement |= !has_room;
                let now = self.now();
                let state = &mut self.parts.state;
                let answer = turn.commit.offer_placing(state, &request, now, placing);
                turn.values.extend(values);
                turn.replies.push((reply, answer.map_err(rejected)));
            }
        }
    }

    /// Makes the commit durable; then, and only then, tells everybody.
    fn finish(&mut self, turn: Turn) -> Result<(), StopReason> {
        let Turn {
            commit,
            values,
            replies,
            questions,
            ..
        } = turn;
        if !commit.is_empty() {
            let appended = self.append(&commit, &values)?;
            let calls = commit.effects(&self.parts.state, &mut self.upstreams);
            let entries = commit.into_events().into_iter().zip(&appended.records);
            let entries = entries.map(|(recorded, stored)| Entry {
                recorded,
                epoch: stored.epoch,
                commit_first: stored.commit_first,
                commit_len: stored.commit_len,
                hash: stored.hash,
            });
            self.parts.writer.publish(entries.collect());
            for (runner, launches) in by_runner(calls.starts) {
                self.parts.effects.start(&runner, launches);
            }
            for (runner, attempts) in by_runner(calls.stops) {
                self.parts.effects.stop(&runner, attempts);
            }
        }
        for (reply, answer) in replies {
            reply(answer);
        }
        for question in questions {
            question(&self.parts.state);
        }
        Ok(())
    }

    /// Appends a commit; waits while the disk is full, since the state is ahead of the log by it. Nobody is answered
    /// meanwhile, nothing is taken, and what is durable can be read.
    fn append(
        &mut self,
        commit: &Commit,
        values: &[(Digest, Vec<u8>)],
    ) -> Result<Appended, StopReason> {
        loop {
            let records = commit.events().iter().map(codec::encode).collect();
            match self.parts.log.append(records, values) {
                Err(error @ StoreError::DiskFull { .. }) => {
                    if self.gauges.stop_asked.load(Ordering::Acquire) {
                        return Err(StopReason::Append(error));
                    }
                    if !self.gauges.stuck.swap(true, Ordering::AcqRel) {
                        tracing::error!(%error, "a commit waits for space");
                        self.gauges.disk_full.store(true, Ordering::Relaxed);
                    }
                    std::thread::sleep(DISK_FULL_PAUSE);
                }
                outcome => {
                    if self.gauges.stuck.swap(false, Ordering::AcqRel) {
                        tracing::info!("there is space again");
                    }
                    return outcome.map_err(StopReason::Append);
                }
            }
        }
    }

    fn snapshot_if_due(&mut self) {
        let events = self.parts.state.seq.0.saturating_sub(self.snapshot_seq);
        let is_writing = self.writing.as_ref().is_some_and(|it| !it.is_finished());
        if events >= SNAPSHOT_EVENTS && self.snapshot_at.elapsed() >= SNAPSHOT_PAUSE && !is_writing
        {
            self.snapshot();
        }
    }

    /// Waits until the snapshot that is being written is there.
    fn end_snapshot(&mut self) {
        if let Some(writing) = self.writing.take() {
            // It says itself what went wrong, and a panic in it is a snapshot less.
            drop(writing.join());
        }
    }

    /// Encodes the state, and has the rest of the work, which takes longer than many commits, done by a thread of
    /// its own. A snapshot is a cache: failing to write one costs start-up time and nothing else.
    fn snapshot(&mut self) {
        let Some(snapshots) = &self.parts.snapshots else {
            return;
        };
        let seq = self.parts.state.seq;
        if seq.0 == self.snapshot_seq {
            return;
        }
        self.snapshot_seq = seq.0;
        self.snapshot_at = Instant::now();
        let entry = self.parts.feed.get(seq).ok().flatten();
        let Some(hash) = entry.map(|entry| entry.hash) else {
            return;
        };
        let (name, bytes) = match snapshot_bytes(&self.parts.state) {
            Ok(encoded) => encoded,
            Err(error) => {
                tracing::warn!(%error, %seq, "no snapshot of the state was written");
                return;
            }
        };
        let snapshots = snapshots.clone();
        let write = move || {
            if let Err(error) = snapshots.write(name, seq, hash, &bytes) {
                tracing::warn!(%error, %seq, "no snapshot of the state was written");
            }
        };
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        match thread.spawn(write) {
            Ok(writing) => self.writing = Some(writing),
            Err(error) => tracing::warn!(%error, %seq, "no snapshot of the state was written"),
        }
    }
}

/// Requests that only record what has already happened, end something or lead to free space; they are taken while the disk is nearly
/// full. A runner that comes back is among them: before it has joined, it cannot report what ended.
fn begins_nothing(command: &Command) -> bool {
    matches!(
        command,
        Command::Report { .. }
            | Command::JoinRunner { .. }
            | Command::LoseRunner { .. }
            | Command::CancelRun { .. }
            | Command::CancelRunSet { .. }
            | Command::RemoveContents(_)
            | Command::RemoveBundles { .. }
    )
}

fn rejected(rejection: Rejection) -> SubmitError {
    SubmitError::Rejected(Box::new(rejection))
}

fn by_runner<T>(items: Vec<(RunnerId, T)>) -> BTreeMap<RunnerId, Vec<T>> {
    let mut grouped: BTreeMap<RunnerId, Vec<T>> = BTreeMap::new();
    for (runner, item) in items {
        grouped.entry(runner).or_default().push(item);
    }
    grouped
}

#[cfg(test)]
mod tests;
