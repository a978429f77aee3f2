//! Output of task runs: plain files, read from where it is asked for, followed while the task goes on.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use fasti_core::domain::contents::ContentKind;
use fasti_core::output::{self, Stream};
use fasti_projector::rows::TaskRunView;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use super::super::map;
use super::task_runs;
use crate::call::Call;
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::stream::{Gone, Kind, Sender, streamed};

/// Bytes read at a time.
const PIECE_BYTES: u64 = 64 << 10;

/// Pause between two looks at a file that may grow.
const LOOK_AGAIN: Duration = Duration::from_millis(150);

const STREAMS: &[(&str, Stream)] = &[("stdout", Stream::Stdout), ("stderr", Stream::Stderr)];

/// What is asked for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    stream: Stream,
    attempt: Option<u32>,
    offset: u64,
    limit: Option<u64>,
    tail: Option<u64>,
    follow: bool,
}

/// Read the output of a task run
///
/// `follow=true` streams until the task ends, over all attempts that are still to come unless one is named. A body
/// that breaks off is taken up again with `attempt` and `offset`. Readers that take nothing for 15 minutes are let go.
#[utoipa::path(get, path = "/api/v1/task-runs/{id}/logs", tag = "task runs",
    params(("id" = u64, Path, description = "Its id"),
        ("stream" = Option<String>, Query, description = "`stdout` (default) or `stderr`"),
        ("attempt" = Option<u32>, Query, description = "Which attempt; default: the last"),
        ("offset" = Option<u64>, Query, description = "Bytes to leave out at the beginning"),
        ("limit" = Option<u64>, Query, description = "Bytes to send at most"),
        ("tail" = Option<u64>, Query, description = "Only so many bytes of the end; not with `offset`"),
        ("follow" = Option<bool>, Query, description = "Go on while the task does"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event")),
    responses((status = 200, description = "The output; X-Fasti-Log-Size is its whole length so far",
            content_type = "text/plain", body = String),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_logs(id: String, call: Call) -> Answer {
    let id = map::number_id("task run", &id)?;
    let mut query = call.query()?;
    let wanted = Wanted {
        stream: query.word("stream", STREAMS)?.unwrap_or(Stream::Stdout),
        attempt: query.value("attempt", "the number of an attempt")?,
        offset: query.value("offset", "a number of bytes")?.unwrap_or(0),
        limit: query.value("limit", "a number of bytes")?,
        tail: query.value("tail", "a number of bytes")?,
        follow: query.flag("follow")?,
    };
    if wanted.tail.is_some() && wanted.offset > 0 {
        let detail = "`tail` counts from the end and `offset` from the beginning; give one of them";
        return Err(Problem::invalid("tail", detail));
    }
    let min_seq = super::batches::only_min_seq(query)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let (_, executed) = task_runs::executed(views, asker, id)?;
        match wanted.attempt {
            Some(number) if number == 0 || number > executed.attempt => {
                Err(task_runs::no_attempt(id, number, executed.attempt))
            }
            _ => {
                let removed = task_runs::removed(views, &executed, ContentKind::Output)?;
                Ok((executed, removed))
            }
        }
    });
    let ((task_run, removed), as_of) = asked.await?;
    let number = wanted.attempt.unwrap_or(task_run.attempt);
    let path = path(&call, &task_run, number, wanted.stream);
    if let Some(at) = removed
        && tokio::fs::metadata(&path).await.is_err()
    {
        let detail = format!(
            "the output of run {} was removed by retention on {at}",
            task_run.run_id
        );
        return Err(Problem::new(Code::OutputRemoved, detail));
    }
    let size = size(&path).await?;
    let start = wanted
        .tail
        .map_or(wanted.offset, |tail| size.saturating_sub(tail));
    let follower = Follower {
        number,
        at: start,
        left: wanted.limit.unwrap_or(u64::MAX),
        wanted,
        task_run,
        call_app: call.app.clone(),
    };
    let has_end = !wanted.follow;
    let mut response = if has_end {
        let end = size.min(start.saturating_add(follower.left)).max(start);
        let mut response = streamed(&call, Kind::Whole, |sender| send(sender, path, start, end));
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
        response
    } else {
        streamed(&call, Kind::Whole, |sender| follower.run(sender))
    };
    name(&mut response, size);
    response
        .headers_mut()
        .insert("fasti-seq", HeaderValue::from(as_of.0));
    Ok(response)
}

fn name(response: &mut Response, size: u64) {
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    headers.insert("x-fasti-log-size", HeaderValue::from(size));
}

fn path(call: &Call, task_run: &TaskRunView, number: u32, stream: Stream) -> PathBuf {
    output::path(
        &call.app.config.data,
        task_run.run_id,
        task_run.index,
        number,
        stream,
    )
}

/// Length of a file; one that is not there is empty.
async fn size(path: &std::path::Path) -> Result<u64, Problem> {
    match tokio::fs::metadata(path).await {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Problem::internal(&format!(
            "reading {}: {error}",
            path.display()
        ))),
    }
}

