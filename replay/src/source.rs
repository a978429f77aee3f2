//! Where a history is read from: the data folder of a stopped server. A running one answers through
//! its API; its folder is locked.

use std::path::Path;

use fasti_core::domain::ids::Seq;
use fasti_core::feed::Entry;
use fasti_core::ports::LogRead;
use fasti_core::store::{Content, LogReader, OpenOptions, Store};

use crate::error::ReplayError;

/// A history that can be read from any position.
pub struct Source {
    reader: LogReader,
    last: Seq,
    /// Holds the lock of the folder as long as it is read.
    store: Option<Store>,
}

impl Source {
    /// The history in the data folder of a stopped server.
    ///
    /// # Errors
    /// A server holds the folder, there is no log, or it is damaged.
    pub fn folder(data: &Path) -> Result<Self, ReplayError> {
        let options = OpenOptions {
            create: false,
            ..OpenOptions::default()
        };
        let store = Store::open(data, options)?;
        Ok(Self {
            reader: store.reader.clone(),
            last: store.opened.last.seq,
            store: Some(store),
        })
    }

    /// A history that somebody else has open.
    #[must_use]
    pub fn reader(reader: LogReader) -> Self {
        let last = reader.last().seq;
        Self {
            reader,
            last,
            store: None,
        }
    }

    /// Its last position.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.last
    }

    /// The contents beside the log; `None` if somebody else has it open.
    #[must_use]
    pub fn content(&self) -> Option<&Content> {
        self.store.as_ref().map(|store| &store.content)
    }

    /// Hands every event up to `until`, in order, to `visit`.
    ///
    /// # Errors
    /// The log is damaged, or an event is not known.
    pub fn each(&self, until: Seq, mut visit: impl FnMut(&Entry)) -> Result<(), ReplayError> {
        let end = until.min(self.last);
        LogRead::each(&self.reader, Seq(1), end, &mut |entries| {
            entries.iter().for_each(&mut visit);
        })?;
        Ok(())
    }
}
