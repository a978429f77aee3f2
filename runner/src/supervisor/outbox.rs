//! Reports on their way: numbered without gaps, kept until acknowledged, sent again on a new connection.
//! It must not know what a report says.

use std::collections::VecDeque;

use fasti_core::domain::ids::Token;
use fasti_core::protocol::runner_v1::{FromRunner, Report};

use crate::limits::REPORTS_PER_MESSAGE_MAX;

/// Unacknowledged reports. Report `acked + 1` is at the front.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    acked: u64,
    sent: u64,
    waiting: VecDeque<Report>,
}

impl Outbox {
    /// Append a report.
    pub(super) fn push(&mut self, report: Report) {
        self.waiting.push_back(report);
    }

    /// Reports not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there are reports not yet sent on this connection.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent - self.acked < self.waiting.len() as u64
    }

    /// Whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Send everything unacknowledged again.
    pub(super) fn rewind(&mut self) {
        self.sent = self.acked;
    }

    /// Forget reports up to `through`, and say whose they were. A number never given counts as the last one.
    pub(super) fn ack(&mut self, through: u64) -> Vec<Report> {
        let last = self.acked + self.waiting.len() as u64;
        let covered = through.min(last).saturating_sub(self.acked);
        let covered = usize::try_from(covered).expect("no more than are waiting in memory");
        self.acked += covered as u64;
        self.sent = self.sent.max(self.acked);
        self.waiting.drain(..covered).collect()
    }

    /// The next message with reports not yet sent on this connection.
    pub(super) fn next_message(&mut self) -> Option<FromRunner> {
        let skip = usize::try_from(self.sent - self.acked).expect("no more than are waiting");
        let reports: Vec<Report> = self
            .waiting
            .iter()
            .skip(skip)
            .take(REPORTS_PER_MESSAGE_MAX)
            .cloned()
            .collect();
        if reports.is_empty() {
            return None;
        }
        let first = self.sent + 1;
        self.sent += reports.len() as u64;
        Some(FromRunner::Reports { first, reports })
    }
}

/// Tokens of the last attempts that are over and acknowledged: bounded, oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    order: VecDeque<Token>,
    tokens: std::collections::HashSet<Token>,
}

impl Remembered {
    /// Remember one more.
    pub(super) fn insert(&mut self, token: Token) {
        if self.tokens.insert(token) {
            self.order.push_back(token);
        }
        if self.order.len() > crate::limits::TOKENS_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
    }

    /// Whether it is still remembered.
    pub(super) fn contains(&self, token: &Token) -> bool {
        self.tokens.contains(token)
    }
}
