//! Files.

use fasti_core::domain::flow::{FlowFile, Flows};
use serde_json::{Value, json};

use super::super::wire::time;
use super::batch;

/// A file.
pub(crate) fn write(flows: &Flows, id: u64, file: &FlowFile) -> Value {
    let step = file
        .product
        .as_ref()
        .and_then(|(step, _)| flows.step(*step));
    let node = step.and_then(|step| {
        let flow = flows.flow(step.flow)?;
        let revision = flows.revision(flow.flow_type, flow.revision)?;
        Some(revision.graph.nodes.get(step.node as usize)?.name.clone())
    });
    let meta: Value = serde_json::from_str(&file.meta).unwrap_or_default();
    json!({
        "id": id, "file_name": file.name, "media_type": file.media_type,
        "file_type": if file.product.is_some() { "PRODUCT" } else { "SOURCE" },
        "file_size": file.size, "file_path": file.path, "data_type_tags": file.tags, "meta_data": meta,
        "is_deleted": false, "created": time::stamp(file.created), "last_modified": time::stamp(file.created),
        "countries": [], "job": file.product.as_ref().map(|(step, _)| json!({"id": step})),
        "job_output": file.product.as_ref().map(|(_, output)| output),
        "recipe": step.map(|step| json!({"id": step.flow})), "recipe_node": node,
        "batch": batch::base_of(flows, step.and_then(|step| step.set)),
    })
}
