//! Job types.

use fasti_core::domain::flow::{Flows, NodeKind, StepRevision, StepType};
use serde_json::{Value, json};

use super::super::wire::time;
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
            "manifest": document(it.revisions.last())["manifest"], "configuration": configuration,
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
        members(json!({"manifest": document(it.revision(number))["manifest"]})),
    )
}

/// The revision of a job.
pub(crate) fn rev_base(it: &StepType, number: u32) -> Value {
    json!({"id": it.revision(number).map(|it| it.id), "job_type": {"id": it.id}, "revision_num": number})
}
