//! Where the tasks of a graph are drawn: the same picture in the page, in a notebook and in an SVG.
//!
//! Layered, from left to right: every task stands right of all it waits for (`layers`), the tasks of a layer are in
//! an order with few crossings (`order`), an edge that passes layers bends between their boxes (`net`), and a layer
//! that would be too tall is folded into several columns (`place`). Integers only, so that every machine draws the
//! same. Time and memory are linear in tasks and edges but for sorting.

mod cache;
mod layers;
mod net;
mod order;
mod place;

use fasti_core::domain::graph::Graph;

pub use cache::Layouts;

/// Width of the box of a task, in pixels at natural size.
pub const BOX_WIDTH: u32 = 168;

/// Height of the box of a task.
pub const BOX_HEIGHT: u32 = 26;

/// Positions of all tasks, in definition order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Left edges of the boxes.
    pub x: Vec<u32>,
    /// Upper edges of the boxes.
    pub y: Vec<u32>,
    /// Which edge each bend is of, by its place in the definition; those of one edge from left to right.
    pub bend_edges: Vec<u32>,
    /// Where an edge reaches a layer that it passes: it goes on at the same height for the width of a box.
    pub bend_x: Vec<u32>,
    /// The height at which it passes.
    pub bend_y: Vec<u32>,
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
}

/// Lays out the tasks of a graph; a parallel task is one box.
#[must_use]
pub fn layout(graph: &Graph) -> Layout {
    let layer_of = layers::layers(graph);
    let mut sizes = vec![0; layer_of.iter().max().map_or(0, |&last| last as usize + 1)];
    for &layer in &layer_of {
        sizes[layer as usize] += 1;
    }
    let is_folded = sizes
        .iter()
        .any(|&size| size > place::rows_max(graph.task_count()));
    let net = net::Net::new(graph, layer_of, !is_folded);
    place::placed(&net, &order::ordered(&net))
}
