//! Datasets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST …/datasets`.
#[derive(Debug, Deserialize)]
pub(in super::super) struct NewDataset {
    pub(in super::super) name: String,
    pub(in super::super) spec: NewDatasetSpec,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct NewDatasetSpec {
    pub(in super::super) source: NewSource,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewSource {
    pub(in super::super) kind: String,
    pub(in super::super) size_bytes: u64,
    pub(in super::super) crc32c: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Dataset {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) project_id: String,
    pub(in super::super) expiry_time: i64,
    pub(in super::super) status: DatasetStatus,
    pub(in super::super) create_date: i64,
    pub(in super::super) update_date: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DatasetStatus {
    pub(in super::super) overview: String,
    pub(in super::super) message: String,
    pub(in super::super) update_time: i64,
    pub(in super::super) item_count: u32,
    pub(in super::super) source: Source,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Source {
    pub(in super::super) kind: &'static str,
    pub(in super::super) upload_url: UploadUrl,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct UploadUrl {
    pub(in super::super) method: &'static str,
    pub(in super::super) url: String,
    pub(in super::super) headers: BTreeMap<&'static str, &'static str>,
    pub(in super::super) expires_at_time: i64,
}
