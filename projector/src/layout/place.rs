//! From an order to pixels: columns from left to right, each task as near to its neighbours as the order allows.

use fasti_core::domain::graph::Graph;

use super::order::Ordered;
use super::{BOX_HEIGHT, BOX_WIDTH, Layout};

/// From the upper edge of a box to that of the next one below.
const ROW: i64 = 38;

/// Room between two columns of a folded layer, and between two layers.
const FOLD_GAP: u32 = 14;
const LAYER_GAP: u32 = 76;

/// Boxes above each other in small graphs; a large one may be as tall as it has layers of its square.
const ROWS_MIN: u32 = 40;

/// Room around the picture.
const MARGIN: u32 = 12;

/// Passes that pull tasks to their neighbours, to and fro.
const PASSES: usize = 6;

/// Gives every task its place.
pub(super) fn placed(graph: &Graph, layers: &Ordered) -> Layout {
    let rows_max = graph.task_count().isqrt().max(ROWS_MIN) as usize;
    let mut y = vec![0_i64; graph.task_count() as usize];
    let is_folded = |layer: &Vec<u32>| layer.len() > rows_max;
    for layer in layers {
        let rows = rows(layer.len(), rows_max);
        for (at, &task) in layer.iter().enumerate() {
            y[task as usize] = 2 * signed(at % rows) * ROW / 2 - signed(rows - 1) * ROW / 2;
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
            if !is_folded(&layers[at]) {
                pull(graph, &layers[at], to_the_right, &mut y);
            }
        }
    }
    let mut x = vec![0; y.len()];
    let mut left = MARGIN;
    for layer in layers {
        let rows = rows(layer.len(), rows_max);
        let mut column = 0;
        for (at, &task) in layer.iter().enumerate() {
            column = u32::try_from(at / rows).unwrap_or(0);
            x[task as usize] = left + column * (BOX_WIDTH + FOLD_GAP);
        }
        left += column * (BOX_WIDTH + FOLD_GAP) + BOX_WIDTH + LAYER_GAP;
    }
    let top = y.iter().min().copied().unwrap_or(0) - i64::from(MARGIN);
    let y: Vec<u32> = y
        .iter()
        .map(|&y| u32::try_from(y - top).unwrap_or(0))
        .collect();
    Layout {
        width: left - LAYER_GAP + MARGIN,
        height: y.iter().max().copied().unwrap_or(0) + BOX_HEIGHT + MARGIN,
        x,
        y,
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows of a layer: as few as its columns need.
fn rows(tasks: usize, rows_max: usize) -> usize {
    let columns = tasks.div_ceil(rows_max).max(1);
    tasks.div_ceil(columns).max(1)
}

/// Moves the tasks of a layer to the mean of their neighbours, or as near as the order and the distance of rows
/// allow: the least squares under these conditions.
fn pull(graph: &Graph, layer: &[u32], to_the_right: bool, y: &mut [i64]) {
    let wish = |task: u32| {
        let neighbours = if to_the_right {
            graph.parents(task)
        } else {
            graph.children(task)
        };
        let sum: i64 = neighbours.iter().map(|&it| y[it as usize]).sum();
        sum.checked_div(signed(neighbours.len()))
            .unwrap_or(y[task as usize])
    };
    // With the distance of rows taken out, the order is that of ascending numbers: neighbours that contradict it
    // share their mean.
    let mut blocks: Vec<(i64, i64)> = Vec::with_capacity(layer.len());
    for (at, &task) in layer.iter().enumerate() {
        let (mut sum, mut count) = (wish(task) - signed(at) * ROW, 1);
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
    let mut tasks = layer.iter().enumerate();
    for (sum, count) in blocks {
        let shared = sum.div_euclid(count);
        for _ in 0..count {
            if let Some((at, &task)) = tasks.next() {
                y[task as usize] = shared + signed(at) * ROW;
            }
        }
    }
}
