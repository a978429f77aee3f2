//! A definition made ready to run: nodes numbered, edges both ways, checked once.
//!
//! Edges stay between tasks, not between parts: two parallel tasks of 1,000 parts each are one edge here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;
use serde::{Deserialize, Serialize};

use crate::definition::{Definition, Parts, Task};
use crate::limits::{EDGES_MAX, TASK_RUNS_MAX};
use crate::rejection::Rejection;

/// A checked definition with its graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Arc<Definition>", into = "Arc<Definition>")]
pub struct Graph {
    definition: Arc<Definition>,
    /// First node of each task, and the number of nodes behind the last.
    first_node: Vec<u32>,
    children: Adjacency,
    parents: Adjacency,
}

/// Neighbours of each task in one direction, packed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Adjacency {
    offsets: Vec<u32>,
    neighbours: Vec<u32>,
}

impl Adjacency {
    /// Keeps the order of `edges` among the neighbours of one task.
    fn new(tasks: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut offsets = vec![0_u32; tasks + 1];
        for (from, _) in edges.clone() {
            offsets[from as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut next = offsets.clone();
        let mut neighbours = vec![0; offsets[tasks] as usize];
        for (from, to) in edges {
            let slot = &mut next[from as usize];
            neighbours[*slot as usize] = to;
            *slot += 1;
        }
        Self {
            offsets,
            neighbours,
        }
    }

    fn of(&self, task: u32) -> &[u32] {
        let range = self.offsets[task as usize] as usize..self.offsets[task as usize + 1] as usize;
        &self.neighbours[range]
    }
}

impl Graph {
    /// Checks a definition's graph: counts, names, edges, cycles. Linear in tasks and edges.
    ///
    /// # Errors
    /// The first thing wrong, with the path of the field.
    pub fn new(definition: Arc<Definition>) -> Result<Self, Rejection> {
        let first_node = number_nodes(&definition)?;
        check_names(&definition)?;
        check_edges(&definition)?;
        let tasks = definition.tasks.len();
        let edges = definition.edges.iter();
        let graph = Self {
            children: Adjacency::new(tasks, edges.clone().map(|e| (e.from, e.to))),
            parents: Adjacency::new(tasks, edges.map(|e| (e.to, e.from))),
            first_node,
            definition,
        };
        graph.check_acyclic()?;
        Ok(graph)
    }

    /// The definition.
    #[must_use]
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Number of task runs of a run.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.first_node.last().copied().unwrap_or(0)
    }

    /// Number of tasks.
    #[must_use]
    pub fn task_count(&self) -> u32 {
        u32::try_from(self.definition.tasks.len()).unwrap_or(u32::MAX)
    }

    /// The task at a position.
    #[must_use]
    pub fn task(&self, task: u32) -> &Task {
        &self.definition.tasks[task as usize]
    }

    /// Nodes of a task: one, or one a part.
    #[must_use]
    pub fn nodes(&self, task: u32) -> Range<u32> {
        self.first_node[task as usize]..self.first_node[task as usize + 1]
    }

    /// Task and part of a node.
    #[must_use]
    pub fn locate(&self, node: u32) -> (u32, u32) {
        let task = self.first_node.partition_point(|&first| first <= node) - 1;
        let part = node - self.first_node[task];
        (u32::try_from(task).unwrap_or(u32::MAX), part)
    }

    /// Name of a node: the part's or the task's.
    #[must_use]
    pub fn node_name(&self, node: u32) -> String {
        let (task, part) = self.locate(node);
        self.task(task).part_name(part)
    }

    /// Tasks that wait for `task`, in the order their edges were drawn.
    #[must_use]
    pub fn children(&self, task: u32) -> &[u32] {
        self.children.of(task)
    }

    /// Tasks that `task` waits for, in the order their edges were drawn.
    #[must_use]
    pub fn parents(&self, task: u32) -> &[u32] {
        self.parents.of(task)
    }

    /// Position of the task, or node of the part, of this name.
    #[must_use]
    pub fn nodes_named(&self, name: &str) -> Option<Range<u32>> {
        for (index, task) in (0..).zip(&self.definition.tasks) {
            if task.name == name {
                return Some(self.nodes(index));
            }
            let first = self.first_node[index as usize];
            let part = match &task.parts {
                Parts::One => None,
                Parts::Listed(parts) => (0..)
                    .zip(parts)
                    .find(|(_, part)| part.name == name)
                    .map(|(part, _)| part),
                Parts::Count(count) => counted_part(&task.name, *count, name),
            };
            if let Some(part) = part {
                return Some(first + part..first + part + 1);
            }
        }
        None
    }

    /// Kahn's algorithm on the packed edges; the cycle itself is looked for only when there is one.
    fn check_acyclic(&self) -> Result<(), Rejection> {
        let tasks = self.task_count();
        let mut waiting: Vec<usize> = (0..tasks).map(|task| self.parents(task).len()).collect();
        let mut ready: Vec<u32> = (0..tasks)
            .filter(|&task| waiting[task as usize] == 0)
            .collect();
        let mut done = 0;
        while let Some(task) = ready.pop() {
            done += 1;
            for &child in self.children(task) {
                waiting[child as usize] -= 1;
                if waiting[child as usize] == 0 {
                    ready.push(child);
                }
            }
        }
        if done == tasks {
            return Ok(());
        }
        Err(Rejection::Cycle {
            tasks: self.shortest_cycle(),
        })
    }

    /// Names of the tasks on a shortest cycle through the smallest cyclic component, in order.
    fn shortest_cycle(&self) -> Vec<String> {
        let graph: DiGraph<(), (), u32> =
            DiGraph::from_edges(self.definition.edges.iter().map(|e| (e.from, e.to)));
        // Kosaraju's is iterative: a chain of a million tasks does not exhaust the stack.
        let component = kosaraju_scc(&graph)
            .into_iter()
            .filter(|component| component.len() > 1)
            .min_by_key(Vec::len)
            .unwrap_or_default();
        let members: BTreeSet<u32> = component
            .iter()
            .filter_map(|node| u32::try_from(node.index()).ok())
            .collect();
        let Some(&start) = members.first() else {
            return Vec::new();
        };
        let path = self.path_back_to(start, &members);
        path.into_iter()
            .map(|task| self.task(task).name.clone())
            .collect()
    }

    /// Breadth-first search inside a component, from `start` back to it.
    fn path_back_to(&self, start: u32, members: &BTreeSet<u32>) -> Vec<u32> {
        let mut came_from = std::collections::BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(task) = queue.pop_front() {
            for &child in self.children(task) {
                if child == start {
                    let mut path = vec![task];
                    let mut at = task;
                    while let Some(&before) = came_from.get(&at) {
                        path.push(before);
                        at = before;
                    }
                    path.reverse();
                    return path;
                }
                if members.contains(&child) && !came_from.contains_key(&child) {
                    came_from.insert(child, task);
                    queue.push_back(child);
                }
            }
        }
        vec![start]
    }
}

impl TryFrom<Arc<Definition>> for Graph {
    type Error = Rejection;

