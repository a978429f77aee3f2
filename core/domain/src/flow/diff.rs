//! What changed between two graphs, node by node, by name. Pure; the only thing that allows to share a step.

use std::collections::BTreeMap;

use super::forced::Forced;
use super::graph::{Connection, Dependency, FlowGraph, FlowNode, NodeKind};
use super::interface::feed;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphDiff {
    /// Whether flows of the old graph can go on in the new one.
    pub can_be_reprocessed: bool,
    /// Why not.
    pub reasons: Vec<Change>,
    /// By name: the nodes of the new graph, and those that are gone.
    pub nodes: BTreeMap<String, NodeDiff>,
}

/// What changed about a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDiff {
    /// In a word.
    pub status: DiffStatus,
    /// In many, if it changed.
    pub changes: Vec<Change>,
    /// Whether it is done anew.
    pub reprocess: bool,
    /// Whether it is so because somebody wants it.
    pub forced: bool,
    /// The node as it is, or was, if it is gone.
    pub node: FlowNode,
    /// What it was before, if it was there before and is now.
    pub before: Option<NodeKind>,
}

/// See [`NodeDiff`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffStatus {
    /// As before.
    Unchanged,
    /// Otherwise than before, or behind something that is.
    Changed,
    /// Not there before.
    New,
    /// Not there any more.
    Deleted,
}

impl DiffStatus {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "UNCHANGED",
            Self::Changed => "CHANGED",
            Self::New => "NEW",
            Self::Deleted => "DELETED",
        }
    }
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Stable name, in capitals.
    pub name: &'static str,
    /// For people.
    pub description: String,
}

fn change(name: &'static str, description: String) -> Change {
    Change { name, description }
}

/// What changed from `old` to `new`, and what is done anew if some nodes are forced.
#[must_use]
pub fn diff(old: &FlowGraph, new: &FlowGraph, forced: Option<&Forced>) -> GraphDiff {
    let blocking = feed(&old.input, &new.input);
    let reasons: Vec<Change> = blocking
        .iter()
        .filter(|problem| !problem.is_warning)
        .take(1)
        .map(|problem| {
            change(
                "INPUT_CHANGE",
                format!("the input changed: {}", problem.message),
            )
        })
        .collect();
    let can_be_reprocessed = reasons.is_empty();
    let mut nodes: BTreeMap<String, NodeDiff> = BTreeMap::new();
    for node in &new.nodes {
        let before = old.node(&node.name);
        let changes = before
            .map(|before| changes(before, node, old, &nodes))
            .unwrap_or_default();
        let status = match before {
            None => DiffStatus::New,
            Some(_) if changes.is_empty() => DiffStatus::Unchanged,
            Some(_) => DiffStatus::Changed,
        };
        let is_forced = forced.is_some_and(|forced| forced.names(&node.name))
            || node
                .dependencies
                .iter()
                .any(|it| nodes.get(&it.name).is_some_and(|parent| parent.forced));
        let reprocess = can_be_reprocessed && (status != DiffStatus::Unchanged || is_forced);
        let found = NodeDiff {
            status,
            changes,
            reprocess,
            forced: is_forced,
            node: node.clone(),
            before: before.map(|before| before.kind.clone()),
        };
        nodes.insert(node.name.clone(), found);
    }
    for node in old
        .nodes
        .iter()
        .filter(|node| new.node(&node.name).is_none())
    {
        let gone = NodeDiff {
            status: DiffStatus::Deleted,
            changes: Vec::new(),
            reprocess: false,
            forced: false,
            node: node.clone(),
            before: None,
        };
        nodes.insert(node.name.clone(), gone);
    }
    GraphDiff {
        can_be_reprocessed,
        reasons,
        nodes,
    }
}

/// What changed about a node that is in both; `done` has its parents already.
fn changes(
    before: &FlowNode,
    node: &FlowNode,
    old: &FlowGraph,
    done: &BTreeMap<String, NodeDiff>,
) -> Vec<Change> {
    let mut all = kind_changes(&before.kind, &node.kind);
    parent_changes(before, node, old, done, &mut all);
    input_changes(&before.input, &node.input, &mut all);
    all
}

