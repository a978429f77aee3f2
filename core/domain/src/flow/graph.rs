//! The graph of a flow: nodes, what they depend on, where their inputs come from; and what can be wrong with one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::graph_size::too_large;
use super::interface::{Interface, feed};
use super::model::Flows;

/// Nodes in an order in which each comes after those it depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowGraph {
    /// What a flow is given.
    pub input: Interface,
    /// The nodes.
    pub nodes: Vec<FlowNode>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FlowNode {
    /// Unique in the graph; what tells nodes of two revisions apart.
    pub name: String,
    /// What must be done before.
    pub dependencies: Vec<Dependency>,
    /// Where its inputs come from.
    pub input: BTreeMap<String, Connection>,
    /// What it is.
    pub kind: NodeKind,
}

/// Something that must be done before.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Dependency {
    /// The node.
    pub name: String,
    /// If it is a decision: which way it must have gone.
    pub acceptance: bool,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Connection {
    /// From the input of the flow.
    Input(String),
    /// From an output of a node: node, output.
    Output(String, String),
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum NodeKind {
    /// Work.
    Step {
        /// Name of the step type.
        name: String,
        /// Its version.
        version: String,
        /// Its revision.
        revision: u32,
    },
    /// A flow inside of this one.
    Flow {
        /// Name of the flow type.
        name: String,
        /// Its revision.
        revision: u32,
    },
    /// A decision.
    Decision {
        /// What it looks at.
        interface: Interface,
        /// How.
        filter: Filter,
    },
}

/// Something wrong with a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphProblem {
    /// Stable name, in capitals.
    pub name: &'static str,
    /// For people.
    pub message: String,
    /// It works all the same.
    pub is_warning: bool,
}

impl GraphProblem {
    pub(super) fn new(name: &'static str, message: String) -> Self {
        Self {
            name,
            message,
            is_warning: false,
        }
    }
}

impl FlowGraph {
    /// A graph with its nodes put in order; `None` if they go round in a circle.
    #[must_use]
    pub fn ordered(input: Interface, nodes: Vec<FlowNode>) -> Option<Self> {
        let names: BTreeSet<String> = nodes.iter().map(|it| it.name.clone()).collect();
        let mut left = nodes;
        left.sort_by(|a, b| a.name.cmp(&b.name));
        let mut done: BTreeSet<String> = BTreeSet::new();
        let mut ordered = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let is_ready = |node: &FlowNode| {
                let mut names = node
                    .dependencies
                    .iter()
                    .filter(|it| names.contains(&it.name));
                names.all(|it| done.contains(&it.name))
            };
            let (ready, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(is_ready);
            if ready.is_empty() {
                return None;
            }
            done.extend(ready.iter().map(|it| it.name.clone()));
            ordered.extend(ready);
            left = rest;
        }
        Some(Self {
            input,
            nodes: ordered,
        })
    }

    /// Position of a node.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<u32> {
        let found = self.nodes.iter().position(|node| node.name == name)?;
        u32::try_from(found).ok()
    }

    /// A node by its name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&FlowNode> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Parents by position, with the wanted side of a decision.
    pub(super) fn parents(&self) -> Vec<Vec<(u32, bool)>> {
        let of = |node: &FlowNode| {
            let known = node.dependencies.iter();
            known
                .filter_map(|it| Some((self.index(&it.name)?, it.acceptance)))
                .collect()
        };
        self.nodes.iter().map(of).collect()
    }

    /// Names of everything that a node depends on, at any distance.
    #[must_use]
    pub fn ancestors(&self, name: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next = vec![name];
        while let Some(name) = next.pop() {
            let parents = self
                .node(name)
                .into_iter()
                .flat_map(|node| &node.dependencies);
            for parent in parents {
                if found.insert(parent.name.as_str()) {
                    next.push(&parent.name);
                }
            }
        }
        found
    }
}

/// Everything wrong with a graph, as far as it can be known from what there is; `own` is the flow type it is of.
#[must_use]
pub fn check_graph(flows: &Flows, graph: &FlowGraph, own: Option<&str>) -> Vec<GraphProblem> {
    let mut problems = Vec::new();
    if let Some(problem) = too_large(flows, graph) {
        return vec![problem];
    }
    let mut leading = BTreeMap::new();
    if let Some(name) = graph.input.repeated() {
        let message = format!("the input `{name}` is there twice");
        problems.push(GraphProblem::new("INPUT_INTERFACE", message));
    }
    for node in &graph.nodes {
        let own_problems = problems.len();
        for dependency in &node.dependencies {
            if graph.node(&dependency.name).is_none() {
                let message = format!(
                    "`{}` depends on `{}`, which is no node",
                    node.name, dependency.name
                );
                problems.push(GraphProblem::new("UNKNOWN_NODE", message));
            }
        }
        let Some(wanted) = wanted(flows, node, own, &mut leading, &mut problems) else {
            continue;
        };
        if problems.len() == own_problems {
            check_inputs(flows, graph, node, &wanted, &mut problems);
        }
    }
    problems
}

/// Whether a revision of a flow type leads to the one that is looked at, of those that are known already.
type Leading<'a> = BTreeMap<(&'a str, u32), bool>;

