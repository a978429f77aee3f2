//! A job as a definition: one parallel task with a part an item, whose work is `fasti item`.

use std::collections::BTreeMap;

use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{Definition, Parts, Task, TaskOptions, Work};
use fasti_core::domain::ids::Digest;
use fasti_core::protocol::item_v1::{ItemSpec, STAGES};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::wire::ResultDelivery;
use crate::errors::Problem;

/// Annotation that a job is found again by.
pub(in super::super) const NOTE: &str = "datature.job";

/// What the client asked for, with the times filled in.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct JobNote {
    pub(in super::super) project_id: String,
    pub(in super::super) name: String,
    pub(in super::super) dataset_id: String,
    pub(in super::super) deployment: Map<String, Value>,
    pub(in super::super) result_delivery: ResultDelivery,
    pub(in super::super) start_at_time: i64,
    pub(in super::super) stop_at_time: i64,
    /// The file of the dataset, and the places of its items.
    pub(in super::super) file: Digest,
    pub(in super::super) index: Digest,
}

/// What a job is made of.
pub(in super::super) struct JobParts<'a> {
    pub(in super::super) batch_name: String,
    pub(in super::super) note: &'a JobNote,
    pub(in super::super) spec: &'a ItemSpec,
    pub(in super::super) items: u32,
}

/// Label of the jobs of a project.
pub(in super::super) fn label(project: &str) -> String {
    format!("datature:{project}")
}

/// # Errors
/// 500: what was built cannot be written.
pub(in super::super) fn definition(
    parts: JobParts<'_>,
    who: &Principal,
) -> Result<Definition, Problem> {
    let internal = |error: serde_json::Error| Problem::internal(&error);
    let note = serde_json::to_string(parts.note).map_err(internal)?;
    let stdin = serde_json::to_string(parts.spec).map_err(internal)?;
    let task = Task {
        parts: Parts::Count(parts.items),
        description: "An item of a Datature batch job".to_owned(),
        options: Some(Box::new(TaskOptions {
            stages: STAGES.map(str::to_owned).to_vec(),
            ..TaskOptions::default()
        })),
        ..Task::of_work(
            "item",
            Work::Command {
                argv: vec!["fasti".to_owned(), "item".to_owned()],
                env: BTreeMap::new(),
                cwd: None,
                stdin: Some(stdin),
            },
        )
    };
    Ok(Definition {
        labels: vec![label(&parts.note.project_id)],
        annotations: BTreeMap::from([(NOTE.to_owned(), note)]),
        ..Definition::of_tasks(parts.batch_name, who, vec![task])
    })
}
