//! The past: state and views as they were after any event.

use fasti_core::domain::ids::Seq;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_projector::Views;

use crate::error::ReplayError;
use crate::source::Source;

/// The scheduler's state after the event at `seq` (after the last one, if there are fewer).
///
/// # Errors
/// The log cannot be read.
pub fn state_at(source: &Source, seq: Seq) -> Result<State, ReplayError> {
    let mut state = State::default();
    source.each(seq, |entry| {
        fasti_core::domain::evolve(&mut state, &entry.recorded);
    })?;
    Ok(state)
}

/// The views after the event at `seq`, in memory.
///
/// # Errors
/// The log cannot be read.
pub fn views_at(source: &Source, seq: Seq) -> Result<Views, ReplayError> {
    let mut views = Views::new();
    source.each(seq, |entry| views.apply(entry))?;
    Ok(views)
}

/// The last event that had happened at `instant`; `Seq(0)` when none had.
///
/// # Errors
/// The log cannot be read.
pub fn seq_at(source: &Source, instant: Timestamp) -> Result<Seq, ReplayError> {
    let mut found = Seq(0);
    source.each(source.last(), |entry| {
        if entry.recorded.at <= instant {
            found = entry.seq();
        }
    })?;
    Ok(found)
}
