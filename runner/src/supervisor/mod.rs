//! Decides what the runner does: which attempt begins, which is ended and when, what is reported.
//!
//! No IO, no clock, no threads: an [`Input`] and a [`Moment`] go in, [`Action`]s come out. The event loop
//! performs them (`drive`), and a simulation can drive the same code. A token is started at most once, and
//! every attempt taken over is reported finished exactly once, however often the connection breaks.

mod entry;
mod message;
mod outbox;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Outcome, Process, Usage,
};
use fasti_core::domain::ids::{AttemptId, LogId, Token};
use fasti_core::domain::launch::Launch;
use fasti_core::domain::runner::RunnerInfo;
use fasti_core::domain::stages::StageMark;
use fasti_core::domain::time::Timestamp;
use fasti_core::protocol::runner_v1::{
    self, FromRunner, Held, Report, ShutdownMode, StopAttempt, ToRunner,
};

use self::entry::{Cause, Entry, Phase};
pub use self::message::{Action, Ended, Exit, Input, Mark, Moment, StopSignal};
use self::outbox::{Outbox, Remembered};
use crate::limits::{
    LAUNCHES_AHEAD_MAX, LAUNCHES_QUEUED_MAX, PING_MS, REPORT_WAIT_MS, REPORTS_UNACKED_MAX,
    SHUTDOWN_GRACE_MS_MAX, SHUTDOWN_MS_MAX,
};

/// How long a runner waits for a server before it ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// With nothing running and nothing to report, in milliseconds.
    pub idle_ms: u64,
    /// With nothing running but reports that no server has, in milliseconds.
    pub unreported_ms: u64,
}

/// The connection, as far as the supervisor cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    /// Hello said, Welcome awaited.
    Greeting,
    Up,
}

/// The runner is about to end.
#[derive(Debug)]
struct Closing {
    /// End even if tasks or reports are left, by this time.
    deadline_ms: Option<u64>,
    /// Nothing is told to the server any more.
    silent: bool,
    exit: Exit,
}

/// See the module.
#[derive(Debug)]
pub struct Supervisor {
    info: RunnerInfo,
    patience: Patience,
    log_id: Option<LogId>,
    link: Link,
    entries: BTreeMap<Token, Entry>,
    queue: VecDeque<Token>,
    /// Entries handed to the launcher and not ended.
    active: usize,
    timers: BTreeSet<(u64, Token)>,
    outbox: Outbox,
    remembered: Remembered,
    closing: Option<Closing>,
    /// Since when nothing runs and no server is there.
    lonely_since_ms: u64,
    ping_at_ms: u64,
    /// Time of the last input.
    now_ms: u64,
    /// Since when there are reports that were not sent.
    unsent_since_ms: Option<u64>,
    exited: bool,
}

impl Supervisor {
    /// A supervisor that holds nothing and has no connection.
    #[must_use]
    pub fn new(info: RunnerInfo, patience: Patience, now: Moment) -> Self {
        Self {
            info,
            patience,
            log_id: None,
            link: Link::Down,
            entries: BTreeMap::new(),
            queue: VecDeque::new(),
            active: 0,
            timers: BTreeSet::new(),
            outbox: Outbox::default(),
            remembered: Remembered::default(),
            closing: None,
            lonely_since_ms: now.uptime_ms,
            ping_at_ms: u64::MAX,
            now_ms: now.uptime_ms,
            unsent_since_ms: None,
            exited: false,
        }
    }

    /// Take note of `input` and append to `actions` what follows.
    pub fn handle(&mut self, now: Moment, input: Input, actions: &mut Vec<Action>) {
        if self.exited {
            return;
        }
        self.now_ms = now.uptime_ms;
        match input {
            Input::Connected => self.on_connected(actions),
            Input::Disconnected => self.on_disconnected(now),
            Input::Server(message) => self.on_server(now, message, actions),
            Input::Started { token, at, process } => self.on_started(now, token, at, process),
            Input::Progressed { token, marks } => self.on_progressed(token, marks),
            Input::Ended { token, ended } => self.on_ended(now, token, *ended),
            Input::Terminate => self.close_by_kill(now, false, Exit::Done, actions),
            Input::Wake => {}
        }
        self.on_time(now, actions);
        self.begin_more(actions);
        self.leave_if_done(now, actions);
        if self.unsent_since_ms.is_none() && self.outbox.has_unsent() {
            self.unsent_since_ms = Some(now.uptime_ms);
        }
    }

    /// The next message with reports, if there are some to send and a server that listens. Call until `None`
    /// when there is room for it on the connection.
    pub fn next_reports(&mut self) -> Option<FromRunner> {
        if self.link != Link::Up || self.reports_wait_until_ms().is_some() {
            return None;
        }
        let message = self.outbox.next_message();
        if !self.outbox.has_unsent() {
            self.unsent_since_ms = None;
        }
        message
    }

