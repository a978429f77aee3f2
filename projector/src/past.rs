//! The views as they were at any event: for looking at what a server showed then.
//!
//! Nothing of a finished run changes any more, so its row in the history serves every moment after its end; what was
//! alive at the moment, or had finished shortly before, comes from a checkpoint of the model and the events from there
//! on. Checkpoints are written as the log grows, and where a question had to go a long way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use fasti_core::store::Snapshots;

use crate::error::ViewsError;
use crate::history::History;
use crate::limits::{CHECKPOINT_EVERY_EVENTS, PAST_VIEWS_MAX};
use crate::shared::SharedViews;
use crate::snapshot;
use crate::views::Views;

/// Answers for the past. Cheap to clone.
#[derive(Clone)]
pub struct PastViews {
    live: SharedViews,
    feed: Feed,
    snapshots: Option<Snapshots>,
    /// Events between checkpoints.
    every: u64,
    /// Held while views are computed.
    turn: Arc<Mutex<()>>,
}

/// There are no views of that moment.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Nothing had happened yet.
    #[error("the log begins at {0}; ask for that moment or a later one")]
    TooEarly(Timestamp),
    /// It has not happened yet.
    #[error("the log ends at sequence {0}; ask for that or an earlier one")]
    TooLate(Seq),
    /// They cannot be computed.
    #[error(transparent)]
    Views(#[from] ViewsError),
}

impl PastViews {
    /// Answers from the log behind `feed` and the history of `live`.
    #[must_use]
    pub fn new(live: SharedViews, feed: Feed, snapshots: Option<Snapshots>) -> Self {
        Self {
            live,
            feed,
            snapshots,
            every: CHECKPOINT_EVERY_EVENTS,
            turn: Arc::default(),
        }
    }

    /// With a checkpoint after so many events of a long way. Default: [`CHECKPOINT_EVERY_EVENTS`].
    #[must_use]
    pub fn with_checkpoints_every(self, every: u64) -> Self {
        Self { every, ..self }
    }

    /// The views after the event `seq` and before the next. Reads the disk; may take a moment the first time.
    ///
    /// # Errors
    /// The log is not that long, or cannot be read.
    pub fn at(&self, seq: Seq) -> Result<Arc<Views>, PastError> {
        let last = self.live.position().seq;
        if seq > last {
            return Err(PastError::TooLate(last));
        }
        // One at a time: two would take twice the memory and no less time.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self
            .live
            .past()
            .iter()
            .find(|views| views.as_of() == seq)
            .cloned();
        let views = match known {
            Some(views) => views,
            None => {
                // What was asked before, if it is not in use and lies on the way.
                let near = take_before(&mut self.live.past(), seq);
                Arc::new(self.computed(seq, near)?)
            }
        };
        self.remember(&views);
        drop(turn);
        Ok(views)
    }

    /// Keeps views for the next question, unless those they share a table with are not served any more.
    fn remember(&self, views: &Arc<Views>) {
        // Under the guard nobody puts others in the place of the live ones.
        let live = self.live.read();
        let mut kept = self.live.past();
        kept.retain(|other| other.as_of() != views.as_of());
        while kept.len() >= PAST_VIEWS_MAX {
            kept.pop_front();
        }
        if Arc::ptr_eq(live.history.table(), views.history.table()) {
            kept.push_back(views.clone());
        }
    }

    /// The last event at or before an instant.
    ///
    /// # Errors
    /// There is none, or the log cannot be read.
    pub fn seq_at(&self, at: Timestamp) -> Result<Seq, PastError> {
        seq_at(&self.feed, self.live.position().seq, at)
    }

    fn computed(&self, seq: Seq, near: Option<Views>) -> Result<Views, ViewsError> {
        // Read under one guard: what has left the live views is here or there.
        let (table, mut leaving, kept) = {
            let live = self.live.read();
            let history = &live.history;
            let leaving = history.leaving().clone();
            (history.table().clone(), leaving, live.model.kept)
        };
        let near_seq = near.as_ref().map_or(Seq(0), Views::as_of);
        let model = snapshot::checkpoint(self.snapshots.as_ref(), &self.feed, near_seq, seq)?;
        let mut model = model.or(near.map(|near| near.model)).unwrap_or_default();
        model.kept = kept;
        let mut views = Views {
            model,
            history: History::new(table.clone()),
        };
        let mut checkpointed = views.as_of();
        self.feed.each_until(views.as_of(), seq, &mut |entries| {
            for entry in entries {
                views.apply_in_memory(entry);
                if views.as_of().0 - checkpointed.0 >= self.every {
                    checkpointed = views.as_of();
                    self.keep(&views);
                }
            }
            // What leaves here has left the live views too.
            drop(views.history.take_all());
        })?;
        leaving.only_until(&views.model);
        views.history = History::of_past(table, leaving, &views.model);
        Ok(views)
    }

