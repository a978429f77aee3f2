//! Runners as they are answered.

use fasti_projector::rows::{DrainView, RunnerView};

use super::super::wire;
use super::{maybe_time, time};

/// A runner.
pub(crate) fn runner(view: &RunnerView, drain: Option<&DrainView>) -> wire::Runner {
    let info = &view.info;
    wire::Runner {
        id: info.runner.to_string(),
        host: info.host.clone(),
        pid: info.pid,
        version: info.version.clone(),
        labels: info.labels.clone(),
        slots: info.capacity.slots,
        cpu: info.capacity.cpu_mhz,
        memory: info.capacity.memory_mb,
        joined_at: time(view.joined_at),
        lost_at: maybe_time(view.lost_at),
        lost_reason: view.lost_reason.clone(),
        drained_at: maybe_time(drain.map(|drain| drain.since)),
        drained_by: drain.map(|drain| drain.by.clone()),
        drained_reason: drain.and_then(|drain| drain.reason.clone()),
        held_attempts: view.held_attempts,
        running_attempts: view.running_attempts,
        finished_attempts: view.finished_attempts,
    }
}
