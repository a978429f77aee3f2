//! Bundles: packed source trees, streamed to the blob store and then put on record.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::Digest;
use warp::http::{StatusCode, header};

use super::super::submit::{Told, submit};
use super::super::wire;
use crate::blobs::{off_thread, write};
use crate::call::{App, Call, empty};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// First bytes of everything packed with gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Bytes of a bundle that are looked at when it comes: more than the longest names before its first file.
const FIRST_BYTES: usize = 64 << 10;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, POST [] => post_bundle),
        route!(scope, app, HEAD [id] => head_bundle),
    ])
}

/// Upload a bundle
///
/// A source tree as a gzipped tar. The same bytes are the same bundle.
#[utoipa::path(post, path = "/api/v1/bundles", tag = "images",
    request_body(content = Vec<u8>, content_type = "application/gzip"),
    responses((status = 201, body = wire::BundleAnswer), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_bundle(mut call: Call) -> Answer {
    call.query()?.finish()?;
    check_type(&call)?;
    let limit = call.app.config.bundle_bytes_max;
    call.body.limit(limit).await?;
    let blobs = call.app.parts.content.blobs.clone();
    let mut writer = off_thread(move || blobs.writer(limit)).await?;
    let mut first = Vec::new();
    while let Some(piece) = call.body.next().await? {
        let wanted = FIRST_BYTES.saturating_sub(first.len());
        first.extend_from_slice(&piece[..piece.len().min(wanted)]);
        writer = write(writer, piece).await?;
    }
    if first.get(..GZIP.len()) != Some(&GZIP[..]) {
        return Err(Problem::new(
            Code::Malformed,
            "a bundle is a gzipped tar, and this is not gzip",
        ));
    }
    if let Some(why) = no_tar(&first) {
        return Err(Problem::new(
            Code::Malformed,
            format!("a bundle is a gzipped tar, and what is in this gzip is not tar: {why}"),
        ));
    }
    let (digest, size) = off_thread(move || writer.commit()).await?;
    let command = Command::RegisterBundle { digest, size };
    // The digest stands for the bytes where requests with a key are told apart.
    let stands_for = Bytes::from(digest.to_string());
    let answer = submit(&call, command, &stands_for, move |_, _, _| {
        let body = wire::BundleAnswer {
            id: digest.to_string(),
            size,
        };
        Told::json(StatusCode::CREATED, &body)
    });
    answer.await
}

/// Why the beginning of something gzipped is not that of a tar. The runner looks at all of it when it unpacks.
fn no_tar(first: &[u8]) -> Option<std::io::Error> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(first));
    match archive.entries().map(|mut entries| entries.next()) {
        Ok(Some(Err(error))) | Err(error) => Some(error),
        Ok(Some(Ok(_)) | None) => None,
    }
}

fn check_type(call: &Call) -> Result<(), Problem> {
    let given = call.header("content-type").unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    let known = [
        "application/gzip",
        "application/x-gzip",
        "application/octet-stream",
    ];
    if known.contains(&essence) {
        return Ok(());
    }
    Err(Problem::new(
        Code::UnsupportedMediaType,
        format!("`{given}` is not read here; send `application/gzip`"),
    ))
}

/// Ask for a bundle
///
/// Whether it is known, so that it need not be sent.
#[utoipa::path(head, path = "/api/v1/bundles/{id}", tag = "images",
    params(("id" = String, Path, description = "SHA-256 of its bytes")),
    responses((status = 200, description = "It is known; Content-Length is its size"),
        (status = 404, description = "It is not")))]
pub(crate) async fn head_bundle(id: String, call: Call) -> Answer {
    call.query()?.finish()?;
    let missing = || Problem::not_found("bundle", &id);
    let digest: Digest = id.parse().map_err(|_| missing())?;
    let (size, as_of) = call
        .ask(None, move |views, _| Ok(views.bundle(digest)))
        .await?;
    let size = size.ok_or_else(missing)?;
    let mut response = empty(StatusCode::OK, as_of);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, size.into());
    Ok(response)
}
