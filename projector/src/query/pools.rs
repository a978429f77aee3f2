//! Pools, and how far the task runs of a batch are.

use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::BatchId;

use crate::model::PoolRow;
use crate::rows::{PhaseCounts, PoolView};
use crate::views::Views;

fn view(row: &PoolRow) -> PoolView {
    PoolView {
        limits: row.limits.clone(),
        capacity: row.capacity(),
        used: row.used(),
    }
}

impl Views {
    /// A pool. One that nobody limited is as wide as can be.
    #[must_use]
    pub fn pool(&self, name: &str) -> PoolView {
        let row = self.model.pools.get(name);
        row.map(view).unwrap_or_default()
    }

    /// Pools that have limits or of which something is taken, by name; those after a certain one if it is given.
    pub fn pools(&self, after: Option<&str>) -> impl Iterator<Item = (&str, PoolView)> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let rest = self.model.pools.range::<str, _>((from, Unbounded));
        rest.map(|(name, row)| (&**name, view(row)))
    }

    /// All batches that ever had this name and tag, deleted ones too, oldest first.
    #[must_use]
    pub fn batches_named(&self, name: &str, tag: Tag) -> Vec<BatchId> {
        self.batch_ids(name, Some(tag))
    }

    /// Task runs of all runs of a batch by how far they are, for each set of labels that its definitions had.
    pub fn phase_counts(
        &self,
        batch: BatchId,
    ) -> impl Iterator<Item = (&[String], &PhaseCounts)> + '_ {
        let counts = self.model.phase_counts.get(&batch);
        counts
            .into_iter()
            .flatten()
            .map(|(ownership, counts)| (ownership.labels.as_slice(), counts))
    }
}
