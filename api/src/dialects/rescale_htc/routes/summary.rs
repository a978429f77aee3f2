//! Jobs by status, of a task and of its groups. Each answer is of one moment.

use std::sync::Arc;

use warp::http::StatusCode;

use super::super::params::{PAGE_SIZE_MAX, Params, cursor, page};
use super::super::{access, folders, map};
use crate::call::{App, Call, json};
use crate::errors::Answer;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["projects" / project / "tasks" / task / "summary-statistics"] => of_task),
        route!(scope, app, GET ["projects" / project / "tasks" / task / "group-summary-statistics"] => of_groups),
        route!(scope, app, GET ["projects" / project / "tasks" / task / "groups"] => groups),
    ])
}

async fn of_task(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let is_limited = views.pool(&folder.pool()).capacity.is_some();
        let counts = map::counts(views, &folder, None);
        Ok(map::summary(&counts, is_limited, None))
    });
    let (summary, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &summary, as_of))
}

async fn of_groups(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let params = Params::of(&call);
    let wanted = params.all("group");
    let size = params.page_size(PAGE_SIZE_MAX)?;
    let [first] = params.cursor()?.unwrap_or([0]);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        let is_limited = views.pool(&folder.pool()).capacity.is_some();
        let mut names = map::groups(views, &folder);
        if !wanted.is_empty() {
            names.retain(|name| wanted.contains(name));
        }
        let count = names.len();
        let names = names.into_iter().skip(first).take(size);
        let summaries = names.map(|name| {
            let counts = map::counts(views, &folder, Some(&name));
            map::summary(&counts, is_limited, Some(name))
        });
        Ok((summaries.collect::<Vec<_>>(), count))
    });
    let ((items, count), as_of) = asked.await?;
    let end = first.saturating_add(items.len());
    let next = (end < count && !items.is_empty()).then(|| cursor(&[end as u64]));
    Ok(page(&call, &items, next.as_deref(), as_of))
}

async fn groups(project: String, task: String, mut call: Call) -> Answer {
    access::for_task(&mut call, &project, &task)?;
    let asked = call.ask(None, move |views, _| {
        let folder = folders::folder(views, &project, &task)?;
        Ok(map::groups(views, &folder))
    });
    let (groups, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &groups, as_of))
}
