//! How long the parts of a start took: said in one line, so that a slow start says why.

use std::fmt::Write;
use std::time::Instant;

/// The parts so far.
pub(crate) struct Phases {
    begun: Instant,
    last: Instant,
    parts: String,
}

impl Phases {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            last: now,
            parts: String::new(),
        }
    }

    /// `what` has ended; the next part begins.
    pub(crate) fn end(&mut self, what: &str) {
        let now = Instant::now();
        let comma = if self.parts.is_empty() { "" } else { ", " };
        let ms = (now - self.last).as_millis();
        // Writing to a string does not fail.
        write!(self.parts, "{comma}{what} {ms}").ok();
        self.last = now;
    }

    /// Says it.
    pub(crate) fn say(&self) {
        let all_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(all_ms, ms = %self.parts, "started");
    }
}
