//! Step types and flow types: what a set of flows is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A parameter that a step, a flow or an item has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    /// Letters, digits, `_` and `-`; the variable of a command is the name in capitals with `_` for `-`.
    pub(crate) name: String,
    /// `string`, `integer`, `number`, `boolean`, `object`, `array`, `file` or `files`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Default: true.
    #[serde(default = "yes")]
    pub(crate) required: bool,
    /// Types that a file is meant for; a hint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) media_types: Vec<String>,
}

fn yes() -> bool {
    true
}

/// What a step leaves.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// Letters, digits, `_` and `-`.
    pub(crate) name: String,
    /// As for parameters. A `file` is left in `$OUTPUT_DIR`; a value is a member of `$OUTPUT_DIR/seed.outputs.json`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Names of files that are meant, with `*` and `?`. Default: the name of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<String>,
    /// Type of the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    /// Member of what is written down. Default: the name of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Whether a step without it has failed. Default: true.
    #[serde(default = "yes")]
    pub(crate) required: bool,
}

/// What an exit code means.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepFailure {
    /// The exit code.
    pub(crate) code: i32,
    /// Short name.
    pub(crate) name: String,
    /// For people.
    #[serde(default)]
    pub(crate) title: String,
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
    /// Whether the data is to blame, and not the program: such a step is not tried again.
    #[serde(default)]
    pub(crate) is_data: bool,
}

/// A step type to save: what a revision is made of, and what may change without one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepTypeBody {
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// The program and its arguments; no shell unless it is one. Inputs are variables of its environment.
    pub(crate) argv: Vec<String>,
    /// Image it runs in; the host when not given.
    pub(crate) image: Option<String>,
    /// What it takes.
    pub(crate) inputs: Option<Vec<Parameter>>,
    /// What it leaves.
    pub(crate) outputs: Option<Vec<Output>>,
    /// What its exit codes mean.
    pub(crate) failures: Option<Vec<StepFailure>>,
    /// Longest time of a try, in milliseconds; 1 to 31,536,000,000. Default: none.
    pub(crate) timeout_ms: Option<u64>,
    /// Tries before a fault of the system fails a step; 1 to 100. Default: 3.
    pub(crate) max_tries: Option<u32>,
    /// How many of its steps may run at a time. Default: as many as fit.
    pub(crate) max_running: Option<u32>,
    /// Lower goes first. Default: 100.
    pub(crate) priority: Option<u32>,
    /// Whether none of its steps is started. Default: false.
    pub(crate) is_paused: Option<bool>,
    /// Whether flow types that use it get a new revision with its new one. Default: true.
    pub(crate) follow: Option<bool>,
}

/// A kind of step.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepType {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// Its maker's version.
    pub(crate) version: String,
    /// Its present revision, from 1.
    pub(crate) revision: u32,
    /// For people.
    pub(crate) title: String,
    /// For people.
    pub(crate) description: String,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// Image it runs in; null: the host.
    pub(crate) image: Option<String>,
    /// Longest time of a try, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// What it takes.
    pub(crate) inputs: Vec<Parameter>,
    /// What it leaves.
    pub(crate) outputs: Vec<Output>,
    /// What its exit codes mean.
    pub(crate) failures: Vec<StepFailure>,
    /// Tries before a fault of the system fails a step.
    pub(crate) max_tries: u32,
    /// How many of its steps may run at a time; null: as many as fit.
    pub(crate) max_running: Option<u32>,
    /// Lower goes first.
    pub(crate) priority: u32,
    /// Whether none of its steps is started.
    pub(crate) is_paused: bool,
    /// Since when.
    pub(crate) paused_at: Option<String>,
    /// Batch that its runs are of.
    pub(crate) batch_id: Option<String>,
    /// Version of that batch.
    pub(crate) batch_version: Option<u32>,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it last changed.
    pub(crate) modified_at: String,
}

/// A flow type to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowTypeBody {
    /// For people.
    pub(crate) title: Option<String>,
    /// For people.
    pub(crate) description: Option<String>,
    /// What a flow is given: what the items of a set have.
    pub(crate) inputs: Option<Vec<Parameter>>,
    /// The nodes, by name; at most 1,000.
    pub(crate) nodes: BTreeMap<String, Node>,
    /// Whether flow types that have it inside get a new revision with its new one. Default: true.
    pub(crate) follow: Option<bool>,
}

/// A node of a graph: exactly one of `step`, `flow` and `decision`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// Name of a step type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// Version of the step type. May be left out if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Name of a flow type: a flow inside of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flow: Option<String>,
    /// Revision of the step type or flow type. Default: the present one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<u32>,
    /// What decides whether the nodes after it are carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Decision>,
    /// Nodes that must be done before, besides those that it has inputs from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) after: Vec<String>,
    /// Decisions that must have gone the other way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unless: Vec<String>,
    /// Where its inputs come from, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) inputs: BTreeMap<String, Source>,
}

/// Where an input comes from: `input`, or `node` and `output`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// An input of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    /// A node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// Its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
}

/// A decision: rules about its inputs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// What it looks at.
    pub(crate) parameters: Vec<Parameter>,
    /// The rules; without any, everything is accepted.
    pub(crate) rules: Vec<Rule>,
    /// Whether all must pass, or one is enough. Default: true.
    #[serde(default = "yes")]
    pub(crate) all: bool,
}

/// A look at one parameter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The parameter.
    pub(crate) parameter: String,
    /// What is looked at: `integer`, `number`, `string`, `boolean`, `filename` or `media-type`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// `<`, `<=`, `>`, `>=`, `==`, `!=`, `between`, `in`, `not in` or `contains`, as far as the type has it.
    pub(crate) condition: String,
    /// What it is compared with.
    #[schema(value_type = Vec<Object>)]
    pub(crate) values: Vec<Value>,
    /// Of several files all must pass, not just one.
    #[serde(default)]
    pub(crate) all_files: bool,
}

/// A graph with revisions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowType {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// Its present revision, from 1.
    pub(crate) revision: u32,
    /// For people.
    pub(crate) title: String,
    /// For people.
    pub(crate) description: String,
    /// What a flow is given.
    pub(crate) inputs: Vec<Parameter>,
    /// The nodes of the present revision, by name.
    pub(crate) nodes: BTreeMap<String, Node>,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it last changed.
    pub(crate) modified_at: String,
}
