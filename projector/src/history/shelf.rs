//! Shelves: rows of many runs kept as one, since the table takes about as long for a small row as for a page of them.
//!
//! Which shelf a run stands on follows from its id alone, and what stands there is sorted by id: whatever the order
//! in which runs come, the same runs make the same bytes.

use std::collections::BTreeMap;

use crate::error::ViewsError;

/// Ids of a shelf of rows, as a power of two. Task runs take ids too, so this is a dozen runs of one task.
const ROWS_BITS: u32 = 5;

/// Ids of a shelf of ids, as a power of two: two bytes each.
const IDS_BITS: u32 = 12;

/// A longer row has a place of its own: shelves stay within a few KiB, which is what sled takes well.
pub(super) const ROW_BYTES_MAX: usize = 512;

/// What a shelf holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows of runs, by their ids.
    Rows,
    /// Ids and nothing else.
    Ids,
}

impl Kind {
    fn bits(self) -> u32 {
        match self {
            Self::Rows => ROWS_BITS,
            Self::Ids => IDS_BITS,
        }
    }

    /// Number of the shelf of an id.
    pub(super) fn shelf(self, id: u64) -> u64 {
        id >> self.bits()
    }

    /// First and last id of a shelf.
    pub(super) fn ids(self, shelf: u64) -> (u64, u64) {
        let first = shelf << self.bits();
        (first, first | ((1 << self.bits()) - 1))
    }
}

/// Rows by id. An empty one has a place of its own.
#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<u64, Vec<u8>>);

impl Rows {
    /// What stands in the bytes of a shelf.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ViewsError> {
        entries(bytes)
            .map(|entry| entry.map(|(id, row)| (id, row.to_vec())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn put(&mut self, id: u64, row: Vec<u8>) {
        self.0.insert(id, row);
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let bytes = self.0.values().map(|row| row.len() + 12).sum();
        let mut out = Vec::with_capacity(bytes);
        for (id, row) in &self.0 {
            out.extend_from_slice(&id.to_be_bytes());
            let len = u32::try_from(row.len()).expect("rows are short");
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(row);
        }
        out
    }
}

/// Ids and rows in the bytes of a shelf, in order.
pub(super) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u64, &[u8]), ViewsError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let entry = split(bytes);
        bytes = entry.map_or(&[], |(_, _, rest)| rest);
        Some(entry.map(|(id, row, _)| (id, row)).ok_or_else(cut))
    })
}

fn split(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (row, rest) = rest.split_at_checked(len)?;
    Some((u64::from_be_bytes(*id), row, rest))
}

/// Ids in the bytes of a shelf of ids, in order.
pub(super) fn ids(shelf: u64, bytes: &[u8]) -> Result<Vec<u64>, ViewsError> {
    let (pairs, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(cut());
    }
    let (first, _) = Kind::Ids.ids(shelf);
    let low = pairs
        .iter()
        .map(|pair| u64::from(u16::from_be_bytes(*pair)));
    Ok(low.map(|low| first | low).collect())
}

/// The bytes of a shelf of ids, which must be sorted.
pub(super) fn ids_to_bytes(ids: impl IntoIterator<Item = u64>) -> Vec<u8> {
    const LOW: u64 = (1 << IDS_BITS) - 1;
    ids.into_iter()
        .flat_map(|id| u16::try_from(id & LOW).expect("twelve bits").to_be_bytes())
        .collect()
}

fn cut() -> ViewsError {
    ViewsError::Missing {
        what: "end of a row of the history".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_put_on_a_shelf_stands_there_in_order() {
        let mut rows = Rows::default();
        for (id, row) in [(9, "nine"), (3, ""), (7, "seven"), (9, "NINE")] {
            rows.put(id, row.into());
        }
        let bytes = rows.to_bytes();
        let found: Vec<_> = entries(&bytes).map(Result::unwrap).collect();
        assert_eq!(found, [(3, &b""[..]), (7, b"seven"), (9, b"NINE")]);
        assert_eq!(Rows::read(&bytes).unwrap().to_bytes(), bytes);
        for cut in 1..bytes.len() {
            let whole = entries(&bytes[..cut]).all(|entry| entry.is_ok());
            assert_eq!(whole, cut == 12 || cut == 29, "{cut}");
        }
    }

    #[test]
    fn ids_come_back_whatever_their_size() {
        for first in [0, 4096, u64::MAX - 4095] {
            let some = [first, first + 1, first + 77, first + 4095];
            let shelf = Kind::Ids.shelf(some[0]);
            assert_eq!(shelf, Kind::Ids.shelf(some[3]));
            assert_eq!(Kind::Ids.ids(shelf), (some[0], some[3]));
            let bytes = ids_to_bytes(some);
            assert_eq!(bytes.len(), 8);
            assert_eq!(ids(shelf, &bytes).unwrap(), some);
        }
        assert!(ids(0, &[1]).is_err());
    }
}
