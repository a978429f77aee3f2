//! Diffs of definitions.

use fasti_core::domain::flow::{Change, GraphDiff, NodeDiff, NodeKind};
use serde_json::{Map, Value, json};

/// The diff.
pub(crate) fn write(found: &GraphDiff) -> Value {
    let nodes: Map<String, Value> = found
        .nodes
        .iter()
        .map(|(name, it)| (name.clone(), node(it)))
        .collect();
    json!({
        "can_be_reprocessed": found.can_be_reprocessed, "reasons": changes(&found.reasons), "nodes": nodes,
    })
}

fn changes(all: &[Change]) -> Vec<Value> {
    all.iter()
        .map(|it| json!({"name": it.name, "description": it.description}))
        .collect()
}

fn node(it: &NodeDiff) -> Value {
    let mut value = json!({
        "status": it.status.as_str(), "changes": changes(&it.changes), "reprocess_new_node": it.reprocess,
        "force_reprocess": it.forced, "dependencies": super::super::wire::definition::dependencies(&it.node.dependencies),
        "node_type": kind(it),
    });
    let before = it.before.as_ref().map(NodeKind::as_str);
    if let (Value::Object(members), Some(before)) = (
        &mut value,
        before.filter(|before| *before != it.node.kind.as_str()),
    ) {
        members.insert("prev_node_type".to_owned(), before.into());
    }
    value
}

fn kind(it: &NodeDiff) -> Value {
    let mut all = Map::new();
    all.insert("node_type".to_owned(), it.node.kind.as_str().into());
    let now = parts(&it.node.kind);
    let before = it.before.as_ref().map(parts).unwrap_or_default();
    for (name, value) in now {
        let was = before
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, was)| was);
        if let Some(was) = was.filter(|was| **was != value) {
            all.insert(format!("prev_{name}"), was.clone());
        }
        all.insert(name.to_owned(), value);
    }
    all.into()
}

fn parts(kind: &NodeKind) -> Vec<(&'static str, Value)> {
    match kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => vec![
            ("job_type_name", name.clone().into()),
            ("job_type_version", version.clone().into()),
            ("job_type_revision", (*revision).into()),
        ],
        NodeKind::Flow { name, revision } => vec![
            ("recipe_type_name", name.clone().into()),
            ("recipe_type_revision", (*revision).into()),
        ],
        NodeKind::Decision { .. } => Vec::new(),
    }
}
