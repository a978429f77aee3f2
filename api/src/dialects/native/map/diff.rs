//! Differences of runs.

use fasti_core::domain::ids::Seq;
use fasti_projector::rows::BatchView;
use fasti_replay::diff;

use super::super::wire;

/// As it is answered.
pub(crate) fn run_diff(found: diff::RunDiff, as_of: Seq) -> wire::RunDiff {
    let task = |task: diff::TaskDiff| wire::TaskDiff {
        name: task.name,
        run: task.run.map(task_side),
        with: task.with.map(task_side),
    };
    wire::RunDiff {
        run: side(found.run),
        with: side(found.with),
        definition: changes(found.definition),
        tasks: found.tasks.into_iter().map(task).collect(),
        different: found.different,
        same: found.same,
        as_of_seq: as_of.0,
    }
}

/// Two versions as they are answered.
pub(crate) fn batch_diff(
    batch: &BatchView,
    from: u32,
    to: u32,
    found: Vec<diff::Change>,
    as_of: Seq,
) -> wire::BatchDiff {
    wire::BatchDiff {
        batch_id: batch.id.to_string(),
        batch_name: batch.name.to_string(),
        from,
        to,
        definition: changes(found),
        as_of_seq: as_of.0,
    }
}

fn changes(found: Vec<diff::Change>) -> Vec<wire::DefinitionChange> {
    let change = |change: diff::Change| wire::DefinitionChange {
        field: change.field,
        before: change.before,
        after: change.after,
    };
    found.into_iter().map(change).collect()
}

fn side(side: diff::Side) -> wire::DiffRun {
    wire::DiffRun {
        id: side.run.0,
        batch_name: side.batch,
        definition_version: side.version,
        definition_digest: side.digest.to_string(),
        status: side.status.into(),
        rundate: side.rundate,
        started_at: side.started_at.map(|at| at.to_string()),
        finished_at: side.finished_at.map(|at| at.to_string()),
    }
}

fn task_side(side: diff::TaskSide) -> wire::TaskSide {
    wire::TaskSide {
        id: side.task_run.0,
        status: side.status.into(),
        status_reason: side.reason,
        attempts: side.attempts,
        duration_ms: side.duration_ms,
        result_sha256: side.result.map(|digest| digest.to_string()),
    }
}
