//! Where rows are kept: a table of the store, or memory for tests and for servers without a disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use fasti_core::store::{Cursor, StoreError, Table};

use crate::page::Order;

/// Key and content.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Ordered rows with a cursor that says up to which event they were written.
pub trait HistoryTable: Send + Sync {
    /// The row under `key`.
    ///
    /// # Errors
    /// The table is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `max` rows from `from` (included) to `to` (excluded), from one end or the other.
    ///
    /// # Errors
    /// The table is damaged.
    fn page(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        max: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Sets rows and the cursor, all at once.
    ///
    /// # Errors
    /// The table is damaged or the disk refuses.
    fn apply(&self, rows: Vec<Row>, cursor: Cursor) -> Result<(), StoreError>;
}

impl HistoryTable for Table {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Table::get(self, key)
    }

    fn page(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        max: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let rows = self.range(from, Some(to))?;
        match order {
            Order::Ascending => rows.take(max).collect(),
            Order::Descending => rows.rev().take(max).collect(),
        }
    }

    fn apply(&self, rows: Vec<Row>, cursor: Cursor) -> Result<(), StoreError> {
        let changes = rows.into_iter().map(|(key, row)| (key, Some(row)));
        Table::apply(self, changes, cursor)
    }
}

/// A table in memory.
#[derive(Debug, Default)]
pub struct MemoryTable {
    rows: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl HistoryTable for MemoryTable {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.get(key).cloned())
    }

    fn page(
        &self,
        from: &[u8],
        to: &[u8],
        order: Order,
        max: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let found = rows.range::<[u8], _>(bounds);
        let owned = |(key, row): (&Vec<u8>, &Vec<u8>)| (key.clone(), row.clone());
        Ok(match order {
            Order::Ascending => found.take(max).map(owned).collect(),
            Order::Descending => found.rev().take(max).map(owned).collect(),
        })
    }

    fn apply(&self, rows: Vec<Row>, _: Cursor) -> Result<(), StoreError> {
        self.rows
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(rows);
        Ok(())
    }
}