    /// Checkpoints are a cache: without one it only takes longer.
    fn keep(&self, views: &Views) {
        if let Some(snapshots) = &self.snapshots
            && let Err(error) = snapshot::write_checkpoint(views, snapshots)
        {
            tracing::warn!(%error, "no checkpoint of the views was written");
        }
    }
}

fn take_before(kept: &mut VecDeque<Arc<Views>>, seq: Seq) -> Option<Views> {
    let before = |views: &Arc<Views>| views.as_of() < seq && Arc::strong_count(views) == 1;
    let (position, _) = kept
        .iter()
        .enumerate()
        .filter(|(_, views)| before(views))
        .max_by_key(|(_, views)| views.as_of())?;
    kept.remove(position).and_then(Arc::into_inner)
}

/// The last of the events up to `last` that happened at an instant or before it.
///
/// # Errors
/// There is none, or the log cannot be read.
pub fn seq_at(feed: &Feed, last: Seq, at: Timestamp) -> Result<Seq, PastError> {
    let first = instant(feed, Seq(1))?;
    if first > at {
        return Err(PastError::TooEarly(first));
    }
    Ok(last_until(feed, (Seq(1), last), at)?)
}

/// For ascending instants, the last event at each or before it; 0 where there is none yet.
///
/// # Errors
/// The log cannot be read.
pub fn seqs_at(feed: &Feed, last: Seq, instants: &[Timestamp]) -> Result<Vec<Seq>, ViewsError> {
    let mut found = Vec::with_capacity(instants.len());
    let mut low = Seq(0);
    // When the event behind `low` happened, once that was looked up: in quiet times it answers for many instants.
    let mut behind = None;
    for at in instants {
        if low < last {
            let next = match behind {
                Some(next) => next,
                None => instant(feed, Seq(low.0 + 1))?,
            };
            behind = Some(next);
            if next <= *at {
                low = last_until(feed, (Seq(low.0 + 1), last), *at)?;
                behind = None;
            }
        }
        found.push(low);
    }
    Ok(found)
}

/// The last event of a range that happened at an instant or before it; its first one did.
fn last_until(feed: &Feed, range: (Seq, Seq), at: Timestamp) -> Result<Seq, ViewsError> {
    let (mut low, mut high) = range;
    while low < high {
        let middle = Seq(low.0 + (high.0 - low.0).div_ceil(2));
        if instant(feed, middle)? <= at {
            low = middle;
        } else {
            high = Seq(middle.0 - 1);
        }
    }
    Ok(low)
}

/// When an event happened.
///
/// # Errors
/// There is none, or the log cannot be read.
pub fn instant(feed: &Feed, seq: Seq) -> Result<Timestamp, ViewsError> {
    let missing = || ViewsError::Missing {
        what: format!("event {seq}"),
    };
    Ok(feed.get(seq)?.ok_or_else(missing)?.recorded.at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::codec;
    use fasti_core::domain::event::{Event, LogCreated, Recorded};
    use fasti_core::domain::ids::LogId;
    use fasti_core::feed::feed;
    use fasti_core::mem::MemLog;
    use fasti_core::ports::LogWrite;

    use super::*;
    use crate::history::MemoryTable;
    use crate::model::Kept;

    fn past() -> (PastViews, SharedViews, Arc<MemoryTable>) {
        let log_id = LogId([1; 16]);
        let event = Event::from(LogCreated {
            log_id,
            seed: [2; 16],
        });
        let recorded = Recorded {
            seq: Seq(1),
            at: Timestamp(1),
            actor: "system".into(),
            causation: None,
            key: None,
            trace: None,
            event,
        };
        let mut log = MemLog::default();
        let appended = log.append(vec![codec::encode(&recorded)], &[]).unwrap();
        let entry = codec::decode(&appended.records[0]).unwrap();
        let table = Arc::new(MemoryTable::default());
        let mut views = Views::with_table(table.clone(), Kept::default());
        views.apply(&entry);
        let live = SharedViews::new(views);
        let (_, feed) = feed(log_id, Seq(1), Box::new(log));
        (PastViews::new(live.clone(), feed, None), live, table)
    }

    #[test]
    fn what_is_asked_again_is_not_computed_again() {
        let (past, ..) = past();
        assert!(Arc::ptr_eq(
            &past.at(Seq(1)).unwrap(),
            &past.at(Seq(1)).unwrap()
        ));
    }

    #[test]
    fn nothing_kept_holds_a_table_that_is_not_served_any_more() {
        let (past, live, table) = past();
        let in_use = past.at(Seq(1)).unwrap();
        drop(live.replace(Views::new()));
        assert_eq!(
            Arc::strong_count(&table),
            2,
            "ours, and that of the question"
        );
        // One that was computed while they changed places is answered with and not kept.
        past.remember(&in_use);
        drop(in_use);
        assert_eq!(Arc::strong_count(&table), 1);
    }
}
