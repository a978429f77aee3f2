//! Graphs of runs.

use serde::Serialize;
use utoipa::ToSchema;

use super::TaskStatus;

/// The task runs of a run and what waits for what.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunGraph {
    /// Task runs in definition order, parts in part order.
    pub(crate) nodes: Vec<GraphNode>,
    /// Edges between task runs, in the order drawn.
    pub(crate) edges: Vec<GraphEdge>,
    /// Edges between tasks as written; a parallel task is one.
    pub(crate) task_edges: Vec<TaskEdge>,
    /// Position in the log that this answer is as of.
    pub(crate) as_of_seq: u64,
}

/// A task run in a graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GraphNode {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// Name of the parallel task it is a part of.
    pub(crate) group: Option<String>,
    /// Where it stands.
    pub(crate) status: TaskStatus,
    /// When it began.
    pub(crate) started_at: Option<String>,
    /// When it was over.
    pub(crate) finished_at: Option<String>,
}

/// `to` starts after `from` succeeded; names of task runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GraphEdge {
    /// Upstream.
    pub(crate) from: String,
    /// Downstream.
    pub(crate) to: String,
}

/// `to` starts after `from` succeeded; names of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskEdge {
    /// Upstream.
    pub(crate) from: String,
    /// Downstream.
    pub(crate) to: String,
}
