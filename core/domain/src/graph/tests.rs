//! Numbering, order, cycles and refusals of graphs, up to the largest size.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use super::Graph;
use crate::definition::{Edge, Part, Parts};
use crate::rejection::Rejection;
use crate::testing::{definition, task};

fn graph(tasks: usize, edges: &[(u32, u32)]) -> Result<Graph, Rejection> {
    let mut definition = definition("g", (0..tasks).map(|i| task(&format!("t{i}"))).collect());
    definition.edges = edges.iter().map(|&(from, to)| Edge { from, to }).collect();
    Graph::new(Arc::new(definition))
}

#[test]
fn parts_are_numbered_in_order() {
    let mut wide = task("wide");
    wide.parts = Parts::Count(3);
    let mut listed = task("listed");
    let part = |name: &str| Part {
        name: name.to_owned(),
        description: String::new(),
        configuration: None,
    };
    listed.parts = Parts::Listed(vec![part("p"), part("q")]);
    let graph = Graph::new(Arc::new(definition("g", vec![task("a"), wide, listed]))).unwrap();
    assert_eq!(graph.node_count(), 6);
    let names: Vec<_> = (0..6).map(|node| graph.node_name(node)).collect();
    assert_eq!(names, ["a", "wide[0]", "wide[1]", "wide[2]", "p", "q"]);
    assert_eq!(graph.locate(4), (2, 0));
    assert_eq!(graph.nodes_named("wide"), Some(1..4));
    assert_eq!(graph.nodes_named("wide[2]"), Some(3..4));
    assert_eq!(graph.nodes_named("wide[03]"), None);
    assert_eq!(graph.nodes_named("q"), Some(5..6));
}

#[test]
fn a_cycle_is_reported_with_the_tasks_on_it() {
    let edges = [(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)];
    let Err(Rejection::Cycle { tasks }) = graph(5, &edges) else {
        panic!("a cycle was accepted");
    };
    assert_eq!(tasks, ["t1", "t2", "t3"]);
}

#[test]
fn edges_keep_their_order() {
    let graph = graph(4, &[(2, 3), (0, 3), (1, 3), (0, 2)]).unwrap();
    assert_eq!(graph.parents(3), [2, 0, 1]);
    assert_eq!(graph.children(0), [3, 2]);
}

#[test]
fn wrong_graphs_are_refused_with_the_field() {
    let field = |result: Result<Graph, Rejection>| result.unwrap_err().field();
    assert_eq!(field(graph(0, &[])).as_deref(), Some("tasks"));
    assert_eq!(
        field(graph(2, &[(0, 1), (1, 1)])).as_deref(),
        Some("edges[1]")
    );
    assert_eq!(field(graph(2, &[(0, 2)])).as_deref(), Some("edges[0]"));
    assert_eq!(
        field(graph(2, &[(0, 1), (0, 1)])).as_deref(),
        Some("edges[1]")
    );
    let twice = definition("g", vec![task("a"), task("a")]);
    assert_eq!(
        field(Graph::new(Arc::new(twice))).as_deref(),
        Some("tasks[1].name")
    );
}

#[test]
fn a_chain_of_the_largest_size_needs_no_stack() {
    let count = 100_000;
    let edges: Vec<_> = (1..count).map(|i| (i - 1, i)).collect();
    assert_eq!(graph(count as usize, &edges).unwrap().node_count(), count);
    let mut cyclic = edges;
    cyclic.push((count - 1, 0));
    let Err(Rejection::Cycle { tasks }) = graph(count as usize, &cyclic) else {
        panic!("a cycle was accepted");
    };
    assert_eq!(tasks.len(), count as usize);
}
