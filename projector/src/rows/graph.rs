//! The graph of a run with where each task run stands.

use std::sync::Arc;

use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{Digest, RunId, TaskRunId};
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::time::Timestamp;

use crate::limits::GRAPH_EDGES_MAX;

/// A run's graph, parts expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunGraph {
    /// The run.
    pub run: RunId,
    /// Its task runs in definition order, parts in part order.
    pub nodes: Vec<GraphNode>,
    /// Edges between task runs in the order drawn; positions in `nodes`.
    pub edges: Result<Vec<GraphEdge>, TooManyEdges>,
    /// Names of the tasks in definition order; a parallel task is one.
    pub tasks: Vec<String>,
    /// Edges between tasks in the order drawn; positions in `tasks`.
    pub task_edges: Vec<GraphEdge>,
}

/// A task run in a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    /// Its id.
    pub id: TaskRunId,
    /// Its name.
    pub name: String,
    /// Name of the parallel task it is a part of.
    pub group: Option<String>,
    /// Position of its task.
    pub task_index: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// Where each task run of a run stands, in definition order, and by which definition it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStates {
    /// The run.
    pub run: RunId,
    /// Digest of its definition.
    pub definition: Digest,
    /// Its definition.
    pub graph: Arc<Graph>,
    /// When it was made.
    pub created_at: Timestamp,
    /// One a task run.
    pub states: Vec<TaskState>,
}

/// Where a task run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskState {
    /// Its status.
    pub status: TaskStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// `to` starts after `from` succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphEdge {
    /// Position of the upstream end.
    pub from: u32,
    /// Position of the downstream end.
    pub to: u32,
}

/// The edges between parts are too many to be listed; those between tasks can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot list the {count} edges between the parts of this run, more than {GRAPH_EDGES_MAX}; use those between its tasks"
)]
pub struct TooManyEdges {
    /// How many there are.
    pub count: u64,
}
