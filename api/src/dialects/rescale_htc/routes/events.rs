//! What happened to a job, oldest first.

use std::sync::Arc;

use super::super::params::{PAGE_SIZE_MAX, Params, cursor, page};
use super::super::{access, folders};
use super::listing::Desk;
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::query::decode_segment;
use crate::routes::{Routes, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, GET ["projects" / project / "tasks" / task / "jobs" / job / "events"] => list)
}

async fn list(project: String, task: String, job: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let job = decode_segment(&job)?;
    let params = Params::of(&call);
    let size = params.page_size(PAGE_SIZE_MAX)?;
    let [first] = params.cursor()?.unwrap_or([0]);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let (app, log) = (call.app.clone(), call.app.parts.feed.log_id());
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let mut desk = Desk::new(views, &app.config.rescale, &folder, log);
        let Some((run, view)) = desk.find(&job)? else {
            return Err(Problem::not_found("job", &job));
        };
        Ok(desk.of_run(&run)?.events(&view))
    });
    let (events, as_of) = asked.await?;
    let end = first.saturating_add(size).min(events.len());
    let items = events.get(first..end).unwrap_or_default();
    let next = (end < events.len()).then(|| cursor(&[end as u64]));
    Ok(page(&call, items, next.as_deref(), as_of))
}
