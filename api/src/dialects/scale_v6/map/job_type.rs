//! Job types.

use fasti_core::domain::flow::{Flows, NodeKind, StepRevision, StepType};
use serde_json::{Value, json};

use super::super::wire::{interface, time};
use super::{joined, members, recipe_type};

/// JobTypeBase.
pub(crate) fn base(it: &StepType) -> Value {
    json!({
        "id": it.id, "name": it.name, "version": it.version, "title": it.title, "description": it.description,
        "is_active": it.policy.is_active, "is_system": false, "is_paused": it.policy.is_paused,
        "is_published": it.policy.is_published, "icon_code": it.policy.icon_code, "unmet_resources": null,
    })
}

/// Item of a list.
pub(crate) fn item(it: &StepType) -> Value {
    joined(
        base(it),
        members(json!({
            "max_scheduled": it.policy.max_scheduled, "max_tries": it.policy.max_tries,
            "revision_num": it.revision_number(), "docker_image": document(it.revisions.last())["docker_image"],
            "created": time::stamp(it.created), "deprecated": time::maybe(it.deprecated),
            "paused": time::maybe(it.paused), "last_modified": time::stamp(it.modified),
        })),
    )
}

/// JobTypeDetail.
pub(crate) fn detail(flows: &Flows, it: &StepType) -> Value {
    let uses = |other: &&fasti_core::domain::flow::FlowType| {
        let nodes = other.current().map(|current| &current.graph.nodes);
        nodes.into_iter().flatten().any(|node| match &node.kind {
            NodeKind::Step { name, version, .. } => *name == it.name && *version == it.version,
            NodeKind::Flow { .. } | NodeKind::Decision { .. } => false,
        })
    };
    let configuration: Value = serde_json::from_str(&it.policy.configuration).unwrap_or_default();
    joined(
        item(it),
        members(json!({
            "manifest": manifest(it, it.revisions.last()), "configuration": configuration,
            "recipe_types": flows.flow_types().filter(uses).map(recipe_type::base).collect::<Vec<_>>(),
        })),
    )
}

/// What was given with a revision.
fn document(revision: Option<&std::sync::Arc<StepRevision>>) -> Value {
    revision
        .and_then(|it| serde_json::from_str(&it.document).ok())
        .unwrap_or_default()
}

/// The manifest as given; for a step type of another interface, what a manifest would have said.
fn manifest(of: &StepType, revision: Option<&std::sync::Arc<StepRevision>>) -> Value {
    let given = document(revision);
    let Some(spec) = revision.map(|it| &it.spec) else {
        return Value::Null;
    };
    if given["manifest"].is_object() {
        return given["manifest"].clone();
    }
    let files = spec.files.iter().map(|it| {
        json!({"name": it.name, "pattern": it.pattern, "mediaType": it.media_type, "multiple": it.multiple,
            "required": it.required})
    });
    let values = spec.json.iter().map(|it| {
        json!({"name": it.name, "type": it.json_type.as_str(), "key": it.key, "required": it.required})
    });
    json!({"seedVersion": "1.0.0", "job": {
        "name": of.name, "jobVersion": of.version, "packageVersion": of.version, "title": of.title,
        "description": of.description, "maintainer": {"name": "", "email": ""},
        "timeout": given["timeout_ms"].as_u64().map_or(0, |ms| ms.div_ceil(1_000)),
        "interface": {
            "command": spec.command, "inputs": interface::write(&spec.input),
            "outputs": {"files": files.collect::<Vec<_>>(), "json": values.collect::<Vec<_>>()},
        },
    }})
}

/// Item of a list of revisions.
pub(crate) fn revision_item(it: &StepType, number: u32) -> Value {
    let revision = it.revision(number);
    json!({
        "id": revision.map(|it| it.id), "job_type": base(it), "revision_num": number,
        "docker_image": document(revision)["docker_image"],
        "created": time::maybe(revision.map(|it| it.created)),
    })
}

/// A revision with its manifest.
pub(crate) fn revision_detail(it: &StepType, number: u32) -> Value {
    joined(
        revision_item(it, number),
        members(json!({"manifest": manifest(it, it.revision(number))})),
    )
}

/// The revision of a job.
pub(crate) fn rev_base(it: &StepType, number: u32) -> Value {
    json!({"id": it.revision(number).map(|it| it.id), "job_type": {"id": it.id}, "revision_num": number})
}
