//! The handlers, one file a resource.

mod backfills;
mod batches;
mod bundles;
mod calendars;
mod density;
mod differences;
mod drawings;
mod environments;
mod events;
mod evidence;
mod explanations;
mod files;
mod flow_pages;
mod flow_runs;
mod flow_types;
mod flows;
mod images;
mod item_sets;
mod listing;
mod logs;
mod pools;
mod records;
mod results;
mod run_sets;
mod runners;
mod runs;
mod runs_start;
mod runs_stop;
mod schedules;
mod server;
mod sessions;
mod slots;
mod step_types;
mod task_runs;
mod undo;
mod versions;
mod webhooks;
mod what_if;

use std::sync::Arc;

use warp::Filter as _;

use crate::call::App;
use crate::routes::{Routes, any_of};
use crate::table::Scope;

pub(crate) use backfills::*;
pub(crate) use batches::*;
pub(crate) use bundles::*;
pub(crate) use calendars::*;
pub(crate) use density::*;
pub(crate) use differences::*;
pub(crate) use drawings::*;
pub(crate) use environments::*;
pub(crate) use events::*;
pub(crate) use evidence::*;
pub(crate) use explanations::*;
pub(crate) use files::*;
pub(crate) use flow_runs::*;
pub(crate) use flow_types::*;
pub(crate) use flows::*;
pub(crate) use images::*;
pub(crate) use item_sets::*;
pub(crate) use logs::*;
pub(crate) use pools::*;
pub(crate) use records::*;
pub(crate) use results::*;
pub(crate) use run_sets::*;
pub(crate) use runners::*;
pub(crate) use runs::*;
pub(crate) use runs_start::*;
pub(crate) use runs_stop::*;
pub(crate) use schedules::*;
pub(crate) use server::*;
pub(crate) use sessions::*;
pub(crate) use slots::*;
pub(crate) use step_types::*;
pub(crate) use task_runs::*;
pub(crate) use undo::*;
pub(crate) use versions::*;
pub(crate) use webhooks::*;
pub(crate) use what_if::*;

/// All routes of the dialect.
pub(crate) fn all(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    let mut api = scope.within("api");
    let mut v1 = api.within("v1");
    let mut group = |name: &'static str, make: fn(&Arc<App>, &mut Scope<'_>) -> Routes| {
        let within = make(app, &mut v1.within(name));
        warp::path(name).and(within).boxed()
    };
    // The most used first.
    let groups = any_of([
        group("runs", runs::routes),
        group("task-runs", task_runs::routes),
        group("batches", batches::routes),
        group("events", events::routes),
        group("run-sets", run_sets::routes),
        group("flow-sets", flows::routes),
        group("flows", flow_runs::routes),
        group("flow-types", flow_types::routes),
        group("step-types", step_types::routes),
        group("item-sets", item_sets::routes),
        group("files", files::routes),
        group("images", images::routes),
        group("bundles", bundles::routes),
        group("environments", environments::routes),
        group("calendars", calendars::routes),
        group("pools", pools::routes),
        group("runners", runners::routes),
        group("workers", runners::worker_routes),
        group("schedules", schedules::routes),
        group("webhooks", webhooks::routes),
        group("layout", drawings::routes),
        group("what-if", what_if::routes),
        group("log", records::routes),
        group("session", sessions::routes),
        group("health", server::health_routes),
        group("version", server::version_routes),
        group("openapi.json", server::openapi_routes),
        group("asyncapi.json", server::asyncapi_routes),
        group("errors", server::error_routes),
    ]);
    warp::path("api").and(warp::path("v1")).and(groups).boxed()
}
