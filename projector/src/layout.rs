//! Where the tasks of a graph are drawn: the same picture in the page, in a notebook and in an SVG.
//!
//! Layered, from left to right: every task stands right of all it waits for (`layers`), the tasks of a layer are in
//! an order with few crossings (`order`), and a layer that would be too tall is folded into several columns
//! (`place`). Integers only, so that every machine draws the same. Time and memory are linear in tasks and edges but
//! for sorting: an edge over many layers gets no points of its own.

mod cache;
mod layers;
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
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
}

/// Lays out the tasks of a graph; a parallel task is one box.
#[must_use]
pub fn layout(graph: &Graph) -> Layout {
    let layer_of = layers::layers(graph);
    let ordered = order::ordered(graph, &layer_of);
    place::placed(graph, &ordered)
}
