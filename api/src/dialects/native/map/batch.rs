//! Batches as they are answered.

use fasti_core::domain::definition::Definition;
use fasti_projector::Views;
use fasti_projector::rows::{BatchView, VersionView};

use super::super::wire;
use super::{definition_to_wire, maybe_time, schedule, time};

/// A batch.
pub(crate) fn batch(views: &Views, view: &BatchView) -> wire::Batch {
    // A schedule that cannot be read cannot have been saved.
    let rule = views.rule(&view.definition.schedule).ok().flatten();
    wire::Batch {
        id: view.id.to_string(),
        version: view.version,
        paused: view.paused,
        paused_reason: view.paused_reason.clone(),
        paused_until: maybe_time(view.paused_until),
        runs_after: view.runs_after.map(|batch| batch.to_string()),
        next_run: maybe_time(view.next_slot.map(|next| next.slot)),
        last_run: view.last_run.map(|run| wire::LastRun {
            id: run.id.0,
            status: run.status.into(),
            scheduled_time: time(run.scheduled_time),
            finished_at: maybe_time(run.finished_at),
        }),
        run_count: view.run_count,
        schedule_description: schedule::describe_batch(
            &view.definition.schedule,
            rule.as_ref(),
            view.runs_after.is_some() || view.deleted_at.is_some(),
        ),
        created_at: time(view.created_at),
        updated_at: time(view.updated_at),
        created_by: view.created_by.clone(),
        deleted_at: maybe_time(view.deleted_at),
        definition: definition_to_wire(&view.definition),
    }
}

/// One version of a batch.
pub(crate) fn batch_version(view: &VersionView, definition: &Definition) -> wire::BatchVersion {
    wire::BatchVersion {
        version: view.version,
        saved_at: time(view.at),
        saved_by: view.by.clone(),
        digest: view.digest.to_string(),
        definition: definition_to_wire(definition),
    }
}
