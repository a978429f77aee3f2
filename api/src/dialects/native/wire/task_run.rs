//! Task runs with their attempts, results and metrics.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{RunType, Tag, TaskStatus};

/// A task in a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskRun {
    /// Its id; runs and task runs share one sequence.
    pub(crate) id: u64,
    /// Its run.
    pub(crate) run_id: u64,
    /// Batch of the run.
    pub(crate) batch_id: String,
    /// Name of the batch.
    pub(crate) batch_name: String,
    /// Tag of the batch.
    pub(crate) tag: Tag,
    /// What made the run.
    pub(crate) run_type: RunType,
    /// When the run was due.
    pub(crate) scheduled_time: String,
    /// Date the run is for, once known.
    pub(crate) rundate: Option<String>,
    /// Position in the run, parts expanded, from 0.
    pub(crate) index: u32,
    /// The part's name, or the task's.
    pub(crate) name: String,
    /// Name of the parallel task it is a part of.
    pub(crate) group: Option<String>,
    /// Free text.
    pub(crate) description: String,
    /// Python function.
    pub(crate) entrypoint: Option<String>,
    /// Program and arguments.
    pub(crate) command: Option<Vec<String>>,
    /// Image; null means the host.
    pub(crate) image: Option<String>,
    /// Where it stands.
    pub(crate) status: TaskStatus,
    /// Why it ended as it did, unless it succeeded.
    pub(crate) status_reason: Option<String>,
    /// Why it does not run yet.
    pub(crate) queue_reason: Option<String>,
    /// Which part it is, from 0.
    pub(crate) part_num: u32,
    /// Parts of its task; 1 for a plain task.
    pub(crate) num_parts: u32,
    /// Number of the last attempt; 0 when there was none.
    pub(crate) attempt: u32,
    /// Attempts it may have by its own failures.
    pub(crate) max_attempts: u32,
    /// Its attempts, in order.
    pub(crate) attempts: Vec<Attempt>,
    /// When the next attempt will be queued.
    pub(crate) retry_at: Option<String>,
    /// When it was last queued.
    pub(crate) queued_at: Option<String>,
    /// When its first process was started.
    pub(crate) started_at: Option<String>,
    /// When it was over.
    pub(crate) finished_at: Option<String>,
    /// Its `job_config`.
    #[schema(value_type = Option<Object>)]
    pub(crate) configuration_json: Option<Box<RawValue>>,
    /// MHz reserved.
    pub(crate) cpu: u32,
    /// Megabytes reserved.
    pub(crate) memory: u32,
    /// Megabytes reserved.
    pub(crate) disk: u32,
    /// Runner of the last attempt.
    pub(crate) worker_id: Option<String>,
    /// Its value, by reference.
    pub(crate) result: Option<ResultRef>,
    /// The task run that was executed, when this one was not because that one serves.
    pub(crate) reused_from: Option<u64>,
}

/// One try at a task run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// When it was given to its runner.
    pub(crate) leased_at: String,
    /// When its process was started.
    pub(crate) started_at: Option<String>,
    /// When it ended.
    pub(crate) finished_at: Option<String>,
    /// Exit code, when its process ended by itself.
    pub(crate) exit_code: Option<i32>,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    /// How it ended: `exited`, `signaled`, `spawn_failed`, `timed_out`, `stopped`, `lost`.
    pub(crate) outcome: Option<&'static str>,
    /// Signal that ended its process.
    pub(crate) signal: Option<i32>,
    /// Its process.
    pub(crate) pid: Option<u32>,
    /// Its runner.
    pub(crate) worker_id: String,
    /// Processor time in seconds.
    pub(crate) cpu_seconds: f64,
    /// Largest resident memory in bytes.
    pub(crate) max_memory_bytes: u64,
    /// Bytes written to standard output.
    pub(crate) stdout_bytes: u64,
    /// Bytes written to standard error.
    pub(crate) stderr_bytes: u64,
}

/// A stored value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultRef {
    /// Length in bytes.
    pub(crate) size: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) sha256: String,
    /// How to read it: `pickle`.
    pub(crate) format: String,
}

/// CPU and memory of an attempt over time; the three lists are equally long.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metrics {
    /// Percent of the reserved CPU since the point before; may exceed 100.
    pub(crate) cpu_metrics_percentage: Vec<f64>,
    /// Megabytes resident.
    pub(crate) memory_metrics_absolute: Vec<f64>,
    /// Instants of the points.
    pub(crate) timestamps: Vec<String>,
    /// MHz reserved.
    pub(crate) total_allocated_cpu: u32,
    /// Megabytes reserved.
    pub(crate) total_allocated_memory: u32,
}
