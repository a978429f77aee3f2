//! Deployments and artifacts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a deployment is to be; every field may be missing.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DeploymentTemplate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) artifact_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) model_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) replicas: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) version_tag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) instance_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) resources: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) options: Option<Map<String, Value>>,
}

/// `POST …/versions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct NewVersion {
    pub(in super::super) version_tag: String,
    pub(in super::super) artifact_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Deployment {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) project_id: String,
    #[serde(flatten)]
    pub(in super::super) template: DeploymentTemplate,
    pub(in super::super) status: DeploymentStatus,
    pub(in super::super) history_versions: Vec<DeploymentVersion>,
    pub(in super::super) create_date: i64,
    pub(in super::super) update_date: i64,
    pub(in super::super) url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DeploymentStatus {
    pub(in super::super) overview: &'static str,
    pub(in super::super) message: &'static str,
    pub(in super::super) update_date: i64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct DeploymentVersion {
    pub(in super::super) version_tag: String,
    pub(in super::super) artifact_id: String,
    pub(in super::super) update_date: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Artifact {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) is_training: bool,
    pub(in super::super) step: u32,
    pub(in super::super) is_deployed: bool,
    pub(in super::super) project_id: String,
    pub(in super::super) run_id: String,
    pub(in super::super) flow_title: String,
    pub(in super::super) display_name: String,
    pub(in super::super) artifact_name: String,
    pub(in super::super) model_name: String,
    pub(in super::super) model_type: &'static str,
    pub(in super::super) create_date: i64,
    pub(in super::super) metric: Map<String, Value>,
    pub(in super::super) export_options: [(); 0],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct AvailableInstances {
    pub(in super::super) artifact_id: String,
    pub(in super::super) region: String,
    pub(in super::super) available_instances: Vec<Instance>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Instance {
    pub(in super::super) instance_id: &'static str,
    pub(in super::super) resources: InstanceResources,
    pub(in super::super) regions: Vec<String>,
    pub(in super::super) accelerator: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize)]
pub(in super::super) struct InstanceResources {
    pub(in super::super) cpu: u32,
    pub(in super::super) ram: u32,
}
