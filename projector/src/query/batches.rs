//! Batches, by name or one by one.

use std::ops::Bound;
use std::sync::Arc;

use fasti_core::domain::batch::SavedFrom;
use fasti_core::domain::definition::Tag;
use fasti_core::domain::ids::BatchId;

use crate::access::{Access, Visible};
use crate::error::ViewsError;
use crate::model::{BatchRow, Ownership};
use crate::page::{Order, Page};
use crate::rows::{BatchFilter, BatchView, RunCounts, VersionView};
use crate::views::Views;

impl Ownership {
    pub(super) fn access(&self) -> Access<'_> {
        Access {
            owner: &self.owner,
            group: &self.group,
            permissions: &self.permissions,
        }
    }

    pub(super) fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|known| known == label)
    }
}

impl Views {
    /// Batches by name, then tag, then age.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batches(
        &self,
        filter: &BatchFilter,
        visible: Visible<'_>,
        after: Option<BatchId>,
        limit: usize,
    ) -> Result<Page<BatchView, BatchId>, ViewsError> {
        let limit = limit.max(1);
        let mut items: Vec<BatchView> = Vec::new();
        let mut next = None;
        for id in self.batch_ids_after(filter.name.as_deref(), after) {
            let row = self.batch_row(id)?;
            if !fits(row, filter) || !visible(row.ownership.access()) {
                continue;
            }
            if items.len() == limit {
                next = items.last().map(|last| last.id);
                break;
            }
            items.push(self.batch_view(id, row)?);
        }
        Ok(Page {
            items,
            next,
            as_of: self.as_of(),
        })
    }

    /// Batches by age, those beyond `beyond` in that order.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batches_by_age(
        &self,
        filter: &BatchFilter,
        visible: Visible<'_>,
        order: Order,
        beyond: Option<BatchId>,
        limit: usize,
    ) -> Result<Vec<BatchView>, ViewsError> {
        let all = &self.model.batches;
        let ids: &mut dyn Iterator<Item = (&BatchId, &BatchRow)> = match order {
            Order::Ascending => {
                let start = beyond.map_or(Bound::Unbounded, Bound::Excluded);
                &mut all.range((start, Bound::Unbounded))
            }
            Order::Descending => {
                let end = beyond.map_or(Bound::Unbounded, Bound::Excluded);
                &mut all.range((Bound::Unbounded, end)).rev()
            }
        };
        let fitting = ids.filter(|(_, row)| fits(row, filter) && visible(row.ownership.access()));
        fitting
            .take(limit)
            .map(|(id, row)| self.batch_view(*id, row))
            .collect()
    }

    /// Ids by name, tag and age, behind `after`.
    fn batch_ids_after<'a>(
        &'a self,
        name: Option<&'a str>,
        after: Option<BatchId>,
    ) -> impl Iterator<Item = BatchId> + 'a {
        let row = after.and_then(|after| self.model.batches.get(&after));
        let named = name.map(|name| (Arc::from(name), Tag::Dev));
        let first = match (row, named) {
            (Some(row), Some(named)) => Bound::Included((row.name.clone(), row.tag).max(named)),
            (Some(row), None) => Bound::Included((row.name.clone(), row.tag)),
            (None, Some(named)) => Bound::Included(named),
            (None, None) => Bound::Unbounded,
        };
        let range = self.model.batch_names.range((first, Bound::Unbounded));
        range
            .take_while(move |((known, _), _)| name.is_none_or(|name| **known == *name))
            .flat_map(move |(_, batches)| {
                let position = batches.all.iter().position(|id| Some(*id) == after);
                batches.all[position.map_or(0, |position| position + 1)..]
                    .iter()
                    .copied()
            })
    }

    /// A batch, living or deleted.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batch(&self, id: BatchId) -> Result<Option<BatchView>, ViewsError> {
        let row = self.model.batches.get(&id);
        row.map(|row| self.batch_view(id, row)).transpose()
    }

    /// The living batch of this name and tag.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batch_by_name(&self, name: &str, tag: Tag) -> Result<Option<BatchView>, ViewsError> {
        let named = self.model.batch_names.get(&(Arc::from(name), tag));
        match named.and_then(|named| named.living) {
            Some(id) => self.batch(id),
            None => Ok(None),
        }
    }

    /// Whether there is or was a batch of this name, whatever its tag.
    #[must_use]
    pub fn name_ever_existed(&self, name: &str) -> bool {
        !self.batch_ids(name, None).is_empty()
    }

    /// All batches that ever had a name, deleted ones too.
    pub(super) fn batch_ids(&self, name: &str, tag: Option<Tag>) -> Vec<BatchId> {
        let name: Arc<str> = name.into();
        let tags = [Tag::Dev, Tag::Pre, Tag::Prod].into_iter();
        tags.filter(|known| tag.is_none_or(|tag| tag == *known))
            .filter_map(|tag| self.model.batch_names.get(&(name.clone(), tag)))
            .flat_map(|named| named.all.iter().copied())
            .collect()
    }

    /// Versions of a batch, oldest first.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batch_versions(
        &self,
        id: BatchId,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Page<VersionView, u32>, ViewsError> {
        let limit = limit.max(1);
        let first = after.map_or(0, |after| after.saturating_add(1));
        let mut items = self.history.versions(id, first, limit.saturating_add(1))?;
        // Views of the past read the history of now.
        items.retain(|item| item.version <= self.last_version(id));
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(Page {
            next: items.last().map(|last| last.version).filter(|_| more),
            items,
            as_of: self.as_of(),
        })
    }

    /// One version of a batch.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn batch_version(
        &self,
        id: BatchId,
        version: u32,
    ) -> Result<Option<VersionView>, ViewsError> {
        if version > self.last_version(id) {
            return Ok(None);
        }
        self.history.version(id, version)
    }

    fn last_version(&self, id: BatchId) -> u32 {
        self.model.batches.get(&id).map_or(0, |row| row.version)
    }

    fn batch_view(&self, id: BatchId, row: &BatchRow) -> Result<BatchView, ViewsError> {
        let mut run_counts = RunCounts::default();
        for counts in self
            .model
            .run_counts
            .get(&id)
            .into_iter()
            .flat_map(|all| all.values())
        {
            run_counts.merge(counts);
        }
        Ok(BatchView {
            id,
            name: row.name.to_string(),
            tag: row.tag,
            version: row.version,
            digest: row.definition,
            definition: self.known_graph(row.definition)?.definition().clone(),
            saved_from: row.saved_from,
            paused: row.paused,
            paused_reason: row.paused_reason.clone(),
            paused_until: row.paused_until,
            runs_after: row.runs_after,
            next_slot: row.next_slot(),
            deleted_at: row.deleted_at,
            created_at: row.created_at,
            created_by: row.created_by.clone(),
            updated_at: row.updated_at,
            run_count: run_counts.total(),
            run_counts,
            last_run: row.last_run,
        })
    }
}

/// Whether a name has a text in it, in capitals or not.
pub(super) fn has_text(name: &str, text: &str) -> bool {
    name.to_lowercase().contains(&text.to_lowercase())
}

fn fits(row: &BatchRow, filter: &BatchFilter) -> bool {
    (filter.include_deleted || row.deleted_at.is_none())
        && (filter.include_dev_runs || row.saved_from != SavedFrom::DevRun)
        && filter.name.as_deref().is_none_or(|name| name == &*row.name)
        && filter
            .search
            .as_deref()
            .is_none_or(|text| has_text(&row.name, text))
        && filter.tag.is_none_or(|tag| tag == row.tag)
        && filter
            .owner
            .as_ref()
            .is_none_or(|owner| *owner == row.ownership.owner)
        && filter
            .label
            .as_ref()
            .is_none_or(|label| row.ownership.has_label(label))
}
