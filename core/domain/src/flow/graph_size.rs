//! How much one flow of a graph may come to, with the flows inside: what a commit is bounded by, and what room is kept
//! for. A flow type that is inside of others twice on each of many levels is measured once, not once a place.

use std::collections::BTreeMap;

use super::graph::{FlowGraph, GraphProblem, NodeKind};
use super::model::Flows;
use crate::limits::{FLOW_DEPTH_MAX, FLOW_NESTED_NODES_MAX, FLOW_NODES_MAX};

/// What there would be if everything were carried out. As much as a number holds stands for more than that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GraphSize {
    /// Flows: the flow itself, and those inside.
    pub flows: u64,
    /// Steps, with those of flows inside.
    pub steps: u64,
    /// Nodes of any kind, with those of flows inside.
    pub nodes: u64,
    /// Flows inside of each other: 1 where there is none inside.
    pub depth: u32,
}

/// Sizes of graphs, each flow type inside looked at once.
pub(super) struct Measure<'a> {
    flows: &'a Flows,
    known: BTreeMap<(&'a str, u32), GraphSize>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(flows: &'a Flows) -> Self {
        Self {
            flows,
            known: BTreeMap::new(),
        }
    }

    /// The size of a graph.
    pub(super) fn of(&mut self, graph: &FlowGraph) -> GraphSize {
        let mut size = GraphSize {
            flows: 1,
            depth: 1,
            ..GraphSize::default()
        };
        for node in &graph.nodes {
            size.nodes = size.nodes.saturating_add(1);
            if matches!(node.kind, NodeKind::Step { .. }) {
                size.steps = size.steps.saturating_add(1);
            }
            let inner = self.of_node(&node.kind);
            size.flows = size.flows.saturating_add(inner.flows);
            size.steps = size.steps.saturating_add(inner.steps);
            size.nodes = size.nodes.saturating_add(inner.nodes);
            size.depth = size.depth.max(inner.depth.saturating_add(1));
        }
        size
    }

    /// The size of what is inside of a node; nothing unless it is a flow that is there.
    pub(super) fn of_node(&mut self, kind: &NodeKind) -> GraphSize {
        let NodeKind::Flow { name, revision } = kind else {
            return GraphSize::default();
        };
        let flows = self.flows;
        let Some(of_type) = flows.flow_type_named(name) else {
            return GraphSize::default();
        };
        self.of_type(of_type, *revision)
    }

    /// The size of a revision of a flow type.
    pub(super) fn of_revision(&mut self, flow_type: u64, revision: u32) -> GraphSize {
        let flows = self.flows;
        let of_type = flows.flow_type(flow_type);
        of_type.map_or_else(GraphSize::default, |it| self.of_type(it, revision))
    }

    fn of_type(&mut self, of_type: &'a super::FlowType, number: u32) -> GraphSize {
        let key = (of_type.name.as_str(), number);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let Some(revision) = of_type.revision(number) else {
            return GraphSize::default();
        };
        let size = self.of(&revision.graph);
        self.known.insert(key, size);
        size
    }
}

impl Flows {
    /// What one flow of a graph may come to.
    #[must_use]
    pub fn size_of(&self, graph: &FlowGraph) -> GraphSize {
        Measure::new(self).of(graph)
    }
}

/// Why a graph is too large, if it is.
pub(super) fn too_large(flows: &Flows, graph: &FlowGraph) -> Option<GraphProblem> {
    let refuse = |message| Some(GraphProblem::new("INVALID_DEFINITION", message));
    if graph.nodes.len() > FLOW_NODES_MAX {
        let count = graph.nodes.len();
        return refuse(format!("at most {FLOW_NODES_MAX} nodes, not {count}"));
    }
    let size = flows.size_of(graph);
    if size.nodes > FLOW_NESTED_NODES_MAX {
        return refuse(format!(
            "at most {FLOW_NESTED_NODES_MAX} nodes with those of everything inside, not {}",
            size.nodes
        ));
    }
    if size.depth > FLOW_DEPTH_MAX {
        return refuse(format!(
            "at most {FLOW_DEPTH_MAX} graphs inside of each other, not {}",
            size.depth
        ));
    }
    None
}
