//! All questions at once, for comparing views that must agree.

use fasti_core::domain::ids::{RunId, RunSetId, TaskRunId};
use fasti_core::domain::run::RunStatus;
use fasti_projector::rows::{BatchFilter, BatchView, RunFilter, TaskRunFilter};
use fasti_projector::{Order, Page, Views};

const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// Everything there is to ask about ids up to `last_id`, in words.
pub(crate) fn everything(views: &Views, last_id: u64) -> Vec<String> {
    let filter = BatchFilter {
        include_deleted: true,
        include_dev_runs: true,
        ..BatchFilter::default()
    };
    let batches: Page<BatchView, _> = views.batches(&filter, &|_| true, None, 1000).unwrap();
    let mut said = vec![format!(
        "{batches:?} {:?} {:?}",
        views.runners(),
        views.log()
    )];
    let mut filters = vec![RunFilter::default()];
    let finished = vec![RunStatus::Success, RunStatus::Failure, RunStatus::Cancelled];
    for statuses in [finished, vec![RunStatus::Queued, RunStatus::Running]] {
        filters.push(RunFilter {
            statuses,
            ..RunFilter::default()
        });
    }
    for batch in &batches.items {
        about_batch(views, batch, &mut said, &mut filters);
    }
    for id in 0..=last_id {
        about_id(views, id, &mut said, &mut filters);
    }
    for order in ORDERS {
        let sets = views.run_sets(None, &|_| true, order, None, 1000).unwrap();
        said.push(format!("{sets:?}"));
        for filter in &filters {
            all_pages(views, filter, order, &mut said);
        }
    }
    said
}

fn about_batch(
    views: &Views,
    batch: &BatchView,
    said: &mut Vec<String>,
    filters: &mut Vec<RunFilter>,
) {
    said.push(format!(
        "{:?} {:?} {:?}",
        views.batch_versions(batch.id, None, 1000).unwrap(),
        views.ledger(batch.id).unwrap(),
        views.slots(batch.id, None, 1000).unwrap(),
    ));
    filters.push(RunFilter {
        batch_name: Some(batch.name.clone()),
        ..RunFilter::default()
    });
    filters.push(RunFilter {
        batch_id: Some(batch.id),
        rundate: Some("2024-03-31".to_owned()),
        ..RunFilter::default()
    });
    for order in ORDERS {
        let all = TaskRunFilter::default();
        let named = views.task_runs_by_name(&batch.name, "a", &all, &|_| true, order, None, 1000);
        said.push(format!("{:?}", named.unwrap()));
    }
}

fn about_id(views: &Views, id: u64, said: &mut Vec<String>, filters: &mut Vec<RunFilter>) {
    if let Some(set) = views.run_set(RunSetId(id)).unwrap() {
        said.push(format!("{set:?}"));
        filters.push(RunFilter {
            run_set: Some(RunSetId(id)),
            ..RunFilter::default()
        });
    }
    said.push(format!("{id} {:?}", views.run(RunId(id)).unwrap()));
    said.push(format!("{:?}", views.task_run(TaskRunId(id)).unwrap()));
    said.push(format!("{:?}", views.run_of(TaskRunId(id)).unwrap()));
    said.push(format!(
        "{:?}",
        views.task_runs(RunId(id), None, 3).unwrap()
    ));
    said.push(format!("{:?}", views.graph(RunId(id)).unwrap()));
    said.push(format!("{:?}", views.rerun_source(RunId(id)).unwrap()));
}

fn all_pages(views: &Views, filter: &RunFilter, order: Order, said: &mut Vec<String>) {
    let mut after = None;
    loop {
        let found = views.runs(filter, &|_| true, order, after, 3).unwrap();
        after = found.page.next;
        said.push(format!("{filter:?} {found:?}"));
        if after.is_none() {
            return;
        }
    }
}

/// The first thing two sides do not agree on.
pub(crate) fn difference(left: &[String], right: &[String]) -> Option<String> {
    if left == right {
        return None;
    }
    let both = left.iter().zip(right);
    let found = both.clone().find(|(left, right)| left != right);
    Some(format!(
        "{} and {} answers: {found:#?}",
        left.len(),
        right.len()
    ))
}