    /// While there is more in hand than the slots and their successors, reports wait for others, a little.
    fn reports_wait_until_ms(&self) -> Option<u64> {
        let slots = usize::try_from(self.info.capacity.slots).unwrap_or(usize::MAX);
        let is_busy = self.active + self.queue.len() > slots.saturating_mul(2);
        let until = self.unsent_since_ms? + REPORT_WAIT_MS;
        (is_busy && self.closing.is_none() && self.now_ms < until).then_some(until)
    }

    /// When [`Input::Wake`] is due at the latest, on the clock of [`Moment::uptime_ms`].
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        let timer = self.timers.first().map(|&(at, _)| at);
        let closing = self
            .closing
            .as_ref()
            .and_then(|closing| closing.deadline_ms);
        let ping = (self.link == Link::Up).then_some(self.ping_at_ms);
        let reports = self.reports_wait_until_ms();
        [timer, closing, ping, reports, self.lonely_until_ms()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Attempts begun or about to begin.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active
    }

    fn on_connected(&mut self, actions: &mut Vec<Action>) {
        self.link = Link::Greeting;
        let held = self.entries.iter().map(|(&token, entry)| Held {
            attempt: entry.attempt,
            token,
        });
        actions.push(Action::Say(FromRunner::Hello {
            protocol: runner_v1::VERSION,
            log_id: self.log_id,
            info: self.info.clone(),
            held: held.collect(),
        }));
    }

    fn on_disconnected(&mut self, now: Moment) {
        self.link = Link::Down;
        self.lonely_since_ms = now.uptime_ms;
    }

    fn on_server(&mut self, now: Moment, message: ToRunner, actions: &mut Vec<Action>) {
        self.ping_at_ms = now.uptime_ms + PING_MS;
        match message {
            ToRunner::Welcome { protocol, log_id } => {
                self.on_welcome(now, protocol, log_id, actions);
            }
            ToRunner::Refused { reason } => {
                self.close_by_kill(now, true, Exit::Refused { reason }, actions);
            }
            ToRunner::Start { launches } => {
                for launch in launches {
                    self.on_launch(now, launch);
                }
            }
            ToRunner::Stop { attempts } => {
                for attempt in attempts {
                    self.on_stop(now, &attempt, actions);
                }
            }
            ToRunner::Ack { through } => self.on_ack(through),
            ToRunner::Shutdown { mode } => self.on_shutdown(now, mode, actions),
            ToRunner::Pong => {}
        }
    }

    fn on_welcome(&mut self, now: Moment, protocol: u32, log: LogId, actions: &mut Vec<Action>) {
        let reason = if protocol != runner_v1::VERSION {
            format!(
                "the server speaks protocol {protocol}, this runner {}",
                runner_v1::VERSION
            )
        } else if self.log_id.is_some_and(|known| known != log) {
            "the server writes another log than the one this runner works for".to_owned()
        } else {
            self.log_id = Some(log);
            self.link = Link::Up;
            self.outbox.rewind();
            return;
        };
        self.close_by_kill(now, true, Exit::Refused { reason }, actions);
    }

    fn on_launch(&mut self, now: Moment, launch: Launch) {
        let token = launch.token;
        if let Some(entry) = self.entries.get(&token) {
            if matches!(entry.phase, Phase::Finished) {
                self.outbox.rewind();
            }
            return;
        }
        if self.remembered.contains(&token) {
            return;
        }
        let full = self.queue.len() >= LAUNCHES_QUEUED_MAX;
        self.entries.insert(token, Entry::queued(launch));
        if self.closing.is_some() {
            self.finish_unbegun(now, token, Cause::Closing.outcome());
        } else if full {
            let message = format!("the runner already holds {LAUNCHES_QUEUED_MAX} launches");
            self.finish_unbegun(now, token, Outcome::SpawnFailed { errno: 0, message });
        } else {
            self.queue.push_back(token);
        }
    }

    fn on_stop(&mut self, now: Moment, stop: &StopAttempt, actions: &mut Vec<Action>) {
        if self.remembered.contains(&stop.token) {
            return;
        }
        // A launch lost on a broken connection: the attempt will never begin here, also if it comes later.
        let entry = self.entries.entry(stop.token);
        entry.or_insert_with(|| Entry::unknown(stop.attempt));
        self.stop(now, stop.token, Cause::Stop, u64::MAX, actions);
    }

    fn on_ack(&mut self, through: u64) {
        for report in self.outbox.ack(through) {
            if let AttemptNews::Finished(_) = report.report.news {
                self.entries.remove(&report.report.token);
                self.remembered.insert(report.report.token);
            }
        }
    }

