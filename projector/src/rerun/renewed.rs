//! A finished run looked at through another version of its batch: what of it can serve there.
//!
//! A task run serves only where it would be executed in the same way: same work, image, code and
//! configuration, same place among its parts, same upstream tasks in the same order. Everything else is new
//! or changed, and [`plan`](super::plan) executes it.

use std::collections::HashMap;
use std::sync::Arc;

use fasti_core::domain::command::Hashed;
use fasti_core::domain::definition::{Parts, Task};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::TaskRunId;
use fasti_core::domain::run::TaskStatus;

use super::{Change, Source, SourceNode};

impl Source {
    /// The same run as a source for a repetition with another definition.
    #[must_use]
    pub fn renewed(self, version: Option<u32>, definition: Hashed, graph: Arc<Graph>) -> Self {
        let old = &self.graph;
        let positions: HashMap<String, u32> = (0..old.node_count())
            .map(|node| (old.node_name(node), node))
            .collect();
        let nodes = (0..graph.node_count()).map(|node| {
            let before = positions.get(&graph.node_name(node)).copied();
            let known = before.and_then(|before| self.nodes.get(before as usize).cloned());
            match (before, known) {
                (Some(before), Some(mut known)) => {
                    if !is_same(old, before, &graph, node) {
                        known.change = Some(Change::Different);
                    }
                    known
                }
                (_, _) => new_node(),
            }
        });
        let nodes = nodes.collect();
        Self {
            version,
            definition,
            nodes,
            graph,
            ..self
        }
    }
}

fn new_node() -> SourceNode {
    SourceNode {
        id: TaskRunId(0),
        status: TaskStatus::Waiting,
        result: None,
        reused_from: None,
        started_at: None,
        finished_at: None,
        change: Some(Change::New),
    }
}

/// Whether a node would be executed in the same way in both graphs, given the same values.
fn is_same(old: &Graph, before: u32, new: &Graph, after: u32) -> bool {
    let ((old_task, old_part), (new_task, new_part)) = (old.locate(before), new.locate(after));
    let (one, other) = (old.task(old_task), new.task(new_task));
    let code = |graph: &Graph, task: &Task| {
        let definition = graph.definition();
        let image = task.image.clone().or_else(|| definition.image.clone());
        (image, definition.bundle, definition.python.clone())
    };
    let parents = |graph: &Graph, task: u32| -> Vec<String> {
        let parents = graph.parents(task).iter();
        parents
            .map(|&parent| graph.task(parent).name.clone())
            .collect()
    };
    one.work == other.work
        && one.configuration == other.configuration
        && one.configuration_blob == other.configuration_blob
        && (old_part, one.part_count()) == (new_part, other.part_count())
        && own_configuration(one, old_part) == own_configuration(other, new_part)
        && code(old, one) == code(new, other)
        && parents(old, old_task) == parents(new, new_task)
}

fn own_configuration(task: &Task, part: u32) -> Option<&str> {
    match &task.parts {
        Parts::Listed(parts) => parts.get(part as usize)?.configuration.as_deref(),
        Parts::One | Parts::Count(_) => None,
    }
}
