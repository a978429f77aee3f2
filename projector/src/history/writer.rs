//! A thread that writes old runs to the table while the views are computed from much of the log: nobody asks them
//! anything meanwhile, so what is on its way need not stay readable.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use fasti_core::feed::FeedError;
use fasti_core::store::Cursor;

use super::{HistoryTable, Leaving};
use crate::error::ViewsError;

/// Pieces that wait to be written; with the one in hand they bound what is in memory.
const WAITING: usize = 1;

/// The thread, as seen by whoever has something to write.
pub(crate) struct HistoryWriter<'scope> {
    pieces: SyncSender<(Leaving, Cursor)>,
    thread: ScopedJoinHandle<'scope, Result<(), ViewsError>>,
}

impl<'scope> HistoryWriter<'scope> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        scope: &'scope Scope<'scope, '_>,
        table: Arc<dyn HistoryTable>,
    ) -> Result<Self, ViewsError> {
        let (pieces, given) = sync_channel::<(Leaving, Cursor)>(WAITING);
        let thread = std::thread::Builder::new()
            .name("fasti-history".to_owned())
            .spawn_scoped(scope, move || {
                let mut given = given.into_iter();
                given.try_for_each(|(leaving, cursor)| leaving.write(table.as_ref(), cursor))
            })
            .map_err(FeedError::Threads)?;
        Ok(Self { pieces, thread })
    }

    /// Hands over what has left the model up to `cursor`.
    pub(crate) fn give(&self, leaving: Leaving, cursor: Cursor) {
        // If the thread has met an error, `finish` tells.
        self.pieces.send((leaving, cursor)).ok();
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// The table cannot be written.
    pub(crate) fn finish(self) -> Result<(), ViewsError> {
        drop(self.pieces);
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