/// What a node refers to, part by part: name of the change, words for it, value.
fn parts(kind: &NodeKind) -> Vec<(&'static str, &'static str, String)> {
    match kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => vec![
            ("JOB_TYPE_CHANGE", "the job type", name.clone()),
            (
                "JOB_TYPE_VERSION_CHANGE",
                "the version of the job type",
                version.clone(),
            ),
            (
                "JOB_TYPE_REVISION_CHANGE",
                "the revision of the job type",
                revision.to_string(),
            ),
        ],
        NodeKind::Flow { name, revision } => vec![
            ("RECIPE_TYPE_CHANGE", "the recipe type", name.clone()),
            (
                "RECIPE_TYPE_REVISION_CHANGE",
                "the revision of the recipe type",
                revision.to_string(),
            ),
        ],
        NodeKind::Decision { .. } => Vec::new(),
    }
}

fn kind_changes(before: &NodeKind, now: &NodeKind) -> Vec<Change> {
    if before.as_str() != now.as_str() {
        let (before, now) = (before.as_str(), now.as_str());
        let text = format!("the type of the node changed from {before} to {now}");
        return vec![change("NODE_TYPE_CHANGE", text)];
    }
    let is_decision = matches!(now, NodeKind::Decision { .. });
    if is_decision && before != now {
        return vec![change(
            "FILTER_CHANGE",
            "the data filter changed".to_owned(),
        )];
    }
    let pairs = parts(before).into_iter().zip(parts(now));
    pairs
        .filter(|((.., before), (.., now))| before != now)
        .map(|((name, what, before), (.., now))| {
            change(name, format!("{what} changed from {before} to {now}"))
        })
        .collect()
}

fn parent_changes(
    before: &FlowNode,
    node: &FlowNode,
    old: &FlowGraph,
    done: &BTreeMap<String, NodeDiff>,
    all: &mut Vec<Change>,
) {
    let find = |list: &[Dependency], name: &str| list.iter().find(|it| it.name == name).cloned();
    for parent in &node.dependencies {
        let name = &parent.name;
        let is_changed = done
            .get(name)
            .is_some_and(|it| it.status == DiffStatus::Changed);
        if find(&before.dependencies, name).is_none() || old.node(name).is_none() {
            all.push(change(
                "PARENT_NEW",
                format!("it newly depends on `{name}`"),
            ));
        } else if is_changed {
            all.push(change(
                "PARENT_CHANGED",
                format!("`{name}`, which it depends on, changed"),
            ));
        }
    }
    for parent in &before.dependencies {
        if find(&node.dependencies, &parent.name).is_none() {
            let text = format!("it no longer depends on `{}`", parent.name);
            all.push(change("PARENT_REMOVED", text));
        }
    }
    for parent in &node.dependencies {
        let was = find(&before.dependencies, &parent.name);
        if was.is_some_and(|was| was.acceptance != parent.acceptance) {
            let text = format!(
                "the acceptance of `{}` changed to {}",
                parent.name, parent.acceptance
            );
            all.push(change("PARENT_ACCEPTANCE_CHANGED", text));
        }
    }
}

fn input_changes(
    before: &BTreeMap<String, Connection>,
    now: &BTreeMap<String, Connection>,
    all: &mut Vec<Change>,
) {
    for (name, connection) in now {
        match before.get(name) {
            None => all.push(change("INPUT_NEW", format!("the input `{name}` is new"))),
            Some(was) if was != connection => {
                all.push(change(
                    "INPUT_CHANGE",
                    format!("the input `{name}` comes from elsewhere"),
                ));
            }
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        all.push(change(
            "INPUT_REMOVED",
            format!("the input `{name}` is gone"),
        ));
    }
}

impl NodeKind {
    /// In a word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Step { .. } => "job",
            Self::Flow { .. } => "recipe",
            Self::Decision { .. } => "condition",
        }
    }
}

#[cfg(test)]
mod tests;
