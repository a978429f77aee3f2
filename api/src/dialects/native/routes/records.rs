//! The log itself for auditors: exact records, of which anybody can compute the chain again, and the signed anchors.
//! Exact records hold rights (the seed, lease tokens): administrators alone may read them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::domain::ids::{Digest, Seq};
use fasti_core::store;
use serde_json::json;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::wire;
use crate::call::{App, Call, json as json_answer};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Records on one page, if nobody says otherwise, and at most.
const RECORDS: usize = 1_000;
const RECORDS_MAX: usize = 10_000;

/// Bytes of records on one page; the record that passes it is the last one.
const PAGE_BYTES_MAX: usize = 4 << 20;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["records"] => list_records),
        route!(scope, app, GET ["anchors"] => list_anchors),
        route!(scope, app, POST ["rebuild"] => rebuild_views),
    ])
}

fn check_right(call: &Call) -> Result<(), Problem> {
    if call.principal.is_admin {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        "exact records hold lease tokens and the seed: only an administrator may read them; GET /api/v1/events tells the same without",
    ))
}

/// Read exact records
///
/// The log byte for byte, for an audit that trusts nobody: a line of JSON a record, with `seq`, `record` (its exact
/// bytes, in base64) and `hash` (the chain hash after it). Only durable ones; fewer than `limit` where 4 MiB are
/// reached, none beyond the end. `Fasti-Seq` is the durable end. Administrators only.
#[utoipa::path(get, path = "/api/v1/log/records", tag = "log",
    params(("from" = Option<u64>, Query, description = "First position; default 1"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 10_000, description = "Records at most; default 1000")),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_records(call: Call) -> Answer {
    check_right(&call)?;
    let mut query = call.query()?;
    let from: u64 = query.value("from", "a sequence number")?.unwrap_or(1);
    let limit: usize = query
        .value("limit", "a number of records")?
        .unwrap_or(RECORDS);
    query.finish()?;
    if !(1..=RECORDS_MAX).contains(&limit) {
        let detail = format!("`limit` is {limit}; it can be 1 to {RECORDS_MAX}");
        return Err(Problem::invalid("limit", detail));
    }
    let exact = call.app.parts.exact.clone();
    let reading =
        tokio::task::spawn_blocking(move || exact.read_exact(Seq(from), limit, PAGE_BYTES_MAX));
    let records = reading
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let mut lines = String::new();
    for record in records {
        let line = json!({
            "seq": record.seq.0,
            "record": STANDARD.encode(&record.bytes),
            "hash": Digest(record.hash).to_string(),
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    Ok(ndjson(&call, lines))
}

/// Read the anchors
///
/// What the server has signed about its log: a line of JSON an anchor, oldest first. `key` is the public key,
/// `signature` Ed25519 over the other fields. Administrators only.
#[utoipa::path(get, path = "/api/v1/log/anchors", tag = "log",
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_anchors(call: Call) -> Answer {
    check_right(&call)?;
    call.query()?.finish()?;
    let data = call.app.config.data.clone();
    let reading = tokio::task::spawn_blocking(move || store::anchors_of(&data));
    let anchors = reading
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let mut lines = String::new();
    for anchor in anchors {
        lines.push_str(&serde_json::to_string(&anchor).unwrap_or_default());
        lines.push('\n');
    }
    Ok(ndjson(&call, lines))
}

/// Build the views anew
///
/// Computes everything that answers come from, from the first event on, while the old copy is served; then the new one
/// takes its place. `views_rebuild_seq` in health tells how far it is. Administrators only.
#[utoipa::path(post, path = "/api/v1/log/rebuild", tag = "log",
    responses((status = 202, description = "It is under way", body = wire::Rebuild),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn rebuild_views(call: Call) -> Answer {
    if !call.principal.is_admin {
        let detail = "building the views anew is work for the whole server: only an administrator may ask for it";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    call.query()?.finish()?;
    let Some(rebuild) = &call.app.parts.rebuild else {
        let detail =
            "this server keeps its views in memory only and has nothing to build them into";
        return Err(Problem::new(Code::NotReady, detail));
    };
    let done = rebuild.done();
    rebuild.begin().map_err(|error| Problem::internal(&error))?;
    let answer = wire::Rebuild {
        log_seq: call.last_seq().0,
        rebuilds: done,
    };
    Ok(json_answer(StatusCode::ACCEPTED, &answer, call.last_seq()))
}

fn ndjson(call: &Call, lines: String) -> Response {
    let mut response = Response::new(lines.into());
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/x-ndjson");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert("fasti-seq", HeaderValue::from(call.last_seq().0));
    response
}