    fn on_shutdown(&mut self, now: Moment, mode: ShutdownMode, actions: &mut Vec<Action>) {
        match mode {
            ShutdownMode::Leave => {}
            ShutdownMode::Kill => self.close_by_kill(now, false, Exit::Done, actions),
            ShutdownMode::Wait => {
                if self.closing.is_none() {
                    self.closing = Some(Closing {
                        deadline_ms: None,
                        silent: false,
                        exit: Exit::Done,
                    });
                    self.drop_queue(now);
                }
            }
        }
    }

    fn on_started(&mut self, now: Moment, token: Token, at: Timestamp, process: Process) {
        let Some(entry) = self.entries.get_mut(&token) else {
            return;
        };
        if !matches!(entry.phase, Phase::Handed) {
            return;
        }
        entry.phase = Phase::Running;
        if let (Some(limit_ms), None) = (entry.timeout_ms, &entry.cause) {
            let deadline_ms = now.uptime_ms.saturating_add(limit_ms);
            entry.deadline_ms = Some(deadline_ms);
            self.timers.insert((deadline_ms, token));
        }
        let AttemptId { task_run, number } = entry.attempt;
        let start = AttemptStart {
            task_run,
            number,
            started_at: at,
            process,
        };
        self.report(token, AttemptNews::Started(start), None);
    }

    fn on_progressed(&mut self, token: Token, marks: Vec<Mark>) {
        let Some(entry) = self.entries.get(&token) else {
            return;
        };
        let AttemptId { task_run, number } = entry.attempt;
        for mark in marks {
            let mark = StageMark {
                task_run,
                number,
                stage: mark.stage,
                at: mark.at,
                detail: mark.detail,
                is_note: mark.is_note,
            };
            self.report(token, AttemptNews::Progressed(mark), None);
        }
    }

    fn on_ended(&mut self, now: Moment, token: Token, ended: Ended) {
        let Some(entry) = self.entries.get(&token) else {
            return;
        };
        // Our reason counts unless the process ended by itself before the signal reached it.
        let cause = entry
            .cause
            .filter(|_| ended.signalled || matches!(entry.phase, Phase::Handed));
        let Ended {
            at,
            outcome,
            result,
            value,
            failure,
            usage,
            gathered,
            ..
        } = ended;
        match cause {
            Some(cause) => self.finish(token, at, cause.outcome(), usage, None),
            None => self.finish(
                token,
                at,
                outcome,
                usage,
                Some((result, value, failure, gathered)),
            ),
        }
        self.lonely_since_ms = now.uptime_ms;
    }

    /// Perform what is due.
    fn on_time(&mut self, now: Moment, actions: &mut Vec<Action>) {
        while let Some(&(at, token)) = self.timers.first() {
            if at > now.uptime_ms {
                break;
            }
            self.timers.pop_first();
            let Some(entry) = self.entries.get_mut(&token) else {
                continue;
            };
            match (entry.cause, entry.timeout_ms) {
                (Some(_), _) => {
                    entry.deadline_ms = None;
                    actions.push(Action::Signal {
                        token,
                        signal: StopSignal::Kill,
                    });
                }
                (None, Some(limit_ms)) => {
                    self.stop(now, token, Cause::Timeout { limit_ms }, u64::MAX, actions);
                }
                (None, None) => {}
            }
        }
        if self.link == Link::Up && self.ping_at_ms <= now.uptime_ms {
            self.ping_at_ms = now.uptime_ms + PING_MS;
            actions.push(Action::Say(FromRunner::Ping));
        }
    }

    /// Hand launches to the launcher, as many as it has slots and a few ahead.
    fn begin_more(&mut self, actions: &mut Vec<Action>) {
        let slots = self.info.capacity.slots as usize;
        let room = slots + slots.min(LAUNCHES_AHEAD_MAX);
        while self.active < room
            && self.closing.is_none()
            && self.outbox.len() < REPORTS_UNACKED_MAX
        {
            let Some(token) = self.queue.pop_front() else {
                break;
            };
            let Some(entry) = self.entries.get_mut(&token) else {
                continue;
            };
            if let Phase::Queued(launch) = &entry.phase {
                let launch = Arc::clone(launch);
                entry.phase = Phase::Handed;
                self.active += 1;
                actions.push(Action::Start(launch));
            }
        }
    }

