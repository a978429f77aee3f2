//! Tables for views: ordered rows of bytes, each table with a cursor that says up to which event it was fed.
//! Rows and cursor move together or not at all, but nothing is synced per commit: after a crash a table may be
//! older than it was, never half changed.

use std::ops::Bound;
use std::path::{Path, PathBuf};

use fasti_domain::ids::Seq;

use super::error::Result;
use super::guard::{Fenced, guarded};
use super::tables::outcome;

/// Key of the cursor; keys of rows begin with [`ROW`].
pub(super) const CURSOR: &[u8] = &[0];
const ROW: u8 = 1;

/// Up to where a table was fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Position of the last event that went in.
    pub seq: Seq,
    /// Chain hash there: a table of another log, or of one that was cut, does not match.
    pub hash: [u8; 32],
}

/// One table. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Fenced<sled::Tree>,
    dir: PathBuf,
}

impl Table {
    pub(super) fn new(rows: sled::Tree, dir: &Path) -> Self {
        Self {
            rows: Fenced::new(rows),
            dir: dir.to_owned(),
        }
    }

    /// Up to where the table was fed; `None` for an empty one.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn cursor(&self) -> Result<Option<Cursor>> {
        let found = self.guard("reading a cursor", |rows| rows.get(CURSOR))?;
        Ok(found.as_deref().and_then(decode_cursor))
    }

    /// The row under `key`.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.guard("reading a row", |rows| rows.get(row_key(key)))?;
        Ok(found.map(|row| row.to_vec()))
    }

    /// Sets (`Some`) or deletes (`None`) rows and moves the cursor, all at once. Of two changes to one key
    /// the later counts.
    ///
    /// # Errors
    /// The database is damaged or the disk refuses.
    pub fn apply<K, V>(
        &self,
        changes: impl IntoIterator<Item = (K, Option<V>)>,
        cursor: Cursor,
    ) -> Result<()>
    where
        K: AsRef<[u8]>,
        V: Into<Vec<u8>>,
    {
        let mut batch = sled::Batch::default();
        for (key, row) in changes {
            match row {
                Some(row) => batch.insert(row_key(key.as_ref()), row.into()),
                None => batch.remove(row_key(key.as_ref())),
            }
        }
        batch.insert(CURSOR, encode_cursor(cursor));
        self.guard("changing rows", |rows| rows.apply_batch(batch))
    }

    /// Rows from `from` (inclusive) to `to` (exclusive; `None` = to the end) in order of their keys; either
    /// end first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn range(&self, from: &[u8], to: Option<&[u8]>) -> Result<Rows> {
        let end = match to {
            Some(to) => Bound::Excluded(row_key(to)),
            None => Bound::Excluded(vec![ROW + 1]),
        };
        let bounds = (Bound::Included(row_key(from)), end);
        let rows = self.guard("reading rows", |rows| Ok(rows.range::<Vec<u8>, _>(bounds)))?;
        Ok(Rows {
            rows: Some(rows),
            dir: self.dir.clone(),
        })
    }

    /// Rows whose keys begin with `prefix`, in order; either end first.
    ///
    /// # Errors
    /// The database is damaged.
    pub fn prefix(&self, prefix: &[u8]) -> Result<Rows> {
        let rows = self.guard("reading rows", |rows| Ok(rows.scan_prefix(row_key(prefix))))?;
        Ok(Rows {
            rows: Some(rows),
            dir: self.dir.clone(),
        })
    }

    pub(super) fn guard<T>(
        &self,
        doing: &'static str,
        call: impl FnOnce(&sled::Tree) -> sled::Result<T>,
    ) -> Result<T> {
        outcome(doing, &self.dir, guarded(|| call(&self.rows)))
    }
}

fn row_key(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + key.len());
    out.push(ROW);
    out.extend_from_slice(key);
    out
}

fn encode_cursor(cursor: Cursor) -> Vec<u8> {
    [&cursor.seq.0.to_be_bytes()[..], &cursor.hash].concat()
}

fn decode_cursor(bytes: &[u8]) -> Option<Cursor> {
    let (seq, hash) = bytes.split_first_chunk()?;
    Some(Cursor {
        seq: Seq(u64::from_be_bytes(*seq)),
        hash: hash.try_into().ok()?,
    })
}

/// Rows of a range: key and content. Ends after the first error.
pub struct Rows {
    rows: Option<sled::Iter>,
    dir: PathBuf,
}

impl Rows {
    fn take(
        &mut self,
        step: impl FnOnce(&mut sled::Iter) -> Option<sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> Option<Result<(Vec<u8>, Vec<u8>)>> {
        let rows = self.rows.as_mut()?;
        let called = guarded(|| step(rows).transpose());
        let row = outcome("reading rows", &self.dir, called).transpose();
        if !matches!(row, Some(Ok(_))) {
            self.rows = None;
        }
        row.map(|row| row.map(|(key, row)| (key[1..].to_vec(), row.to_vec())))
    }
}

impl Iterator for Rows {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take(Iterator::next)
    }
}

impl DoubleEndedIterator for Rows {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.take(DoubleEndedIterator::next_back)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::Tables;

    const CACHE_BYTES: u64 = 1024 * 1024;

    fn cursor(seq: u64) -> Cursor {
        Cursor {
            seq: Seq(seq),
            hash: [9; 32],
        }
    }

    fn keys(rows: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>)>>) -> Vec<Vec<u8>> {
        rows.map(|row| row.unwrap().0).collect()
    }

    #[test]
    fn rows_and_cursor_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        let table = tables.table("runs").unwrap();
        assert_eq!(table.cursor().unwrap(), None);
        let rows = [("a1", "x"), ("a2", "y"), ("b1", "z"), ("", "empty key")];
        table
            .apply(rows.map(|(key, row)| (key, Some(row))), cursor(4))
            .unwrap();
        table.apply([("a1", None::<&str>)], cursor(5)).unwrap();
        drop((table, tables));
        let tables = Tables::open(dir.path(), CACHE_BYTES).unwrap();
        let table = tables.table("runs").unwrap();
        assert_eq!(table.cursor().unwrap(), Some(cursor(5)));
        assert_eq!(table.get(b"a1").unwrap(), None);
        assert_eq!(table.get(b"a2").unwrap(), Some(b"y".to_vec()));
        assert_eq!(
            keys(table.range(b"", None).unwrap()),
            [&b""[..], b"a2", b"b1"]
        );
        assert_eq!(
            keys(table.range(b"", None).unwrap().rev()),
            [&b"b1"[..], b"a2", b""]
        );
        assert_eq!(keys(table.range(b"a", Some(b"b1")).unwrap()), [b"a2"]);
        assert_eq!(keys(table.prefix(b"b").unwrap()), [b"b1"]);
    }
}
