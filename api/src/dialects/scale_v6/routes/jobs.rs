//! Jobs: list, read, cancel, requeue; their executions and what these wrote.

use std::sync::Arc;

use fasti_core::domain::flow::{FlowCommand, Flows, Step};
use fasti_core::domain::ids::RunId;
use fasti_core::output::{self, Stream};
use serde_json::Value;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::super::answer::{Fault, ask, body, nothing, submit};
use super::super::map::{job, status};
use super::super::page::Pager;
use super::super::query::{Key, Params, Range, sort};
use super::super::wire::body::Body;
use super::super::wire::time;
use super::{handler, id};
use crate::call::{App, Call};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [] => list),
        route!(scope, app, POST ["cancel"] => cancel),
        route!(scope, app, POST ["requeue"] => requeue),
        route!(scope, app, GET [job] => get),
        route!(scope, app, GET [job / "executions"] => executions),
    ])
}

pub(super) fn execution_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, GET [execution / "logs" / stream] => logs)])
}

handler!(list, list_jobs);
handler!(get, get_job, job);
handler!(executions, list_executions, job);
handler!(cancel, cancel_jobs);
handler!(requeue, requeue_jobs);
handler!(logs, read_logs, execution, stream);

/// Bytes of a log that one answer has at most: its last ones.
const LOG_BYTES_MAX: u64 = 8 << 20;

const ORDERS: [&str; 14] = [
    "id",
    "status",
    "job_type_id",
    "job_type",
    "num_exes",
    "max_tries",
    "created",
    "queued",
    "started",
    "ended",
    "last_status_change",
    "superseded",
    "last_modified",
    "batch_id",
];

fn key(flows: &Flows, id: u64, step: &Step, name: &str) -> Key {
    match name {
        "status" => Key::text(Some(status(step.status))),
        "job_type_id" => Key::Number(Some(step.step_type)),
        "job_type" => Key::text(flows.step_type(step.step_type).map(|it| it.name.as_str())),
        "num_exes" => Key::Number(Some(step.tries.into())),
        "max_tries" => Key::Number(Some(step.max_tries.into())),
        "created" => Key::Time(Some(step.created)),
        "queued" => Key::Time(step.queued),
        "started" => Key::Time(step.started),
        "ended" => Key::Time(step.ended),
        "last_status_change" => Key::Time(Some(step.changed)),
        "superseded" => Key::Time(step.superseded),
        "last_modified" => Key::Time(Some(step.modified)),
        "batch_id" => Key::Number(step.set),
        _ => Key::Number(Some(id)),
    }
}

/// Which jobs are meant; nothing given is no filter.
#[derive(Default)]
struct Filter {
    range: Range,
    statuses: Vec<String>,
    ids: Vec<u64>,
    types: Vec<u64>,
    exact_types: Option<Vec<u64>>,
    type_names: Vec<String>,
    batches: Vec<u64>,
    recipes: Vec<u64>,
    categories: Vec<String>,
    is_superseded: Option<bool>,
}

impl Filter {
    fn fits(&self, flows: &Flows, id: u64, step: &Step) -> bool {
        let name = || {
            flows
                .step_type(step.step_type)
                .map(|it| it.name.clone())
                .unwrap_or_default()
        };
        let category = || {
            step.error
                .as_ref()
                .map(|it| it.category.clone())
                .unwrap_or_default()
        };
        (self.batches.is_empty() || step.set.is_some_and(|set| self.batches.contains(&set)))
            && (self.recipes.is_empty() || self.recipes.contains(&step.flow))
            && (self.ids.is_empty() || self.ids.contains(&id))
            && (self.statuses.is_empty()
                || self.statuses.iter().any(|it| it == status(step.status)))
            && (self.types.is_empty() || self.types.contains(&step.step_type))
            && self
                .exact_types
                .as_ref()
                .is_none_or(|it| it.contains(&step.step_type))
            && (self.type_names.is_empty() || self.type_names.contains(&name()))
            && (self.categories.is_empty() || self.categories.contains(&category()))
            && self
                .is_superseded
                .is_none_or(|wanted| wanted == step.superseded.is_some())
            && self.range.has(step.modified)
    }
}

async fn list_jobs(call: Call) -> Result<Response, Fault> {
    let params = Params::parse(&call.query);
    let filter = Filter {
        range: params.range(call.app.parts.clock.now())?,
        statuses: params.all("status"),
        ids: params.ids("job_id")?,
        types: params.ids("job_type_id")?,
        exact_types: None,
        type_names: params.all("job_type_name"),
        batches: params.ids("batch_id")?,
        recipes: params.ids("recipe_id")?,
        categories: params.all("error_category"),
        is_superseded: params.boolean("is_superseded")?,
    };
    let mut order = params.order(&ORDERS)?;
    if order.is_empty() {
        order.push(("last_modified", false));
    }
    let pager = Pager::new(&call, &params);
    ask(&call, move |views| {
        let flows = views.flows();
        let fitting = flows
            .steps()
            .filter(|(id, step)| filter.fits(flows, *id, step));
        let ids = fitting.map(|(id, _)| id).collect();
        let key = |id: u64, name: &str| {
            flows
                .step(id)
                .map_or(Key::Number(None), |step| key(flows, id, step, name))
        };
        let page = pager.cut(sort(ids, &order, &key))?;
        let page = page.map(|id| {
            flows
                .step(id)
                .map(|it| job::item(flows, id, it))
                .unwrap_or_default()
        });
        Ok(pager.answer(&page))
    })
    .await
}

