//! Deployments: references to predictors, with versions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::documents::{DEPLOYMENTS, Stored, now};
use super::super::errors::{bad, in_use};
use super::super::map::ms;
use super::super::wire::{self, DeploymentTemplate, DeploymentVersion};
use super::artifacts::command_of;
use super::jobs::unfinished;
use super::{body, known_project, ok};
use crate::call::{App, Call};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

/// Versions that one deployment remembers.
const VERSIONS_MAX: usize = 100;

/// What is kept of a deployment.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Deployment {
    template: DeploymentTemplate,
    #[serde(default)]
    history: Vec<DeploymentVersion>,
}

impl Deployment {
    /// The artifact it refers to now.
    pub(super) fn artifact(&self) -> &str {
        self.template.artifact_id.as_deref().unwrap_or_default()
    }
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project / "deployments"] => list),
        route!(scope, app, POST [project / "deployments"] => post),
        route!(scope, app, GET [project / "deployments" / id] => get),
        route!(scope, app, PATCH [project / "deployments" / id] => patch),
        route!(scope, app, DELETE [project / "deployments" / id] => delete),
        route!(scope, app, POST [project / "deployments" / id / "versions"] => post_version),
    ])
}

fn show(project: &str, stored: Stored<Deployment>) -> wire::Deployment {
    wire::Deployment {
        id: stored.id,
        object: "deployment",
        project_id: project.to_owned(),
        template: stored.value.template,
        status: wire::DeploymentStatus {
            overview: "Available",
            message: "Available",
            update_date: stored.updated_ms,
        },
        history_versions: stored.value.history,
        create_date: stored.created_ms,
        update_date: stored.updated_ms,
        url: String::new(),
    }
}

async fn list(project: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let all = DEPLOYMENTS.all::<Deployment>(&call, &project).await?;
    let shown: Vec<_> = all.into_iter().map(|it| show(&project, it)).collect();
    ok(&call, &shown)
}

async fn get(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let stored = DEPLOYMENTS.get(&call, &project, &id).await?;
    ok(&call, &show(&project, stored))
}

async fn post(project: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let mut template: DeploymentTemplate = body(&mut call).await?;
    let Some(artifact) = template.artifact_id.clone() else {
        return Err(bad("artifactId", "name the artifact to deploy"));
    };
    command_of(&call, &artifact)?;
    template.replicas.get_or_insert(1);
    let tag = template.version_tag.get_or_insert_with(|| "v1".to_owned());
    let first = version(&call, tag.clone(), artifact);
    let deployment = Deployment {
        template,
        history: vec![first],
    };
    let id = DEPLOYMENTS.new_id();
    let stored = DEPLOYMENTS.create(&call, &project, id, deployment).await?;
    ok(&call, &show(&project, stored))
}

fn version(call: &Call, tag: String, artifact: String) -> DeploymentVersion {
    DeploymentVersion {
        version_tag: tag,
        artifact_id: artifact,
        update_date: ms(now(call)),
    }
}

async fn patch(project: String, id: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let change: DeploymentTemplate = body(&mut call).await?;
    if let Some(artifact) = &change.artifact_id {
        command_of(&call, artifact)?;
    }
    let update = DEPLOYMENTS.update(&call, &project, &id, |deployment: &mut Deployment| {
        apply(&mut deployment.template, change.clone());
        Ok(Vec::new())
    });
    let stored = update.await?;
    ok(&call, &show(&project, stored))
}

/// What is given takes the place of what was.
fn apply(template: &mut DeploymentTemplate, change: DeploymentTemplate) {
    let DeploymentTemplate {
        name,
        artifact_id,
        model_id,
        replicas,
        region,
        version_tag,
        instance_id,
        resources,
        options,
    } = std::mem::take(template);
    *template = DeploymentTemplate {
        name: change.name.or(name),
        artifact_id: change.artifact_id.or(artifact_id),
        model_id: change.model_id.or(model_id),
        replicas: change.replicas.or(replicas),
        region: change.region.or(region),
        version_tag: change.version_tag.or(version_tag),
        instance_id: change.instance_id.or(instance_id),
        resources: change.resources.or(resources),
        options: change.options.or(options),
    };
}

async fn post_version(project: String, id: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let new: wire::NewVersion = body(&mut call).await?;
    command_of(&call, &new.artifact_id)?;
    let added = version(&call, new.version_tag, new.artifact_id);
    let update = DEPLOYMENTS.update(&call, &project, &id, |deployment: &mut Deployment| {
        if deployment.history.len() >= VERSIONS_MAX {
            return Err(bad(
                "versionTag",
                format_args!("a deployment has at most {VERSIONS_MAX} versions; make a new one"),
            ));
        }
        deployment.template.artifact_id = Some(added.artifact_id.clone());
        deployment.template.version_tag = Some(added.version_tag.clone());
        deployment.history.push(added.clone());
        Ok(Vec::new())
    });
    let stored = update.await?;
    ok(&call, &show(&project, stored))
}

async fn delete(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    DEPLOYMENTS.get::<Deployment>(&call, &project, &id).await?;
    let used = |note: &super::super::map::JobNote| {
        note.deployment
            .get("deploymentId")
            .and_then(serde_json::Value::as_str)
            == Some(id.as_str())
    };
    if let Some(job) = unfinished(&call, &project, used).await? {
        return Err(in_use(format!(
            "the job {job} uses the deployment {id}; cancel it, or wait"
        )));
    }
    DEPLOYMENTS.remove(&call, &project, &id).await?;
    let deleted = wire::Deleted { id, deleted: true };
    ok(&call, &deleted)
}

/// The deployment of this id, for a job.
///
/// # Errors
/// 404.
pub(super) async fn known(call: &Call, project: &str, id: &str) -> Result<Deployment, Problem> {
    DEPLOYMENTS
        .get(call, project, id)
        .await
        .map(|stored| stored.value)
}
