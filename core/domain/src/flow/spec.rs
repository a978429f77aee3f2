//! What a step does: its command, what it takes and gives, how it may fail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::interface::{Interface, JsonType};

/// One revision of a step type. Never changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepSpec {
    /// Run by `/bin/sh -c`.
    pub command: String,
    /// What it takes.
    pub input: Interface,
    /// Files it leaves in the folder for outputs.
    pub files: Vec<OutputFile>,
    /// Values it writes down there.
    pub json: Vec<OutputJson>,
    /// Variables besides the inputs: resources.
    pub env: BTreeMap<String, String>,
    /// Settings that it takes; their values are in the configuration of the type.
    pub settings: Vec<String>,
    /// What its exit codes mean.
    pub failures: Vec<StepFailure>,
}

/// A file that a step leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OutputFile {
    /// Its name.
    pub name: String,
    /// Names of files that are meant, with `*` and `?`.
    pub pattern: String,
    /// Their type.
    pub media_type: String,
    /// Whether there may be several.
    pub multiple: bool,
    /// Whether there must be one.
    pub required: bool,
}

/// A value that a step writes down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OutputJson {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub json_type: JsonType,
    /// Member of what is written down.
    pub key: String,
    /// Whether it must be there.
    pub required: bool,
}

/// What an exit code means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepFailure {
    /// The exit code.
    pub code: i32,
    /// Short name.
    pub name: String,
    /// For people.
    pub title: String,
    /// For people.
    pub description: String,
    /// Whether the data is to blame, and not the program.
    pub is_data: bool,
}

/// What may change about a step type without a new revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepPolicy {
    /// For filters.
    pub is_active: bool,
    /// For filters.
    pub is_published: bool,
    /// Whether none of its steps is started.
    pub is_paused: bool,
    /// How many of its steps may run at a time.
    pub max_scheduled: Option<u32>,
    /// Tries before a fault of the system fails a step.
    pub max_tries: u32,
    /// Lower numbers go first.
    pub priority: u32,
    /// A word for what stands for it on a page.
    pub icon_code: Option<String>,
    /// The configuration as it was given, in JSON.
    pub configuration: String,
}

impl Default for StepPolicy {
    fn default() -> Self {
        Self {
            is_active: true,
            is_published: false,
            is_paused: false,
            max_scheduled: None,
            max_tries: 3,
            priority: 100,
            icon_code: None,
            configuration: "{}".to_owned(),
        }
    }
}

impl StepSpec {
    /// What the step gives, as an interface.
    #[must_use]
    pub fn output(&self) -> Interface {
        Interface {
            files: self
                .files
                .iter()
                .map(|it| super::FileParameter {
                    name: it.name.clone(),
                    media_types: if it.media_type.is_empty() {
                        vec![]
                    } else {
                        vec![it.media_type.clone()]
                    },
                    required: it.required,
                    multiple: it.multiple,
                })
                .collect(),
            json: self
                .json
                .iter()
                .map(|it| super::JsonParameter {
                    name: it.name.clone(),
                    json_type: it.json_type,
                    required: it.required,
                })
                .collect(),
        }
    }
}
