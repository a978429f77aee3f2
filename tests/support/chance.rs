//! Chance from a seed that is printed, so that a failure says which moments it had.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A xorshift generator.
pub(crate) struct Chance(u64);

impl Chance {
    /// From the clock, or from `FASTI_TEST_SEED`; says which seed it was.
    pub(crate) fn new() -> Self {
        let given = std::env::var("FASTI_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = given
            .unwrap_or(u64::from(now.subsec_nanos()) ^ now.as_secs())
            .max(1);
        println!("FASTI_TEST_SEED={seed}");
        Self(seed)
    }

    /// From a number that is not 0.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    /// A duration below so many milliseconds.
    pub(crate) fn within_ms(&mut self, bound_ms: u64) -> Duration {
        Duration::from_micros(self.next() % (bound_ms * 1000))
    }
}
