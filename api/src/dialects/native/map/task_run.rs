//! Task runs as they are answered.

use std::time::Duration;

use fasti_core::domain::attempt::{Outcome, ResultRef};
use fasti_core::domain::definition::{Resources, Work};
use fasti_core::domain::time::Timestamp;
use fasti_core::samples::Sample;
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

/// CPU and memory of an attempt: a point where it started, those that were sampled, and, once it is over, one where
/// it ended. Nothing for one that did not start.
///
/// Each percentage is of the time since the point before. Memory at the end is what was seen last, or, of an attempt
/// too short for that, the most that it had.
pub(crate) fn metrics(
    attempt: Option<&AttemptView>,
    samples: &[Sample],
    resources: &Resources,
) -> wire::Metrics {
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
    let mut points = vec![Sample {
        at: started_at,
        cpu_us: 0,
        rss_kib: 0,
    }];
    let end = attempt.finished_at.unwrap_or(Timestamp(i64::MAX));
    points.extend(
        samples
            .iter()
            .filter(|it| started_at < it.at && it.at < end),
    );
    if let Some(at) = attempt.finished_at {
        let seen = points.last().filter(|_| points.len() > 1);
        points.push(Sample {
            at,
            cpu_us: attempt.usage.cpu_us,
            rss_kib: seen.map_or(attempt.usage.max_rss_kib, |last| last.rss_kib),
        });
    }
    let reserved_cores = f64::from(resources.cpu_mhz.max(1)) / CORE_MHZ;
    let mut before = points[0];
    for point in points {
        let wall_us = u64::try_from(point.at.0 - before.at.0).unwrap_or(0).max(1);
        let used_us = point.cpu_us.saturating_sub(before.cpu_us);
        let cores = Duration::from_micros(used_us).as_secs_f64()
            / Duration::from_micros(wall_us).as_secs_f64();
        let kib = u32::try_from(point.rss_kib).unwrap_or(u32::MAX);
        metrics
            .cpu_metrics_percentage
            .push(100.0 * cores / reserved_cores);
        metrics
            .memory_metrics_absolute
            .push(f64::from(kib) / 1_024.0);
        metrics.timestamps.push(time(point.at));
        before = point;
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
        let points = |attempt: Option<&AttemptView>, samples: &[Sample]| {
            let metrics = metrics(attempt, samples, &resources);
            let lengths = [
                metrics.cpu_metrics_percentage.len(),
                metrics.memory_metrics_absolute.len(),
                metrics.timestamps.len(),
            ];
            assert_eq!(lengths, [lengths[0]; 3]);
            (
                metrics.cpu_metrics_percentage,
                metrics.memory_metrics_absolute,
            )
        };
        let none = (vec![], vec![]);
        assert_eq!(points(None, &[]), none);
        assert_eq!(points(Some(&attempt_of(None, None)), &[]), none);
        let at = |second: i64, cpu_us: u64, rss_kib: u64| Sample {
            at: Timestamp(second * 1_000_000),
            cpu_us,
            rss_kib,
        };
        let live = attempt_of(Some(0), None);
        assert_eq!(points(Some(&live), &[]), (vec![0.0], vec![0.0]));
        let seen = [at(1, 500_000, 1_024), at(3, 500_000, 4_096)];
        assert_eq!(
            points(Some(&live), &seen),
            (vec![0.0, 100.0, 0.0], vec![0.0, 1.0, 4.0])
        );
        // A second of processor in two seconds on half a core.
        let over = attempt_of(Some(0), Some(2_000_000));
        assert_eq!(points(Some(&over), &[]), (vec![0.0, 100.0], vec![0.0, 2.0]));
        // What was seen after its end, or before its start, belongs to nobody.
        let around = [at(-1, 7, 7), at(1, 750_000, 1_024), at(3, 9_000_000, 9)];
        assert_eq!(
            points(Some(&over), &around),
            (vec![0.0, 150.0, 50.0], vec![0.0, 1.0, 1.0])
        );
    }
}
