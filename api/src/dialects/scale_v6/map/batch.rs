//! Batches.

use fasti_core::domain::flow::{CheckedSet, Durations, FlowSet, FlowType, Flows, NodeMetrics};
use serde_json::{Map, Value, json};

use super::super::wire::{batch as wire, time};
use super::{counters, diff, event, event_detail, joined, members, recipe_type};

/// BatchBase.
pub(crate) fn base(set: &FlowSet) -> Value {
    json!({
        "id": set.id, "title": set.title, "description": set.description, "created": time::stamp(set.created),
    })
}

/// The base of an id; null when there is none.
pub(crate) fn base_of(flows: &Flows, id: Option<u64>) -> Value {
    id.and_then(|id| flows.set(id)).map_or(Value::Null, base)
}

/// Item of a list.
pub(crate) fn item(flows: &Flows, set: &FlowSet) -> Value {
    let rest = json!({
        "recipe_type": recipe_type::base_of(flows, set.flow_type),
        "recipe_type_rev": recipe_type::rev_base(flows, set.flow_type, set.revision),
        "event": event(set.event, set.created),
        "is_superseded": set.superseded.is_some(),
        "root_batch": base_of(flows, Some(set.root)),
        "superseded_batch": base_of(flows, set.superseded_set),
        "is_creation_done": set.is_filled,
        "recipes_estimated": set.estimated,
        "recipes_total": set.flows_total,
        "recipes_completed": set.flows_completed,
        "superseded": time::maybe(set.superseded),
        "last_modified": time::stamp(set.modified),
    });
    joined(joined(base(set), members(rest)), counters(&set.counts))
}

/// The detail.
pub(crate) fn detail(flows: &Flows, set: &FlowSet) -> Value {
    let metrics: Map<String, Value> = set
        .metrics
        .iter()
        .map(|(name, it)| (name.clone(), metrics(it).into()))
        .collect();
    let more = json!({
        "recipe_type_rev": recipe_type::rev_detail(flows, set.flow_type, set.revision),
        "event": event_detail(set.event, set.created),
        "definition": wire::write_definition(&set.source),
        "configuration": wire::write_configuration(&set.configuration),
        "job_metrics": metrics,
    });
    joined(item(flows, set), members(more))
}

/// Reads a duration, in microseconds.
type Duration = fn(&NodeMetrics) -> Option<i64>;

/// Names of the six durations with where each comes from.
pub(crate) const DURATIONS: [(&str, Duration); 6] = [
    ("min_seed_duration", |it| Durations::min(&it.command)),
    ("avg_seed_duration", |it| Durations::mean(&it.command)),
    ("max_seed_duration", |it| Durations::max(&it.command)),
    ("min_job_duration", |it| Durations::min(&it.step)),
    ("avg_job_duration", |it| Durations::mean(&it.step)),
    ("max_job_duration", |it| Durations::max(&it.step)),
];

fn metrics(it: &NodeMetrics) -> Map<String, Value> {
    let mut all = counters(&it.counts);
    for (name, read) in DURATIONS {
        all.insert(
            name.to_owned(),
            read(it).map_or(Value::Null, |us| time::duration(us).into()),
        );
    }
    all
}

/// What a rehearsal found.
pub(crate) fn validation(flows: &Flows, flow_type: &FlowType, checked: &CheckedSet) -> Value {
    let errors: Vec<Value> = checked
        .problem
        .iter()
        .map(|it| json!({"name": it.name, "description": it.message}))
        .collect();
    let warnings: Vec<Value> = checked
        .warnings
        .iter()
        .map(|(name, text)| json!({"name": name, "description": text}))
        .collect();
    let mut value = json!({
        "is_valid": errors.is_empty(), "errors": errors, "warnings": warnings,
        "recipes_estimated": checked.estimated, "recipe_type": recipe_type::base(flow_type),
    });
    if let Some(previous) = checked.previous.and_then(|id| flows.set(id)) {
        let mut object = Map::new();
        let rev = recipe_type::rev_base(flows, previous.flow_type, previous.revision);
        object.insert("recipe_type_rev".to_owned(), rev);
        if let Some(found) = &checked.diff {
            object.insert("diff".to_owned(), diff::write(found));
        }
        value = joined(value, [("prev_batch".to_owned(), Value::Object(object))]);
    }
    value
}

/// What a rehearsal found of what could not be read.
pub(crate) fn unread(name: &str, description: &str) -> Value {
    json!({
        "is_valid": false, "errors": [{"name": name, "description": description}], "warnings": [],
        "recipes_estimated": null, "recipe_type": null,
    })
}
