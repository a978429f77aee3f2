//! All views together: the model in memory, the history behind it.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Entry;
use fasti_core::store::Cursor;

use crate::error::ViewsError;
use crate::history::{History, HistoryTable, Leaving, MemoryTable};
use crate::model::{Kept, Model, Outbox};

/// Everything the log says, ready to be asked. Equal to the fold of the log up to [`Views::as_of`].
pub struct Views {
    pub(crate) model: Model,
    pub(crate) history: History,
}

impl Default for Views {
    fn default() -> Self {
        Self::new()
    }
}

impl Views {
    /// Views of an empty log that keep old runs in memory too (encoded, without a bound): for tests, and for
    /// servers without a disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with_table(Arc::new(MemoryTable::default()), Kept::default())
    }

    /// Views of an empty log that keep old runs in `table`, and what finished last in memory.
    #[must_use]
    pub fn with_table(table: Arc<dyn HistoryTable>, kept: Kept) -> Self {
        Self {
            model: Model {
                kept,
                ..Model::default()
            },
            history: History::new(table),
        }
    }

    /// Applies one event. Entries are given in the order of the log; those seen before change nothing.
    pub fn apply(&mut self, entry: &Entry) {
        self.apply_in_memory(entry);
        // The follower writes long before this; whoever applies events by himself need not think of it.
        if self.history.is_full()
            && let Err(error) = self.write_history()
        {
            tracing::warn!(%error, "old runs stay in memory");
        }
    }

    /// As [`Views::apply`], for callers that write the history themselves.
    pub(crate) fn apply_in_memory(&mut self, entry: &Entry) {
        let mut out = Outbox::default();
        self.model.apply(entry, &mut out);
        self.history.take(out);
    }

    /// Everything about flows.
    #[must_use]
    pub fn flows(&self) -> &fasti_core::domain::flow::Flows {
        &self.model.flows
    }

    /// Last event known.
    #[must_use]
    pub fn as_of(&self) -> Seq {
        self.model.seq
    }

    /// When the last event known happened.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.model.at
    }

    /// Last event known, with the chain hash there.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor {
            seq: self.model.seq,
            hash: self.model.hash,
        }
    }

    /// Writes what has left the memory to the table.
    ///
    /// # Errors
    /// The table cannot be written; what should have been stays in memory.
    pub fn write_history(&mut self) -> Result<(), ViewsError> {
        let leaving = self.history.leaving().clone();
        leaving.write(self.history.table().as_ref(), self.cursor())?;
        self.history.forget(&leaving);
        Ok(())
    }

    /// What is to be written, for writing it without the lock.
    pub(crate) fn leaving(&self) -> (Leaving, Cursor, Arc<dyn HistoryTable>) {
        let history = &self.history;
        (
            history.leaving().clone(),
            self.cursor(),
            history.table().clone(),
        )
    }

    /// After what was to be written has been.
    pub(crate) fn forget(&mut self, written: &Leaving) {
        self.history.forget(written);
    }
}
