//! Definitions: what a batch is, as its author sends it. Everything but `name` and `tasks` may be left out or
//! null; answers have the defaults filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{EndCondition, Kind, Priority, Schedule, Tag};

/// A batch as its author wrote it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// Name; with `tag` it identifies the batch.
    #[schema(max_length = 200, example = "nightly")]
    pub(crate) name: String,
    /// Environment. Default: `dev`.
    #[serde(default)]
    pub(crate) tag: Option<Tag>,
    /// When it starts by itself. Default: never.
    #[serde(default)]
    pub(crate) schedule: Option<Schedule>,
    /// Image of tasks that name none. Default: the host.
    #[serde(default)]
    pub(crate) image: Option<String>,
    /// Source tree of a dev run: the id that `POST /bundles` gave.
    #[serde(default)]
    pub(crate) bundle: Option<String>,
    /// Interpreter of a dev run.
    #[serde(default)]
    pub(crate) python: Option<String>,
    /// Words to filter by.
    #[serde(default)]
    pub(crate) labels: Option<Vec<String>>,
    /// Longest duration of a run.
    #[serde(default)]
    pub(crate) fail_after_seconds: Option<u64>,
    /// Which run-after children start when a run ends by `fail_after_seconds`. Default: `on success`.
    #[serde(default)]
    pub(crate) fail_after_run_children: Option<EndCondition>,
    /// User the tasks run for. Default: who sends it.
    #[serde(default)]
    pub(crate) run_as: Option<String>,
    /// Owner. Default: who sends it.
    #[serde(default)]
    pub(crate) owner: Option<String>,
    /// Group. Default: the sender's first.
    #[serde(default)]
    pub(crate) group: Option<String>,
    /// `r` or `-` and `w` or `-` for owner, group and others. Default: `rwrwr-`.
    #[serde(default)]
    #[schema(min_length = 6, max_length = 6, example = "rwrwr-")]
    pub(crate) permissions: Option<String>,
    /// Priority of tasks that name none. Default: `normal`.
    #[serde(default)]
    pub(crate) priority: Option<Priority>,
    /// Mail address told of ends.
    #[serde(default)]
    pub(crate) alert_email: Option<String>,
    /// Telephone number told of ends.
    #[serde(default)]
    pub(crate) alert_sms: Option<String>,
    /// Tell of failures only. Default: false.
    #[serde(default)]
    pub(crate) alert_only_failures: Option<bool>,
    /// The nodes, at least one.
    #[schema(min_items = 1)]
    pub(crate) tasks: Vec<Task>,
    /// Order among them, as drawn.
    #[serde(default)]
    pub(crate) edges: Option<Vec<Edge>>,
}

/// A node of the graph. `command` and `entrypoint` exclude each other; one of them is needed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    /// Unique among tasks and parts.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Default: `task`.
    #[serde(default)]
    pub(crate) kind: Option<Kind>,
    /// Python function, `package.module.function`.
    #[serde(default)]
    pub(crate) entrypoint: Option<String>,
    /// Program and arguments; never through a shell.
    #[serde(default)]
    pub(crate) command: Option<Vec<String>>,
    /// Environment variables of a command.
    #[serde(default)]
    pub(crate) env: Option<BTreeMap<String, String>>,
    /// Working directory of a command. Default: a scratch folder.
    #[serde(default)]
    pub(crate) cwd: Option<String>,
    /// Text for the standard input of a command.
    #[serde(default)]
    pub(crate) stdin: Option<String>,
    /// An attempt is ended after so many seconds; fractions down to milliseconds. Default: never.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub(crate) timeout_seconds: Option<Number>,
    /// Default: the definition's.
    #[serde(default)]
    pub(crate) image: Option<String>,
    /// Free text.
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// `job_config`: an object; for `parallel` a list of objects, one a part, with `Name` and `Description`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) configuration_json: Option<Box<RawValue>>,
    /// Pickle of the configuration in base64, when JSON cannot express it.
    #[serde(default)]
    pub(crate) configuration_blob: Option<String>,
    /// Pickle of bound arguments in base64.
    #[serde(default)]
    pub(crate) arguments_blob: Option<String>,
    /// So many like parts, named `<task>[<n>]`, instead of a list of configurations. `parallel` only.
    #[serde(default)]
    pub(crate) count: Option<u32>,
    /// `amd64` (default) or `arm64`.
    #[serde(default)]
    pub(crate) arch: Option<String>,
    /// `fedora` (default) or `alpine`.
    #[serde(default)]
    pub(crate) os: Option<String>,
    /// MHz; 4000 = one core. Default: 400.
    #[serde(default)]
    pub(crate) cpu: Option<u32>,
    /// Megabytes. Default: 400.
    #[serde(default)]
    pub(crate) memory: Option<u32>,
    /// Megabytes. Default: 300.
    #[serde(default)]
    pub(crate) disk: Option<u32>,
    /// Further attempts after a failed one. Default: 0.
    #[serde(default)]
    pub(crate) retries: Option<u32>,
    /// How further attempts are spread, and which failures are worth one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry: Option<Retry>,
    /// Counts for keeping interpreters warm. Default: false.
    #[serde(default)]
    pub(crate) count_for_prewarming: Option<bool>,
    /// Default: the definition's.
    #[serde(default)]
    pub(crate) priority: Option<Priority>,
    /// Pool that each of its attempts takes a share of. Default: none.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) pool: Option<String>,
    /// Units that one attempt takes of it, at least 1. Default: 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub(crate) pool_units: Option<u32>,
}

/// How further attempts are spread, and which failures are worth one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// Wait before the first, 0 to 604,800; fractions down to milliseconds. Default: the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub(crate) delay_seconds: Option<Number>,
    /// Each wait is so many times the one before, 1 to 10, in hundredths. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) backoff: Option<f64>,
    /// Longest wait. Default: 3,600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub(crate) max_delay_seconds: Option<Number>,
    /// Up to this part of each wait is left out by chance, 0 to 1, in hundredths. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jitter: Option<f64>,
    /// Only these exit codes are tried again, 1 to 255; signals and time limits are not then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_exit_codes: Vec<i32>,
    /// These exit codes are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) not_on_exit_codes: Vec<i32>,
}

/// `to` starts after `from` succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edge {
    /// Name of the upstream task.
    pub(crate) from: String,
    /// Name of the downstream task.
    pub(crate) to: String,
}
