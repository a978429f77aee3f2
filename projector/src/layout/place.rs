//! From an order to pixels: columns from left to right, each node as near to its neighbours as the order allows.

use super::net::Net;
use super::order::Ordered;
use super::{BOX_HEIGHT, BOX_WIDTH, Layout};

/// What a box takes of a column from its middle up or down, and what an edge takes that passes.
const BOX_HALF: i64 = 19;
const BEND_HALF: i64 = 7;

/// Room between two columns of a folded layer, and between two layers.
const FOLD_GAP: u32 = 14;
const LAYER_GAP: u32 = 76;

/// Boxes above each other in small graphs; a large one may be as tall as it has layers of its square.
const ROWS_MIN: u32 = 40;

/// Room around the picture.
const MARGIN: u32 = 12;

/// Passes that pull nodes to their neighbours, to and fro.
const PASSES: usize = 8;

/// Boxes that a layer may have above each other in a graph of so many tasks.
pub(super) fn rows_max(tasks: u32) -> usize {
    tasks.isqrt().max(ROWS_MIN) as usize
}

/// Gives every node its place.
pub(super) fn placed(net: &Net, layers: &Ordered) -> Layout {
    let rows_max = rows_max(u32::try_from(net.tasks).unwrap_or(u32::MAX));
    let middles = middles(net, layers, rows_max);
    let mut x = vec![0; middles.len()];
    let mut left = MARGIN;
    for layer in layers {
        let rows = rows(layer.len(), rows_max);
        let mut column = 0;
        for (at, &node) in layer.iter().enumerate() {
            if layer.len() > rows_max {
                column = u32::try_from(at / rows).unwrap_or(0);
            }
            x[node as usize] = left + column * (BOX_WIDTH + FOLD_GAP);
        }
        left += column * (BOX_WIDTH + FOLD_GAP) + BOX_WIDTH + LAYER_GAP;
    }
    let half_box = i64::from(BOX_HEIGHT / 2);
    let top = middles.iter().min().copied().unwrap_or(0) - half_box - i64::from(MARGIN);
    let lowest = middles.iter().max().copied().unwrap_or(0) + half_box + i64::from(MARGIN);
    let down = |y: i64| u32::try_from(y - top).unwrap_or(0);
    let (boxes, bends) = middles.split_at(net.tasks);
    let bend_x = x.split_off(net.tasks);
    Layout {
        x,
        y: boxes.iter().map(|&y| down(y - half_box)).collect(),
        bend_edges: net.bend_edges.clone(),
        bend_x,
        bend_y: bends.iter().map(|&y| down(y)).collect(),
        width: left - LAYER_GAP + MARGIN,
        height: down(lowest),
    }
}

/// The height of the middle of every node.
fn middles(net: &Net, layers: &Ordered, rows_max: usize) -> Vec<i64> {
    let mut y = vec![0_i64; net.layer_of.len()];
    let stacked: Vec<Vec<i64>> = layers.iter().map(|layer| offsets(net, layer)).collect();
    for (layer, offsets) in layers.iter().zip(&stacked) {
        let rows = rows(layer.len(), rows_max);
        let is_folded = layer.len() > rows_max;
        let last = if is_folded { rows - 1 } else { layer.len() - 1 };
        for (at, &node) in layer.iter().enumerate() {
            let row = if is_folded { at % rows } else { at };
            y[node as usize] = offsets[row] - offsets[last] / 2;
        }
    }
    for pass in 0..PASSES {
        let to_the_right = pass % 2 == 0;
        for turn in 0..layers.len() {
            let at = if to_the_right {
                turn
            } else {
                layers.len() - 1 - turn
            };
            if layers[at].len() <= rows_max || net.layer_of.len() > net.tasks {
                pull(net, &layers[at], &stacked[at], to_the_right, &mut y);
            }
        }
    }
    y
}

/// How far below the first node of a layer each one is when they stand as close as they may.
fn offsets(net: &Net, layer: &[u32]) -> Vec<i64> {
    let half = |node: u32| {
        if net.is_task(node) {
            BOX_HALF
        } else {
            BEND_HALF
        }
    };
    let mut at = 0;
    let mut before = None;
    let offsets = layer.iter().map(|&node| {
        at += before.map_or(0, |before| before + half(node));
        before = Some(half(node));
        at
    });
    offsets.collect()
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows of a layer: as few as its columns need.
fn rows(nodes: usize, rows_max: usize) -> usize {
    let columns = nodes.div_ceil(rows_max).max(1);
    nodes.div_ceil(columns).max(1)
}

/// Moves the nodes of a layer to the mean of their neighbours, or as near as the order and the distances allow: the
/// least squares under these conditions.
fn pull(net: &Net, layer: &[u32], offsets: &[i64], to_the_right: bool, y: &mut [i64]) {
    let wish = |node: u32| {
        let neighbours = if to_the_right {
            net.left(node)
        } else {
            net.right(node)
        };
        let sum: i64 = neighbours.iter().map(|&it| y[it as usize]).sum();
        sum.checked_div(signed(neighbours.len()))
            .unwrap_or(y[node as usize])
    };
    // With the distances taken out, the order is that of ascending numbers: neighbours that contradict it share
    // their mean.
    let mut blocks: Vec<(i64, i64)> = Vec::with_capacity(layer.len());
    for (&node, offset) in layer.iter().zip(offsets) {
        let (mut sum, mut count) = (wish(node) - offset, 1);
        while let Some(&(sum_before, count_before)) = blocks.last() {
            if sum_before * count <= sum * count_before {
                break;
            }
            sum += sum_before;
            count += count_before;
            blocks.pop();
        }
        blocks.push((sum, count));
    }
    let mut nodes = layer.iter().zip(offsets);
    for (sum, count) in blocks {
        let shared = sum.div_euclid(count);
        for _ in 0..count {
            if let Some((&node, offset)) = nodes.next() {
                y[node as usize] = shared + offset;
            }
        }
    }
}
