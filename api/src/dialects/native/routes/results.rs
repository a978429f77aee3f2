//! Results: the stored bytes, streamed, whole or in part. They are opaque here and stay so.

use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use fasti_core::codec::sha256;
use fasti_core::domain::attempt::ResultRef;
use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::definition::Work;
use fasti_core::domain::ids::Digest;
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use fasti_core::store::Content;
use fasti_projector::rows::TaskRunView;
use sha2::{Digest as _, Sha256};
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::map;
use super::task_runs;
use crate::call::{Call, empty};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::query::encode;
use crate::stream::{Gone, Kind, Sender, streamed};

/// Bytes read from disk at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Bytes of a value that is checked before any of it is sent. A longer one is checked while it is sent, and broken
/// off before its last piece if it is damaged; of a part of such a one nothing can be said.
const CHECKED_BEFORE_BYTES_MAX: u64 = 1 << 20;

/// Read the result of a task run
///
/// The bytes as they were stored. 409 `result_unavailable` while there are none, saying why.
#[utoipa::path(get, path = "/api/v1/task-runs/{id}/result", tag = "task runs",
    params(("id" = u64, Path, description = "Its id"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "ETag of the copy at hand"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, description = "All of it", content_type = "application/vnd.fasti.pickle", body = Vec<u8>),
        (status = 206, description = "A part of it"), (status = 304, description = "The copy at hand is right"),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_result(id: String, call: Call) -> Answer {
    let id = map::number_id("task run", &id)?;
    let min_seq = super::batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let task_run = task_runs::visible(views, asker, id)?;
        let removed = task_runs::removed(views, &task_run, ContentKind::Results)?;
        Ok((task_run, removed))
    });
    let ((task_run, removed), as_of) = asked.await?;
    let result = task_run
        .result
        .clone()
        .ok_or_else(|| unavailable(&task_run))?;
    let etag = format!("\"{}\"", result.sha256);
    if is_known(&call, &etag) {
        let mut response = empty(StatusCode::NOT_MODIFIED, as_of);
        set(&mut response, header::ETAG, &etag);
        return Ok(response);
    }
    let range = range(&call, &etag, result.size)?;
    let (start, end) = range.unwrap_or((0, result.size));
    let mut response = body(&call, &result, removed, start, end).await?;
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {start}-{}/{}", end - 1, result.size);
        set(&mut response, header::CONTENT_RANGE, &text);
    }
    let kind = format!("application/vnd.fasti.{}", result.format);
    set(&mut response, header::CONTENT_TYPE, &kind);
    set(&mut response, header::ETAG, &etag);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    headers.insert("fasti-seq", HeaderValue::from(as_of.0));
    if let Ok(name) = HeaderValue::from_str(&encode(&task_run.name)) {
        headers.insert("x-fasti-task-name", name);
    }
    Ok(response)
}

