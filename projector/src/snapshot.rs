//! Snapshots of the views, so that a start need not read the whole log. A cache: one that does not fit the
//! log, the history table or this program is passed over.
//!
//! The history is written out before the snapshot, so that a snapshot never knows of a run less than the
//! table does not have.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::feed::Feed;
use fasti_core::store::{Cursor, Snapshot, Snapshots, Table, Tables};

use crate::error::ViewsError;
use crate::history::History;
use crate::limits::CHECKPOINTS_MAX;
use crate::model::{Kept, Model};
use crate::shared::SharedViews;
use crate::views::Views;

/// Name of the snapshots.
const NAME: &str = "views";
/// Name of the history table, with the version of its rows.
const TABLE: &str = "history-5";
/// Version of a snapshot's shape: raised with every change of what is in the model.
const FORMAT: u32 = 11;

impl Views {
    /// Views of the log that `feed` reads, as far as a snapshot goes; the follower does the rest. Without
    /// tables everything is kept in memory and built from the whole log.
    ///
    /// # Errors
    /// The tables cannot be read, or the log cannot.
    pub fn open(
        tables: Option<&Tables>,
        snapshots: Option<&Snapshots>,
        feed: &Feed,
    ) -> Result<Self, ViewsError> {
        let Some(tables) = tables else {
            return Ok(Self::new());
        };
        let table = tables.table(TABLE)?;
        if let Some(snapshots) = snapshots
            && let Some(model) = load(snapshots, &table, feed)?
        {
            return Ok(Self {
                model,
                history: History::new(Arc::new(table)),
            });
        }
        let table = tables.reset(TABLE)?;
        Ok(Self::with_table(Arc::new(table), Kept::default()))
    }

    /// The views in memory as bytes: equal for equal logs, however they were fed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        rmp_serde::to_vec(&(FORMAT, &self.model))
            .expect("views are plain data and the buffer is memory")
    }
}

fn from_bytes(bytes: &[u8]) -> Option<Model> {
    let (format, mut model): (u32, Model) = rmp_serde::from_slice(bytes).ok()?;
    model.relink();
    (format == FORMAT).then_some(model)
}

/// Writes a snapshot of the views as they are now; answers with its position.
pub(crate) fn write(
    shared: &SharedViews,
    tables: &Tables,
    snapshots: &Snapshots,
) -> Result<Seq, ViewsError> {
    // Only this thread changes the views: what is read here under two guards is one moment.
    let (leaving, cursor, table) = shared.read().leaving();
    leaving.write(table.as_ref(), cursor)?;
    shared.write().forget(&leaving);
    tables.flush()?;
    let bytes = shared.read().to_bytes();
    snapshots.write(NAME, cursor.seq, cursor.hash, &bytes)?;
    Ok(cursor.seq)
}

/// Writes a snapshot of views whose history is written.
pub(crate) fn keep(views: &Views, snapshots: &Snapshots) -> Result<(), ViewsError> {
    let cursor = views.cursor();
    snapshots.write(NAME, cursor.seq, cursor.hash, &views.to_bytes())?;
    Ok(())
}

/// An empty history, under the name that the served one has.
///
/// # Errors
/// The tables cannot be written.
pub fn empty_history(tables: &Tables) -> Result<Arc<Table>, ViewsError> {
    Ok(Arc::new(tables.reset(TABLE)?))
}

/// The newest snapshot that the log and the table go on from.
fn load(snapshots: &Snapshots, table: &Table, feed: &Feed) -> Result<Option<Model>, ViewsError> {
    let Some(cursor) = table.cursor()? else {
        return Ok(None);
    };
    if !is_in_log(feed, cursor)? {
        return Ok(None);
    }
    let is_of_this_log = |snapshot: &Snapshot| {
        let stamp = Cursor {
            seq: snapshot.seq,
            hash: snapshot.hash,
        };
        is_in_log(feed, stamp).unwrap_or(false)
    };
    let Some(snapshot) = snapshots.load_fitting(NAME, cursor.seq, is_of_this_log) else {
        return Ok(None);
    };
    let model = from_bytes(&snapshot.bytes);
    Ok(model.filter(|model| model.seq == snapshot.seq && model.hash == snapshot.hash))
}

/// Name of the checkpoints.
fn checkpoint_name() -> String {
    format!("{CHECKPOINT}{FORMAT}")
}

/// What the names of checkpoints begin with; the version of their shape follows.
const CHECKPOINT: &str = "views-past-";

/// Writes a checkpoint of views, of which there are only so many.
pub(crate) fn write_checkpoint(views: &Views, snapshots: &Snapshots) -> Result<(), ViewsError> {
    let cursor = views.cursor();
    let bytes = views.to_bytes();
    let name = checkpoint_name();
    snapshots.write_thinning(&name, cursor.seq, cursor.hash, &bytes, CHECKPOINTS_MAX)?;
    Ok(())
}

/// Position of the newest checkpoint; those of other versions of this program are removed.
pub(crate) fn newest_checkpoint(snapshots: &Snapshots) -> Seq {
    let name = checkpoint_name();
    if let Err(error) = snapshots.remove(|other| other.starts_with(CHECKPOINT) && other != name) {
        tracing::warn!(%error, "old checkpoints of the views stay");
    }
    snapshots.newest(&name)
}

/// The model of the newest checkpoint after `after` and not after `upto`.
pub(crate) fn checkpoint(
    snapshots: Option<&Snapshots>,
    feed: &Feed,
    after: Seq,
    upto: Seq,
) -> Result<Option<Model>, ViewsError> {
    let Some(snapshots) = snapshots else {
        return Ok(None);
    };
    let fits = |snapshot: &Snapshot| {
        let stamp = Cursor {
            seq: snapshot.seq,
            hash: snapshot.hash,
        };
        is_in_log(feed, stamp).unwrap_or(false)
    };
    let found = snapshots.load_between(&checkpoint_name(), after, upto, fits);
    Ok(found.and_then(|snapshot| from_bytes(&snapshot.bytes)))
}

/// Whether the log has this event with this chain hash.
fn is_in_log(feed: &Feed, cursor: Cursor) -> Result<bool, ViewsError> {
    if cursor.seq == Seq(0) || cursor.seq > feed.last() {
        return Ok(false);
    }
    let found = feed.get(cursor.seq)?;
    Ok(found.is_some_and(|entry| entry.hash == cursor.hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_another_program_are_passed_over() {
        let views = Views::new();
        assert!(from_bytes(&views.to_bytes()).is_some());
        let other = rmp_serde::to_vec(&(FORMAT + 1, &views.model));
        assert!(other.is_ok_and(|bytes| from_bytes(&bytes).is_none()));
        assert!(from_bytes(b"rubbish").is_none());
    }
}
