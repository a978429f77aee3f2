//! Evidence of a run: one file that proves it to others.

use fasti_core::domain::ids::RunId;
use fasti_replay::evidence::{self, NoEvidence, Stretch, Wanted};
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use super::super::map;
use super::runs;
use crate::call::Call;
use crate::errors::{Answer, Code, Problem, ProblemDocument};

/// Largest evidence that is made while others are served, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// Read the evidence of a run
///
/// One file that proves a finished run to whoever has the server's public key: its definition and events in their exact
/// bytes, with hashes that lead to signed anchors, signed as a whole. `fasti evidence verify` checks it on any machine,
/// without a server. The digests of results are in the events; with `results=true` the results are in the file as well.
/// Events that no anchor covers yet are anchored first. 409 `run_not_finished` before the run is over, 429 `limit`
/// above 64 MiB.
#[utoipa::path(get, path = "/api/v1/runs/{id}/evidence", tag = "runs",
    params(("id" = u64, Path, description = "Its id"),
        ("results" = Option<bool>, Query, description = "With the results themselves; default false")),
    responses((status = 200, description = "Lines of JSON", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_evidence(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let mut query = call.query()?;
    let with_results = query.value("results", "true or false")?.unwrap_or(false);
    query.finish()?;
    let asked = call.ask(None, move |views, asker| runs::visible(views, asker, id));
    let (run, as_of) = asked.await?;
    let Some(finished) = run.finished_seq else {
        return Err(problem(&NoEvidence::NotOver(RunId(id))));
    };
    let wanted = Wanted {
        run: run.id,
        stretch: Stretch {
            created: run.created_seq,
            finished,
        },
        with_results,
        bytes_max: BYTES_MAX,
        at: call.app.parts.clock.now(),
    };
    let app = call.app.clone();
    let making = move || {
        let mut file = Vec::new();
        let (parts, data) = (&app.parts, &app.config.data);
        let last = parts.feed.last();
        evidence::make(
            &*parts.exact,
            &parts.content,
            data,
            last,
            &wanted,
            &mut file,
        )
        .map(|_| file)
    };
    let made = call.in_turn(making).await?;
    let mut response = Response::new(made.map_err(|error| problem(&error))?.into());
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/x-ndjson");
    headers.insert(header::CONTENT_TYPE, kind);
    let attachment = HeaderValue::from_static("attachment");
    headers.insert(header::CONTENT_DISPOSITION, attachment);
    headers.insert("fasti-seq", HeaderValue::from(as_of.0));
    Ok(response)
}

fn problem(error: &NoEvidence) -> Problem {
    let detail = error.to_string();
    match error {
        NoEvidence::NoRun(run) => Problem::not_found("run", run),
        NoEvidence::NotOver(_) => Problem::new(Code::RunNotFinished, detail),
        NoEvidence::TooLarge { .. } => Problem::new(Code::Limit, detail),
        NoEvidence::Damaged { .. } | NoEvidence::Replay(_) => Problem::internal(&detail),
    }
}
