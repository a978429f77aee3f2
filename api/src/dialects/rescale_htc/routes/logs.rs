//! What a job wrote, line by line, newest first: all its attempts as one text. A cursor is a place in it, so that
//! lines that come meanwhile shift nothing.

mod lines;

use std::path::PathBuf;
use std::sync::Arc;

use fasti_core::output::{self, Stream};
use fasti_projector::rows::TaskRunView;

use super::super::params::{Params, cursor, page};
use super::super::{access, folders, map, wire};
use super::listing::Desk;
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::query::decode_segment;
use crate::routes::{Routes, route};
use crate::table::Scope;
use lines::{Asked, Piece};

/// Lines of a page at most.
const LINES_MAX: usize = 10_000;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, GET ["projects" / project / "tasks" / task / "jobs" / job / "logs"] => read)
}

async fn read(project: String, task: String, job: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let job = decode_segment(&job)?;
    let params = Params::of(&call);
    let size = params.page_size(LINES_MAX)?;
    let from = params.cursor::<2>()?;
    let is_ascending = match params.one("sort") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => {
            let detail = format!("`{other}` does not fit: must be asc or desc");
            return Err(Problem::invalid("sort", detail));
        }
    };
    let (app, log) = (call.app.clone(), call.app.parts.feed.log_id());
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let desk = Desk::new(views, &app.config.rescale, &folder, log);
        let found = desk.find(&job)?;
        let (_, view) = found.ok_or_else(|| Problem::not_found("job", &job))?;
        Ok(pieces(&app, &view))
    });
    let (pieces, as_of) = asked.await?;
    let asked = Asked {
        from,
        size,
        is_ascending,
    };
    let reading = tokio::task::spawn_blocking(move || lines::read(&pieces, &asked));
    let read = reading.await.map_err(|error| Problem::internal(&error))?;
    let read = read.map_err(|error| Problem::internal(&error))?;
    let next = read.next.map(|place| cursor(&place));
    Ok(page(&call, &read.lines, next.as_deref(), as_of))
}

/// The files of all attempts in the order of the text. Jobs of this dialect write into one each; those of others may
/// have a second one.
fn pieces(app: &App, view: &TaskRunView) -> Vec<Piece> {
    let data = &app.config.data;
    let mut pieces = Vec::new();
    for attempt in &view.attempts {
        let at = attempt.started_at.unwrap_or(attempt.leased_at);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let path: PathBuf = output::path(data, view.run_id, view.index, attempt.number, stream);
            pieces.push(Piece {
                path,
                timestamp: map::time(at),
            });
        }
    }
    pieces
}

/// A line as it is sent.
fn line(piece: &Piece, bytes: &[u8]) -> wire::LogEvent {
    wire::LogEvent {
        timestamp: piece.timestamp.clone(),
        message: String::from_utf8_lossy(bytes).into_owned(),
    }
}
