//! Graphs of runs as they are answered.

use fasti_core::domain::ids::Seq;
use fasti_projector::rows::RunGraph;

use super::super::wire;
use super::maybe_time;
use crate::errors::Problem;

/// A graph.
///
/// # Errors
/// 422: there are too many edges between parts to list.
pub(crate) fn graph(view: &RunGraph, as_of: Seq) -> Result<wire::RunGraph, Problem> {
    let edges = view.edges.as_ref().map_err(|error| {
        Problem::invalid("expand", format!("{error}: ask again with expand=false"))
    })?;
    let node = |index: u32| view.nodes.get(index as usize).map(|node| node.name.clone());
    let edges = edges.iter().map(|edge| wire::GraphEdge {
        from: node(edge.from).unwrap_or_default(),
        to: node(edge.to).unwrap_or_default(),
    });
    let edges = edges.collect();
    Ok(wire::RunGraph {
        edges,
        ..without_edges(view, as_of)
    })
}

/// A graph without the edges between parts.
pub(crate) fn without_edges(view: &RunGraph, as_of: Seq) -> wire::RunGraph {
    let task = |index: u32| view.tasks.get(index as usize).cloned().unwrap_or_default();
    let nodes = view.nodes.iter().map(|node| wire::GraphNode {
        id: node.id.0,
        name: node.name.clone(),
        group: node.group.clone(),
        status: node.status.into(),
        started_at: maybe_time(node.started_at),
        finished_at: maybe_time(node.finished_at),
    });
    let edges = view.task_edges.iter().map(|edge| wire::TaskEdge {
        from: task(edge.from),
        to: task(edge.to),
    });
    wire::RunGraph {
        nodes: nodes.collect(),
        edges: Vec::new(),
        task_edges: edges.collect(),
        as_of_seq: as_of.0,
    }
}