async fn get_job(job: String, call: Call) -> Result<Response, Fault> {
    let id = id(&job)?;
    let value = ask(&call, move |views| {
        let flows = views.flows();
        flows
            .step(id)
            .map(|it| job::detail(flows, id, it))
            .ok_or_else(Fault::not_found)
    });
    Ok(body(StatusCode::OK, &value.await?))
}

async fn list_executions(job: String, call: Call) -> Result<Response, Fault> {
    let id = id(&job)?;
    let pager = Pager::new(&call, &Params::parse(&call.query));
    ask(&call, move |views| {
        let flows = views.flows();
        let step = flows.step(id).ok_or_else(Fault::not_found)?;
        let page = pager.cut(step.executions.iter().rev().collect())?;
        Ok(pager.answer(&page.map(|it| job::execution(flows, step, it))))
    })
    .await
}

/// The steps that a body means.
async fn meant(call: &Call, given: &Body) -> Result<Vec<u64>, Fault> {
    let now = call.app.parts.clock.now();
    let bound = |name: &str| -> Result<_, Fault> {
        let text = given.text(name)?;
        let read = |text: String| {
            let wrong = || {
                Fault::bad(format!(
                    "Invalid time range for the parameter \"{name}\": {text}"
                ))
            };
            time::bound(&text, now).ok_or_else(wrong)
        };
        text.map(read).transpose()
    };
    let mut filter = Filter {
        range: Range::new(bound("started")?, bound("ended")?)?,
        statuses: given.text("status")?.into_iter().collect(),
        ids: given.ids("job_ids")?.unwrap_or_default(),
        types: given.ids("job_type_ids")?.unwrap_or_default(),
        exact_types: None,
        type_names: given.texts("job_type_names")?.unwrap_or_default(),
        batches: given.ids("batch_ids")?.unwrap_or_default(),
        recipes: given.ids("recipe_ids")?.unwrap_or_default(),
        categories: given.texts("error_categories")?.unwrap_or_default(),
        is_superseded: given.boolean("is_superseded")?,
    };
    let named = given.list("job_types")?.cloned();
    ask(call, move |views| {
        let flows = views.flows();
        if let Some(named) = named.filter(|it| !it.is_empty()) {
            let find = |entry: &Value| {
                let member = |name: &str| entry.get(name).and_then(Value::as_str);
                let lacks = || Fault::bad("The parameter \"job_types\" must be a list of objects with name and version");
                let (name, version) = member("name").zip(member("version")).ok_or_else(lacks)?;
                let found = flows.step_type_named(name, version).map(|it| it.id);
                found.ok_or_else(|| Fault::bad(format!("The parameter \"job_types\" names {name} {version}, which is not there")))
            };
            filter.exact_types = Some(named.iter().map(find).collect::<Result<_, _>>()?);
        }
        let fitting = flows.steps().filter(|(id, step)| filter.fits(flows, *id, step));
        Ok(fitting.map(|(id, _)| id).collect())
    })
    .await
}

async fn cancel_jobs(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let steps = meant(&call, &given).await?;
    submit(&call, FlowCommand::Cancel { steps }).await?;
    Ok(nothing(&call, StatusCode::ACCEPTED))
}

async fn requeue_jobs(mut call: Call) -> Result<Response, Fault> {
    let given = Body::read(&mut call).await?;
    let priority = given
        .id("priority")?
        .map(|it| u32::try_from(it).unwrap_or(u32::MAX));
    let steps = meant(&call, &given).await?;
    submit(&call, FlowCommand::Requeue { steps, priority }).await?;
    Ok(nothing(&call, StatusCode::ACCEPTED))
}

async fn read_logs(execution: String, stream: String, call: Call) -> Result<Response, Fault> {
    let run = RunId(id(&execution)?);
    ask(&call, move |views| {
        let is_ours = views
            .flows()
            .steps()
            .any(|(_, step)| step.executions.iter().any(|it| it.run == run));
        is_ours.then_some(()).ok_or_else(Fault::not_found)
    })
    .await?;
    let streams: &[Stream] = match stream.as_str() {
        "stdout" => &[Stream::Stdout],
        "stderr" => &[Stream::Stderr],
        "combined" => &[Stream::Stdout, Stream::Stderr],
        _ => return Err(Fault::not_found()),
    };
    let data = call.app.config.data.clone();
    let read = tokio::task::spawn_blocking(move || {
        let paths = streams
            .iter()
            .map(|stream| output::path(&data, run, 0, 1, *stream));
        paths
            .map(|path| tail(&path))
            .collect::<std::io::Result<Vec<Vec<u8>>>>()
    });
    let read = read
        .await
        .map_err(|error| Fault::from(crate::errors::Problem::internal(&error)))?;
    let parts = read.map_err(|error| Fault::from(crate::errors::Problem::internal(&error)))?;
    let mut response = Response::new(parts.concat().into());
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    Ok(response)
}

/// The last bytes of a file; a missing one is empty.
fn tail(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