fn set(response: &mut Response, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

/// Why there is nothing to give.
fn unavailable(task_run: &TaskRunView) -> Problem {
    let name = &task_run.name;
    let reason = task_run.status_reason.as_deref();
    let because = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let detail = match task_run.status {
        TaskStatus::Waiting | TaskStatus::Queued => {
            format!("the task `{name}` has not started yet")
        }
        TaskStatus::Running => format!("the task `{name}` is still running"),
        TaskStatus::Failure => format!("the task `{name}` failed{because}"),
        TaskStatus::Skipped => format!("the task `{name}` was skipped{because}"),
        TaskStatus::Cancelled => format!("the task `{name}` was cancelled{because}"),
        TaskStatus::Success => match task_run.work {
            Work::Command { .. } => format!(
                "the task `{name}` ran a command, which returns no value; its output is in its logs"
            ),
            Work::Python { .. } => format!("the task `{name}` left no value"),
        },
    };
    Problem::new(Code::ResultUnavailable, detail)
}

fn is_known(call: &Call, etag: &str) -> bool {
    let Some(given) = call.header("if-none-match") else {
        return false;
    };
    given
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}

/// The part asked for, end excluded; `None`: all of it. What is not one range of bytes is passed over, as
/// RFC 9110 has it.
fn range(call: &Call, etag: &str, size: u64) -> Result<Option<(u64, u64)>, Problem> {
    if call.header("if-range").is_some_and(|given| given != etag) {
        return Ok(None);
    }
    let spec = call
        .header("range")
        .and_then(|text| text.trim().strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (start, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if last >= first => (first, last.saturating_add(1).min(size)),
        (Some(first), None) if last.trim().is_empty() => (first, size),
        (None, Some(suffix)) if first.trim().is_empty() => (size.saturating_sub(suffix), size),
        _ => return Ok(None),
    };
    if start < end {
        return Ok(Some((start, end)));
    }
    let problem = Problem::new(
        Code::RangeNotSatisfiable,
        format!("the result has {size} bytes; the range lies outside of them"),
    );
    Err(match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => problem.with_header(header::CONTENT_RANGE, value),
        Err(_) => problem,
    })
}

async fn body(
    call: &Call,
    result: &ResultRef,
    removed: Option<Timestamp>,
    start: u64,
    end: u64,
) -> Answer {
    let content = call.app.parts.content.clone();
    let digest = result.sha256;
    let gone = || {
        let how = match removed {
            Some(at) => format!("was removed by retention on {at}"),
            None => "is not stored any more".to_owned(),
        };
        let detail = format!("the value {digest} {how}; run the task again");
        Problem::new(Code::ResultUnavailable, detail)
    };
    let found = tokio::task::spawn_blocking(move || find(&content, digest)).await;
    match found.map_err(|error| Problem::internal(&error))?? {
        None => Err(gone()),
        Some(Found::Here(bytes)) => {
            let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let part = Bytes::from(bytes[position(start)..position(end)].to_vec());
            Ok(Response::new(part.into()))
        }
        Some(Found::File(file)) => {
            let is_whole = (start, end) == (0, result.size);
            let check = is_whole.then(|| Check::new(digest));
            Ok(streamed(call, Kind::Whole, |sender| {
                send_file(sender, file, (start, end), check)
            }))
        }
    }
}

enum Found {
    Here(Vec<u8>),
    File(std::fs::File),
}

fn find(content: &Content, digest: Digest) -> Result<Option<Found>, Problem> {
    let failed = |error| Problem::internal(&error);
    let checked = |bytes: Vec<u8>| {
        if sha256(&bytes) == digest {
            return Ok(Some(Found::Here(bytes)));
        }
        tracing::error!(%digest, "a stored value is damaged");
        Err(Problem::new(
            Code::ResultUnavailable,
            format!(
                "the stored value {digest} is damaged: its bytes have another digest; run the task again"
            ),
        ))
    };
    if let Some(bytes) = content.values.get(digest).map_err(failed)? {
        return checked(bytes);
    }
    if let Some(mut file) = content.blobs.open_file(digest).map_err(failed)? {
        let size = file.metadata().map_or(u64::MAX, |data| data.len());
        if size > CHECKED_BEFORE_BYTES_MAX {
            return Ok(Some(Found::File(file)));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| Problem::internal(&error))?;
        return checked(bytes);
    }
    match content.blobs.read(digest).map_err(failed)? {
        Some(bytes) => checked(bytes),
        None => Ok(None),
    }
}

/// Reckons the digest of what is sent along with it.
struct Check {
    expected: Digest,
    hasher: Sha256,
}

impl Check {
    fn new(expected: Digest) -> Self {
        Self {
            expected,
            hasher: Sha256::new(),
        }
    }

    fn holds(self) -> bool {
        Digest(self.hasher.finalize().into()) == self.expected
    }
}

async fn send_file(
    sender: Sender,
    mut file: std::fs::File,
    (start, end): (u64, u64),
    mut check: Option<Check>,
) -> Result<(), Gone> {
    let mut at = start;
    while at < end {
        let wanted = usize::try_from(end - at)
            .unwrap_or(usize::MAX)
            .min(PIECE_BYTES);
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; wanted];
            let read = file
                .seek(SeekFrom::Start(at))
                .and_then(|_| file.read(&mut buffer))
                .map(|length| {
                    buffer.truncate(length);
                    buffer
                });
            (file, read)
        });
        let piece = match read.await {
            Ok((same, Ok(piece))) if !piece.is_empty() => {
                file = same;
                piece
            }
            Ok((_, Ok(_))) => {
                sender
                    .fail("a result is shorter than its record says".to_owned())
                    .await;
                return Ok(());
            }
            Ok((_, Err(error))) => {
                sender.fail(format!("reading a result: {error}")).await;
                return Ok(());
            }
            Err(error) => {
                sender.fail(format!("reading a result: {error}")).await;
                return Ok(());
            }
        };
        at += piece.len() as u64;
        if let Some(check) = &mut check {
            check.hasher.update(&piece);
        }
        // Before the last piece, so that a client never has all of a damaged value.
        if at == end && check.take().is_some_and(|check| !check.holds()) {
            let why = "a stored value is damaged: its bytes have another digest";
            sender.fail(why.to_owned()).await;
            return Ok(());
        }
        sender.send(piece.into()).await?;
    }
    Ok(())
}
