//! The order of tasks and bends within each layer: barycentre sweeps to and fro, neighbours exchanged where that helps, and
//! the best order that was seen.

use super::net::Net;
use crate::limits::{LAYOUT_FINE_EDGES_MAX, LAYOUT_SWEEPS};

/// Height of every layer, by which positions in layers of different length are compared.
const SPAN: u64 = 1 << 32;

/// Nodes by layer, each layer from top to bottom.
pub(super) type Ordered = Vec<Vec<u32>>;

/// Orders the nodes of each layer.
pub(super) fn ordered(net: &Net) -> Ordered {
    let mut order = Order::new(net);
    let is_fine = net.links() <= LAYOUT_FINE_EDGES_MAX;
    let mut best = (order.crossings(), order.layers.clone());
    for sweep in 0..if is_fine { LAYOUT_SWEEPS } else { 2 } {
        if best.0 == 0 {
            break;
        }
        order.sweep(if sweep % 2 == 0 {
            Side::Left
        } else {
            Side::Right
        });
        if is_fine {
            order.transpose();
        }
        let crossings = order.crossings();
        if crossings < best.0 {
            best = (crossings, order.layers.clone());
        }
    }
    best.1
}

/// Which neighbours a sweep goes by.
#[derive(Clone, Copy)]
enum Side {
    /// Those that a task waits for.
    Left,
    /// Those that wait for it.
    Right,
}

struct Order<'a> {
    net: &'a Net,
    layers: Ordered,
    /// Middle of each node, as a part of [`SPAN`].
    middle: Vec<u64>,
}

impl<'a> Order<'a> {
    fn new(net: &'a Net) -> Self {
        let layer_of = &net.layer_of;
        let count = layer_of.iter().max().map_or(0, |&last| last as usize + 1);
        let mut layers = vec![Vec::new(); count];
        for (task, &layer) in (0..).zip(layer_of) {
            layers[layer as usize].push(task);
        }
        let mut order = Self {
            net,
            layers,
            middle: vec![0; layer_of.len()],
        };
        for layer in 0..order.layers.len() {
            order.measure(layer);
        }
        order
    }

    fn neighbours(&self, task: u32, side: Side) -> &'a [u32] {
        match side {
            Side::Left => self.net.left(task),
            Side::Right => self.net.right(task),
        }
    }

    /// Writes down where the tasks of a layer are.
    fn measure(&mut self, layer: usize) {
        let tasks = &self.layers[layer];
        let step = SPAN / tasks.len().max(1) as u64;
        for (at, &task) in (0..).zip(tasks) {
            self.middle[task as usize] = step * at + step / 2;
        }
    }

    /// Sorts every layer by the mean of the neighbours on one side, in the direction away from them.
    fn sweep(&mut self, side: Side) {
        let count = self.layers.len();
        for turn in 0..count {
            let layer = match side {
                Side::Left => turn,
                Side::Right => count - 1 - turn,
            };
            let mut tasks = std::mem::take(&mut self.layers[layer]);
            // A stable sort: what is equal stays as it was.
            tasks.sort_by_cached_key(|&task| self.mean(task, side));
            self.layers[layer] = tasks;
            self.measure(layer);
        }
    }

    fn mean(&self, task: u32, side: Side) -> u64 {
        let neighbours = self.neighbours(task, side);
        let sum: u64 = neighbours.iter().map(|&it| self.middle[it as usize]).sum();
        sum.checked_div(neighbours.len() as u64)
            .unwrap_or(self.middle[task as usize])
    }

    /// Exchanges tasks that follow each other wherever fewer edges cross then.
    fn transpose(&mut self) {
        for layer in 0..self.layers.len() {
            for upper in 1..self.layers[layer].len() {
                let (a, b) = (self.layers[layer][upper - 1], self.layers[layer][upper]);
                let as_is = self.crossings_of(a, b);
                if as_is > 0 && self.crossings_of(b, a) < as_is {
                    self.layers[layer].swap(upper - 1, upper);
                    self.middle.swap(a as usize, b as usize);
                }
            }
        }
    }

    /// Crossings of the edges of two tasks of a layer when `a` is above `b`.
    fn crossings_of(&self, a: u32, b: u32) -> usize {
        let of = |side| {
            let (upper, lower) = (self.places(a, side), self.places(b, side));
            let mut passed = 0;
            let mut crossings = 0;
            for place in upper {
                while lower.get(passed).is_some_and(|&it| it < place) {
                    passed += 1;
                }
                crossings += passed;
            }
            crossings
        };
        of(Side::Left) + of(Side::Right)
    }

    /// Places of the neighbours on one side, from top to bottom.
    fn places(&self, task: u32, side: Side) -> Vec<u64> {
        let neighbours = self.neighbours(task, side).iter();
        let mut places: Vec<u64> = neighbours.map(|&it| self.middle[it as usize]).collect();
        places.sort_unstable();
        places
    }

    /// Crossings in all, edges over several layers counted as if they came from the layer before.
    fn crossings(&self) -> u64 {
        let of_layer = |tasks: &Vec<u32>| {
            let places = tasks.iter().flat_map(|&task| self.places(task, Side::Left));
            inversions(places.collect())
        };
        self.layers.iter().map(of_layer).sum()
    }
}

/// Pairs of which the first is larger, counted by merging.
fn inversions(mut values: Vec<u64>) -> u64 {
    let mut merged = values.clone();
    let mut inversions = 0;
    let mut width = 1;
    while width < values.len() {
        for start in (0..values.len()).step_by(2 * width) {
            let middle = (start + width).min(values.len());
            let end = (start + 2 * width).min(values.len());
            let (mut left, mut right) = (start, middle);
            for place in &mut merged[start..end] {
                let takes_left = right == end || (left < middle && values[left] <= values[right]);
                if takes_left {
                    *place = values[left];
                    left += 1;
                } else {
                    *place = values[right];
                    right += 1;
                    inversions += (middle - left) as u64;
                }
            }
        }
        std::mem::swap(&mut values, &mut merged);
        width *= 2;
    }
    inversions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inversions_are_pairs_out_of_order() {
        assert_eq!(inversions(vec![]), 0);
        assert_eq!(inversions(vec![1, 1, 2]), 0);
        assert_eq!(inversions(vec![3, 2, 1]), 3);
        assert_eq!(inversions(vec![2, 1, 4, 3, 0]), 6);
    }
}
