//! What graphs are drawn from, as it is answered.

use std::sync::Arc;

use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{Parts, Task};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::Seq;
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;
use fasti_projector::layout::{BOX_HEIGHT, BOX_WIDTH, Layout};
use fasti_projector::rows::RunStates;

use super::super::wire;
use super::time;
use crate::errors::Problem;

/// The layout of a run's definition.
pub(crate) fn run_layout(run: &RunStates, layout: &Layout) -> wire::RunLayout {
    graph_layout(Some(run.definition.to_string()), &run.graph, layout)
}

/// The layout of a graph.
pub(crate) fn graph_layout(
    definition_digest: Option<String>,
    graph: &Graph,
    layout: &Layout,
) -> wire::RunLayout {
    let definition = graph.definition();
    let tasks = || definition.tasks.iter();
    wire::RunLayout {
        definition_digest,
        width: layout.width,
        height: layout.height,
        box_width: BOX_WIDTH,
        box_height: BOX_HEIGHT,
        names: tasks().map(|task| task.name.clone()).collect(),
        parts: tasks().map(Task::part_count).collect(),
        named_parts: (0..)
            .zip(&definition.tasks)
            .filter_map(named_parts)
            .collect(),
        x: layout.x.clone(),
        y: layout.y.clone(),
        edges_from: definition.edges.iter().map(|edge| edge.from).collect(),
        edges_to: definition.edges.iter().map(|edge| edge.to).collect(),
        bend_edges: layout.bend_edges.clone(),
        bend_x: layout.bend_x.clone(),
        bend_y: layout.bend_y.clone(),
    }
}

/// A graph that is to be drawn: one of tasks that do nothing.
///
/// # Errors
/// 422: what is wrong with it as a graph.
pub(crate) fn graph_to_draw(
    given: wire::GraphToDraw,
    principal: &Principal,
) -> Result<Graph, Problem> {
    if let Some(index) = given.tasks.iter().position(|it| it.count == Some(0)) {
        let detail =
            "a parallel task needs at least one part; leave `count` out for one that is none";
        return Err(Problem::invalid(format!("tasks[{index}].count"), detail));
    }
    let blank = serde_json::json!({"name": "drawn", "tasks": [], "edges": given.edges});
    let blank: wire::Definition =
        serde_json::from_value(blank).map_err(|error| Problem::internal(&error))?;
    let task = serde_json::json!({"name": "", "command": ["true"]});
    let task: wire::Task =
        serde_json::from_value(task).map_err(|error| Problem::internal(&error))?;
    let tasks = given.tasks.into_iter().map(|it| wire::Task {
        name: it.name,
        kind: it.count.map(|_| wire::Kind::Parallel),
        count: it.count,
        ..task.clone()
    });
    let definition = wire::Definition {
        tasks: tasks.collect(),
        ..blank
    };
    let definition = super::definition_from_wire("", definition, principal)?;
    Ok(Graph::new(Arc::new(definition))?)
}

fn named_parts((index, task): (u32, &Task)) -> Option<wire::NamedParts> {
    let Parts::Listed(parts) = &task.parts else {
        return None;
    };
    Some(wire::NamedParts {
        task: index,
        names: parts.iter().map(|part| part.name.clone()).collect(),
    })
}

/// How the task runs of a run are.
pub(crate) fn run_states(run: &RunStates, as_of: Seq) -> wire::RunStates {
    let since = |at: Option<Timestamp>| at.map(|at| (at.0 - run.created_at.0) / 1_000);
    let states = || run.states.iter();
    wire::RunStates {
        first_task_run_id: run.run.task_run(0).0,
        origin: time(run.created_at),
        statuses: states().map(|state| letter(state.status)).collect(),
        started_ms: states().map(|state| since(state.started_at)).collect(),
        finished_ms: states().map(|state| since(state.finished_at)).collect(),
        as_of_seq: as_of.0,
    }
}

fn letter(status: TaskStatus) -> char {
    match status {
        TaskStatus::Waiting => 'w',
        TaskStatus::Queued => 'q',
        TaskStatus::Running => 'r',
        TaskStatus::Success => 's',
        TaskStatus::Failure => 'f',
        TaskStatus::Skipped => 'k',
        TaskStatus::Cancelled => 'c',
    }
}
