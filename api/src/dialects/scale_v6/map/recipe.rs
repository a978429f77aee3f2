//! Recipes.

use fasti_core::domain::flow::{Data, Flow, Flows, Slot};
use serde_json::{Map, Value, json};

use super::super::wire::{definition, interface, time};
use super::{batch, counters, event, event_detail, joined, members, recipe_type, status};

/// Item of a list.
pub(crate) fn item(flows: &Flows, id: u64, flow: &Flow) -> Value {
    let rest = json!({
        "id": id,
        "recipe_type": recipe_type::base_of(flows, flow.flow_type),
        "recipe_type_rev": recipe_type::rev_base(flows, flow.flow_type, flow.revision),
        "event": event(flow.event, flow.created),
        "batch": batch::base_of(flows, flow.set),
        "recipe": flow.parent.map(|(id, _)| json!({"id": id})),
        "is_superseded": flow.is_superseded(),
        "superseded_recipe": flow.superseded_flow.map(|id| json!({"id": id})),
        "sub_recipes_total": flow.inner_total,
        "sub_recipes_completed": flow.inner_completed,
        "is_completed": flow.completed.is_some(),
        "created": time::stamp(flow.created),
        "completed": time::maybe(flow.completed),
        "superseded": time::maybe(flow.superseded),
        "last_modified": time::stamp(flow.modified),
    });
    joined(rest, counters(&flow.counts))
}

/// The detail.
pub(crate) fn detail(flows: &Flows, id: u64, flow: &Flow) -> Value {
    let input = flow.input.as_deref().map(Data::read).unwrap_or_default();
    let revision = flows.revision(flow.flow_type, flow.revision);
    let more = json!({
        "event": event_detail(flow.event, flow.created),
        "superseded_by_recipe": flow.superseded_by.map(|id| json!({"id": id})),
        "input": interface::write_data(&input),
        "job_types": revision.map(|it| recipe_type::job_types(flows, &it.graph)),
        "sub_recipe_types": revision.map(|it| recipe_type::sub_types(flows, &it.graph)),
        "details": {"nodes": nodes(flows, flow)},
    });
    joined(item(flows, id, flow), members(more))
}

/// The nodes that exist.
fn nodes(flows: &Flows, flow: &Flow) -> Map<String, Value> {
    let Some(revision) = flows.revision(flow.flow_type, flow.revision) else {
        return Map::new();
    };
    let all = revision.graph.nodes.iter().zip(&flow.slots);
    all.filter_map(|(node, slot)| {
        let kind = slot_kind(flows, *slot)?;
        let value = json!({"dependencies": definition::dependencies(&node.dependencies), "node_type": kind});
        Some((node.name.clone(), value))
    })
    .collect()
}

fn slot_kind(flows: &Flows, slot: Slot) -> Option<Value> {
    match slot {
        Slot::Open | Slot::Never => None,
        Slot::Step(id) => {
            let step = flows.step(id)?;
            let of_type = flows.step_type(step.step_type)?;
            Some(json!({
                "node_type": "job", "job_type_name": of_type.name, "job_type_version": of_type.version,
                "job_type_revision": step.revision, "job_id": id, "status": status(step.status),
            }))
        }
        Slot::Decision(id) => {
            let accepted = flows.decision(id)?.accepted;
            Some(json!({
                "node_type": "condition", "condition_id": id, "is_processed": accepted.is_some(),
                "is_accepted": accepted.unwrap_or(false),
            }))
        }
        Slot::Flow(id) => {
            let flow = flows.flow(id)?;
            let value = json!({
                "node_type": "recipe", "recipe_type_name": flows.flow_type(flow.flow_type)?.name,
                "recipe_type_revision": flow.revision, "recipe_id": id, "is_completed": flow.completed.is_some(),
                "sub_recipes_total": flow.inner_total, "sub_recipes_completed": flow.inner_completed,
            });
            Some(joined(value, counters(&flow.counts)))
        }
    }
}
