//! Laws of layouts on graphs of many shapes.

use std::sync::Arc;
use std::time::Instant;

use fasti_core::domain::definition::Edge;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::Digest;
use fasti_projector::layout::{BOX_HEIGHT, BOX_WIDTH, Layout, Layouts, layout};

use crate::world::{definition, task};

fn graph(tasks: u32, edges: impl IntoIterator<Item = (u32, u32)>) -> Graph {
    let tasks = (0..tasks).map(|at| task(&format!("t{at}"))).collect();
    let edges: Vec<_> = edges.into_iter().collect();
    Graph::new(Arc::new(definition("b", tasks, &edges))).unwrap()
}

/// Layers of `width` tasks; each task but the first ones waits for three of the layer before.
fn mesh(layers: u32, width: u32) -> Graph {
    let edges = (width..layers * width).flat_map(move |to| {
        let before = (to / width - 1) * width;
        let first = to * 7919 % width;
        (0..3.min(width)).map(move |k| (before + (first + k * (width / 3).max(1)) % width, to))
    });
    graph(layers * width, edges)
}

/// No two boxes overlap, every edge goes to the right, and the picture holds all.
fn check(graph: &Graph) -> Layout {
    let layout = layout(graph);
    for edge in &graph.definition().edges {
        assert!(layout.x[edge.from as usize] + BOX_WIDTH < layout.x[edge.to as usize]);
    }
    let mut boxes: Vec<(u32, u32)> = layout.x.iter().copied().zip(layout.y.clone()).collect();
    boxes.sort_unstable();
    for pair in boxes.windows(2) {
        let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
        assert!(x + BOX_WIDTH < next_x || (x == next_x && y + BOX_HEIGHT < next_y));
    }
    for (x, y) in boxes {
        assert!(x + BOX_WIDTH < layout.width && y + BOX_HEIGHT < layout.height);
    }
    layout
}

/// Pairs of edges between neighbouring layers that cross.
fn crossings(graph: &Graph, layout: &Layout) -> usize {
    let edges = &graph.definition().edges;
    let at = |task: u32| (layout.x[task as usize], layout.y[task as usize]);
    let crosses = |a: &Edge, b: &Edge| {
        let ((ax, ay), (bx, by)) = (at(a.from), at(b.from));
        let ((_, az), (_, bz)) = (at(a.to), at(b.to));
        ax == bx && ((ay < by && az > bz) || (ay > by && az < bz))
    };
    let of = |(at, a): (usize, &Edge)| edges[at + 1..].iter().filter(|b| crosses(a, b)).count();
    edges.iter().enumerate().map(of).sum()
}

#[test]
fn boxes_never_overlap_and_edges_go_to_the_right() {
    check(&graph(1, []));
    check(&graph(3, [(0, 1), (1, 2), (0, 2)]));
    check(&graph(500, []));
    check(&graph(201, (1..201).map(|leaf| (0, leaf))));
    check(&graph(201, (0..200).map(|source| (source, 200))));
    check(&graph(255, (1..255).map(|node| ((node - 1) / 2, node))));
    check(&mesh(12, 9));
    check(&mesh(3, 150));
}

#[test]
fn a_tree_has_no_crossings_and_parents_stand_at_their_children() {
    // Children of each node are far apart in the definition.
    let tree = graph(
        31,
        (1..31)
            .map(|node| ((node - 1) % 15, node))
            .filter(|&(a, b)| a < b),
    );
    let layout = check(&tree);
    assert_eq!(crossings(&tree, &layout), 0);
    let fork = check(&graph(3, [(0, 1), (0, 2)]));
    assert_eq!(fork.y[0] * 2, fork.y[1] + fork.y[2]);
}

#[test]
fn crossings_that_need_not_be_are_gone() {
    let ladder = graph(20, (0..10).map(|at| (at, 19 - at)));
    assert_eq!(crossings(&ladder, &check(&ladder)), 0);
}

#[test]
fn a_chain_is_a_straight_line() {
    let chain = check(&graph(50, (1..50).map(|task| (task - 1, task))));
    assert!(chain.y.iter().all(|y| *y == chain.y[0]));
}

#[test]
fn long_edges_pass_between_boxes() {
    // A chain, and an edge from its first task to its last.
    let graph = graph(6, (1..6).map(|task| (task - 1, task)).chain([(0, 5)]));
    let layout = check(&graph);
    assert_eq!(layout.bend_edges, [5; 4]);
    for (x, y) in layout.bend_x.iter().zip(&layout.bend_y) {
        let boxes = layout.x.iter().zip(&layout.y);
        for (_, top) in boxes.filter(|(left, _)| *left == x) {
            assert!(y < top || *y > top + BOX_HEIGHT);
        }
        assert!(*y < layout.height);
    }
}

#[test]
fn wide_layers_are_folded() {
    let wide = check(&graph(2_000, []));
    assert!(wide.height < 50 * 45, "{}", wide.height);
}

#[test]
fn layouts_are_the_same_again_and_kept() {
    let mesh = mesh(10, 12);
    assert_eq!(layout(&mesh), layout(&mesh));
    let layouts = Layouts::default();
    let digest = Digest([7; 32]);
    let first = layouts.of(digest, || layout(&mesh));
    let again = layouts.of(digest, || unreachable!("it is kept"));
    assert!(Arc::ptr_eq(&first, &again));
}

#[test]
fn ten_thousand_tasks_take_a_moment() {
    let mesh = mesh(100, 100);
    let start = Instant::now();
    check(&mesh);
    // Without optimisation and on a busy machine; a release build needs a hundredth.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
