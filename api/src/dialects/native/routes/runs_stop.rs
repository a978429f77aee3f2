//! What ends runs.

use fasti_core::domain::access::Right;
use fasti_core::domain::command::Command;
use fasti_core::domain::ids::RunId;
use fasti_core::domain::limits::REASON_BYTES_MAX;
use warp::http::StatusCode;

use super::super::submit::{Told, submit};
use super::super::{map, wire};
use super::runs;
use crate::call::{Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// A reason that is kept as it is, and not cut.
///
/// # Errors
/// It is longer than an event keeps.
pub(super) fn check_reason(reason: Option<&str>) -> Result<(), Problem> {
    match reason.map(str::len) {
        Some(bytes) if bytes > REASON_BYTES_MAX => {
            let detail =
                format!("{bytes} bytes are more than the {REASON_BYTES_MAX} kept; say it shorter");
            Err(Problem::invalid("reason", detail))
        }
        Some(_) | None => Ok(()),
    }
}

/// Cancel a run
///
/// Running tasks are ended, the others do not start. No effect on a finished run.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", tag = "runs",
    params(("id" = u64, Path, description = "Its id")),
    request_body = Option<wire::Cancel>,
    responses((status = 200, body = wire::Run), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn cancel_run(id: String, mut call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    call.query()?.finish()?;
    let (given, bytes) = call.json_or_default::<wire::Cancel>().await?;
    let (run, as_of) = call
        .ask(None, move |views, asker| runs::visible(views, asker, id))
        .await?;
    check_reason(given.reason.as_deref())?;
    if run.status.is_final() {
        if !run.access().permits(&call.principal, Right::Write) {
            let detail = format!(
                "`{}` may not cancel run {id}; its owner and those with the right to write may",
                call.principal.user
            );
            return Err(Problem::new(Code::Forbidden, detail));
        }
        return Ok(json(StatusCode::OK, &map::run(&run), as_of));
    }
    let command = Command::CancelRun {
        run: RunId(id),
        reason: given.reason,
    };
    let answer = submit(&call, command, &bytes, move |views, asker, _| {
        Told::json(StatusCode::OK, &map::run(&runs::visible(views, asker, id)?))
    });
    match answer.await {
        // It ended in between.
        Err(problem) if matches!(problem.code(), Code::RunFinished | Code::NotFound) => {
            let seq = call.last_seq();
            let asked = call.ask_after(seq, move |views, asker| runs::visible(views, asker, id));
            let Some((run, as_of)) = asked.await? else {
                return Err(problem);
            };
            Ok(json(StatusCode::OK, &map::run(&run), as_of))
        }
        answer => answer,
    }
}
