//! Projects, tasks, limits and what is about them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::folders::{Lifecycle, RetentionDoc};

/// A project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Project {
    pub(in super::super) project_id: String,
    pub(in super::super) project_name: String,
    pub(in super::super) project_description: Option<String>,
    pub(in super::super) created_by: String,
    pub(in super::super) workspace_id: String,
    pub(in super::super) organization_code: String,
    pub(in super::super) created_at: String,
    pub(in super::super) container_registry: String,
    pub(in super::super) repositories: Vec<String>,
    pub(in super::super) regions: Vec<String>,
    pub(in super::super) region_settings: Value,
    pub(in super::super) project_folder_path: String,
}

/// What a project is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewProject {
    pub(in super::super) project_name: String,
    #[serde(default)]
    pub(in super::super) project_description: Option<String>,
    #[serde(default)]
    pub(in super::super) regions: Option<Vec<String>>,
}

/// What of a project can be changed.
#[derive(Debug, Deserialize)]
pub(in super::super) struct ProjectChange {
    pub(in super::super) regions: Vec<String>,
}

/// A task: a folder of jobs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Task {
    pub(in super::super) project_id: String,
    pub(in super::super) task_id: String,
    pub(in super::super) task_name: String,
    pub(in super::super) task_description: Option<String>,
    pub(in super::super) created_by: String,
    pub(in super::super) created_at: String,
    pub(in super::super) last_active_at: Option<String>,
    pub(in super::super) archived_at: Option<String>,
    pub(in super::super) deleted_at: Option<String>,
    pub(in super::super) workspace_id: String,
    pub(in super::super) task_folder_path: String,
    pub(in super::super) lifecycle_status: Lifecycle,
}

/// What a task is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewTask {
    pub(in super::super) task_name: String,
    #[serde(default)]
    pub(in super::super) task_description: Option<String>,
}

/// What of a task can be changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct TaskChange {
    pub(in super::super) lifecycle_status: Lifecycle,
}

/// Who set a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in super::super) enum ModifierRole {
    WorkspaceAdmin,
    ProjectAdmin,
}

/// A limit of a project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Limit {
    pub(in super::super) id: u64,
    pub(in super::super) project_id: String,
    pub(in super::super) workspace_id: String,
    #[serde(rename = "vCPUs")]
    pub(in super::super) vcpus: u64,
    pub(in super::super) modifier_role: ModifierRole,
    pub(in super::super) created_by: String,
    pub(in super::super) created_at: String,
    pub(in super::super) updated_by: String,
    pub(in super::super) updated_at: String,
}

/// What a limit is made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewLimit {
    #[serde(rename = "vCPUs")]
    pub(in super::super) vcpus: u64,
    pub(in super::super) modifier_role: ModifierRole,
}

/// What of a limit can be changed.
#[derive(Debug, Deserialize)]
pub(in super::super) struct LimitChange {
    #[serde(rename = "vCPUs")]
    pub(in super::super) vcpus: u64,
}

/// When tasks go.
pub(in super::super) type Retention = RetentionDoc;
