//! The engine's time: that of the clock, but it never goes back and never stands still.
//!
//! Recorded time cannot go back. When the clock does, or was ahead for a moment, the engine is ahead of it. Waiting
//! until the clock has caught up would stop every schedule and retry for as long; going on at full speed would stay
//! ahead for ever. So it goes on at half speed until they meet: a lead of an hour is gone after two.

use std::time::Duration;

use fasti_domain::time::Timestamp;

/// A clock that gains more than this on a steady one was set, or the machine slept.
const JUMP_US: i64 = 60_000_000;

/// See the module.
pub(super) struct EngineTime {
    /// When clock and engine agreed last, or the end of the log at the start.
    at: Timestamp,
    /// The same by a clock that never jumps.
    steady: Duration,
    has_begun: bool,
}

/// One look at the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// The engine's time.
    pub(super) now: Timestamp,
    /// How far it is ahead of the clock.
    pub(super) ahead_us: u64,
    /// By how much the clock jumped ahead, if it did just now.
    pub(super) jumped_us: Option<u64>,
}

impl EngineTime {
    /// Time goes on after the last event of the log.
    pub(super) fn new(last: Timestamp, steady: Duration) -> Self {
        Self {
            at: last,
            steady,
            has_begun: false,
        }
    }

    pub(super) fn look(&mut self, clock: Timestamp, steady: Duration) -> Reading {
        let passed = steady.saturating_sub(self.steady).as_micros();
        let passed_us = i64::try_from(passed).unwrap_or(i64::MAX);
        let least = self.at.plus_us(passed_us / 2);
        if clock < least {
            return Reading {
                now: least,
                ahead_us: least.0.abs_diff(clock.0),
                jumped_us: None,
            };
        }
        let gained_us = clock.0.saturating_sub(self.at.plus_us(passed_us).0);
        // Before the first look nothing is known of how much time has passed.
        let has_jumped = self.has_begun && gained_us > JUMP_US;
        (self.at, self.steady, self.has_begun) = (clock, steady, true);
        Reading {
            now: clock,
            ahead_us: 0,
            jumped_us: has_jumped.then_some(gained_us.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    const NOON: Timestamp = Timestamp(1_711_886_400_000_000);

    fn steady(us: i64) -> Duration {
        Duration::from_micros(us.unsigned_abs())
    }

    #[test]
    fn it_is_the_clock_as_long_as_that_goes_on() {
        let mut time = EngineTime::new(NOON.plus_us(-HOUR_US), steady(0));
        for us in [0, 1, 500_000, 7_000_000] {
            let reading = time.look(NOON.plus_us(us), steady(us));
            assert_eq!(reading.now, NOON.plus_us(us));
            assert_eq!((reading.ahead_us, reading.jumped_us), (0, None));
        }
    }

    #[test]
    fn a_clock_set_back_is_met_again_and_nothing_waits_for_it() {
        let mut time = EngineTime::new(NOON, steady(0));
        time.look(NOON, steady(0));
        let look =
            |time: &mut EngineTime, us: i64| time.look(NOON.plus_us(us - HOUR_US), steady(us));
        // A retry in a second comes after two, not after an hour.
        let reading = look(&mut time, 2_000_000);
        assert_eq!(reading.now, NOON.plus_us(1_000_000));
        assert_eq!(reading.ahead_us, 3_599_000_000);
        let mut last = reading.now;
        for second in 3..7_300 {
            let now = look(&mut time, second * 1_000_000).now;
            assert!(now > last, "it stands still");
            last = now;
        }
        let met = look(&mut time, 3 * HOUR_US);
        assert_eq!((met.now, met.ahead_us), (NOON.plus_us(2 * HOUR_US), 0));
    }

    #[test]
    fn many_looks_lose_nothing() {
        let mut time = EngineTime::new(NOON, steady(0));
        for us in 0..1_000 {
            time.look(NOON.plus_us(-HOUR_US), steady(us));
        }
        let reading = time.look(NOON.plus_us(-HOUR_US), steady(1_000));
        assert_eq!(reading.now, NOON.plus_us(500));
    }

    #[test]
    fn a_jump_ahead_is_told_once() {
        let mut time = EngineTime::new(Timestamp(0), steady(0));
        assert_eq!(
            time.look(NOON, steady(0)).jumped_us,
            None,
            "a start is none"
        );
        let jumped = time.look(NOON.plus_us(HOUR_US), steady(1_000_000));
        assert_eq!(jumped.jumped_us, Some(3_599_000_000));
        let after = time.look(NOON.plus_us(HOUR_US + 1), steady(1_000_001));
        assert_eq!(after.jumped_us, None);
    }
}
