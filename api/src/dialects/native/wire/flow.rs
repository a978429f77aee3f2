//! Sets of flows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Many flows made together: one for each input, through one graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowSet {
    /// Its id.
    pub id: u64,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Name of its graph.
    pub flow_type: String,
    /// Revision of the graph.
    pub revision: u32,
    /// First set of its chain; itself without one before.
    pub root_id: u64,
    /// The set whose place it took.
    pub superseded_set_id: Option<u64>,
    /// The set that took its place.
    pub superseded_by_id: Option<u64>,
    /// Whether all its flows have been made.
    pub is_filled: bool,
    /// Flows it was expected to come to.
    pub flows_estimated: u64,
    /// Flows, with those inside of others.
    pub flows_total: u64,
    /// Those of them that are complete.
    pub flows_completed: u64,
    /// Its steps, with those that it shares with earlier sets.
    pub steps: StepCounts,
    /// When it was made.
    pub created_at: String,
    /// When anything about it last changed.
    pub modified_at: String,
}

/// Steps by status.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepCounts {
    /// All.
    pub total: u64,
    /// Their inputs are not ready.
    pub pending: u64,
    /// Something before them failed or was cancelled.
    pub blocked: u64,
    /// They wait for a runner.
    pub queued: u64,
    /// They have a process.
    pub running: u64,
    /// They failed.
    pub failed: u64,
    /// They are done.
    pub completed: u64,
    /// Somebody cancelled them.
    pub cancelled: u64,
}

/// A set to make: over the items of an item set, or over the last set of a chain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFlowSet {
    /// Name of its graph; the present revision counts.
    pub flow_type: String,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Make a flow for each item of this set.
    pub item_set_id: Option<u64>,
    /// Whether flows of the same input are superseded, and share what did not change. Default: true.
    pub supersedes: Option<bool>,
    /// Go over the last set of the chain that begins with this one.
    pub previous_root_id: Option<u64>,
    /// What is done anew although nothing changed.
    pub forced: Option<ForcedNodes>,
    /// Instead of that of the step types; lower goes first.
    pub priority: Option<u32>,
    /// Only say what would come of it.
    pub dry_run: Option<bool>,
}

/// Nodes that are done anew, with everything that depends on them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForcedNodes {
    /// All of them.
    pub all: Option<bool>,
    /// These.
    pub nodes: Option<Vec<String>>,
}

/// What would come of a set.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowSetPlan {
    /// Whether it would be made.
    pub is_valid: bool,
    /// Why not.
    pub problem: Option<String>,
    /// Flows it would come to.
    pub flows_estimated: u64,
    /// The set whose place it would take.
    pub superseded_set_id: Option<u64>,
    /// What changed since that was made.
    pub diff: Option<FlowGraphDiff>,
}

/// A chain of sets, side by side.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowSetComparison {
    /// The sets, oldest first.
    pub sets: Vec<FlowSet>,
    /// For each node, one entry a set; null where its graph lacks the node.
    pub nodes: BTreeMap<String, Vec<Option<NodeSteps>>>,
}

/// What the steps of a node come to in a set.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeSteps {
    /// By status.
    pub steps: StepCounts,
    /// Mean time of the command, in microseconds.
    pub mean_command_us: Option<i64>,
    /// Longest time of the command, in microseconds.
    pub max_command_us: Option<i64>,
}

/// What changed between two revisions of a graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowGraphDiff {
    /// Whether flows of the old revision can go on in the new one.
    pub can_go_on: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// By node.
    pub nodes: BTreeMap<String, FlowNodeDiff>,
}

/// What changed about a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlowNodeDiff {
    /// `unchanged`, `changed`, `new` or `deleted`.
    pub status: String,
    /// What changed, in words.
    pub changes: Vec<String>,
    /// Whether it is done anew.
    pub is_done_anew: bool,
    /// Whether it is because somebody wants it.
    pub is_forced: bool,
}
