//! What was undone.

use fasti_core::domain::ids::Seq;
use fasti_core::feed::Entry;
use fasti_replay::undo::Undoing;

use super::super::wire;
use super::time;

/// As it is answered; `made` is the last event that undoing led to.
pub(crate) fn undone(entry: &Entry, undoing: &Undoing, made: Option<Seq>) -> wire::Undone {
    wire::Undone {
        event_seq: undoing.event.0,
        event_type: entry.recorded.event.name().to_owned(),
        event_time: time(entry.recorded.at),
        did: undoing.did.clone(),
        undo: undoing.undo.clone(),
        stays: undoing.stays.map(str::to_owned),
        seq: made.map(|seq| seq.0),
    }
}
