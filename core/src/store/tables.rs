//! The database of all tables: opening it, beginning it anew when it is damaged, and making room for a table. A
//! sled database of its own, because losing it is harmless: views are computed from the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::durable;
use super::error::{Result, StoreError};
use super::guard::{Fenced, guarded, guarded_on_thread};
use super::table::{CURSOR, Table};
use super::watch::Watch;

/// How long a change may stay in memory.
const FLUSH_EVERY_MS: u64 = 2000;

/// File that says which boot of the machine works with the tables, or that they were closed.
const MARK: &str = "boot";
const CLOSED: &str = "closed";
/// Folder of the tables in a data folder, and what follows it in the name of a copy that took its place.
const FOLDER: &str = "views";
/// File that names the copy which counts.
const CURRENT: &str = "views.current";

/// All tables of a data directory.
#[derive(Debug, Clone)]
pub struct Tables {
    sled: Fenced<sled::Db>,
    watch: Arc<Watch>,
    dir: PathBuf,
}

/// Number of the copy that a file or folder name stands for: 0 is the first one.
fn number(name: &str) -> Option<u64> {
    match name.strip_prefix(FOLDER)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

impl Tables {
    /// Folder of the tables that count in the data folder `data`.
    #[must_use]
    pub fn current(data: &Path) -> PathBuf {
        let named = fs::read_to_string(data.join(CURRENT)).unwrap_or_default();
        let name = named.trim();
        match number(name) {
            Some(_) => data.join(name),
            None => data.join(FOLDER),
        }
    }

    /// Folder for a copy that is to take their place.
    #[must_use]
    pub fn next(data: &Path) -> PathBuf {
        let name = Self::current(data);
        let name = name.file_name().and_then(|name| name.to_str());
        let present = name.and_then(number).unwrap_or(0);
        data.join(format!("{FOLDER}.{}", present + 1))
    }

    /// Lets the copy in `folder` count from now on.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn make_current(data: &Path, folder: &Path) -> Result<()> {
        let name = folder.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        durable::replace_file(data, &data.join(CURRENT), &[name.as_bytes(), b"\n"])
    }

    /// Removes copies that do not count: of a rebuild that died, or whose end nobody saw.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn clear_others(data: &Path) -> Result<()> {
        let current = Self::current(data);
        let io = |e| StoreError::io("reading directory", data, e);
        for entry in fs::read_dir(data).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let is_copy = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(number)
                .is_some();
            if is_copy && path.is_dir() && path != current {
                Self::destroy(&path)?;
            }
        }
        Ok(())
    }

    /// Opens (and makes) the tables in `dir`, with `cache_bytes` of memory for pages. A damaged database is
    /// removed and begun anew.
    ///
    /// # Errors
    /// The file system refuses, or somebody else has the tables open.
    pub fn open(dir: &Path, cache_bytes: u64) -> Result<Self> {
        durable::make_dir(dir)?;
        let sled = match open_sled(dir, cache_bytes) {
            Err(damage @ StoreError::Damaged { .. }) => {
                tracing::warn!(error = %damage, "views are begun anew");
                fs::remove_dir_all(dir).map_err(|e| StoreError::io("removing", dir, e))?;
                durable::make_dir(dir)?;
                open_sled(dir, cache_bytes)?
            }
            outcome => outcome?,
        };
        Ok(Self {
            watch: Arc::new(
                Watch::start(sled.clone()).map_err(|e| StoreError::io("watching", dir, e))?,
            ),
            sled: Fenced::new(sled),
            dir: dir.to_owned(),
        })
    }

    /// As [`Tables::open`], for a machine that may have lost its power: changes of tables are not synced, so a power cut
    /// can keep some and lose others. Tables that another boot of the machine left without an orderly end
    /// ([`Tables::close`]) are begun anew.
    ///
    /// # Errors
    /// As [`Tables::open`].
    pub fn open_in_boot(dir: &Path, cache_bytes: u64, boot_id: &str) -> Result<Self> {
        let mark = dir.join(MARK);
        let left = fs::read_to_string(&mark).unwrap_or_default();
        if dir.exists() && left != boot_id && left != CLOSED {
            tracing::info!(
                "tables of the views are begun anew: they had no orderly end before the machine stopped"
            );
            Self::destroy(dir)?;
        }
        durable::make_dir(dir)?;
        durable::replace_file(dir, &mark, &[boot_id.as_bytes()])?;
        Self::open(dir, cache_bytes)
    }

    /// An orderly end: everything is on the disk, and the next start is told so.
    ///
    /// # Errors
    /// The file system refuses; the next boot begins the tables anew then.
    pub fn close(&self) -> Result<()> {
        self.flush()?;
        durable::sync_file(&self.dir.join("db"))?;
        durable::sync_dir(&self.dir)?;
        durable::replace_file(&self.dir, &self.dir.join(MARK), &[CLOSED.as_bytes()])
    }

    /// The table called `name`. One without a cursor is emptied: its rows are of nobody knows when.
    ///
    /// # Errors
    /// The database is damaged: [`Tables::destroy`] it.
    pub fn table(&self, name: &str) -> Result<Table> {
        let table = self.open_table(name)?;
        let used = table.guard("looking into a table", |rows| Ok(!rows.is_empty()))?;
        if used && table.cursor()?.is_none() {
            return self.reset(name);
        }
        Ok(table)
    }

    /// Empties the table called `name`. Handles taken before are of no use any more.
    ///
    /// # Errors
    /// The database is damaged: [`Tables::destroy`] it.
    pub fn reset(&self, name: &str) -> Result<Table> {
        let old = self.open_table(name)?;
        // The cursor goes first: a crash in the middle leaves a table that is known to be unfinished.
        old.guard("emptying a table", |rows| rows.remove(CURSOR))?;
        self.guard("emptying a table", || self.sled.drop_tree(name))?;
        self.open_table(name)
    }

    /// Removes all tables. They are gone once every handle is dropped and [`Tables::open`] is called again.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn destroy(dir: &Path) -> Result<()> {
        match fs::remove_dir_all(dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io("removing", dir, e))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes out what is in memory; for an orderly end.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn flush(&self) -> Result<()> {
        self.watch
            .during(|| self.guard("flushing views", || self.sled.flush()))
            .map(drop)
    }

    fn open_table(&self, name: &str) -> Result<Table> {
        let rows = self.guard("opening a table", || self.sled.open_tree(name))?;
        Ok(Table::new(rows, &self.dir))
    }

    fn guard<T>(&self, doing: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T> {
        outcome(doing, &self.dir, guarded(call))
    }
}

