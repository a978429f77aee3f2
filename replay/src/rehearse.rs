//! Upgrade rehearsal: the whole of a recorded history decided once more by this build, without an effect.
//!
//! What was said from outside is taken as it was; what the scheduler decided is compared, commit by commit (see
//! [`fasti_core::domain::rehearse`]). No difference means that this build, put in the place of those that wrote the
//! log, would have made the same of everything that happened.

use std::sync::Arc;

use fasti_core::domain::event::{Event, Recorded};
use fasti_core::domain::ids::Seq;
use fasti_core::domain::rehearse::{Difference, rehearse};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;

use crate::error::ReplayError;
use crate::source::Source;

/// Differences that are kept; all are counted.
pub const DIFFERENCES_MAX: usize = 1_000;

/// A difference with its surroundings.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What differs.
    pub difference: Difference,
    /// When the commit was recorded.
    pub at: Timestamp,
    /// Version of Fasti that recorded it.
    pub version: Arc<str>,
}

/// How a history compares.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rehearsal {
    /// Last event.
    pub last: Seq,
    /// Commits up to there.
    pub commits: u64,
    /// Events that this build decides as they were recorded.
    pub same: u64,
    /// Events that were said from outside and taken as they are.
    pub given: u64,
    /// Events that were not compared: those behind a difference in the same commit.
    pub unseen: u64,
    /// Commits in which something could have begun and the server held it back.
    pub held_back: u64,
    /// How many commits differ.
    pub different: u64,
    /// The first of them, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Found>,
}

/// Decides the history up to `until` once more. `progress` is told the position now and then.
///
/// # Errors
/// The log is damaged, or holds an event that this build does not know.
pub fn history(
    source: &Source,
    until: Seq,
    progress: &mut dyn FnMut(Seq),
) -> Result<Rehearsal, ReplayError> {
    let mut hand = Hand::default();
    source.each(until, |entry| {
        hand.commit.push(entry.recorded.clone());
        // The last commit may be cut by `until`: nothing can be said of a part.
        if entry.ends_commit() {
            hand.rehearse();
            progress(entry.recorded.seq);
        }
    })?;
    Ok(hand.found)
}

#[derive(Default)]
struct Hand {
    state: State,
    commit: Vec<Recorded>,
    version: Arc<str>,
    found: Rehearsal,
}

impl Hand {
    fn rehearse(&mut self) {
        let commit = std::mem::take(&mut self.commit);
        let Some(last) = commit.last() else {
            return;
        };
        let (at, seq) = (last.at, last.seq);
        for recorded in &commit {
            if let Event::ServerStarted(event) = &recorded.event {
                self.version = event.version.as_str().into();
            }
        }
        let of_commit = rehearse(&mut self.state, &commit);
        let found = &mut self.found;
        found.last = seq;
        found.commits += 1;
        found.same += of_commit.same;
        found.given += of_commit.given;
        found.unseen += of_commit.unseen;
        found.held_back += u64::from(of_commit.held_back);
        let Some(difference) = of_commit.difference else {
            return;
        };
        found.different += 1;
        if found.differences.len() < DIFFERENCES_MAX {
            found.differences.push(Found {
                difference,
                at,
                version: Arc::clone(&self.version),
            });
        }
    }
}
