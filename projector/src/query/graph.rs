//! The graph of a run.

use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::RunId;

use crate::error::ViewsError;
use crate::limits::GRAPH_EDGES_MAX;
use crate::rows::{GraphEdge, GraphNode, RunGraph, RunStates, TaskState, TooManyEdges};
use crate::views::Views;

impl Views {
    /// The graph of a run with where each task run stands; `None` when there is no such run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn graph(&self, run: RunId) -> Result<Option<RunGraph>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let graph = self.known_graph(row.definition)?;
        let cells = self.cells(&row, 0, row.task_runs)?;
        let mut nodes = Vec::with_capacity(cells.len());
        for task_index in 0..graph.task_count() {
            let task = graph.task(task_index);
            for (part, index) in (0..).zip(graph.nodes(task_index)) {
                let Some(cell) = cells.get(index as usize) else {
                    continue;
                };
                nodes.push(GraphNode {
                    id: run.task_run(index),
                    name: task.part_name(part),
                    group: task.is_parallel().then(|| task.name.clone()),
                    task_index,
                    status: cell.status,
                    started_at: cell.started_at.get(),
                    finished_at: cell.finished_at.get(),
                });
            }
        }
        let definition = graph.definition();
        let task_edges = definition.edges.iter();
        Ok(Some(RunGraph {
            run,
            nodes,
            edges: expanded(&graph),
            tasks: definition
                .tasks
                .iter()
                .map(|task| task.name.clone())
                .collect(),
            task_edges: task_edges
                .map(|e| GraphEdge {
                    from: e.from,
                    to: e.to,
                })
                .collect(),
        }))
    }
}

impl Views {
    /// Where each task run of a run stands; `None` when there is no such run.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn states(&self, run: RunId) -> Result<Option<RunStates>, ViewsError> {
        let Some(row) = self.run_row(run)? else {
            return Ok(None);
        };
        let cells = self.cells(&row, 0, row.task_runs)?;
        let states = cells.iter().map(|cell| TaskState {
            status: cell.status,
            started_at: cell.started_at.get(),
            finished_at: cell.finished_at.get(),
        });
        Ok(Some(RunStates {
            run,
            definition: row.definition,
            graph: self.known_graph(row.definition)?,
            created_at: row.created_at,
            states: states.collect(),
        }))
    }
}

/// Edges between parts, in the order drawn.
fn expanded(graph: &Graph) -> Result<Vec<GraphEdge>, TooManyEdges> {
    let edges = &graph.definition().edges;
    let parts = |task| graph.nodes(task).len() as u64;
    let count = edges
        .iter()
        .map(|edge| parts(edge.from) * parts(edge.to))
        .sum();
    if count > GRAPH_EDGES_MAX {
        return Err(TooManyEdges { count });
    }
    let between = edges.iter().flat_map(|edge| {
        let ends = graph.nodes(edge.to);
        graph
            .nodes(edge.from)
            .flat_map(move |from| ends.clone().map(move |to| (from, to)))
    });
    Ok(between.map(|(from, to)| GraphEdge { from, to }).collect())
}