fn open_sled(dir: &Path, cache_bytes: u64) -> Result<sled::Db> {
    let opened = guarded_on_thread(|| {
        sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .open()
    });
    outcome("opening views", dir, opened)
}

/// What a guarded call to sled came to.
pub(super) fn outcome<T>(
    doing: &'static str,
    dir: &Path,
    called: std::result::Result<sled::Result<T>, String>,
) -> Result<T> {
    match called {
        Ok(outcome) => outcome.map_err(|e| StoreError::sled(doing, Seq(0), dir, e)),
        Err(panic) => Err(StoreError::Damaged {
            seq: Seq(0),
            file: dir.join("db"),
            why: format!("{doing}: sled gave up: {panic}"),
            remedy: "stop the scheduler and delete the folder: views are rebuilt from the log",
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::Cursor;

    const CACHE_BYTES: u64 = 1024 * 1024;

    fn cursor(seq: u64) -> Cursor {
        Cursor {
            seq: Seq(seq),
            hash: [9; 32],
        }
    }

    #[test]
    fn a_reset_table_is_empty_and_the_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        for name in ["one", "two"] {
            tables
                .table(name)
                .unwrap()
                .apply([("k", Some("v"))], cursor(1))
                .unwrap();
        }
        let one = tables.reset("one").unwrap();
        assert_eq!(one.cursor().unwrap(), None);
        assert!(one.get(b"k").unwrap().is_none());
        assert!(tables.table("two").unwrap().get(b"k").unwrap().is_some());
    }

    #[test]
    fn damaged_views_are_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        tables
            .table("one")
            .unwrap()
            .apply([("k", Some("v"))], cursor(1))
            .unwrap();
        tables.flush().unwrap();
        drop(tables);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::write(&path, vec![0x5a; 2 << 20]).unwrap();
            }
        }
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        assert_eq!(tables.table("one").unwrap().cursor().unwrap(), None);
    }

    #[test]
    fn another_boot_begins_anew_what_was_not_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("views");
        let cursor_after = |boot: &str, close: bool| {
            let tables = Tables::open_in_boot(&path, CACHE_BYTES, boot).unwrap();
            let table = tables.table("one").unwrap();
            let found = table.cursor().unwrap();
            table.apply([("k", Some("v"))], cursor(1)).unwrap();
            if close {
                tables.close().unwrap();
            }
            found
        };
        assert_eq!(cursor_after("boot 1", false), None);
        assert_eq!(
            cursor_after("boot 1", false),
            Some(cursor(1)),
            "a mere restart"
        );
        assert_eq!(cursor_after("boot 2", true), None, "a power cut");
        assert_eq!(
            cursor_after("boot 3", true),
            Some(cursor(1)),
            "an orderly end"
        );
    }

    #[test]
    fn views_in_use_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        let table = tables.table("one").unwrap();
        table.apply([("k", Some("v"))], cursor(1)).unwrap();
        assert!(Tables::open(dir.path(), CACHE_BYTES).is_err());
        assert!(table.get(b"k").unwrap().is_some());
    }
}
