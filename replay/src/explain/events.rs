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
/// Events read at once of those; four times as many each further time.
const FIRST: usize = 48;

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
        if seq > self.until {
            return Ok(None);
        }
        Ok(self.feed.get(seq)?)
    }

    /// The first event at or after an instant that `wanted` takes, or the last one before it.
    pub(super) fn near(
        &self,
        at: Timestamp,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Option<Arc<Entry>>, ViewsError> {
        let just_before = Timestamp(at.0.saturating_sub(1));
        let before = match seq_at(self.feed, self.until, just_before) {
            Ok(before) => before,
            Err(PastError::TooEarly(_)) => Seq(0),
            Err(PastError::Views(error)) => return Err(error),
            Err(PastError::TooLate(_)) => return Ok(None),
        };
        if let Some(found) = self.first_of(before.next(), AFTER, &wanted)? {
            return Ok(Some(found));
        }
        let from = Seq(before.0.saturating_sub(BEFORE) + 1);
        let count = usize::try_from(before.next().0 - from.0).unwrap_or(0);
        let mut entries = self.feed.span(from, count)?.into_iter();
        Ok(entries.rfind(|entry| entry.seq() <= before && wanted(&entry.recorded.event)))
    }

    /// The first of `count` events that `wanted` takes: mostly one of the first few, so few are read first.
    fn first_of(
        &self,
        from: Seq,
        count: usize,
        wanted: &impl Fn(&Event) -> bool,
    ) -> Result<Option<Arc<Entry>>, ViewsError> {
        let fits = |entry: &Arc<Entry>| entry.seq() <= self.until && wanted(&entry.recorded.event);
        let (mut next, mut left, mut piece) = (from, count, FIRST);
        while left > 0 && next <= self.until {
            let entries = self.feed.span(next, piece.min(left))?;
            let Some(end) = entries.last().map(|entry| entry.seq()) else {
                break;
            };
            left = left.saturating_sub(entries.len());
            if let Some(found) = entries.into_iter().find(&fits) {
                return Ok(Some(found));
            }
            (next, piece) = (end.next(), piece * 4);
        }
        Ok(None)
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
