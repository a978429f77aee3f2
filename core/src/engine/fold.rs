//! From the log to the state: at every start, from a snapshot when one fits, else from the first event.

use fasti_domain::event::Event;
use fasti_domain::evolve;
use fasti_domain::ids::Seq;
use fasti_domain::state::State;

use crate::codec::{self, CodecError};
use crate::feed::FeedError;
use crate::ports::LogRead;
use crate::store::{Snapshot, Snapshots};

/// Name of the state's snapshots. It has to change with the shape of the state, whose fields are told apart by position,
/// and with what events do to it, so that an old one is passed over.
pub(super) const SNAPSHOT_NAME: &str = "state-v12";

/// Records looked at together on the way back to the start of a server.
const LOOK_BACK_RECORDS: u64 = 1_000;

/// A folded log.
#[derive(Debug)]
pub struct Folded {
    /// The state after the last event.
    pub state: State,
    /// Position of the snapshot it started from; 0 without one.
    pub from_snapshot: Seq,
    /// Events applied after it.
    pub events: u64,
}

/// Folds everything up to `last`.
///
/// # Errors
/// The log is damaged or was written by a later version.
pub fn fold(
    reader: &dyn LogRead,
    snapshots: Option<&Snapshots>,
    last: Seq,
    progress: &mut dyn FnMut(Seq),
) -> Result<Folded, FeedError> {
    let mut state = snapshots
        .and_then(|all| load(all, reader, last))
        .unwrap_or_default();
    let from_snapshot = state.seq;
    let mut events = 0;
    let read = reader.each(state.seq.next(), last, &mut |entries| {
        for entry in entries {
            evolve(&mut state, &entry.recorded);
        }
        events += entries.len() as u64;
        progress(state.seq);
    });
    read.map_err(|error| {
        if let FeedError::Codec(error) = error {
            FeedError::Codec(named(error, reader))
        } else {
            error
        }
    })?;
    Ok(Folded {
        state,
        from_snapshot,
        events,
    })
}

/// Adds to a refusal which version of Fasti it takes: the one that the last server before the event was of.
fn named(error: CodecError, reader: &dyn LogRead) -> CodecError {
    let CodecError::Unknown {
        seq, name, version, ..
    } = error
    else {
        return error;
    };
    let mut before = seq.0;
    let mut needed = None;
    while before > 1 && needed.is_none() {
        let from = before.saturating_sub(LOOK_BACK_RECORDS).max(1);
        let count = usize::try_from(before - from).unwrap_or(usize::MAX);
        let records = reader.read(Seq(from), count, usize::MAX);
        let found = records.unwrap_or_default().into_iter().rev();
        let starts = found.filter(|record| record.record.name == "server.started");
        needed = starts
            .filter_map(|record| codec::decode(&record).ok())
            .find_map(|entry| {
                let Event::ServerStarted(started) = entry.recorded.event else {
                    return None;
                };
                Some(started.version)
            });
        before = from;
    }
    CodecError::Unknown {
        seq,
        name,
        version,
        needed,
    }
}

/// A snapshot that belongs to this log: same position, same chain hash, readable.
fn load(snapshots: &Snapshots, reader: &dyn LogRead, last: Seq) -> Option<State> {
    let is_of_this_log = |snapshot: &Snapshot| {
        let record = reader
            .read(snapshot.seq, 1, 1)
            .ok()
            .and_then(|mut all| all.pop());
        record.is_some_and(|record| record.hash == snapshot.hash)
    };
    let snapshot = snapshots.load_fitting(SNAPSHOT_NAME, last, is_of_this_log)?;
    let state: State = rmp_serde::from_slice(&snapshot.bytes).ok()?;
    (state.seq == snapshot.seq).then_some(state)
}

/// The state as a snapshot keeps it, with the name to keep it under.
///
/// # Errors
/// The state cannot be encoded.
pub fn snapshot_bytes(state: &State) -> Result<(&'static str, Vec<u8>), rmp_serde::encode::Error> {
    rmp_serde::to_vec(state).map(|bytes| (SNAPSHOT_NAME, bytes))
}
