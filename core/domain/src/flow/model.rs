//! What there is: types and their revisions, item sets, files, sets of flows, flows, steps, decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::counts::{Counts, NodeMetrics};
use super::forced::Forced;
use super::graph::FlowGraph;
use super::interface::Interface;
use super::spec::{StepPolicy, StepSpec};
use super::staging::Gathered;
use crate::attempt::Outcome;
use crate::ids::{BatchId, Digest, RunId, RunnerId, Seq};
use crate::time::Timestamp;

/// Everything about flows. The same in the state and in the views.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    pub(super) last: LastIds,
    pub(super) step_types: BTreeMap<u64, StepType>,
    pub(super) step_type_names: BTreeMap<(String, String), u64>,
    pub(super) flow_types: BTreeMap<u64, FlowType>,
    pub(super) flow_type_names: BTreeMap<String, u64>,
    pub(super) item_sets: BTreeMap<u64, ItemSet>,
    pub(super) items: BTreeMap<u64, Item>,
    pub(super) files: BTreeMap<u64, FlowFile>,
    pub(super) sets: BTreeMap<u64, FlowSet>,
    pub(super) flows: BTreeMap<u64, Flow>,
    pub(super) steps: BTreeMap<u64, Step>,
    pub(super) decisions: BTreeMap<u64, Decision>,
    /// Top-level flows that nothing superseded, by type and input; the newest of equal ones.
    pub(super) by_input: BTreeMap<(u64, Arc<str>), u64>,
    /// Steps that wait for a run, by type: priority, order of queuing, step.
    pub(super) queue: BTreeMap<u64, BTreeSet<(i64, u64, u64)>>,
    /// Steps by the live run that carries them out.
    pub(super) by_run: BTreeMap<RunId, u64>,
    /// Steps whose run is over and that nobody has judged yet.
    pub(super) ended: BTreeSet<u64>,
    /// Decisions that can be made: flow and node.
    pub(super) due: BTreeSet<(u64, u32)>,
    /// Runs that are to stop, because their step was cancelled.
    pub(super) to_stop: BTreeSet<RunId>,
    /// Flows that something changed in, until they are looked at; empty between events.
    pub(super) dirty: BTreeSet<u64>,
}

/// Last numbers given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastIds {
    pub(super) revision: u64,
    pub(super) step_type: u64,
    pub(super) flow_type: u64,
    pub(super) item_set: u64,
    pub(super) item: u64,
    pub(super) file: u64,
    pub(super) set: u64,
    pub(super) flow: u64,
    pub(super) step: u64,
    pub(super) decision: u64,
    pub(super) queued: u64,
}

/// A kind of step, with a name and a version that its maker gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepType {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its maker's version.
    pub version: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// What may change.
    pub policy: StepPolicy,
    /// Oldest first; the number of a revision is its position, from 1.
    pub revisions: Vec<Arc<StepRevision>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Since when it is paused.
    pub paused: Option<Timestamp>,
    /// Since when it is not active.
    pub deprecated: Option<Timestamp>,
    /// Runs that go on.
    pub(super) running: u32,
}

/// A revision of a step type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRevision {
    /// Unique among all revisions.
    pub id: u64,
    /// What it does.
    pub spec: StepSpec,
    /// Batch that its runs are of.
    pub batch: BatchId,
    /// Version of the batch.
    pub batch_version: u32,
    /// Digest of the definition.
    pub definition: Digest,
    /// As it was given, in JSON.
    pub document: Arc<str>,
    /// When it was made.
    pub created: Timestamp,
}

/// A graph with revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowType {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// For filters.
    pub is_active: bool,
    /// Oldest first; the number of a revision is its position, from 1.
    pub revisions: Vec<Arc<FlowRevision>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Since when it is not active.
    pub deprecated: Option<Timestamp>,
}

/// A revision of a flow type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRevision {
    /// Unique among all revisions.
    pub id: u64,
    /// Its number, from 1.
    pub number: u32,
    /// The graph.
    pub graph: FlowGraph,
    /// Positions of parents with the side of a decision that is wanted, by node.
    pub(super) parents: Vec<Vec<(u32, bool)>>,
    /// When it was made.
    pub created: Timestamp,
}

/// Inputs for many flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSet {
    /// Its id.
    pub id: u64,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What its items have.
    pub definition: Arc<ItemSetDefinition>,
    /// Its items, in order.
    pub items: Vec<u64>,
    /// When it was made.
    pub created: Timestamp,
}