/// Sends a part of a file that is known to be there.
async fn send(sender: Sender, path: PathBuf, mut at: u64, end: u64) -> Result<(), Gone> {
    while at < end {
        match read(path.clone(), at, (end - at).min(PIECE_BYTES)).await {
            Ok(piece) if piece.is_empty() => {
                sender
                    .fail(format!("{} became shorter", path.display()))
                    .await;
                return Ok(());
            }
            Ok(piece) => {
                at += piece.len() as u64;
                sender.send(piece).await?;
            }
            Err(why) => {
                sender.fail(why).await;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A piece of a file; empty at its end, and while there is none.
async fn read(path: PathBuf, at: u64, wanted: u64) -> Result<Bytes, String> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("opening {}: {error}", path.display())),
        };
        let mut buffer = Vec::new();
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.take(wanted).read_to_end(&mut buffer))
            .map_err(|error| format!("reading {}: {error}", path.display()))?;
        Ok(buffer)
    });
    match reading.await {
        Ok(read) => read.map(Bytes::from),
        Err(error) => Err(error.to_string()),
    }
}

/// Follows the output of a task run.
struct Follower {
    call_app: std::sync::Arc<crate::call::App>,
    wanted: Wanted,
    task_run: TaskRunView,
    /// Attempt being read; 0: there was none yet.
    number: u32,
    at: u64,
    left: u64,
}

impl Follower {
    async fn run(mut self, sender: Sender) -> Result<(), Gone> {
        while self.left > 0 {
            // Asked before reading: what is written after this is read the next time round.
            let (is_over, last) = match self.look().await {
                Ok(seen) => seen,
                Err(why) => {
                    sender.fail(why).await;
                    return Ok(());
                }
            };
            if self.number == 0 {
                self.number = last.min(1);
            }
            let piece = match self.piece().await {
                Ok(piece) => piece,
                Err(why) => {
                    sender.fail(why).await;
                    return Ok(());
                }
            };
            if !piece.is_empty() {
                self.at += piece.len() as u64;
                self.left -= piece.len() as u64;
                sender.send(piece).await?;
            } else if self.wanted.attempt.is_none() && self.number < last {
                self.number += 1;
                self.at = 0;
            } else if is_over {
                return Ok(());
            } else {
                self.wait(&sender).await?;
            }
        }
        Ok(())
    }

    async fn piece(&self) -> Result<Bytes, String> {
        if self.number == 0 {
            return Ok(Bytes::new());
        }
        let run = &self.task_run;
        let data = &self.call_app.config.data;
        let path = output::path(data, run.run_id, run.index, self.number, self.wanted.stream);
        read(path, self.at, self.left.min(PIECE_BYTES)).await
    }

    /// Whether what is followed is over, and the number of the last attempt.
    async fn look(&self) -> Result<(bool, u32), String> {
        let (views, id) = (self.call_app.parts.views.clone(), self.task_run.id);
        // Old ones are read from disk.
        let looking = tokio::task::spawn_blocking(move || views.read().task_run(id));
        let looked = looking.await.map_err(|error| error.to_string())?;
        let now = looked.map_err(|error| error.to_string())?;
        let Some(now) = now else {
            return Ok((true, self.number));
        };
        let is_attempt_over = |number: u32| {
            let mut attempts = now.attempts.iter();
            attempts.any(|attempt| attempt.number == number && attempt.finished_at.is_some())
        };
        let is_over = match self.wanted.attempt {
            Some(number) => is_attempt_over(number),
            None => now.status.is_final(),
        };
        Ok((is_over, now.attempt))
    }

    async fn wait(&self, sender: &Sender) -> Result<(), Gone> {
        tokio::select! {
            () = sender.gone() => Err(Gone),
            () = tokio::time::sleep(LOOK_AGAIN) => Ok(()),
        }
    }
}
