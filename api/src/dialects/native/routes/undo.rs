//! Taking back what an operator asked for.

use std::sync::Arc;

use bytes::Bytes;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::rejection::Rejection;
use fasti_core::domain::undo::{Undo, UndoMode};
use fasti_core::feed::Entry;
use fasti_projector::PastError;
use fasti_replay::undo::{self, Undoing};
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::events;
use crate::call::Call;
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// Undo what an operator asked for
///
/// Finds the command behind an event (pausing or resuming a batch or a backfill, saving a batch or a calendar, limiting a
/// pool, registering or removing an image, asking for a run or for many, moving the end of a run) and gives its inverse:
/// events with the undone one as their `causation_seq`. Refused with `not_undone` when that cannot be, and with
/// `changed_since` when what it changed has been changed again. Undoing needs the same right as doing.
#[utoipa::path(post, path = "/api/v1/events/{seq}/undo", tag = "events",
    params(("seq" = u64, Path, description = "Position of the event")),
    request_body = wire::UndoBody,
    responses((status = 200, body = wire::Undone), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn undo_event(seq: String, mut call: Call) -> Answer {
    let seq = Seq(map::number_id("event", &seq)?);
    call.query()?.finish()?;
    let (given, bytes) = call.json_or_default::<wire::UndoBody>().await?;
    let asked = events::visible(&call, seq).await?;
    let mode = if given.dry_run {
        UndoMode::Try
    } else {
        UndoMode::Do
    };
    let (entry, undoing) = found(&call, &asked).await?;
    if let Some(later) = later(&call, &undoing).await?
        && !is_of(&call, &later)
    {
        return Err(changed(undoing.event, Some(later.seq())));
    }
    let answer = done(&call, &entry, &undoing, mode, &bytes).await;
    match answer {
        // It changed while we looked: say by which event.
        Err(problem) if problem.code() == Code::ChangedSince => {
            let later = later(&call, &undoing).await?;
            Err(changed(undoing.event, later.map(|entry| entry.seq())))
        }
        answer => answer,
    }
}

/// The event of the command behind the one asked about, and what undoing it comes to.
async fn found(call: &Call, asked: &Arc<Entry>) -> Result<(Arc<Entry>, Undoing), Problem> {
    let seq = asked.seq();
    let (feed, past) = (call.app.parts.feed.clone(), call.app.parts.past.clone());
    // The views of the moment before are asked of those of now, which must have seen it.
    let seen = call.app.parts.views.wait_for(seq).await;
    seen.map_err(|error| Problem::internal(&error))?;
    let looking = move || {
        let entry = undo::asked_for(&feed, seq)?;
        let entry = entry.ok_or_else(|| Problem::not_found("event", &seq))?;
        let event = entry.seq();
        let before = match past.at(Seq(event.0 - 1)) {
            Ok(before) => before,
            Err(PastError::TooEarly(_) | PastError::TooLate(_)) => {
                return Err(refused(event, "the log begins with it".to_owned()));
            }
            Err(PastError::Views(error)) => return Err(error.into()),
        };
        match undo::undoing(&entry, &before)? {
            Ok(undoing) => Ok((entry, undoing)),
            Err(why) => Err(refused(event, why)),
        }
    };
    call.in_turn(looking).await?
}

async fn later(call: &Call, undoing: &Undoing) -> Result<Option<Arc<Entry>>, Problem> {
    let feed = call.app.parts.feed.clone();
    let (event, action) = (undoing.event, undoing.action.clone());
    let looking = move || undo::changed_since(&feed, event, &action);
    Ok(call.in_turn(looking).await??)
}

/// Whether a later change is this very request, sent again: its key is remembered, and answered as before.
fn is_of(call: &Call, later: &Entry) -> bool {
    let key = call
        .header("idempotency-key")
        .map(|key| key.trim_matches('"'));
    let used = later.recorded.key.as_ref().map(|used| used.key.as_str());
    key.is_some() && key == used && later.recorded.actor == call.principal.actor
}

async fn done(
    call: &Call,
    entry: &Arc<Entry>,
    undoing: &Undoing,
    mode: UndoMode,
    bytes: &Bytes,
) -> Answer {
    let command = Command::Undo(Box::new(Undo {
        event: undoing.event,
        action: undoing.action.clone(),
        mode,
    }));
    let (entry, undoing) = (entry.clone(), undoing.clone());
    submit(call, command, bytes, move |_, _, receipt| {
        let made = (mode == UndoMode::Do).then_some(receipt.seq);
        Told::json(StatusCode::OK, &map::undone(&entry, &undoing, made))
    })
    .await
}

fn refused(event: Seq, why: String) -> Problem {
    Rejection::NotUndone { event, why }.into()
}

fn changed(event: Seq, later: Option<Seq>) -> Problem {
    Rejection::ChangedSince { event, later }.into()
}
