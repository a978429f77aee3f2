//! What jobs are made of. Answers repeat an element as it came, so it is read twice: as it is, and as this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One element of a jobs batch.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct SubmitRequest {
    #[serde(default)]
    pub(in super::super) job_name: Option<String>,
    #[serde(default)]
    pub(in super::super) batch_size: Option<u32>,
    #[serde(default)]
    pub(in super::super) tags: Option<Vec<KeyValue>>,
    #[serde(default)]
    pub(in super::super) region: Option<String>,
    #[serde(default)]
    pub(in super::super) regions: Option<Vec<String>>,
    #[serde(default)]
    pub(in super::super) retry_strategy: Option<RetryStrategy>,
    pub(in super::super) htc_job_definition: JobDefinition,
}

/// How often a job is tried again.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct RetryStrategy {
    #[serde(default)]
    pub(in super::super) max_retries: u32,
}

/// What each job of an element runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobDefinition {
    pub(in super::super) image_name: String,
    #[serde(default)]
    pub(in super::super) commands: Option<Vec<String>>,
    #[serde(default)]
    pub(in super::super) envs: Option<Vec<NameValue>>,
    #[serde(default)]
    pub(in super::super) claims: Option<Vec<NameValue>>,
    #[serde(default)]
    pub(in super::super) tags: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "maxVCpus")]
    pub(in super::super) max_vcpus: Option<u32>,
    #[serde(default)]
    pub(in super::super) max_memory: Option<u32>,
    #[serde(default, rename = "maxDiskGiB")]
    pub(in super::super) max_disk_gib: Option<u32>,
    #[serde(default)]
    pub(in super::super) max_swap: Option<u32>,
    #[serde(default)]
    pub(in super::super) exec_timeout_seconds: Option<u64>,
    #[serde(default)]
    pub(in super::super) architecture: Option<String>,
    #[serde(default)]
    pub(in super::super) priority: Option<String>,
    #[serde(default)]
    pub(in super::super) working_dir: Option<String>,
}

/// `{name, value}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct NameValue {
    pub(in super::super) name: String,
    pub(in super::super) value: String,
}

/// `{key, value}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct KeyValue {
    pub(in super::super) key: String,
    pub(in super::super) value: String,
}
