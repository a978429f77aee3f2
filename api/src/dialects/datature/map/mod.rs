//! Between the dialect and the domain: pure.

mod definition;
mod job;
mod log;

use fasti_core::domain::time::Timestamp;

pub(super) use definition::{JobNote, JobParts, NOTE, definition, label};
pub(super) use job::{Facts, job_of};
pub(super) use log::{Level, entry};

/// Milliseconds since 1970, as the client counts.
pub(super) fn ms(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}

/// The instant of so many milliseconds, if it is one of an age that can be reckoned with.
pub(super) fn instant(ms: i64) -> Option<Timestamp> {
    const YEAR_3000_MS: i64 = 32_503_680_000_000;
    (0..=YEAR_3000_MS)
        .contains(&ms)
        .then(|| Timestamp(ms * 1_000))
}
