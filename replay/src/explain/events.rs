//! Finding the event behind what a view says: by when it happened.

use std::sync::Arc;

use fasti_core::domain::event::Event;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::{Entry, Feed};
use fasti_projector::{PastError, ViewsError, seq_at};

use super::Cause;

/// Events looked at around an instant. What runners report carries their own time, and stands a little later.
const BEFORE: u64 = 512;
const AFTER: usize = 1_536;

/// The events up to a moment.
pub(super) struct Events<'a> {
    feed: &'a Feed,
    until: Seq,
}

impl<'a> Events<'a> {
    /// Those of `feed` up to `until`.
    pub(super) fn new(feed: &'a Feed, until: Seq) -> Self {
        Self { feed, until }
    }

    /// The event at this position.
    pub(super) fn get(&self, seq: Seq) -> Result<Option<Arc<Entry>>, ViewsError> {
        if seq > self.until || seq.0 == 0 {
            return Ok(None);
        }
        let found = self.feed.read(Seq(seq.0 - 1), 1)?;
        Ok(found.into_iter().find(|entry| entry.seq() == seq))
    }

    /// The first event around an instant that `wanted` takes, those at the instant and after it before others.
    pub(super) fn near(
        &self,
        at: Timestamp,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Option<Arc<Entry>>, ViewsError> {
        let last = match seq_at(self.feed, self.until, at) {
            Ok(last) => last,
            Err(PastError::Views(error)) => return Err(error),
            Err(PastError::TooEarly(_) | PastError::TooLate(_)) => return Ok(None),
        };
        let from = Seq(last.0.saturating_sub(BEFORE));
        let mut found = Vec::new();
        let mut after = from;
        while after < self.until && after.0 - from.0 < AFTER as u64 {
            let entries = self.feed.read(after, AFTER)?;
            let Some(end) = entries.last().map(|entry| entry.seq()) else {
                break;
            };
            after = end;
            let fits =
                |entry: &Arc<Entry>| entry.seq() <= self.until && wanted(&entry.recorded.event);
            found.extend(entries.into_iter().filter(fits));
        }
        let is_after = |entry: &Arc<Entry>| entry.recorded.at >= at;
        let position = found
            .iter()
            .position(is_after)
            .or(found.len().checked_sub(1));
        Ok(position.map(|position| found.swap_remove(position)))
    }

    /// A cause with its event, if it is found; with its time alone otherwise.
    pub(super) fn cause(
        &self,
        at: Timestamp,
        text: String,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Cause, ViewsError> {
        let seq = self.near(at, wanted)?.map(|entry| entry.seq());
        Ok(Cause {
            seq,
            ..Cause::at(at, text)
        })
    }
}
