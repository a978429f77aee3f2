//! What can happen to flows. The events are in the list of all, see [`event`](crate::event).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    FlowGraph, ItemSetDefinition, NewFile, NewFlow, Plan, SetConfiguration, SetSource, StepEnd,
    StepPolicy, StepSpec,
};
use crate::ids::{BatchId, Digest};

/// A step type was made, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepTypeSaved {
    /// The type.
    pub step_type: u64,
    /// Its name.
    pub name: String,
    /// Its maker's version.
    pub version: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// What may change without a revision.
    pub policy: StepPolicy,
    /// Its new revision, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Arc<NewStepRevision>>,
}

/// A flow type was made, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowTypeSaved {
    /// The type.
    pub flow_type: u64,
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// For filters.
    pub is_active: bool,
    /// The graph of its new revision, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<Arc<FlowGraph>>,
}

/// An item set was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ItemSetCreated {
    /// The set.
    pub item_set: u64,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What its items have.
    pub definition: Arc<ItemSetDefinition>,
}

/// An item set has further items; they are numbered on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ItemSetExtended {
    /// The set.
    pub item_set: u64,
    /// Id of the first of them.
    pub first: u64,
    /// Their data, as text.
    pub items: Vec<Arc<str>>,
}

/// Files are known to flows; they are numbered on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FilesRegistered {
    /// Id of the first of them.
    pub first: u64,
    /// The files.
    pub files: Vec<NewFile>,
}

/// A set that flows will be made in; the set it takes the place of is superseded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowSetCreated {
    /// The set.
    pub flow_set: u64,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// The graph.
    pub flow_type: u64,
    /// Its revision, from 1.
    pub revision: u32,
    /// Where its inputs come from.
    pub source: SetSource,
    /// The first set of its chain.
    pub root: u64,
    /// The set it takes the place of.
    pub superseded_set: Option<u64>,
    /// The rest.
    pub configuration: SetConfiguration,
    /// Flows it may come to.
    pub estimated: u64,
    /// Items or earlier flows that it is made of; those that come later do not join.
    pub inputs: u64,
}

/// A set of flows was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowSetEdited {
    /// The set.
    pub flow_set: u64,
    /// Its title, if it has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its description, if it has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its configuration, if it has another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<SetConfiguration>,
}

/// Flows exist, with those of their nodes that do not wait for a decision; all are numbered on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowsCreated {
    /// The set they are made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_set: Option<u64>,
    /// The graph.
    pub flow_type: u64,
    /// Its revision.
    pub revision: u32,
    /// The flows.
    pub flows: Vec<NewFlow>,
    /// What they share with the flows they take the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<Plan>,
    /// How far the set is: items or earlier flows that were handled.
    pub cursor: u64,
    /// Whether the set has all its flows now.
    pub is_last: bool,
}

/// A decision in a flow was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowDecided {
    /// The flow.
    pub flow: u64,
    /// Position of the node.
    pub node: u32,
    /// What it came to.
    pub accepted: bool,
}

/// The run of a step is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepFinished {
    /// The step.
    pub step: u64,
    /// The set it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_set: Option<u64>,
    /// What became of it.
    pub end: StepEnd,
}

/// Somebody cancelled steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepsCancelled {
    /// The steps.
    pub steps: Vec<u64>,
}

/// Somebody wants steps tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepsRequeued {
    /// The steps.
    pub steps: Vec<u64>,
    /// Their priority from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

/// A new revision of a step type, in [`StepTypeSaved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewStepRevision {
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
}
