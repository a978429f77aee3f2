//! Ids of what is in the history, in order, read a few at a time.

use std::collections::VecDeque;

use fasti_core::domain::ids::{BatchId, RunSetId};

use super::{History, keys};
use crate::error::ViewsError;
use crate::page::Order;

/// Rows read from the table at a time.
const ROWS_AT_A_TIME: usize = 256;

/// Which ids to list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Among {
    /// All runs.
    Runs,
    /// Runs of a batch.
    Batch(BatchId),
    /// Runs of a set.
    RunSet(RunSetId),
    /// All run sets.
    RunSets,
}

/// Ids in order, read a few at a time.
pub(crate) struct Ids<'a> {
    history: &'a History,
    prefix: Vec<u8>,
    /// Smallest and largest id still to come.
    bounds: Option<(u64, u64)>,
    order: Order,
    buffer: VecDeque<u64>,
}

impl<'a> Ids<'a> {
    /// Ids from the first bound to the second, both included.
    pub(super) fn new(
        history: &'a History,
        among: Among,
        order: Order,
        bounds: (u64, u64),
    ) -> Self {
        Self {
            history,
            prefix: keys::among(among),
            bounds: Some(bounds),
            order,
            buffer: VecDeque::new(),
        }
    }

    fn fill(&mut self) -> Result<(), ViewsError> {
        let Some((low, high)) = self.bounds.filter(|(low, high)| low <= high) else {
            self.bounds = None;
            return Ok(());
        };
        let from = keys::with_id(&self.prefix, low);
        let mut to = keys::with_id(&self.prefix, high);
        to.push(0);
        let rows = self.history.page(&from, &to, self.order, ROWS_AT_A_TIME)?;
        self.buffer
            .extend(rows.iter().filter_map(|(key, _)| keys::last_id(key)));
        let last = self.buffer.back().filter(|_| rows.len() == ROWS_AT_A_TIME);
        self.bounds = last.and_then(|last| match self.order {
            Order::Ascending => last.checked_add(1).map(|low| (low, high)),
            Order::Descending => last.checked_sub(1).map(|high| (low, high)),
        });
        Ok(())
    }
}

impl Iterator for Ids<'_> {
    type Item = Result<u64, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.buffer.is_empty()
            && self.bounds.is_some()
            && let Err(error) = self.fill()
        {
            self.bounds = None;
            return Some(Err(error));
        }
        self.buffer.pop_front().map(Ok)
    }
}
