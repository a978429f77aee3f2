//! Ids of what is in the history, in order, read a few at a time.

use std::collections::VecDeque;

use fasti_core::domain::ids::{BatchId, RunSetId};

use super::shelf::{self, Kind};
use super::{History, keys};
use crate::error::ViewsError;
use crate::page::Order;

/// Rows of one id read from the table at a time.
const ROWS_AT_A_TIME: usize = 256;

/// Shelves read from the table at a time.
const SHELVES_AT_A_TIME: usize = 8;

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
    among: Among,
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
            among,
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
        let (numbers, rows_max) = match self.among.shelves() {
            Some(kind) => ((kind.shelf(low), kind.shelf(high)), SHELVES_AT_A_TIME),
            None => ((low, high), ROWS_AT_A_TIME),
        };
        let prefix = keys::among(self.among);
        let from = keys::with_id(&prefix, numbers.0);
        let mut to = keys::with_id(&prefix, numbers.1);
        to.push(0);
        let rows = self.history.page(&from, &to, self.order, rows_max)?;
        let mut reached = None;
        for (key, row) in &rows {
            let Some(number) = keys::last_id(key) else {
                continue;
            };
            let (span, mut ids) = self.among.ids(number, row)?;
            ids.retain(|id| (low..=high).contains(id));
            if self.order == Order::Descending {
                ids.reverse();
            }
            self.buffer.extend(ids);
            reached = Some(span);
        }
        let reached = reached.filter(|_| rows.len() == rows_max);
        self.bounds = reached.and_then(|(first, last)| match self.order {
            Order::Ascending => last.checked_add(1).map(|low| (low, high)),
            Order::Descending => first.checked_sub(1).map(|high| (low, high)),
        });
        Ok(())
    }
}

impl Among {
    /// What the list is made of; `None` for a row each.
    fn shelves(self) -> Option<Kind> {
        match self {
            Self::Runs => Some(Kind::Rows),
            Self::Batch(_) | Self::RunSet(_) => Some(Kind::Ids),
            Self::RunSets => None,
        }
    }

    /// The ids in the row under `number`, and the first and last id that could be.
    fn ids(self, number: u64, row: &[u8]) -> Result<((u64, u64), Vec<u64>), ViewsError> {
        let ids = match self.shelves() {
            Some(Kind::Rows) => shelf::entries(row)
                .map(|entry| entry.map(|(id, _)| id))
                .collect::<Result<_, _>>()?,
            Some(Kind::Ids) => shelf::ids(number, row)?,
            None => vec![number],
        };
        let span = self
            .shelves()
            .map_or((number, number), |kind| kind.ids(number));
        Ok((span, ids))
    }
}

impl Iterator for Ids<'_> {
    type Item = Result<u64, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Shelves within the bounds may hold nothing that is.
        while self.buffer.is_empty() && self.bounds.is_some() {
            if let Err(error) = self.fill() {
                self.bounds = None;
                return Some(Err(error));
            }
        }
        self.buffer.pop_front().map(Ok)
    }
}
