//! Runs as they are answered.

use fasti_projector::rows::RunView;

use super::super::wire;
use super::{maybe_time, time};

/// A run.
pub(crate) fn run(view: &RunView) -> wire::Run {
    let counts = view.task_counts.iter().filter(|(_, count)| *count > 0);
    wire::Run {
        id: view.id.0,
        batch_id: view.batch_id.to_string(),
        batch_name: view.batch_name.to_string(),
        tag: view.tag.into(),
        definition_version: view.version,
        run_type: view.run_type.into(),
        scheduled_time: time(view.scheduled_time),
        created_at: time(view.created_at),
        started_at: maybe_time(view.started_at),
        finished_at: maybe_time(view.finished_at),
        rundate: view.rundate.as_deref().map(str::to_owned),
        rundate_is_custom: view.rundate_is_custom,
        status: view.status.into(),
        status_reason: view.status_reason.as_deref().map(str::to_owned),
        deadline: maybe_time(view.deadline),
        cancel_requested_at: maybe_time(view.cancel_requested_at),
        run_as: view.run_as.clone(),
        owner: view.owner.clone(),
        group: view.group.clone(),
        permissions: view.permissions.clone(),
        original_run_id: view.original_run.map(|run| run.0),
        parent_run_id: view.parent_run.map(|run| run.0),
        start_by: maybe_time(view.start_by),
        signal: view.signal.as_deref().map(|signal| wire::RunSignal {
            trigger: signal.trigger.clone(),
            id: signal.id.clone(),
            payload: signal.payload.clone(),
        }),
        run_set_id: view.run_set.map(|set| set.0),
        requested_by: view.requested_by.to_string(),
        task_counts: counts
            .map(|(status, count)| (status.as_str(), count))
            .collect(),
        task_runs: view.task_runs(),
    }
}
