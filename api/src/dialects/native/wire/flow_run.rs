//! A flow of a set, node by node; and what is asked to be done again.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{File, Item, StepCounts};

/// Where a flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlowStatus {
    /// Everything that was to be done is done.
    Completed,
    /// A step of it failed.
    Failed,
    /// None failed, and one was cancelled.
    Cancelled,
    /// It goes on.
    Active,
}

/// One input on its way through a graph.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Flow {
    /// Its id.
    pub(crate) id: u64,
    /// The set it was made for.
    pub(crate) set_id: Option<u64>,
    /// Name of its graph.
    pub(crate) flow_type: String,
    /// Revision of the graph.
    pub(crate) revision: u32,
    /// Where it stands.
    pub(crate) status: FlowStatus,
    /// What it was given, by parameter; a file by its id.
    #[schema(value_type = Object)]
    pub(crate) values: Item,
    /// The flow that it is inside of.
    pub(crate) parent_flow_id: Option<u64>,
    /// The flow whose place it took.
    pub(crate) superseded_flow_id: Option<u64>,
    /// The flow that took its place.
    pub(crate) superseded_by_id: Option<u64>,
    /// Whether its place was taken, or that of the flow it is inside of.
    pub(crate) is_superseded: bool,
    /// Its steps, with those of flows inside.
    pub(crate) steps: StepCounts,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it was complete.
    pub(crate) completed_at: Option<String>,
    /// When anything about it last changed.
    pub(crate) modified_at: String,
}

/// What a node is in a flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowNode {
    /// Its name.
    pub(crate) name: String,
    /// `step`, `flow` or `decision`.
    pub(crate) kind: &'static str,
    /// Of a step `pending`, `blocked`, `queued`, `running`, `failed`, `completed` or `cancelled`; of a flow `active`,
    /// `failed`, `completed` or `cancelled`; of a decision `pending`, `passed` or `not_passed`. `undecided` where a
    /// decision before it is not made, `skipped` where one went the other way.
    pub(crate) status: &'static str,
    /// The flow inside, if it is one.
    pub(crate) flow_id: Option<u64>,
    /// The step, if it is one.
    pub(crate) step: Option<FlowStep>,
}

/// Work on a node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowStep {
    /// Its id.
    pub(crate) id: u64,
    /// The flow it was made for: another one where it is shared.
    pub(crate) flow_id: u64,
    /// Name of its step type.
    pub(crate) step_type: String,
    /// Version of that.
    pub(crate) version: String,
    /// Revision of that.
    pub(crate) revision: u32,
    /// Tries it had.
    pub(crate) tries: u32,
    /// Tries it may have.
    pub(crate) max_tries: u32,
    /// Why it failed.
    pub(crate) failure: Option<FlowStepFailure>,
    /// What it is given, as far as that is known.
    #[schema(value_type = Object)]
    pub(crate) inputs: Item,
    /// What it gave; a file by its id.
    #[schema(value_type = Object)]
    pub(crate) outputs: Item,
    /// The files that it left.
    pub(crate) files: Vec<File>,
    /// The run that carried out its last try; its output is that of the step.
    pub(crate) run_id: Option<u64>,
    /// When it was last queued.
    pub(crate) queued_at: Option<String>,
    /// When a runner began with it.
    pub(crate) started_at: Option<String>,
    /// When it ended.
    pub(crate) ended_at: Option<String>,
}

/// Why a step failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowStepFailure {
    /// Short name: one of the `failures` of its step type, or `launch`, `worker-lost`, `system`, `capture`,
    /// `algorithm-unknown`, `timeout`, `missing-required-output`, `too-many-outputs`, `invalid-outputs`.
    pub(crate) name: String,
    /// What happened.
    pub(crate) description: String,
    /// Where it lies: `system`, `program` or `data`.
    pub(crate) category: &'static str,
}

/// Which steps of a set are tried again; without anything all that failed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetrySteps {
    /// Only those of these flows.
    pub(crate) flow_ids: Option<Vec<u64>>,
    /// Only those of these nodes, wherever they are inside.
    pub(crate) nodes: Option<Vec<String>>,
    /// Those that were cancelled too. Default: false.
    pub(crate) cancelled: Option<bool>,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetriedSteps {
    /// The set.
    pub(crate) set_id: u64,
    /// So many steps, of this set or shared with it.
    pub(crate) steps: u64,
}
