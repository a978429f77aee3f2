//! Runs: list, read, tasks, graph.

use std::sync::Arc;

use fasti_core::domain::ids::RunId;
use fasti_projector::rows::{BatchFilter, RunFilter, RunView};
use fasti_projector::{Order, Total, Views};
use warp::http::StatusCode;

use super::super::{map, wire};
use super::{batches, listing};
use crate::ask::Asker;
use crate::call::{App, Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::{Query, cursor};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Task runs looked up at a time for a page of them.
const TASKS_AT_A_TIME: usize = 16;

/// Words for the direction of a list.
pub(super) const ORDERS: &[(&str, Order)] =
    &[("asc", Order::Ascending), ("desc", Order::Descending)];

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [id] => get_run),
        route!(scope, app, GET [] => list_runs),
        route!(scope, app, POST [] => super::start_definition),
        route!(scope, app, GET [id / "tasks"] => list_tasks),
        route!(scope, app, GET [id / "graph"] => get_graph),
        route!(scope, app, GET [id / "layout"] => super::get_layout),
        route!(scope, app, GET [id / "states"] => super::get_states),
        route!(scope, app, GET [id / "why"] => super::explain_run),
        route!(scope, app, GET [id / "evidence"] => super::get_evidence),
        route!(scope, app, GET [id / "diff"] => super::compare_run),
        route!(scope, app, POST [id / "cancel"] => super::cancel_run),
        route!(scope, app, POST [id / "rerun"] => super::rerun_run),
    ])
}

/// A run that the asker may see.
pub(super) fn visible(views: &Views, asker: &Asker, id: u64) -> Result<RunView, Problem> {
    if let Some(run) = views
        .run(RunId(id))?
        .filter(|run| asker.may_read(run.access()))
    {
        return Ok(run);
    }
    let run = views.run_of(fasti_core::domain::ids::TaskRunId(id))?;
    let run = run.map(|run| views.run(run)).transpose()?.flatten();
    match run.filter(|run| asker.may_read(run.access())) {
        None => Err(Problem::not_found("run", &id)),
        Some(run) => Err(Problem::new(
            crate::errors::Code::NotFound,
            format!("{id} is the id of a task run; its run is {}", run.id),
        )),
    }
}

/// List runs
///
/// By id. 404 if `batch_name` never existed. `total` is counted with the first page.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs",
    params(
        ("batch_id" = Option<String>, Query, description = "Of this batch"),
        ("batch_name" = Option<String>, Query, description = "Of batches of this name, in all tags, deleted ones too"),
        ("search" = Option<String>, Query, description = "Of batches with this text in their name, in capitals or not, deleted ones too"),
        ("tag" = Option<wire::Tag>, Query, description = "Of batches with this tag"),
        ("status" = Option<String>, Query, description = "One or more statuses, separated by commas"),
        ("rundate" = Option<String>, Query, description = "`YYYY-MM-DD`"),
        ("scheduled_from" = Option<String>, Query, description = "Due at this instant or later"),
        ("scheduled_until" = Option<String>, Query, description = "Due before this instant"),
        ("run_set" = Option<u64>, Query, description = "In this run set"),
        ("label" = Option<String>, Query, description = "Carries this label"),
        ("owner" = Option<String>, Query, description = "Belongs to this user"),
        ("order" = Option<String>, Query, description = "`asc` (default) or `desc`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)"),
    ),
    responses((status = 200, body = wire::RunPage), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_runs(call: Call) -> Answer {
    let mut query = call.query()?;
    let filter = filter(&mut query)?;
    let order = query.word("order", ORDERS)?.unwrap_or_default();
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let (after, known) = counted_cursor(&mut query)?.unzip();
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let may_read = |access: fasti_projector::Access<'_>| asker.may_read(access);
        if let Some(name) = &filter.batch_name {
            check_name(views, asker, name)?;
        }
        let page = views.runs_counted(&filter, &may_read, order, after, limit, known)?;
        let total = page.total;
        let next = |id: RunId| {
            let (id, count) = (id.to_string(), total.count.to_string());
            let is_exact = if total.is_exact { "1" } else { "0" };
            cursor("runs", &[&id, &count, is_exact])
        };
        Ok(wire::RunPage {
            items: page.page.items.iter().map(map::run).collect(),
            next_cursor: page.page.next.map(next),
            as_of_seq: page.page.as_of.0,
            total: page.total.count,
            total_is_exact: page.total.is_exact,
        })
    });
    let (body, as_of) = asked.await?;
    let response = json(StatusCode::OK, &body, as_of);
    Ok(listing::linked(
        &call,
        response,
        body.next_cursor.as_deref(),
    ))
}

fn filter(query: &mut Query) -> Result<RunFilter, Problem> {
    let rundate = query.text("rundate");
    Ok(RunFilter {
        batch_id: query.value("batch_id", "a UUID")?,
        batch_name: query.text("batch_name"),
        search: query.text("search"),
        tag: query.word("tag", wire::Tag::WORDS)?,
        statuses: words(query, "status", wire::RunStatus::WORDS)?,
        rundate: map::rundate("rundate", rundate)?,
        scheduled_from: query.instant("scheduled_from")?,
        scheduled_until: query.instant("scheduled_until")?,
        run_set: query.value("run_set", "the id of a run set")?,
        label: query.text("label"),
        owner: query.text("owner"),
    })
}

