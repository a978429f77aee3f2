//! Projects, tasks and limits as they are answered.

use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::PoolView;
use serde_json::json;

use super::super::RescaleConfig;
use super::super::folders::{Folder, Kept, ProjectDoc};
use super::super::wire::{Limit, ModifierRole, Project, Task};
use super::time;

/// A name that leads nowhere, and that clients take for a registry's.
pub(in super::super) fn registry(project: &str) -> String {
    format!("000000000000.dkr.ecr.local.amazonaws.com.invalid/{project}/")
}

pub(in super::super) fn project(config: &RescaleConfig, kept: &Kept<ProjectDoc>) -> Project {
    let region = &kept.doc.region;
    let settings = json!({
        "computeSettings": { "computeRegion": region },
        "storageSettings": { "storageRegion": region },
    });
    Project {
        project_id: kept.id.clone(),
        project_name: kept.doc.name.clone(),
        project_description: kept.doc.description.clone(),
        created_by: kept.created_by.clone(),
        workspace_id: config.workspace_id.clone(),
        organization_code: config.organization.clone(),
        created_at: time(kept.created_at),
        container_registry: registry(&kept.id),
        repositories: kept.doc.repositories.clone(),
        regions: vec![region.clone()],
        region_settings: json!([settings]),
        project_folder_path: format!("/{}", kept.id),
    }
}

/// `last_run`: when the last run of its batch was made.
pub(in super::super) fn task(
    config: &RescaleConfig,
    folder: &Folder,
    last_run: Option<Timestamp>,
) -> Task {
    let kept = &folder.task;
    Task {
        project_id: folder.project.id.clone(),
        task_id: kept.id.clone(),
        task_name: kept.doc.name.clone(),
        task_description: kept.doc.description.clone(),
        created_by: kept.created_by.clone(),
        created_at: time(kept.created_at),
        last_active_at: Some(time(last_run.unwrap_or(kept.created_at))),
        archived_at: kept.doc.archived_at.map(time),
        deleted_at: kept.doc.deleted_at.map(time),
        workspace_id: config.workspace_id.clone(),
        task_folder_path: format!("/{}/{}", folder.project.id, kept.id),
        lifecycle_status: kept.doc.lifecycle,
    }
}

/// Both roles, with the numbers of their limits and the names that these have in the pool.
const ROLES: [(u64, &str, ModifierRole); 2] = [
    (1, "WORKSPACE_ADMIN", ModifierRole::WorkspaceAdmin),
    (2, "PROJECT_ADMIN", ModifierRole::ProjectAdmin),
];

/// Name of a role's limit in the pool.
pub(in super::super) fn role_name(role: ModifierRole) -> &'static str {
    let mut roles = ROLES.into_iter();
    let found = roles.find(|(_, _, other)| *other == role);
    found.map_or("", |(_, name, _)| name)
}

/// The limits of a project, by number.
pub(in super::super) fn limits(
    config: &RescaleConfig,
    project: &str,
    pool: &PoolView,
) -> Vec<Limit> {
    let limit = |(id, name, role): (u64, &str, ModifierRole)| {
        let known = pool.limits.get(name)?;
        Some(Limit {
            id,
            project_id: project.to_owned(),
            workspace_id: config.workspace_id.clone(),
            vcpus: known.units,
            modifier_role: role,
            created_by: known.created_by.clone(),
            created_at: time(known.created_at),
            updated_by: known.updated_by.clone(),
            updated_at: time(known.updated_at),
        })
    };
    ROLES.into_iter().filter_map(limit).collect()
}