/// What a node takes.
fn wanted<'a>(
    flows: &'a Flows,
    node: &FlowNode,
    own: Option<&str>,
    leading: &mut Leading<'a>,
    problems: &mut Vec<GraphProblem>,
) -> Option<Interface> {
    let mut refuse = |name, message| {
        problems.push(GraphProblem::new(name, message));
        None
    };
    match &node.kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => {
            let found = flows
                .step_type_named(name, version)
                .and_then(|it| it.revision(*revision));
            match found {
                Some(found) => Some(found.spec.input.clone()),
                None => refuse(
                    "JOB_TYPE_DOES_NOT_EXIST",
                    format!(
                        "`{}` names {name} {version} revision {revision}, which is not there",
                        node.name
                    ),
                ),
            }
        }
        NodeKind::Flow { name, revision } => {
            let found = flows.flow_type_named(name);
            let Some(inner) = found.and_then(|it| it.revision(*revision)) else {
                return refuse(
                    "RECIPE_TYPE_DOES_NOT_EXIST",
                    format!(
                        "`{}` names {name} revision {revision}, which is not there",
                        node.name
                    ),
                );
            };
            if own.is_some_and(|own| own == name || leads_to(flows, &inner.graph, own, leading)) {
                return refuse(
                    "RECURSIVE_SUBRECIPES",
                    format!("`{}` leads back to its own type", node.name),
                );
            }
            Some(inner.graph.input.clone())
        }
        NodeKind::Decision { interface, filter } => {
            if let Some(name) = interface.repeated() {
                return refuse(
                    "INPUT_INTERFACE",
                    format!("`{}` has the input `{name}` twice", node.name),
                );
            }
            if let Some(problem) = filter.filters.iter().find_map(super::FilterRule::problem) {
                return refuse("INVALID_DEFINITION", format!("`{}`: {problem}", node.name));
            }
            Some(interface.clone())
        }
    }
}

fn leads_to<'a>(
    flows: &'a Flows,
    graph: &'a FlowGraph,
    to: &str,
    leading: &mut Leading<'a>,
) -> bool {
    graph.nodes.iter().any(|node| {
        let NodeKind::Flow { name, revision } = &node.kind else {
            return false;
        };
        let key = (name.as_str(), *revision);
        if let Some(known) = leading.get(&key) {
            return *known;
        }
        let inner = flows
            .flow_type_named(name)
            .and_then(|it| it.revision(*revision));
        let leads = name == to || inner.is_some_and(|it| leads_to(flows, &it.graph, to, leading));
        leading.insert(key, leads);
        leads
    })
}

fn check_inputs(
    flows: &Flows,
    graph: &FlowGraph,
    node: &FlowNode,
    wanted: &Interface,
    problems: &mut Vec<GraphProblem>,
) {
    let ancestors = graph.ancestors(&node.name);
    let mut given = Interface::default();
    for (input, connection) in &node.input {
        let (source, name) = match connection {
            Connection::Input(name) => (graph.input.clone(), name),
            Connection::Output(from, name) => match source_of(flows, graph, node, &ancestors, from)
            {
                Ok(source) => (source, name),
                Err(problem) => {
                    problems.push(problem);
                    return;
                }
            },
        };
        if let Some(file) = source.file(name) {
            given.files.push(super::FileParameter {
                name: input.clone(),
                ..file.clone()
            });
        } else if let Some(value) = source.value(name) {
            given.json.push(super::JsonParameter {
                name: input.clone(),
                ..value.clone()
            });
        } else {
            let kind = match connection {
                Connection::Input(_) => "UNKNOWN_INPUT",
                Connection::Output(..) => "NODE_INTERFACE",
            };
            let message = format!(
                "`{}` takes `{input}` from `{name}`, which is not there",
                node.name
            );
            problems.push(GraphProblem::new(kind, message));
            return;
        }
    }
    for problem in feed(&given, wanted) {
        let name = if problem.is_warning {
            "MISMATCHED_MEDIA_TYPES"
        } else {
            "NODE_INTERFACE"
        };
        let message = format!("`{}`: {}", node.name, problem.message);
        problems.push(GraphProblem {
            name,
            message,
            is_warning: problem.is_warning,
        });
    }
}

fn source_of(
    flows: &Flows,
    graph: &FlowGraph,
    node: &FlowNode,
    ancestors: &BTreeSet<&str>,
    from: &str,
) -> Result<Interface, GraphProblem> {
    let Some(source) = graph.node(from) else {
        let message = format!(
            "`{}` takes an input from `{from}`, which is no node",
            node.name
        );
        return Err(GraphProblem::new("UNKNOWN_NODE", message));
    };
    let interface = match &source.kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => flows
            .step_type_named(name, version)
            .and_then(|it| it.revision(*revision))
            .map(|it| it.spec.output())
            .unwrap_or_default(),
        NodeKind::Decision { interface, .. } => interface.clone(),
        NodeKind::Flow { .. } => {
            let message = format!(
                "`{}` takes an input from `{from}`, which has no outputs",
                node.name
            );
            return Err(GraphProblem::new("CONNECTION_INVALID_NODE", message));
        }
    };
    if !ancestors.contains(from) {
        let message = format!(
            "`{}` takes an input from `{from}` and does not depend on it",
            node.name
        );
        return Err(GraphProblem::new("NODE_INTERFACE", message));
    }
    Ok(interface)
}