/// Words separated by commas.
pub(super) fn words<T: Copy>(
    query: &mut Query,
    name: &str,
    known: &[(&str, T)],
) -> Result<Vec<T>, Problem> {
    let text = query.text(name).unwrap_or_default();
    let given = text.split(',').filter(|word| !word.is_empty());
    given
        .map(|given| {
            let found = known.iter().find(|(word, _)| *word == given);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
                let words = words.join(", ");
                Problem::invalid(
                    name,
                    format!("`{given}` does not fit: must be some of {words}"),
                )
            })
        })
        .collect()
}

/// A cursor that is one number.
/// Where a page of runs begins, and how many runs there were when the first page was read: counting them again for
/// every page would look at all of them every time.
fn counted_cursor(query: &mut Query) -> Result<Option<(RunId, Total)>, Problem> {
    let Some([id, count, is_exact]) = query.cursor("runs")? else {
        return Ok(None);
    };
    let wrong = |_| Problem::invalid("cursor", "this is no cursor of this list");
    let total = Total {
        count: count.parse().map_err(wrong)?,
        is_exact: is_exact == "1",
    };
    Ok(Some((RunId(id.parse().map_err(wrong)?), total)))
}

pub(super) fn number_cursor(query: &mut Query, list: &str) -> Result<Option<u64>, Problem> {
    match query.cursor(list)? {
        None => Ok(None),
        Some([text]) => text
            .parse()
            .map(Some)
            .map_err(|_| Problem::invalid("cursor", "this is no cursor of this list")),
    }
}

/// Refuses a name of which the asker may know nothing.
pub(super) fn check_name(views: &Views, asker: &Asker, name: &str) -> Result<(), Problem> {
    let filter = BatchFilter {
        name: Some(name.to_owned()),
        include_deleted: true,
        include_dev_runs: true,
        ..BatchFilter::default()
    };
    let page = views.batches(&filter, &|access| asker.may_read(access), None, 1)?;
    if page.items.is_empty() {
        return Err(Problem::not_found("batch", &name));
    }
    Ok(())
}

/// Read a run
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs",
    params(("id" = u64, Path, description = "Its id"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Run), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_run(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let min_seq = batches::only_min_seq(call.query()?)?;
    let asked = call.ask(min_seq, move |views, asker| visible(views, asker, id));
    let (view, as_of) = asked.await?;
    Ok(json(StatusCode::OK, &map::run(&view), as_of))
}

/// List the task runs of a run
///
/// In definition order, parts in part order.
#[utoipa::path(get, path = "/api/v1/runs/{id}/tasks", tag = "runs",
    params(("id" = u64, Path, description = "Id of the run"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::Page<wire::TaskRun>), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_tasks(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = number_cursor(&mut query, "tasks")?.map(fasti_core::domain::ids::TaskRunId);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, asker| {
        let run = visible(views, asker, id)?;
        let mut filling = listing::Filling::new();
        let mut at = after;
        // A few at a time: each brings along what its task is started with.
        while filling.items.len() < limit && !filling.is_full() {
            let wanted = (limit - filling.items.len()).min(TASKS_AT_A_TIME);
            let page = views.task_runs(run.id, at, wanted)?;
            let page = page.ok_or_else(|| Problem::not_found("run", &id))?;
            at = page.next;
            let mut views = page.items.iter();
            while let Some(view) = views.next() {
                filling.push(map::task_run(view));
                if filling.is_full() && views.len() > 0 {
                    at = Some(view.id);
                    break;
                }
            }
            if at.is_none() {
                break;
            }
        }
        let next = at.map(|id| cursor("tasks", &[&id.to_string()]));
        Ok((filling.items, next))
    });
    let ((mut items, next), as_of) = asked.await?;
    super::server::tell_of_silence(&call.app, &mut items);
    Ok(listing::page(&call, items, next, as_of))
}

/// Read the graph of a run
///
/// `expand=false` leaves out the edges between parts; those between tasks are always there.
#[utoipa::path(get, path = "/api/v1/runs/{id}/graph", tag = "runs",
    params(("id" = u64, Path, description = "Id of the run"),
        ("expand" = Option<bool>, Query, description = "List edges between parts; default true"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::RunGraph), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn get_graph(id: String, call: Call) -> Answer {
    let id = map::number_id("run", &id)?;
    let mut query = call.query()?;
    let words = [("true", true), ("false", false)];
    let expand = query.word("expand", &words)?.unwrap_or(true);
    let min_seq = batches::only_min_seq(query)?;
    let asked = call.ask(min_seq, move |views, asker| {
        let run = visible(views, asker, id)?;
        let graph = views.graph(run.id)?;
        graph.ok_or_else(|| Problem::not_found("run", &id))
    });
    let (graph, as_of) = asked.await?;
    // A wide one takes a while to write down; nobody has to wait for that.
    let written = tokio::task::spawn_blocking(move || {
        let body = if expand {
            map::graph(&graph, as_of)?
        } else {
            map::graph_without_edges(&graph, as_of)
        };
        Ok(json(StatusCode::OK, &body, as_of))
    });
    written.await.map_err(|error| Problem::internal(&error))?
}
