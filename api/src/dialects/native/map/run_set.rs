//! Run sets as they are answered.

use fasti_core::domain::backfill::BackfillOrder;
use fasti_projector::rows::RunSetView;

use super::super::wire;
use super::{maybe_time, time};

/// A run set.
pub(crate) fn run_set(view: &RunSetView) -> wire::RunSet {
    let counts = view.counts.iter().filter(|(_, count)| *count > 0);
    wire::RunSet {
        id: view.id.0,
        batch_id: view.batch_id.to_string(),
        batch_name: view.batch_name.to_string(),
        tag: view.tag.into(),
        title: view.title.clone(),
        labels: view.labels.clone(),
        created_at: time(view.created_at),
        created_by: view.created_by.clone(),
        closed: view.closed,
        finished_at: maybe_time(view.finished_at),
        run_counts: counts
            .map(|(status, count)| (status.as_str(), count))
            .collect(),
        run_count: view.counts.total(),
        backfill: view.backfill.as_ref().map(|it| wire::Backfill {
            from: time(it.from),
            until: time(it.until),
            order: match it.order {
                BackfillOrder::OldestFirst => "oldest_first",
                BackfillOrder::NewestFirst => "newest_first",
            },
            live_max: it.live_max,
            slots: it.slots,
            paused: view.paused,
            pause_reason: view.pause_reason.clone(),
        }),
    }
}