    fn try_from(definition: Arc<Definition>) -> Result<Self, Self::Error> {
        Self::new(definition)
    }
}

impl From<Graph> for Arc<Definition> {
    fn from(graph: Graph) -> Self {
        graph.definition
    }
}

/// `<task>[<n>]` with n below `count`, written without leading zeros.
fn counted_part(task: &str, count: u32, name: &str) -> Option<u32> {
    let digits = name
        .strip_prefix(task)?
        .strip_prefix('[')?
        .strip_suffix(']')?;
    let part: u32 = digits.parse().ok()?;
    (part < count && part.to_string() == digits).then_some(part)
}

fn number_nodes(definition: &Definition) -> Result<Vec<u32>, Rejection> {
    if definition.tasks.is_empty() {
        return Err(Rejection::invalid(
            "tasks",
            "a batch needs at least one task",
        ));
    }
    let mut first_node = Vec::with_capacity(definition.tasks.len() + 1);
    let mut nodes: u64 = 0;
    for (index, task) in definition.tasks.iter().enumerate() {
        first_node.push(u32::try_from(nodes).unwrap_or(u32::MAX));
        if task.part_count() == 0 {
            return Err(Rejection::invalid(
                format!("tasks[{index}].configuration_json"),
                format!("the parallel task `{}` needs at least one part", task.name),
            ));
        }
        nodes += task.part_count();
        if nodes > TASK_RUNS_MAX as u64 {
            return Err(Rejection::invalid(
                "tasks",
                format!(
                    "a run of this batch would have more than {TASK_RUNS_MAX} task runs; split it into several batches"
                ),
            ));
        }
    }
    first_node.push(u32::try_from(nodes).unwrap_or(u32::MAX));
    Ok(first_node)
}

fn check_names(definition: &Definition) -> Result<(), Rejection> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (index, task) in definition.tasks.iter().enumerate() {
        check_name(&format!("tasks[{index}].name"), &task.name)?;
        if !seen.insert(&task.name) {
            return Err(Rejection::DuplicateName {
                field: format!("tasks[{index}].name"),
                name: task.name.clone(),
            });
        }
        if let Parts::Listed(parts) = &task.parts {
            for (number, part) in parts.iter().enumerate() {
                let field = format!("tasks[{index}].configuration_json[{number}].Name");
                check_name(&field, &part.name)?;
                if !seen.insert(&part.name) {
                    return Err(Rejection::DuplicateName {
                        field,
                        name: part.name.clone(),
                    });
                }
            }
        }
    }
    for (index, task) in definition.tasks.iter().enumerate() {
        let Parts::Count(count) = task.parts else {
            continue;
        };
        let start = format!("{}[", task.name);
        let other = seen
            .range::<&str, _>(start.as_str()..)
            .take_while(|name| name.starts_with(&start))
            .find(|name| counted_part(&task.name, count, name).is_some());
        if let Some(other) = other {
            return Err(Rejection::DuplicateName {
                field: format!("tasks[{index}].name"),
                name: (*other).to_owned(),
            });
        }
    }
    Ok(())
}

