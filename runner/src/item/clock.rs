//! The time, for signatures.

use crate::clock;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    clock::wall().0.div_euclid(1_000)
}
