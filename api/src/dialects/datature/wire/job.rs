//! Jobs and their logs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `POST …/jobs`.
#[derive(Debug, Deserialize)]
pub(in super::super) struct NewJob {
    pub(in super::super) name: String,
    pub(in super::super) spec: NewJobSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewJobSpec {
    #[serde(default)]
    pub(in super::super) start_at_time: Option<i64>,
    #[serde(default)]
    pub(in super::super) stop_at_time: Option<i64>,
    pub(in super::super) dataset_id: String,
    pub(in super::super) deployment: Map<String, Value>,
    pub(in super::super) result_delivery: ResultDelivery,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(in super::super) struct ResultDelivery {
    pub(in super::super) destinations: Vec<ResultDestination>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct ResultDestination {
    pub(in super::super) kind: String,
    pub(in super::super) webhook_id: String,
}

/// `PATCH` of a job.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct JobChange {
    #[serde(default)]
    pub(in super::super) spec: Option<JobSpecChange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobSpecChange {
    #[serde(default)]
    pub(in super::super) stop_at_time: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Job {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) project_id: String,
    pub(in super::super) spec: JobSpec,
    pub(in super::super) status: JobStatus,
    pub(in super::super) create_date: i64,
    pub(in super::super) update_date: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobSpec {
    pub(in super::super) start_at_time: i64,
    pub(in super::super) stop_at_time: i64,
    pub(in super::super) dataset_id: String,
    pub(in super::super) deployment: Map<String, Value>,
    pub(in super::super) result_delivery: ResultDelivery,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobStatus {
    pub(in super::super) overview: &'static str,
    pub(in super::super) message: String,
    pub(in super::super) update_date: i64,
    pub(in super::super) items: ItemCounts,
    pub(in super::super) reason: Option<String>,
    pub(in super::super) cancelled_at: Option<i64>,
}

/// The one place where names begin with a capital.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in super::super) struct ItemCounts {
    pub(in super::super) gathered: u32,
    pub(in super::super) failed_gather: u32,
    pub(in super::super) preprocessed: u32,
    pub(in super::super) failed_process: u32,
    pub(in super::super) predicted: u32,
    pub(in super::super) failed_predict: u32,
    pub(in super::super) delivered: u32,
    pub(in super::super) failed_deliver: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobLogs {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) project_id: String,
    pub(in super::super) entries: Vec<JobLogEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobLogEntry {
    pub(in super::super) kind: &'static str,
    pub(in super::super) create_time: i64,
    pub(in super::super) id: String,
    pub(in super::super) level: &'static str,
    pub(in super::super) item: String,
    pub(in super::super) status: &'static str,
    pub(in super::super) time_ms: f64,
    pub(in super::super) reason: String,
}