/// What the items of a set have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ItemSetDefinition {
    /// Parameters of each item.
    pub parameters: Interface,
    /// Parameters that are the same for all.
    pub global_parameters: Interface,
    /// And their values.
    pub global_data: super::Data,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its set.
    pub set: u64,
    /// What it gives: the text of its data.
    pub data: Arc<str>,
    /// When it came.
    pub created: Timestamp,
}

/// A file: registered, or left by a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its type.
    pub media_type: String,
    /// Where it is.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Anything else about it, in JSON.
    pub meta: Arc<str>,
    /// The step that left it, and as which output.
    pub product: Option<(u64, String)>,
    /// Since when it is known.
    pub created: Timestamp,
}

/// A file to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its type.
    pub media_type: String,
    /// Where it is.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Anything else about it, in JSON.
    pub meta: Arc<str>,
}

/// Many flows made together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowSet {
    /// Its id.
    pub id: u64,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// The graph.
    pub flow_type: u64,
    /// Revision of the graph, from 1.
    pub revision: u32,
    /// Where its inputs come from.
    pub source: SetSource,
    /// First set of its chain; itself without one before.
    pub root: u64,
    /// The set it takes the place of.
    pub superseded_set: Option<u64>,
    /// The set that took its place.
    pub superseded_by: Option<u64>,
    /// When it did.
    pub superseded: Option<Timestamp>,
    /// What may be edited.
    pub configuration: SetConfiguration,
    /// Flows it may come to.
    pub estimated: u64,
    /// Whether all its flows have been made.
    pub is_filled: bool,
    /// Its flows that are in no other flow, in order.
    pub flows: Vec<u64>,
    /// Flows, with those inside of others.
    pub flows_total: u64,
    /// Those that are complete.
    pub flows_completed: u64,
    /// Steps of all of them, shared ones included.
    pub counts: Counts,
    /// By node of the graph that is a step.
    pub metrics: BTreeMap<String, NodeMetrics>,
    /// The event that made it.
    pub event: Seq,
    /// When it was made.
    pub created: Timestamp,
    /// When anything about it last changed.
    pub modified: Timestamp,
    /// Items or earlier flows that it is made of.
    pub(super) inputs: u64,
    /// Names for inputs when it was made.
    pub(super) names: Vec<MappedInput>,
    /// Last item or flow that was handled.
    pub(super) cursor: u64,
    /// Inputs it has a flow for, until it is filled.
    pub(super) seen: BTreeSet<Arc<str>>,
    /// When it is filled further.
    pub fill_at: Option<Timestamp>,
}

/// Where the inputs of a set come from, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SetSource {
    /// These items.
    pub item_set: Option<u64>,
    /// Whether flows of the same input are superseded.
    pub supersedes: bool,
    /// The chain that it continues, by its first set.
    pub previous: Option<u64>,
    /// What is done anew whatever changed.
    pub forced: Option<Forced>,
    /// The same, given with the chain: that counts then.
    pub previous_forced: Option<Forced>,
}

impl SetSource {
    /// What is done anew.
    #[must_use]
    pub fn forced(&self) -> Option<&Forced> {
        let inner = self
            .previous_forced
            .as_ref()
            .filter(|_| self.previous.is_some());
        inner.or(self.forced.as_ref())
    }
}

/// What of a set may be edited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SetConfiguration {
    /// Instead of that of the step types.
    pub priority: Option<i64>,
    /// Names for inputs.
    pub input_map: Option<Vec<MappedInput>>,
}

impl SetConfiguration {
    /// Names for inputs.
    #[must_use]
    pub fn names(&self) -> &[MappedInput] {
        self.input_map.as_deref().unwrap_or_default()
    }
}

/// An input and the parameter of the items that feeds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MappedInput {
    /// The input.
    pub input: String,
    /// The parameter.
    pub parameter: String,
}

/// One input on its way through a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The set it was made for.
    pub set: Option<u64>,
    /// The graph.
    pub flow_type: u64,
    /// Its revision.
    pub revision: u32,
    /// The flow and node it was made for, if it is inside of one.
    pub parent: Option<(u64, u32)>,
    /// Its input as text; inside of another flow once that is known.
    pub input: Option<Arc<str>>,
    /// The flow it takes the place of.
    pub superseded_flow: Option<u64>,
    /// The flow that took its place.
    pub superseded_by: Option<u64>,
    /// When it did.
    pub superseded: Option<Timestamp>,
    /// One a node.
    pub slots: Vec<Slot>,
    /// Flows that have it in a slot.
    pub(super) holders: Vec<u64>,
    /// Whether its first steps may begin.
    pub gate: Gate,
    /// Its steps and those of flows inside.
    pub counts: Counts,
    /// Flows inside, at every depth.
    pub inner_total: u64,
    /// Those of them that are complete.
    pub inner_completed: u64,
    /// When everything was done.
    pub completed: Option<Timestamp>,
    /// The event that made it.
    pub event: Seq,
    /// When it was made.
    pub created: Timestamp,
    /// When anything about it last changed.
    pub modified: Timestamp,
}

