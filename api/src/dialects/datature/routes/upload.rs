//! The file of a dataset. Whoever has the address may send it, once: the client shows no key here, and ignores what is
//! answered, so everything it has to know is in the status of the dataset.

use std::sync::Arc;

use fasti_core::domain::access::Principal;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::Digest;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::super::dataset_file::{self, Unusable};
use super::super::documents::{DATASETS, Stored, now, submit};
use super::super::errors::bad;
use super::super::map::ms;
use super::datasets::{Content, Dataset};
use super::{known_project, ok};
use crate::blobs::{off_thread, write};
use crate::call::{App, Call};
use crate::errors::{Answer, Code, Problem};
use crate::routes::{Routes, route};
use crate::table::Scope;

/// What became of an upload.
enum Outcome {
    Uploaded {
        content: Content,
        items: u32,
    },
    Failed {
        overview: &'static str,
        message: String,
    },
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, PUT [project / "batch" / "datasets" / id / "upload" / token] => put)
}

async fn put(project: String, id: String, token: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let stored: Stored<Dataset> = DATASETS.get(&call, &project, &id).await?;
    check_right(&call, &stored, &token)?;
    let outcome = take(&mut call, &stored).await?;
    let update = DATASETS.update(&call, &project, &id, |dataset: &mut Dataset| {
        let has_right = dataset
            .upload
            .take()
            .is_some_and(|upload| upload.token == token);
        if !has_right {
            return Err(used());
        }
        Ok(settle(dataset, &outcome))
    });
    update.await?;
    match outcome {
        Outcome::Uploaded { items, .. } => ok(&call, &json!({ "id": id, "itemCount": items })),
        Outcome::Failed { message, .. } => Err(bad("file", message)),
    }
}

fn used() -> Problem {
    Problem::new(
        Code::Forbidden,
        "this address does not take the file, or not any more; make a new dataset",
    )
}

fn check_right(call: &Call, stored: &Stored<Dataset>, token: &str) -> Result<(), Problem> {
    let upload = stored.value.upload.as_ref().ok_or_else(used)?;
    let is_same = bool::from(upload.token.as_bytes().ct_eq(token.as_bytes()));
    if is_same && ms(now(call)) < upload.expires_ms {
        return Ok(());
    }
    Err(used())
}

fn settle(dataset: &mut Dataset, outcome: &Outcome) -> Vec<Digest> {
    match outcome {
        Outcome::Uploaded { content, items } => {
            dataset.overview = "Uploaded".to_owned();
            dataset.message = "Uploaded".to_owned();
            dataset.item_count = *items;
            dataset.content = Some(*content);
            vec![content.file, content.index]
        }
        Outcome::Failed { overview, message } => {
            dataset.overview = (*overview).to_owned();
            dataset.message.clone_from(message);
            Vec::new()
        }
    }
}

/// Keeps the file and reads it. A connection that breaks leaves everything as it was.
async fn take(call: &mut Call, stored: &Stored<Dataset>) -> Result<Outcome, Problem> {
    let announced = &stored.value;
    let failed = |overview, message: String| Ok(Outcome::Failed { overview, message });
    let blobs = call.app.parts.content.blobs.clone();
    let limit = announced.size_bytes;
    call.body.limit(u64::MAX).await?;
    let writer = blobs.clone();
    let mut writer = off_thread(move || writer.writer(limit)).await?;
    let (mut received, mut crc) = (0_u64, 0_u32);
    while let Some(piece) = call.body.next().await? {
        received += piece.len() as u64;
        if received > limit {
            return failed(
                "FailedUpload",
                format!("the file is longer than the {limit} bytes that were announced"),
            );
        }
        crc = crc32c::crc32c_append(crc, &piece);
        writer = write(writer, piece).await?;
    }
    if received < limit {
        return failed(
            "FailedUpload",
            format!("the file has {received} bytes, not the {limit} that were announced"),
        );
    }
    if crc != announced.crc32c {
        return failed(
            "FailedUpload",
            "the checksum (CRC-32C) is not the one that was announced; send the file again in a new dataset"
                .to_owned(),
        );
    }
    let (file, size) = off_thread(move || writer.commit()).await?;
    let read = tokio::task::spawn_blocking(move || dataset_file::read(&blobs, file)).await;
    match read.map_err(|error| Problem::internal(&error))? {
        Err(Unusable::Content(message)) => failed("FailedProcessing", message),
        Err(Unusable::Store(error)) => Err(Problem::internal(&error)),
        Ok(items) => {
            register(call, &stored.created_by, file, size).await?;
            register(call, &stored.created_by, items.index, items.index_bytes).await?;
            let content = Content {
                file,
                index: items.index,
            };
            Ok(Outcome::Uploaded {
                content,
                items: items.count,
            })
        }
    }
}

/// Puts contents on record, so that they stay.
async fn register(call: &Call, user: &str, digest: Digest, size: u64) -> Result<(), Problem> {
    let who = Principal::user(user, Vec::new(), false);
    submit(call, &who, Command::RegisterBundle { digest, size })
        .await
        .map(drop)
}
