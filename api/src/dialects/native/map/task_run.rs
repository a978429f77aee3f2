//! Task runs as they are answered.

use std::time::Duration;

use fasti_core::domain::attempt::{Outcome, ResultRef};
use fasti_core::domain::definition::{Resources, Work};
use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::{AttemptView, TaskRunView};
use serde_json::value::RawValue;

use super::super::wire;
use super::{maybe_time, time};

/// MHz of one core, as tasks count.
const CORE_MHZ: f64 = 4_000.0;

/// A task run.
pub(crate) fn task_run(view: &TaskRunView) -> wire::TaskRun {
    let (entrypoint, command) = match &view.work {
        Work::Python { entrypoint, .. } => (Some(entrypoint.clone()), None),
        Work::Command { argv, .. } => (None, Some(argv.clone())),
    };
    let configuration = view.configuration.clone();
    wire::TaskRun {
        id: view.id.0,
        run_id: view.run_id.0,
        batch_id: view.batch_id.to_string(),
        batch_name: view.batch_name.to_string(),
        tag: view.tag.into(),
        run_type: view.run_type.into(),
        scheduled_time: time(view.scheduled_time),
        rundate: view.rundate.as_deref().map(str::to_owned),
        index: view.index,
        name: view.name.clone(),
        group: view.group.clone(),
        description: view.description.clone(),
        entrypoint,
        command,
        image: view.image.clone(),
        status: view.status.into(),
        status_reason: view.status_reason.as_deref().map(str::to_owned),
        queue_reason: view.queue_reason.clone(),
        part_num: view.part_num,
        num_parts: view.num_parts,
        attempt: view.attempt,
        max_attempts: view.max_attempts,
        attempts: view.attempts.iter().map(attempt).collect(),
        retry_at: maybe_time(view.retry_at),
        queued_at: maybe_time(view.queued_at),
        started_at: maybe_time(view.started_at),
        finished_at: maybe_time(view.finished_at),
        configuration_json: configuration.and_then(|text| RawValue::from_string(text).ok()),
        cpu: view.resources.cpu_mhz,
        memory: view.resources.memory_mb,
        disk: view.resources.disk_mb,
        worker_id: view.runner.as_ref().map(ToString::to_string),
        result: view.result.as_ref().map(result),
        reused_from: view.reused_from.map(|id| id.0),
    }
}

pub(super) fn result(result: &ResultRef) -> wire::ResultRef {
    wire::ResultRef {
        size: result.size,
        sha256: result.sha256.to_string(),
        format: result.format.clone(),
    }
}

fn attempt(view: &AttemptView) -> wire::Attempt {
    let (outcome, signal) = match &view.outcome {
        None => (None, None),
        Some(Outcome::Exited { .. }) => (Some("exited"), None),
        Some(Outcome::Signaled { signal }) => (Some("signaled"), Some(*signal)),
        Some(Outcome::SpawnFailed { .. }) => (Some("spawn_failed"), None),
        Some(Outcome::TimedOut { .. }) => (Some("timed_out"), None),
        Some(Outcome::Stopped) => (Some("stopped"), None),
        Some(Outcome::Lost { .. }) => (Some("lost"), None),
    };
    wire::Attempt {
        number: view.number,
        leased_at: time(view.leased_at),
        started_at: maybe_time(view.started_at),
        finished_at: maybe_time(view.finished_at),
        exit_code: view.exit_code(),
        reason: view.reason.as_deref().map(str::to_owned),
        outcome,
        signal,
        pid: view.pid,
        worker_id: view.runner.to_string(),
        cpu_seconds: Duration::from_micros(view.usage.cpu_us).as_secs_f64(),
        max_memory_bytes: view.usage.max_rss_kib.saturating_mul(1_024),
        stdout_bytes: view.usage.stdout_bytes,
        stderr_bytes: view.usage.stderr_bytes,
    }
}

/// CPU and memory of an attempt: a point where it started and, once it is over, one where it ended, with what
/// it used in between. Nothing for one that did not start.
pub(crate) fn metrics(attempt: Option<&AttemptView>, resources: &Resources) -> wire::Metrics {
    let mut metrics = wire::Metrics {
        cpu_metrics_percentage: Vec::new(),
        memory_metrics_absolute: Vec::new(),
        timestamps: Vec::new(),
        total_allocated_cpu: resources.cpu_mhz,
        total_allocated_memory: resources.memory_mb,
    };
    let started = attempt.and_then(|attempt| Some((attempt, attempt.started_at?)));
    let Some((attempt, started_at)) = started else {
        return metrics;
    };
    let mut point = |at: Timestamp, cpu: f64, memory: f64| {
        metrics.cpu_metrics_percentage.push(cpu);
        metrics.memory_metrics_absolute.push(memory);
        metrics.timestamps.push(time(at));
    };
    point(started_at, 0.0, 0.0);
    if let Some(finished_at) = attempt.finished_at {
        let wall_us = u64::try_from(finished_at.0 - started_at.0)
            .unwrap_or(0)
            .max(1);
        let wall = Duration::from_micros(wall_us).as_secs_f64();
        let used = Duration::from_micros(attempt.usage.cpu_us).as_secs_f64();
        let reserved_cores = f64::from(resources.cpu_mhz.max(1)) / CORE_MHZ;
        let kib = u32::try_from(attempt.usage.max_rss_kib).unwrap_or(u32::MAX);
        point(
            finished_at,
            100.0 * used / wall / reserved_cores,
            f64::from(kib) / 1_024.0,
        );
    }
    metrics
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use fasti_core::domain::attempt::Usage;
    use fasti_core::domain::ids::RunnerId;

    fn attempt_of(started_at: Option<i64>, finished_at: Option<i64>) -> AttemptView {
        AttemptView {
            number: 1,
            runner: RunnerId::new("r").unwrap(),
            leased_at: Timestamp(0),
            started_at: started_at.map(Timestamp),
            finished_at: finished_at.map(Timestamp),
            pid: None,
            outcome: None,
            reason: None,
            usage: Usage {
                cpu_us: 1_000_000,
                max_rss_kib: 2_048,
                ..Usage::default()
            },
        }
    }

    #[test]
    fn metrics_have_a_point_where_something_is_known() {
        let resources = Resources {
            cpu_mhz: 2_000,
            ..Resources::default()
        };
        let points = |attempt: Option<&AttemptView>| {
            let metrics = metrics(attempt, &resources);
            let lengths = [
                metrics.cpu_metrics_percentage.len(),
                metrics.memory_metrics_absolute.len(),
                metrics.timestamps.len(),
            ];
            assert_eq!(lengths, [lengths[0]; 3]);
            metrics.cpu_metrics_percentage
        };
        assert_eq!(points(None), [0.0; 0]);
        assert_eq!(points(Some(&attempt_of(None, None))), [0.0; 0]);
        assert_eq!(points(Some(&attempt_of(Some(0), None))), [0.0]);
        // A second of processor in two seconds on half a core.
        assert_eq!(
            points(Some(&attempt_of(Some(0), Some(2_000_000)))),
            [0.0, 100.0]
        );
    }
}
