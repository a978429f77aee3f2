//! The way between wire types and the domain: pure functions, so that a test needs no server.

mod batch;
mod calendar;
mod definition;
mod diff;
mod drawing;
mod event;
mod explanation;
mod flow;
mod flow_run;
mod flow_type;
mod graph;
mod ids;
mod image;
mod interface;
mod item_set;
mod preview;
mod rerun;
mod retry;
mod run;
mod run_set;
mod runner;
mod schedule;
mod slot;
mod step_type;
mod task;
mod task_run;
mod trigger;
mod undo;
mod what_if;

pub(crate) use batch::{batch, batch_version};
pub(crate) use calendar::{calendar, calendar_from_wire};
pub(crate) use definition::{from_wire as definition_from_wire, to_wire as definition_to_wire};
pub(crate) use diff::{batch_diff, run_diff};
pub(crate) use drawing::{graph_layout, graph_to_draw, run_layout, run_states};
pub(crate) use event::{event, event_density, listed_event};
pub(crate) use explanation::explanation;
pub(crate) use flow::{
    flow_graph_diff, flow_set, flow_set_comparison, flow_set_plan, flow_set_request, set_refused,
};
pub(crate) use flow_run::{flow, flow_node, flow_status, steps_of};
pub(crate) use flow_type::{flow_type, flow_type_command};
pub(crate) use graph::{graph, without_edges as graph_without_edges};
pub(crate) use ids::{batch_id, digest, instant, number_id, rundate};
pub(crate) use image::{environment, image, image_from_wire};
pub(crate) use item_set::{file, item_set, item_set_command, items, set_item};
pub(crate) use preview::{Window, preview};
pub(crate) use rerun::rerun_plan;
pub(crate) use run::run;
pub(crate) use run_set::run_set;
pub(crate) use runner::runner;
pub(crate) use schedule::from_wire as schedule_from_wire;
pub(crate) use slot::{open_slots, slot, slot_plan, slot_totals, unrecorded};
pub(crate) use step_type::{step_type, step_type_command};
pub(crate) use task_run::{metrics, task_run};
pub(crate) use trigger::signal_answer;
pub(crate) use undo::undone;
pub(crate) use what_if::{estimate, what_if};

use fasti_core::domain::time::Timestamp;

/// An instant as it is sent.
fn time(at: Timestamp) -> String {
    at.to_string()
}

/// An instant that may be unknown.
fn maybe_time(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}
