//! Pools, and how far the task runs of a batch are.

use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::BatchId;

use crate::rows::{PhaseCounts, PoolView};
use crate::views::Views;

impl Views {
    /// A pool. One that nobody limited is as wide as can be.
    #[must_use]
    pub fn pool(&self, name: &str) -> PoolView {
        let row = self.model.pools.get(name);
        row.map(|row| PoolView {
            limits: row.limits.clone(),
            capacity: row.capacity(),
            used: row.used(),
        })
        .unwrap_or_default()
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
