//! Recipe types.

use fasti_core::domain::flow::{FlowGraph, FlowRevision, FlowType, Flows, NodeKind};
use serde_json::{Value, json};

use super::super::wire::{definition, time};
use super::{job_type, joined, members};

/// RecipeTypeBase.
pub(crate) fn base(it: &FlowType) -> Value {
    json!({
        "id": it.id, "name": it.name, "title": it.title, "description": it.description,
        "revision_num": it.revision_number(),
    })
}

/// The base of an id; null when it is not there.
pub(crate) fn base_of(flows: &Flows, id: u64) -> Value {
    flows.flow_type(id).map_or(Value::Null, base)
}

/// RecipeTypeRevBase.
pub(crate) fn rev_base(flows: &Flows, flow_type: u64, number: u32) -> Value {
    let id = flows.revision(flow_type, number).map(|it| it.id);
    json!({"id": id, "recipe_type": {"id": flow_type}, "revision_num": number})
}

/// The same with the definition.
pub(crate) fn rev_detail(flows: &Flows, flow_type: u64, number: u32) -> Value {
    let Some(revision) = flows.revision(flow_type, number) else {
        return rev_base(flows, flow_type, number);
    };
    joined(
        json!({"id": revision.id, "recipe_type": base_of(flows, flow_type), "revision_num": number}),
        members(
            json!({"definition": definition::write(&revision.graph), "created": time::stamp(revision.created)}),
        ),
    )
}

/// Item of a list.
pub(crate) fn item(it: &FlowType) -> Value {
    joined(
        base(it),
        members(json!({
            "is_active": it.is_active, "is_system": false, "created": time::stamp(it.created),
            "deprecated": time::maybe(it.deprecated), "last_modified": time::stamp(it.modified),
        })),
    )
}

/// RecipeTypeDetail.
pub(crate) fn detail(flows: &Flows, it: &FlowType) -> Value {
    let Some(current) = it.current() else {
        return item(it);
    };
    let uses = |other: &&FlowType| {
        other
            .current()
            .is_some_and(|other| inner_names(&other.graph).any(|name| *name == it.name))
    };
    joined(
        item(it),
        members(json!({
            "definition": definition::write(&current.graph),
            "job_types": job_types(flows, &current.graph),
            "sub_recipe_types": sub_types(flows, &current.graph),
            "super_recipe_types": flows.flow_types().filter(uses).map(base).collect::<Vec<_>>(),
        })),
    )
}

/// Item of a list of revisions.
pub(crate) fn revision_item(it: &FlowType, revision: &FlowRevision) -> Value {
    json!({
        "id": revision.id, "recipe_type": base(it), "revision_num": revision.number,
        "created": time::stamp(revision.created),
    })
}

fn inner_names(graph: &FlowGraph) -> impl Iterator<Item = &String> {
    graph.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::Flow { name, .. } => Some(name),
        NodeKind::Step { .. } | NodeKind::Decision { .. } => None,
    })
}

/// The job types in a definition, each once.
pub(crate) fn job_types(flows: &Flows, graph: &FlowGraph) -> Vec<Value> {
    let mut found: Vec<u64> = graph
        .nodes
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Step { name, version, .. } => {
                flows.step_type_named(name, version).map(|it| it.id)
            }
            NodeKind::Flow { .. } | NodeKind::Decision { .. } => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .iter()
        .filter_map(|id| flows.step_type(*id))
        .map(job_type::base)
        .collect()
}

/// The recipe types inside of a definition, each once.
pub(crate) fn sub_types(flows: &Flows, graph: &FlowGraph) -> Vec<Value> {
    let mut found: Vec<u64> = inner_names(graph)
        .filter_map(|name| flows.flow_type_named(name))
        .map(|it| it.id)
        .collect();
    found.sort_unstable();
    found.dedup();
    found.iter().map(|id| base_of(flows, *id)).collect()
}