/// Names are text for people: not blank, no control characters, of bounded length.
pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Rejection> {
    let chars = name.chars().count();
    if name.trim().is_empty() {
        return Err(Rejection::invalid(field, "a name must not be blank"));
    }
    if chars > crate::limits::NAME_CHARS_MAX {
        let max = crate::limits::NAME_CHARS_MAX;
        return Err(Rejection::invalid(
            field,
            format!("a name of {chars} characters is longer than the {max} allowed"),
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(Rejection::invalid(
            field,
            "a name must not have control characters",
        ));
    }
    Ok(())
}

fn check_edges(definition: &Definition) -> Result<(), Rejection> {
    let tasks = definition.tasks.len();
    if definition.edges.len() > EDGES_MAX {
        return Err(Rejection::invalid(
            "edges",
            format!("more than {EDGES_MAX} edges"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, edge) in definition.edges.iter().enumerate() {
        let field = format!("edges[{index}]");
        if edge.from as usize >= tasks || edge.to as usize >= tasks {
            return Err(Rejection::invalid(
                field,
                "an edge names a task that is not there",
            ));
        }
        if edge.from == edge.to {
            let name = &definition.tasks[edge.from as usize].name;
            return Err(Rejection::invalid(
                field,
                format!("the task `{name}` cannot depend on itself"),
            ));
        }
        if !seen.insert(*edge) {
            return Err(Rejection::invalid(field, "this edge is drawn twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
