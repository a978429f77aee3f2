//! The only place that reads clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fasti_core::domain::time::Timestamp;

use crate::supervisor::Moment;

/// Now, for reports.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
pub(crate) fn wall() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |us| -us),
    };
    Timestamp(micros)
}

/// Both clocks, with the start of the runner as zero of the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        let uptime_ms = u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment {
            at: wall(),
            uptime_ms,
        }
    }

    /// The instant at `uptime_ms`. One too far away to express is a day away.
    pub(crate) fn instant(&self, uptime_ms: u64) -> Instant {
        let day_ms = 86_400_000;
        let far = self.now().uptime_ms + day_ms;
        self.zero + std::time::Duration::from_millis(uptime_ms.min(far))
    }
}
