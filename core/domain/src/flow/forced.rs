//! What is done anew although nothing changed, and the plan that comes of it and of what did change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::diff::{DiffStatus, GraphDiff, NodeDiff, diff};
use super::graph::{FlowGraph, NodeKind};
use super::graph_size::Measure;
use super::model::Flows;

/// Nodes that are done anew, with everything that depends on them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Forced {
    /// All of them, inside of other flows too.
    pub all: bool,
    /// These.
    pub nodes: Vec<String>,
    /// These, which are flows, with what is forced inside.
    pub inner: BTreeMap<String, Forced>,
    /// Whether `nodes` was given.
    pub has_nodes: bool,
    /// Whether `inner` was given, if only as nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_inner: bool,
}

impl Forced {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Whether a node is named.
    #[must_use]
    pub fn names(&self, node: &str) -> bool {
        self.all || self.nodes.iter().any(|it| it == node) || self.inner.contains_key(node)
    }

    /// Names that a graph does not have, with those inside of other flows.
    #[must_use]
    pub fn unknown(&self, flows: &Flows, graph: &FlowGraph) -> Vec<String> {
        if self.all {
            return Vec::new();
        }
        let is_flow = |name: &String| {
            graph
                .node(name)
                .is_some_and(|it| matches!(it.kind, NodeKind::Flow { .. }))
        };
        let plain = self.nodes.iter().filter(|name| graph.node(name).is_none());
        let no_flows = self.inner.keys().filter(|name| !is_flow(name));
        let mut all: Vec<String> = plain.chain(no_flows).cloned().collect();
        for (name, forced) in &self.inner {
            if let Some(inner) = graph
                .node(name)
                .and_then(|node| inner_graph(flows, &node.kind))
            {
                all.extend(
                    forced
                        .unknown(flows, &inner)
                        .into_iter()
                        .map(|it| format!("{name}.{it}")),
                );
            }
        }
        all
    }
}

/// What a flow in the place of another one shares with it. Positions in the new graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Plan {
    /// Nodes that stay what they are.
    pub shared: Vec<u32>,
    /// Flows inside that are done anew in part. The others that are not shared are done anew as a whole.
    pub inner: BTreeMap<u32, Plan>,
}

fn inner_graph(flows: &Flows, kind: &NodeKind) -> Option<FlowGraph> {
    let NodeKind::Flow { name, revision } = kind else {
        return None;
    };
    let revision = flows.flow_type_named(name)?.revision(*revision)?;
    Some(revision.graph.clone())
}

/// The diff of two graphs, and what a flow of the new one shares with one of the old one; `None` if it cannot be in its
/// place.
#[must_use]
pub fn plan(
    flows: &Flows,
    old: &FlowGraph,
    new: &FlowGraph,
    forced: Option<&Forced>,
) -> (GraphDiff, Option<Plan>) {
    let found = diff(old, new, forced);
    if !found.can_be_reprocessed {
        return (found, None);
    }
    let mut plan = Plan::default();
    for (index, node) in (0..).zip(&new.nodes) {
        let Some(of_node) = found.nodes.get(&node.name) else {
            continue;
        };
        if !of_node.reprocess {
            plan.shared.push(index);
        } else if let Some(inner) = inner_plan(flows, &found, of_node, forced) {
            plan.inner.insert(index, inner);
        }
    }
    (found, Some(plan))
}

/// Of a flow inside: it goes on in its own way when only its type or revision changed, or only it is forced.
fn inner_plan(
    flows: &Flows,
    all: &GraphDiff,
    node: &NodeDiff,
    forced: Option<&Forced>,
) -> Option<Plan> {
    if node.status == DiffStatus::New {
        return None;
    }
    let is_redone = |name: &str| all.nodes.get(name).is_some_and(|it| it.reprocess);
    if node.node.dependencies.iter().any(|it| is_redone(&it.name)) {
        return None;
    }
    let is_inner =
        |name: &str| matches!(name, "RECIPE_TYPE_CHANGE" | "RECIPE_TYPE_REVISION_CHANGE");
    if node.changes.iter().any(|it| !is_inner(it.name)) {
        return None;
    }
    let old = inner_graph(flows, node.before.as_ref()?)?;
    let new = inner_graph(flows, &node.node.kind)?;
    let everything = Forced::all();
    let forced = match forced {
        Some(forced) if forced.all => Some(&everything),
        Some(forced) => forced.inner.get(&node.node.name),
        None => None,
    };
    plan(flows, &old, &new, forced).1
}

/// Flows that one input may come to, with those inside.
#[must_use]
pub fn estimate(flows: &Flows, graph: &FlowGraph, forced: Option<&Forced>) -> u64 {
    let mut measure = Measure::new(flows);
    let counts = |name: &str| match forced {
        None => true,
        Some(forced) if forced.all => true,
        Some(forced) => {
            let mut names = graph.ancestors(name);
            let is_in = forced.names(name);
            names.remove(name);
            is_in || names.iter().any(|it| forced.names(it))
        }
    };
    let counted: BTreeSet<&str> = graph
        .nodes
        .iter()
        .map(|it| it.name.as_str())
        .filter(|it| counts(it))
        .collect();
    graph
        .nodes
        .iter()
        .filter(|it| counted.contains(it.name.as_str()))
        .map(|it| measure.of_node(&it.kind).flows)
        .fold(1, u64::saturating_add)
}