    /// End an attempt: at once if it has not begun, else by TERM now and KILL after its grace.
    fn stop(
        &mut self,
        now: Moment,
        token: Token,
        cause: Cause,
        grace_ms_max: u64,
        actions: &mut Vec<Action>,
    ) {
        let Some(entry) = self.entries.get_mut(&token) else {
            return;
        };
        match entry.phase {
            Phase::Finished => return,
            Phase::Queued(_) => return self.finish_unbegun(now, token, cause.outcome()),
            Phase::Handed | Phase::Running => {}
        }
        let kill_at_ms = now
            .uptime_ms
            .saturating_add(entry.grace_ms.min(grace_ms_max));
        let sooner = match entry.cause {
            None => {
                entry.cause = Some(cause);
                actions.push(Action::Signal {
                    token,
                    signal: StopSignal::Term,
                });
                true
            }
            Some(earlier) => {
                if earlier == Cause::Closing {
                    entry.cause = Some(cause);
                }
                // Without a deadline the KILL was already sent.
                entry.deadline_ms.is_some_and(|old| old > kill_at_ms)
            }
        };
        if sooner {
            if let Some(old) = entry.deadline_ms.replace(kill_at_ms) {
                self.timers.remove(&(old, token));
            }
            self.timers.insert((kill_at_ms, token));
        }
    }

    fn close_by_kill(&mut self, now: Moment, silent: bool, exit: Exit, actions: &mut Vec<Action>) {
        let deadline_ms = now.uptime_ms + SHUTDOWN_MS_MAX;
        let earlier = self
            .closing
            .as_ref()
            .and_then(|closing| closing.deadline_ms);
        let deadline_ms = Some(earlier.map_or(deadline_ms, |earlier| earlier.min(deadline_ms)));
        self.closing = Some(Closing {
            deadline_ms,
            silent,
            exit,
        });
        self.drop_queue(now);
        let tokens: Vec<Token> = self.entries.keys().copied().collect();
        for token in tokens {
            self.stop(now, token, Cause::Closing, SHUTDOWN_GRACE_MS_MAX, actions);
        }
    }

    fn drop_queue(&mut self, now: Moment) {
        while let Some(token) = self.queue.pop_front() {
            let queued = self
                .entries
                .get(&token)
                .is_some_and(|e| matches!(e.phase, Phase::Queued(_)));
            if queued {
                self.finish_unbegun(now, token, Cause::Closing.outcome());
            }
        }
    }

    fn finish_unbegun(&mut self, now: Moment, token: Token, outcome: Outcome) {
        self.finish(token, now.at, outcome, Usage::default(), None);
    }

    fn finish(
        &mut self,
        token: Token,
        finished_at: Timestamp,
        outcome: Outcome,
        usage: Usage,
        says: Option<entry::Says>,
    ) {
        let Some(entry) = self.entries.get_mut(&token) else {
            return;
        };
        match entry.phase {
            Phase::Finished => return,
            Phase::Queued(_) => {}
            Phase::Handed | Phase::Running => self.active -= 1,
        }
        entry.phase = Phase::Finished;
        if let Some(deadline_ms) = entry.deadline_ms.take() {
            self.timers.remove(&(deadline_ms, token));
        }
        let AttemptId { task_run, number } = entry.attempt;
        let (result, value, failure, gathered) = says.unwrap_or_default();
        let end = AttemptEnd {
            task_run,
            number,
            finished_at,
            outcome,
            result,
            failure,
            usage,
            gathered,
        };
        self.report(token, AttemptNews::Finished(end), value);
    }

    fn report(&mut self, token: Token, news: AttemptNews, value: Option<Vec<u8>>) {
        self.outbox.push(Report {
            report: AttemptReport { token, news },
            value,
        });
    }

    /// When the runner gives up waiting for a server; `None` while one is there or something runs.
    fn lonely_until_ms(&self) -> Option<u64> {
        if self.link != Link::Down || self.active > 0 {
            return None;
        }
        let patience_ms = if self.outbox.is_empty() && self.queue.is_empty() {
            self.patience.idle_ms
        } else {
            self.patience.unreported_ms
        };
        Some(self.lonely_since_ms.saturating_add(patience_ms))
    }

    fn leave_if_done(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let exit = if let Some(closing) = &self.closing {
            // Without a deadline the reports wait for a server as long as patience lasts.
            let told = closing.silent
                || self.outbox.is_empty()
                || closing.deadline_ms.is_some() && self.link == Link::Down;
            if self.active == 0 && told {
                Some(closing.exit.clone())
            } else if closing.deadline_ms.is_some_and(|at| at <= now.uptime_ms) {
                Some(Exit::Late)
            } else {
                None
            }
        } else {
            None
        };
        let lonely = self.lonely_until_ms().is_some_and(|at| at <= now.uptime_ms);
        let Some(exit) = exit.or(lonely.then_some(Exit::Abandoned)) else {
            return;
        };
        self.exited = true;
        if self.link == Link::Up {
            actions.push(Action::Say(FromRunner::Bye));
        }
        actions.push(Action::Exit(exit));
    }
}
