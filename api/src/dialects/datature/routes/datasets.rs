//! Datasets: announced, then uploaded.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::domain::ids::Digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::documents::{DATASETS, Stored, now};
use super::super::errors::{bad, in_use};
use super::super::map::{JobNote, ms};
use super::super::wire;
use super::jobs::unfinished;
use super::{body, known_project, ok};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

const KIND: &str = "UploadedNewlineDelimitedJsonFile";

/// Bytes of a file.
const FILE_BYTES_MAX: u64 = 1 << 30;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// How long a dataset is shown.
const KEPT_MS: i64 = 10 * DAY_MS;

/// How long its file may be sent.
const UPLOAD_MS: i64 = DAY_MS;

/// What is kept of a dataset.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Dataset {
    pub(super) name: String,
    pub(super) size_bytes: u64,
    /// Four bytes, big-endian.
    pub(super) crc32c: u32,
    pub(super) overview: String,
    pub(super) message: String,
    pub(super) item_count: u32,
    pub(super) expires_ms: i64,
    /// The right to upload, once.
    pub(super) upload: Option<Upload>,
    pub(super) content: Option<Content>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Upload {
    pub(super) token: String,
    pub(super) expires_ms: i64,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub(super) struct Content {
    pub(super) file: Digest,
    pub(super) index: Digest,
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project / "batch" / "datasets"] => list),
        route!(scope, app, POST [project / "batch" / "datasets"] => post),
        route!(scope, app, GET [project / "batch" / "datasets" / id] => get),
        route!(scope, app, DELETE [project / "batch" / "datasets" / id] => delete),
    ])
}

/// The address as the client reached the server.
fn root(call: &Call) -> String {
    let host = call.header("host").map(str::to_owned);
    let host = host.unwrap_or_else(|| call.app.config.listen.to_string());
    format!("http://{host}")
}

fn show(root: &str, project: &str, stored: Stored<Dataset>) -> wire::Dataset {
    let dataset = stored.value;
    let id = stored.id;
    let (url, expires) = match &dataset.upload {
        Some(upload) => (
            format!(
                "{root}/projects/{project}/batch/datasets/{id}/upload/{}",
                upload.token
            ),
            upload.expires_ms,
        ),
        None => (String::new(), stored.updated_ms),
    };
    wire::Dataset {
        object: "dataset",
        name: dataset.name,
        project_id: project.to_owned(),
        expiry_time: dataset.expires_ms,
        status: wire::DatasetStatus {
            overview: dataset.overview,
            message: dataset.message,
            update_time: stored.updated_ms,
            item_count: dataset.item_count,
            source: wire::Source {
                kind: KIND,
                upload_url: wire::UploadUrl {
                    method: "PUT",
                    url,
                    headers: BTreeMap::from([("Content-Type", "application/x-ndjson")]),
                    expires_at_time: expires,
                },
            },
        },
        create_date: stored.created_ms,
        update_date: stored.updated_ms,
        id,
    }
}

async fn list(project: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let (root, of) = (root(&call), project.clone());
    let page = DATASETS
        .page(&call, &project, move |it| show(&root, &of, it))
        .await?;
    ok(&call, &page)
}

async fn get(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let stored = DATASETS.get(&call, &project, &id).await?;
    ok(&call, &show(&root(&call), &project, stored))
}

async fn post(project: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let new: wire::NewDataset = body(&mut call).await?;
    let dataset = announced(&call, new)?;
    let id = DATASETS.new_id();
    let stored = DATASETS.create(&call, &project, id, dataset).await?;
    ok(&call, &show(&root(&call), &project, stored))
}

fn announced(call: &Call, new: wire::NewDataset) -> Result<Dataset, Problem> {
    let source = new.spec.source;
    if new.name.trim().is_empty() || new.name.chars().count() > 200 {
        return Err(bad("name", "give a name of 1 to 200 characters"));
    }
    if source.kind != KIND {
        return Err(bad("spec.source.kind", format_args!("must be `{KIND}`")));
    }
    if source.size_bytes > FILE_BYTES_MAX {
        return Err(bad(
            "spec.source.sizeBytes",
            format_args!("at most {FILE_BYTES_MAX}"),
        ));
    }
    let crc = STANDARD.decode(&source.crc32c).ok();
    let crc = crc.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    let Some(crc) = crc else {
        return Err(bad(
            "spec.source.crc32c",
            "must be the base64 of four bytes, big-endian",
        ));
    };
    let now_ms = ms(now(call));
    Ok(Dataset {
        name: new.name,
        size_bytes: source.size_bytes,
        crc32c: u32::from_be_bytes(crc),
        overview: "Waiting".to_owned(),
        message: "Waiting for the file".to_owned(),
        item_count: 0,
        expires_ms: now_ms + KEPT_MS,
        upload: Some(Upload {
            token: Uuid::new_v4().simple().to_string(),
            expires_ms: now_ms + UPLOAD_MS,
        }),
        content: None,
    })
}

async fn delete(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    DATASETS.get::<Dataset>(&call, &project, &id).await?;
    let used = |note: &JobNote| note.dataset_id == id;
    if let Some(job) = unfinished(&call, &project, used).await? {
        return Err(in_use(format!(
            "the job {job} works on the dataset {id}; cancel it, or wait until it is finished"
        )));
    }
    DATASETS.remove(&call, &project, &id).await?;
    let deleted = wire::Deleted { id, deleted: true };
    ok(&call, &deleted)
}
