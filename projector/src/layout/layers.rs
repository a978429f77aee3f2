//! Which layer a task is in: one more than the last of those it waits for.

use fasti_core::domain::graph::Graph;

/// Layer of each task, from 0. Tasks that wait for nothing stand as far right as what waits for them allows, so that
/// their edges are short.
pub(super) fn layers(graph: &Graph) -> Vec<u32> {
    let sorted = sorted(graph);
    let mut layer_of = vec![0_u32; sorted.len()];
    for &task in &sorted {
        let before = graph.parents(task).iter();
        let last = before.map(|&parent| layer_of[parent as usize] + 1).max();
        layer_of[task as usize] = last.unwrap_or(0);
    }
    for &task in &sorted {
        if !graph.parents(task).is_empty() {
            continue;
        }
        let after = graph.children(task).iter();
        let next = after.map(|&child| layer_of[child as usize]).min();
        layer_of[task as usize] = next.map_or(0, |next| next.saturating_sub(1));
    }
    layer_of
}

/// All tasks, each after those it waits for.
fn sorted(graph: &Graph) -> Vec<u32> {
    let tasks = graph.task_count();
    let mut waits_for: Vec<usize> = (0..tasks).map(|task| graph.parents(task).len()).collect();
    let mut sorted: Vec<u32> = (0..tasks)
        .filter(|&task| waits_for[task as usize] == 0)
        .collect();
    let mut at = 0;
    while let Some(&task) = sorted.get(at) {
        at += 1;
        for &child in graph.children(task) {
            waits_for[child as usize] -= 1;
            if waits_for[child as usize] == 0 {
                sorted.push(child);
            }
        }
    }
    sorted
}
