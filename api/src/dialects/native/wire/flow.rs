//! Sets of flows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Many flows made together: one for each input, through one graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowSet {
    /// Its id.
    pub(crate) id: u64,
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// Name of its graph.
    pub(crate) flow_type: String,
    /// Revision of the graph.
    pub(crate) revision: u32,
    /// First set of its chain; itself without one before.
    pub(crate) root_id: u64,
    /// The set whose place it took.
    pub(crate) superseded_set_id: Option<u64>,
    /// The set that took its place.
    pub(crate) superseded_by_id: Option<u64>,
    /// Whether all its flows have been made.
    pub(crate) is_filled: bool,
    /// Flows it was expected to come to.
    pub(crate) flows_estimated: u64,
    /// Flows, with those inside of others.
    pub(crate) flows_total: u64,
    /// Those of them that are complete.
    pub(crate) flows_completed: u64,
    /// Its steps, with those that it shares with earlier sets.
    pub(crate) steps: StepCounts,
    /// When it was made.
    pub(crate) created_at: String,
    /// When anything about it last changed.
    pub(crate) modified_at: String,
}

/// Steps by status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepCounts {
    /// All.
    pub(crate) total: u64,
    /// Their inputs are not ready.
    pub(crate) pending: u64,
    /// Something before them failed or was cancelled.
    pub(crate) blocked: u64,
    /// They wait for a runner.
    pub(crate) queued: u64,
    /// They have a process.
    pub(crate) running: u64,
    /// They failed.
    pub(crate) failed: u64,
    /// They are done.
    pub(crate) completed: u64,
    /// Somebody cancelled them.
    pub(crate) cancelled: u64,
}

/// A set to make: over the items of an item set, or over the last set of a chain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFlowSet {
    /// Name of its graph; the present revision counts.
    pub(crate) flow_type: String,
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// Make a flow for each item of this set.
    pub(crate) item_set_id: Option<u64>,
    /// Whether flows of the same input are superseded, and share what did not change. Default: true.
    pub(crate) supersedes: Option<bool>,
    /// Go over the last set of the chain that begins with this one.
    pub(crate) previous_root_id: Option<u64>,
    /// What is done anew although nothing changed.
    pub(crate) forced: Option<ForcedNodes>,
    /// Instead of that of the step types; lower goes first.
    pub(crate) priority: Option<u32>,
    /// Only say what would come of it.
    pub(crate) dry_run: Option<bool>,
}

/// Nodes that are done anew, with everything that depends on them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForcedNodes {
    /// All of them.
    pub(crate) all: Option<bool>,
    /// These.
    pub(crate) nodes: Option<Vec<String>>,
}

/// What would come of a set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowSetPlan {
    /// Whether it would be made.
    pub(crate) is_valid: bool,
    /// Why not.
    pub(crate) problem: Option<String>,
    /// Flows it would come to.
    pub(crate) flows_estimated: u64,
    /// The set whose place it would take.
    pub(crate) superseded_set_id: Option<u64>,
    /// What changed since that was made.
    pub(crate) diff: Option<FlowGraphDiff>,
}

/// A chain of sets, side by side.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowSetComparison {
    /// The sets, oldest first.
    pub(crate) sets: Vec<FlowSet>,
    /// For each node, one entry a set; null where its graph lacks the node.
    pub(crate) nodes: BTreeMap<String, Vec<Option<NodeSteps>>>,
}

/// What the steps of a node come to in a set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeSteps {
    /// By status.
    pub(crate) steps: StepCounts,
    /// Mean time of the command, in microseconds.
    pub(crate) mean_command_us: Option<i64>,
    /// Longest time of the command, in microseconds.
    pub(crate) max_command_us: Option<i64>,
}

/// What changed between two revisions of a graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowGraphDiff {
    /// Whether flows of the old revision can go on in the new one.
    pub(crate) can_go_on: bool,
    /// Why not.
    pub(crate) reasons: Vec<String>,
    /// By node.
    pub(crate) nodes: BTreeMap<String, FlowNodeDiff>,
}

/// What changed about a node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowNodeDiff {
    /// `unchanged`, `changed`, `new` or `deleted`.
    pub(crate) status: String,
    /// What changed, in words.
    pub(crate) changes: Vec<String>,
    /// Whether it is done anew.
    pub(crate) is_done_anew: bool,
    /// Whether it is because somebody wants it.
    pub(crate) is_forced: bool,
}
