//! Hints: notes that save work after a restart and that nobody relies upon. They reach the disk with later
//! commits, or never.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::database::Database;
use super::error::Result;

/// Notes by name.
#[derive(Debug, Clone)]
pub struct Hints {
    database: Arc<Database>,
}

impl Hints {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// The note called `name`, perhaps an old one; `None` if there is none.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let found = self
            .database
            .guard("reading a hint", Seq(0), |db| db.hints.get(name))?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    /// Leaves a note; not synced.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn put(&self, name: &str, note: &[u8]) -> Result<()> {
        self.database
            .guard_write("leaving a hint", Seq(0), |db| db.hints.insert(name, note))
            .map(drop)
    }
}
