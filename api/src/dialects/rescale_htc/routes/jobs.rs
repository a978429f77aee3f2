//! Jobs, in lists or one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use fasti_core::domain::ids::RunId;
use warp::http::StatusCode;

use super::super::params::{PAGE_SIZE_MAX, Params, cursor, page, wrong_cursor};
use super::super::wire::Status;
use super::super::{access, folders};
use super::listing::{Desk, Wanted, fits_group};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem};
use crate::query::decode_segment;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Jobs asked for by their ids in one request.
const IDS_MAX: usize = 1_000;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects" / project / "tasks" / task / "jobs" / job] => get),
        route!(scope, app, GET ["projects" / project / "tasks" / task / "jobs"] => list),
    ])
}

async fn get(project: String, task: String, job: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let job = decode_segment(&job)?;
    let (app, log) = (call.app.clone(), call.app.parts.feed.log_id());
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let mut desk = Desk::new(views, &app.config.rescale, &folder, log);
        let Some((run, view)) = desk.find(&job)? else {
            return Err(Problem::not_found("job", &job));
        };
        Ok(desk.of_run(&run)?.job(&view, false))
    });
    let (job, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &job, as_of))
}

async fn list(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let params = Params::of(&call);
    let wanted = Wanted {
        groups: params.all("group"),
        statuses: statuses(&params)?,
        is_simple: is_simple(&params)?,
    };
    let size = params.page_size(PAGE_SIZE_MAX)?;
    let from = params.cursor::<2>()?.map(place).transpose()?;
    let ids = params.all("jobId");
    if ids.len() > IDS_MAX {
        let detail = format!("at most {IDS_MAX} jobs are asked for at a time");
        return Err(Problem::invalid("jobId", detail));
    }
    let (app, log) = (call.app.clone(), call.app.parts.feed.log_id());
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let mut desk = Desk::new(views, &app.config.rescale, &folder, log);
        if ids.is_empty() {
            return desk.page(&wanted, from, size);
        }
        let mut jobs = Vec::new();
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let found = desk.find(id)?;
            let Some((run, view)) = found.filter(|(run, _)| fits_group(run, &wanted)) else {
                continue;
            };
            let of_run = desk.of_run(&run)?;
            if wanted.statuses.is_empty() || wanted.statuses.contains(&of_run.status(&view)) {
                jobs.push(of_run.job(&view, wanted.is_simple));
            }
        }
        Ok((jobs, None))
    });
    let ((jobs, next), as_of) = asked.await?;
    let next = next.map(|(run, index)| cursor(&[run.0, u64::from(index)]));
    Ok(page(&call, &jobs, next.as_deref(), as_of))
}

fn place([run, index]: [u64; 2]) -> Result<(RunId, u32), Problem> {
    let index = u32::try_from(index).map_err(|_| wrong_cursor())?;
    Ok((RunId(run), index))
}

fn statuses(params: &Params) -> Result<BTreeSet<Status>, Problem> {
    let read = |text: String| {
        let known = Status::ALL.iter().find(|(name, _)| *name == text);
        known.map(|(_, status)| *status).ok_or_else(|| {
            let names: Vec<&str> = Status::ALL.iter().map(|(name, _)| *name).collect();
            let detail = format!("`{text}` does not fit: must be one of {}", names.join(", "));
            Problem::invalid("status", detail)
        })
    };
    params.all("status").into_iter().map(read).collect()
}

fn is_simple(params: &Params) -> Result<bool, Problem> {
    match params.one("viewType") {
        None | Some("FULL") => Ok(false),
        Some("SIMPLE") => Ok(true),
        Some(other) => {
            let detail = format!("`{other}` does not fit: must be FULL or SIMPLE");
            Err(Problem::invalid("viewType", detail))
        }
    }
}
