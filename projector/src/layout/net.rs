//! The graph as it is laid out: tasks, and a bend wherever an edge passes a layer, so that it runs between the boxes
//! and not below them. A graph with very many long edges gets none: nobody could follow them, and memory stays linear.

use fasti_core::domain::graph::Graph;

use crate::limits::LAYOUT_BENDS_MAX;

/// Tasks and bends, with neighbours in the layers beside theirs, or further away where there are no bends.
pub(super) struct Net {
    /// Nodes that are tasks; those behind are bends.
    pub(super) tasks: usize,
    /// Layer of each node.
    pub(super) layer_of: Vec<u32>,
    /// The edge that each bend is of, for the nodes behind the tasks.
    pub(super) bend_edges: Vec<u32>,
    left: Packed,
    right: Packed,
}

/// Lists of neighbours, one after the other.
struct Packed {
    offsets: Vec<usize>,
    values: Vec<u32>,
}

impl Packed {
    fn new(nodes: usize, links: &[(u32, u32)], ends: impl Fn(&(u32, u32)) -> (u32, u32)) -> Self {
        let mut offsets = vec![0; nodes + 1];
        for link in links {
            offsets[ends(link).0 as usize + 1] += 1;
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut next = offsets.clone();
        let mut values = vec![0; links.len()];
        for link in links {
            let (of, other) = ends(link);
            let place = &mut next[of as usize];
            values[*place] = other;
            *place += 1;
        }
        Self { offsets, values }
    }

    fn of(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.values[self.offsets[node]..self.offsets[node + 1]]
    }
}

impl Net {
    /// The net of a graph whose tasks are in these layers; `with_bends` unless the picture has no room for them.
    pub(super) fn new(graph: &Graph, mut layer_of: Vec<u32>, with_bends: bool) -> Self {
        let edges = &graph.definition().edges;
        let span = |from: u32, to: u32| layer_of[to as usize] - layer_of[from as usize];
        let passed = edges
            .iter()
            .map(|edge| u64::from(span(edge.from, edge.to) - 1));
        let has_bends = with_bends && passed.sum::<u64>() <= LAYOUT_BENDS_MAX;
        let tasks = layer_of.len();
        let mut links = Vec::with_capacity(edges.len());
        let mut bend_edges = Vec::new();
        for (number, edge) in (0..).zip(edges) {
            let mut at = edge.from;
            let (first, last) = (layer_of[edge.from as usize] + 1, layer_of[edge.to as usize]);
            for layer in first..if has_bends { last } else { first } {
                let bend = u32::try_from(layer_of.len()).unwrap_or(u32::MAX);
                layer_of.push(layer);
                bend_edges.push(number);
                links.push((at, bend));
                at = bend;
            }
            links.push((at, edge.to));
        }
        let nodes = layer_of.len();
        Self {
            tasks,
            layer_of,
            bend_edges,
            left: Packed::new(nodes, &links, |&(from, to)| (to, from)),
            right: Packed::new(nodes, &links, |&(from, to)| (from, to)),
        }
    }

    /// What a node comes after.
    pub(super) fn left(&self, node: u32) -> &[u32] {
        self.left.of(node)
    }

    /// What comes after a node.
    pub(super) fn right(&self, node: u32) -> &[u32] {
        self.right.of(node)
    }

    /// Whether a node is a task.
    pub(super) fn is_task(&self, node: u32) -> bool {
        (node as usize) < self.tasks
    }

    /// Links in all.
    pub(super) fn links(&self) -> usize {
        self.left.values.len()
    }
}
