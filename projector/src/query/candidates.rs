//! Which runs may fit a filter, by the narrowest way there is to find them, and which do.

use fasti_core::domain::ids::{BatchId, RunId};

use super::batches::has_text;
use super::merge::{Merged, Source, bounds, directed};
use crate::access::Visible;
use crate::history::Among;
use crate::model::{BatchRow, Ownership, RunRow};
use crate::page::Order;
use crate::rows::RunFilter;
use crate::views::Views;

/// Batches whose runs are looked up batch by batch. Of more of them, it is cheaper to look at all runs.
const BATCHES_MERGED_MAX: usize = 64;

/// A filter with what it says of batches looked up.
pub(super) struct Wanted<'a> {
    pub(super) filter: &'a RunFilter,
    visible: Visible<'a>,
    /// In ascending order; `None`: any.
    pub(super) batches: Option<Vec<BatchId>>,
}

impl Wanted<'_> {
    /// Whether only runs that are not over can fit; the history need not be read then.
    pub(super) fn is_live_only(&self) -> bool {
        let statuses = &self.filter.statuses;
        !statuses.is_empty() && statuses.iter().all(|status| !status.is_final())
    }

    /// Whether the number of runs that fit follows from what is counted.
    pub(super) fn is_counted(&self) -> bool {
        let filter = self.filter;
        filter.rundate.is_none()
            && filter.scheduled_from.is_none()
            && filter.scheduled_until.is_none()
            && filter.run_set.is_none()
    }

    pub(super) fn fits(&self, row: &RunRow, batch: &BatchRow) -> bool {
        let filter = self.filter;
        (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
            && self
                .batches
                .as_ref()
                .is_none_or(|batches| batches.binary_search(&row.batch).is_ok())
            && filter
                .rundate
                .as_deref()
                .is_none_or(|date| row.rundate.as_deref() == Some(date))
            && filter
                .scheduled_from
                .is_none_or(|from| row.scheduled_time >= from)
            && filter
                .scheduled_until
                .is_none_or(|until| row.scheduled_time < until)
            && filter.run_set.is_none_or(|set| row.run_set == Some(set))
            && self.fits_batch(&row.ownership, batch)
    }

    pub(super) fn fits_batch(&self, ownership: &Ownership, batch: &BatchRow) -> bool {
        let filter = self.filter;
        filter.tag.is_none_or(|tag| tag == batch.tag)
            && filter
                .owner
                .as_ref()
                .is_none_or(|owner| *owner == ownership.owner)
            && filter
                .label
                .as_ref()
                .is_none_or(|label| ownership.has_label(label))
            && (self.visible)(ownership.access())
    }
}

impl Views {
    pub(super) fn wanted<'a>(&self, filter: &'a RunFilter, visible: Visible<'a>) -> Wanted<'a> {
        Wanted {
            filter,
            visible,
            batches: self.wanted_batches(filter),
        }
    }

    fn wanted_batches(&self, filter: &RunFilter) -> Option<Vec<BatchId>> {
        let named = filter
            .batch_name
            .as_deref()
            .map(|name| self.batch_ids(name, filter.tag));
        let mut found = match (filter.batch_id, named) {
            (Some(id), Some(named)) => Some(named.into_iter().filter(|n| *n == id).collect()),
            (Some(id), None) => Some(vec![id]),
            (None, named) => named,
        };
        if let Some(text) = filter.search.as_deref() {
            let all = &self.model.batches;
            let fits = |id: &BatchId| all.get(id).is_some_and(|row| has_text(&row.name, text));
            found = Some(match found {
                Some(found) => found.into_iter().filter(fits).collect(),
                None => all.keys().copied().filter(fits).collect(),
            });
        }
        if let Some(found) = &mut found {
            found.sort_unstable();
        }
        found
    }

    /// Ids of runs that may fit, by the narrowest way there is to find them.
    pub(super) fn candidates<'a>(
        &'a self,
        wanted: &Wanted<'a>,
        order: Order,
        after: Option<RunId>,
    ) -> Merged<'a> {
        let Some((low, high)) = bounds(order, after.map(|after| after.0)) else {
            return Merged::new(Vec::new(), order);
        };
        let (first, last) = (RunId(low), RunId(high));
        let index = &self.model.index;
        let few = |batches: &&Vec<BatchId>| batches.len() <= BATCHES_MERGED_MAX;
        let batches = wanted.batches.as_ref().filter(few);
        let mut sources: Vec<Source<'a>> = Vec::new();
        let mut among = Vec::new();
        if let Some(set) = wanted.filter.run_set {
            let runs = index.by_run_set.range((set, first)..=(set, last));
            sources.push(directed(runs.map(|(_, run)| run.0), order));
            among.push(Among::RunSet(set));
        } else if let Some(batches) = batches {
            for batch in batches {
                let runs = index.by_batch.range((*batch, first)..=(*batch, last));
                sources.push(directed(runs.map(|(_, run)| run.0), order));
                among.push(Among::Batch(*batch));
            }
        } else if wanted.is_live_only() {
            sources.push(directed(
                index.live.range(first..=last).map(|run| run.0),
                order,
            ));
        } else {
            sources.push(directed(
                self.model.runs.range(first..=last).map(|(run, _)| run.0),
                order,
            ));
            among.push(Among::Runs);
        }
        if !wanted.is_live_only() {
            sources.push(self.leaving_runs(&among, order, (low, high)));
            for among in among {
                sources.push(Box::new(self.history.run_ids(among, order, (low, high))));
            }
        }
        Merged::new(sources, order)
    }

    /// Ids of the runs of some batches, by id, behind a position.
    pub(super) fn runs_of<'a>(
        &'a self,
        batches: &[BatchId],
        order: Order,
        bounds: (u64, u64),
    ) -> Merged<'a> {
        let (first, last) = (RunId(bounds.0), RunId(bounds.1));
        let mut sources: Vec<Source<'a>> = Vec::new();
        for batch in batches {
            let runs = self
                .model
                .index
                .by_batch
                .range((*batch, first)..=(*batch, last));
            sources.push(directed(runs.map(|(_, run)| run.0), order));
            sources.push(Box::new(self.history.run_ids(
                Among::Batch(*batch),
                order,
                bounds,
            )));
        }
        let among: Vec<Among> = batches.iter().map(|batch| Among::Batch(*batch)).collect();
        sources.push(self.leaving_runs(&among, order, bounds));
        Merged::new(sources, order)
    }

    /// Ids of the runs that are on their way to the history and belong there to one of these lists.
    fn leaving_runs<'a>(
        &'a self,
        among: &[Among],
        order: Order,
        (low, high): (u64, u64),
    ) -> Source<'a> {
        let among = among.to_vec();
        let leaving = self.history.leaving().runs.range(RunId(low)..=RunId(high));
        let listed = leaving.filter(move |(_, run)| {
            among.iter().any(|among| match among {
                Among::Runs => true,
                Among::Batch(batch) => run.row.batch == *batch,
                Among::RunSet(set) => run.row.run_set == Some(*set),
                Among::RunSets => false,
            })
        });
        directed(listed.map(|(run, _)| run.0), order)
    }
}