/// What a node of a flow is. A reference: the same step may be in several flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// Not known yet: a decision before it is not made.
    #[default]
    Open,
    /// Never: a decision went the other way.
    Never,
    /// A step.
    Step(u64),
    /// A decision.
    Decision(u64),
    /// A flow inside of this one.
    Flow(u64),
}

/// Whether the first steps of a flow may begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    /// They may.
    #[default]
    Open,
    /// What it waits for in the flow around it is not done.
    Waiting,
    /// What it waits for failed.
    Blocked,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StepStatus {
    /// Its inputs are not ready.
    #[default]
    Pending,
    /// Something before it failed or was cancelled.
    Blocked,
    /// It waits for a runner.
    Queued,
    /// It has a process.
    Running,
    /// It failed.
    Failed,
    /// It is done.
    Completed,
    /// Somebody cancelled it.
    Canceled,
}

impl StepStatus {
    /// All, in the order of a step's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Blocked,
        Self::Queued,
        Self::Running,
        Self::Failed,
        Self::Completed,
        Self::Canceled,
    ];
}

/// Work to be done once, for one flow or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub step_type: u64,
    /// Revision of that.
    pub revision: u32,
    /// The flow it was made for.
    pub flow: u64,
    /// Its node there.
    pub node: u32,
    /// The set it was made for.
    pub set: Option<u64>,
    /// Where it stands.
    pub status: StepStatus,
    /// Given when it was requeued.
    pub priority: Option<u32>,
    /// Tries it may have.
    pub max_tries: u32,
    /// Tries it had.
    pub tries: u32,
    /// Why it failed.
    pub error: Option<Arc<StepError>>,
    /// What it gave, as text.
    pub output: Option<Arc<str>>,
    /// Its tries, oldest first.
    pub executions: Vec<Execution>,
    /// Flows and nodes that have it in a slot.
    pub(super) holders: Vec<(u64, u32)>,
    /// The step it takes the place of.
    pub superseded_step: Option<u64>,
    /// The step that took its place.
    pub superseded_by: Option<u64>,
    /// When it, or its node, was superseded.
    pub superseded: Option<Timestamp>,
    /// When it was last queued.
    pub queued: Option<Timestamp>,
    /// When its last try began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When its status changed.
    pub changed: Timestamp,
    /// The event that made it.
    pub event: Seq,
    /// When it was made.
    pub created: Timestamp,
    /// When anything about it last changed.
    pub modified: Timestamp,
    /// Its place in the queue, while it waits for a run.
    pub(super) place: Option<(i64, u64)>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepError {
    /// Short name.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// `SYSTEM`, `ALGORITHM` or `DATA`.
    pub category: String,
    /// Whether it is none of the step type's own.
    pub is_builtin: bool,
    /// Position among the step type's own errors.
    pub own: Option<u32>,
}

/// One try at a step: an ordinary run with one task run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The run.
    pub run: RunId,
    /// Number of the try.
    pub number: u32,
    /// When the step was queued for it.
    pub queued: Timestamp,
    /// When the run was made.
    pub created: Timestamp,
    /// Where it runs.
    pub runner: Option<RunnerId>,
    /// When its process began, by the runner's clock.
    pub started: Option<Timestamp>,
    /// When its process ended, by the runner's clock.
    pub command_ended: Option<Timestamp>,
    /// When that was known here.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it left, until somebody has judged it.
    pub(super) gathered: Option<Arc<Gathered>>,
    /// Why it failed, or what became of it.
    pub error: Option<Arc<StepError>>,
    /// When it was handed to its runner: what is laid out for it is laid out after that.
    pub dispatched: Option<Timestamp>,
}

impl Execution {
    /// When the runner began with it, whichever clock is behind; once its process began.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        let started = self.started?;
        Some(self.dispatched.map_or(started, |it| it.min(started)))
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The flow it was made for.
    pub flow: u64,
    /// Its node there.
    pub node: u32,
    /// What it came to, once it is made.
    pub accepted: Option<bool>,
    /// Flows that have it in a slot.
    pub(super) holders: Vec<u64>,
}

/// A flow to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewFlow {
    /// Its input; that of the superseded flow when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Arc<str>>,
    /// The flow whose place it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<u64>,
    /// Which of the event's plans says what it shares; nothing without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<u32>,
}
