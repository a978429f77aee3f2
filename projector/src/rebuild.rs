//! Views computed anew from the whole log, and compared with those that are served: a view is a function of the
//! log alone, and this is where that is put to the test.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::feed::Feed;
use fasti_core::store::{Snapshots, Tables};

use crate::error::ViewsError;
use crate::history::{HistoryTable, HistoryWriter};
use crate::model::Kept;
use crate::page::Order;
use crate::snapshot;
use crate::views::Views;

/// Rows of the history compared at a time.
const CHUNK_ROWS: usize = 1024;
/// After every key of the history.
const LAST_KEY: [u8; 64] = [0xff; 64];

impl Views {
    /// Views of everything in `feed`, computed from its first event, with old runs in `table`, which must be
    /// empty. `progress` is told the position now and then.
    ///
    /// # Errors
    /// The log cannot be read or the table cannot be written.
    pub fn rebuild(
        feed: &Feed,
        table: Arc<dyn HistoryTable>,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<Self, ViewsError> {
        let mut views = Self::with_table(table, Kept::default());
        views.catch_up(feed, progress)?;
        Ok(views)
    }

    /// Applies what `feed` has beyond these views. Other threads read and decode the events, and write old runs to the
    /// table, meanwhile.
    ///
    /// # Errors
    /// The log cannot be read or the table cannot be written; the views are of no use then.
    pub fn catch_up(
        &mut self,
        feed: &Feed,
        progress: &mut dyn FnMut(Seq),
    ) -> Result<(), ViewsError> {
        let (table, from) = (self.history.table().clone(), self.as_of());
        std::thread::scope(|scope| {
            let writer = HistoryWriter::start(scope, table)?;
            feed.each(from, &mut |entries| {
                for entry in entries {
                    self.apply_in_memory(entry);
                }
                if self.history.is_full() {
                    writer.give(self.history.take_all(), self.cursor());
                }
                progress(self.as_of());
            })?;
            writer.give(self.history.take_all(), self.cursor());
            writer.finish()
        })
    }

    /// Where these views and `other` differ, in memory or in the history; `None` if not a byte does. Both must
    /// have written their history ([`Views::catch_up`] does).
    ///
    /// # Errors
    /// A table cannot be read.
    pub fn difference(&self, other: &Self) -> Result<Option<String>, ViewsError> {
        if self.as_of() != other.as_of() {
            let (one, two) = (self.as_of(), other.as_of());
            return Ok(Some(format!("one is at seq {one}, the other at seq {two}")));
        }
        let (one, two) = (self.to_bytes(), other.to_bytes());
        if one != two {
            let at = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
            let (one, two) = (one.len(), two.len());
            return Ok(Some(format!(
                "what is in memory differs at byte {at} of {one} and {two}"
            )));
        }
        let mut from = Vec::new();
        loop {
            let page = |views: &Self| {
                let table = views.history.table();
                table.page(&from, &LAST_KEY, Order::Ascending, CHUNK_ROWS)
            };
            let (one, two) = (page(self)?, page(other)?);
            if one != two {
                let at = one.iter().zip(&two).take_while(|(a, b)| a == b).count();
                let key = one.get(at).or_else(|| two.get(at)).map(|(key, _)| key);
                return Ok(Some(format!("the history differs at the row {key:02x?}")));
            }
            let Some((last, _)) = one.last() else {
                return Ok(None);
            };
            from.clone_from(last);
            from.push(0);
        }
    }

    /// Puts these views, which must have been rebuilt into the history of `tables`, in the place of those that
    /// were: the next start takes them up.
    ///
    /// # Errors
    /// The tables cannot be written.
    pub fn keep(&mut self, tables: &Tables, snapshots: &Snapshots) -> Result<(), ViewsError> {
        self.write_history()?;
        tables.flush()?;
        snapshot::keep(self, snapshots)
    }
}
