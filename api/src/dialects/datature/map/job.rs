//! How a job stands, from its run.

use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::{RunView, TaskStages};

use super::super::wire;
use super::{JobNote, ms};

const UNFINISHED: &str = "BatchJob not completed before defined stop time";

/// What a job is shown from.
pub(in super::super) struct Facts {
    /// Id of its batch.
    pub(in super::super) id: String,
    pub(in super::super) note: JobNote,
    pub(in super::super) created_at: Timestamp,
    /// `None` while the views have not seen it.
    pub(in super::super) run: Option<RunView>,
}

/// A job as it is shown.
pub(in super::super) fn job_of(facts: Facts) -> wire::Job {
    let Facts {
        id,
        note,
        created_at,
        run,
    } = facts;
    let run = run.as_ref();
    let status = status(run, ms(created_at));
    let moved = run
        .and_then(|run| run.deadline)
        .map_or(note.stop_at_time, ms);
    wire::Job {
        id: format!("batchjob_{id}"),
        object: "batch_job",
        name: note.name,
        project_id: note.project_id,
        spec: wire::JobSpec {
            start_at_time: note.start_at_time,
            stop_at_time: status.cancelled_at.unwrap_or(moved),
            dataset_id: note.dataset_id,
            deployment: note.deployment,
            result_delivery: note.result_delivery,
        },
        create_date: ms(created_at),
        update_date: status.update_date,
        status,
    }
}

fn status(run: Option<&RunView>, created_ms: i64) -> wire::JobStatus {
    let waiting = wire::JobStatus {
        overview: "Waiting",
        message: "Waiting".to_owned(),
        update_date: created_ms,
        items: wire::ItemCounts::default(),
        reason: None,
        cancelled_at: None,
    };
    let Some(run) = run else {
        return waiting;
    };
    let counted = wire::JobStatus {
        update_date: last_change(run, created_ms),
        items: items(run),
        ..waiting
    };
    if let Some(at) = run.cancel_requested_at.map(ms) {
        return wire::JobStatus {
            overview: "Failed",
            message: "Batch job cancelled".to_owned(),
            reason: Some(format!(
                "{UNFINISHED} due to requested cancellation at {at}"
            )),
            cancelled_at: Some(at),
            ..counted
        };
    }
    if run.deadline_passed_at.is_some() {
        return wire::JobStatus {
            overview: "Failed",
            message: "Batch job stopped".to_owned(),
            reason: Some(UNFINISHED.to_owned()),
            ..counted
        };
    }
    if run.status.is_final() {
        return wire::JobStatus {
            overview: "Reached",
            message: "Finished".to_owned(),
            ..counted
        };
    }
    counted
}

fn last_change(run: &RunView, created_ms: i64) -> i64 {
    let instants = [
        run.started_at,
        run.finished_at,
        run.cancel_requested_at,
        run.deadline_passed_at,
    ];
    let step = run.stages.as_ref().map(|stages| stages.last_step_ms);
    instants
        .into_iter()
        .flatten()
        .map(ms)
        .chain(step)
        .fold(created_ms, i64::max)
}

/// A failed item is counted where it failed, and once more among those that were not delivered: the client waits until
/// every item is in one of the two ends.
fn items(run: &RunView) -> wire::ItemCounts {
    let stages = run.stages.as_ref().and_then(|stages| stages.of(0));
    let Some(TaskStages { passed, failed, .. }) = stages else {
        return wire::ItemCounts::default();
    };
    let of = |counts: &[u32], stage: usize| counts.get(stage).copied().unwrap_or_default();
    wire::ItemCounts {
        gathered: of(passed, 0),
        failed_gather: of(failed, 0),
        preprocessed: of(passed, 1),
        failed_process: of(failed, 1),
        predicted: of(passed, 2),
        failed_predict: of(failed, 2),
        delivered: of(passed, 3),
        failed_deliver: failed.iter().sum(),
    }
}
