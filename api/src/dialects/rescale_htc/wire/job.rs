//! Jobs, how they are, and what they said.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KeyValue, NameValue};

/// How far a job is. Nothing else may be sent: clients give up at a word they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in super::super) enum Status {
    SubmittedToRescale,
    SubmittedToProvider,
    Runnable,
    Starting,
    Running,
    Succeeded,
    Failed,
}

impl Status {
    /// All, in the order of a job's life.
    pub(in super::super) const ALL: [(&'static str, Self); 7] = [
        ("SUBMITTED_TO_RESCALE", Self::SubmittedToRescale),
        ("SUBMITTED_TO_PROVIDER", Self::SubmittedToProvider),
        ("RUNNABLE", Self::Runnable),
        ("STARTING", Self::Starting),
        ("RUNNING", Self::Running),
        ("SUCCEEDED", Self::Succeeded),
        ("FAILED", Self::Failed),
    ];
}

/// Why a job failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in super::super) enum FailureCode {
    #[serde(rename = "ErrorUnknownFailure")]
    Unknown,
    #[serde(rename = "ErrorTimeout")]
    Timeout,
    #[serde(rename = "ErrorNonZeroContainerExitCode")]
    NonZeroExitCode,
    #[serde(rename = "ErrorInfrastructureFault")]
    InfrastructureFault,
    #[serde(rename = "ErrorStartingContainer")]
    StartingContainer,
}

/// How the process of a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Container {
    pub(in super::super) exit_code: Option<i32>,
    pub(in super::super) reason: Option<String>,
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ExecutionEnvironment {
    pub(in super::super) instance_id: String,
    pub(in super::super) instance_type: &'static str,
    pub(in super::super) architecture: Option<String>,
}

/// Labels of where a job runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct InstanceLabels {
    pub(in super::super) csp: &'static str,
    pub(in super::super) priority: Option<String>,
    pub(in super::super) instance_type: &'static str,
    pub(in super::super) instance_architecture: Option<String>,
    pub(in super::super) account_id: String,
    pub(in super::super) region: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Job {
    #[serde(rename = "jobUUID")]
    pub(in super::super) job_uuid: String,
    pub(in super::super) provider_job_id: String,
    pub(in super::super) region: String,
    pub(in super::super) task_id: String,
    pub(in super::super) project_id: String,
    pub(in super::super) workspace_id: String,
    pub(in super::super) group: Option<String>,
    pub(in super::super) status: Status,
    pub(in super::super) status_reason: Option<String>,
    pub(in super::super) container: Option<Container>,
    pub(in super::super) failure_code: Option<FailureCode>,
    pub(in super::super) created_at: String,
    pub(in super::super) started_at: Option<String>,
    pub(in super::super) completed_at: Option<String>,
    pub(in super::super) updated_at: String,
    pub(in super::super) created_by: String,
    pub(in super::super) commands: Option<Vec<String>>,
    pub(in super::super) envs: Option<Vec<NameValue>>,
    pub(in super::super) tags: Option<Vec<KeyValue>>,
    pub(in super::super) architecture: Option<String>,
    #[serde(rename = "maxVCpus")]
    pub(in super::super) max_vcpus: Option<u32>,
    pub(in super::super) max_memory: Option<u32>,
    #[serde(rename = "maxDiskGiB")]
    pub(in super::super) max_disk_gib: Option<u32>,
    pub(in super::super) max_swap: Option<u32>,
    pub(in super::super) image_name: Option<String>,
    pub(in super::super) exec_timeout_seconds: Option<u64>,
    pub(in super::super) job_execution_environment: Option<ExecutionEnvironment>,
    pub(in super::super) instance_id: Option<String>,
    pub(in super::super) instance_labels: Option<InstanceLabels>,
}

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobEvent {
    pub(in super::super) event_id: String,
    pub(in super::super) job_id: String,
    pub(in super::super) date_time: String,
    pub(in super::super) status: Status,
    pub(in super::super) status_reason: Option<String>,
    pub(in super::super) container: Option<Container>,
    pub(in super::super) instance_labels: Option<InstanceLabels>,
    pub(in super::super) instance_id: Option<String>,
    pub(in super::super) user_cancelled_event: bool,
}

/// Jobs by status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Summary {
    pub(in super::super) group: Option<String>,
    pub(in super::super) job_statuses: Value,
}

/// A line of what a job wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in super::super) struct LogEvent {
    pub(in super::super) timestamp: String,
    pub(in super::super) message: String,
}
