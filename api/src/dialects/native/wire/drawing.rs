//! What graphs are drawn from: columns, because ten thousand objects would be mostly names of fields.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A graph that is to be drawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphToDraw {
    /// The tasks, at least one.
    #[schema(min_items = 1)]
    pub(crate) tasks: Vec<TaskToDraw>,
    /// Order among them. Default: none.
    #[serde(default)]
    pub(crate) edges: Option<Vec<super::Edge>>,
}

/// A task that is to be drawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskToDraw {
    /// Unique among the tasks.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Parts of a parallel task. Default: it is none.
    #[serde(default)]
    pub(crate) count: Option<u32>,
}

/// Where the tasks of a definition are drawn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunLayout {
    /// Digest of the definition: the same layout for the same digest; null for a graph that is of no definition.
    pub(crate) definition_digest: Option<String>,
    /// Width of the picture in pixels.
    pub(crate) width: u32,
    /// Height of the picture.
    pub(crate) height: u32,
    /// Width of the box of a task.
    pub(crate) box_width: u32,
    /// Height of the box of a task.
    pub(crate) box_height: u32,
    /// Names of the tasks in definition order.
    pub(crate) names: Vec<String>,
    /// Task runs that each task has: its parts, or 1.
    pub(crate) parts: Vec<u64>,
    /// Names of parts, for parallel tasks whose parts have names of their own; others are `task[0]`, `task[1]`, ….
    pub(crate) named_parts: Vec<NamedParts>,
    /// Left edge of each box.
    pub(crate) x: Vec<u32>,
    /// Upper edge of each box.
    pub(crate) y: Vec<u32>,
    /// Where each edge begins: positions in `names`.
    pub(crate) edges_from: Vec<u32>,
    /// Where each edge ends.
    pub(crate) edges_to: Vec<u32>,
    /// Where edges that are longer than to the next layer pass between the boxes: positions in `edges_from`, those of
    /// one edge from left to right.
    pub(crate) bend_edges: Vec<u32>,
    /// Where such an edge reaches a layer; it goes on at the same height for the width of a box.
    pub(crate) bend_x: Vec<u32>,
    /// The height at which it passes.
    pub(crate) bend_y: Vec<u32>,
}

/// Names of the parts of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedParts {
    /// Position of the task in `names`.
    pub(crate) task: u32,
    /// One a part.
    pub(crate) names: Vec<String>,
}

/// How the task runs of a run are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunStates {
    /// Id of the first task run; the others follow without gaps, in definition order, parts in part order.
    pub(crate) first_task_run_id: u64,
    /// When the run was made: other times are milliseconds since then.
    pub(crate) origin: String,
    /// A letter a task run: `w`aiting, `q`ueued, `r`unning, `s`uccess, `f`ailure, s`k`ipped, `c`ancelled.
    pub(crate) statuses: String,
    /// When each began.
    pub(crate) started_ms: Vec<Option<i64>>,
    /// When each was over; in a rerun before `origin` for what was taken over.
    pub(crate) finished_ms: Vec<Option<i64>>,
    /// Position in the log that this answer is as of.
    pub(crate) as_of_seq: u64,
}

/// What begins a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginSession {
    /// The server's token.
    pub(crate) token: String,
}
