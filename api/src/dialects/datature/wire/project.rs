//! The workspace and its projects.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Workspace {
    pub(in super::super) id: &'static str,
    pub(in super::super) object: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) owner: String,
    pub(in super::super) tier: &'static str,
    pub(in super::super) create_date: i64,
}

/// `PATCH` of a project.
#[derive(Debug, Deserialize)]
pub(in super::super) struct ProjectChange {
    #[serde(default)]
    pub(in super::super) name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Project {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) workspace_id: &'static str,
    #[serde(rename = "type")]
    pub(in super::super) kind: &'static str,
    pub(in super::super) create_date: i64,
    pub(in super::super) localization: &'static str,
    pub(in super::super) tags: [(); 0],
    pub(in super::super) groups: [(); 0],
    pub(in super::super) statistic: Statistic,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Statistic {
    pub(in super::super) tags_count: [(); 0],
    pub(in super::super) total_assets: u32,
    pub(in super::super) annotated_assets: u32,
    pub(in super::super) total_annotations: u32,
}
