//! What a batch is defined to be: tasks, edges, resources, owner. A value; it is stored once per content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::ids::Digest;
pub use crate::retry::RetryPolicy;
use crate::schedule::Schedule;
pub use crate::task_options::{PoolUse, TaskOptions, TokenRequest};

/// Environment of a batch; images may be restricted to some.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tag {
    /// Development.
    #[default]
    Dev,
    /// Pre-production.
    Pre,
    /// Production.
    Prod,
}

impl Tag {
    /// As written: `dev`, `pre`, `prod`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Pre => "pre",
            Self::Prod => "prod",
        }
    }
}

/// Who goes first among queued tasks.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// After the others.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Before the others.
    High,
}

/// On which end of a run something else starts.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum EndCondition {
    /// After a success.
    #[default]
    #[serde(rename = "on success")]
    OnSuccess,
    /// After a failure.
    #[serde(rename = "on failure")]
    OnFailure,
    /// After any end.
    #[serde(rename = "always")]
    Always,
}

/// A batch as its author wrote it, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Definition {
    /// Name; with `tag` it identifies the batch.
    pub name: String,
    /// Environment.
    pub tag: Tag,
    /// When it starts by itself.
    #[serde(default)]
    pub schedule: Schedule,
    /// Image of tasks that name none; `None` means the host.
    #[serde(default)]
    pub image: Option<String>,
    /// Source tree of a dev run.
    #[serde(default)]
    pub bundle: Option<Digest>,
    /// Interpreter of a dev run.
    #[serde(default)]
    pub python: Option<String>,
    /// Words to filter by.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Longest duration of a run.
    #[serde(default)]
    pub fail_after_seconds: Option<u64>,
    /// Which run-after children start when a run ends by `fail_after_seconds`.
    #[serde(default)]
    pub fail_after_run_children: EndCondition,
    /// User the tasks run for.
    pub run_as: String,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Six characters, `rwrwr-`.
    pub permissions: String,
    /// Priority of tasks that name none.
    #[serde(default)]
    pub priority: Priority,
    /// Mail address told of ends.
    #[serde(default)]
    pub alert_email: Option<String>,
    /// Telephone number told of ends.
    #[serde(default)]
    pub alert_sms: Option<String>,
    /// Tell of failures only.
    #[serde(default)]
    pub alert_only_failures: bool,
    /// The nodes.
    pub tasks: Vec<Task>,
    /// Order: positions in `tasks`, in the order they were drawn, without repetitions.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// What whoever wrote it wants to find again on it, such as a request as it came. Means nothing to the scheduler.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `to` starts after `from` succeeded. Positions in [`Definition::tasks`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Edge {
    /// Upstream.
    pub from: u32,
    /// Downstream.
    pub to: u32,
}

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Task {
    /// Unique among tasks and parts.
    pub name: String,
    /// What it runs.
    pub work: Work,
    /// One task run, or one a part.
    #[serde(default)]
    pub parts: Parts,
    /// Image; the definition's when not given.
    #[serde(default)]
    pub image: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// `job_config` of a plain task as JSON text.
    #[serde(default)]
    pub configuration: Option<String>,
    /// Pickle of `job_config` (of the list of them, for parts), base64, when JSON cannot express it.
    #[serde(default)]
    pub configuration_blob: Option<String>,
    /// What it needs.
    #[serde(default)]
    pub resources: Resources,
    /// Further attempts after a failed one.
    #[serde(default)]
    pub retries: u32,
    /// Counts for keeping interpreters warm.
    #[serde(default)]
    pub count_for_prewarming: bool,
    /// Priority; the definition's when not given.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Ended after this long.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// What only some tasks ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Box<TaskOptions>>,
}

/// What a task runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A Python function.
    Python {
        /// `package.module.function`.
        entrypoint: String,
        /// Pickle of the arguments bound when the task was defined, base64.
        #[serde(default)]
        arguments_blob: Option<String>,
    },
    /// A program with arguments, never through a shell.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// Environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
        /// Working directory.
        #[serde(default)]
        cwd: Option<String>,
        /// Text for standard input.
        #[serde(default)]
        stdin: Option<String>,
    },
}

/// How many task runs a task makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parts {
    /// One, under the task's own name.
    #[default]
    One,
    /// One a list entry.
    Listed(Vec<Part>),
    /// So many alike, named `<task>[<n>]`.
    Count(u32),
}

/// One part of a parallel task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Part {
    /// Unique among tasks and parts.
    pub name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Its `job_config` as JSON text.
    #[serde(default)]
    pub configuration: Option<String>,
}

/// Reservations and placement wishes of one task run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Resources {
    /// MHz; 4000 = one core.
    pub cpu_mhz: u32,
    /// Megabytes of memory.
    pub memory_mb: u32,
    /// Megabytes of disk.
    pub disk_mb: u32,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// `fedora` or `alpine`.
    pub os: String,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu_mhz: 400,
            memory_mb: 400,
            disk_mb: 300,
            arch: "amd64".to_owned(),
            os: "fedora".to_owned(),
        }
    }
}

impl Task {
    /// A task with everything but its work as it is by default.
    #[must_use]
    pub fn of_work(name: impl Into<String>, work: Work) -> Self {
        Self {
            name: name.into(),
            work,
            parts: Parts::One,
            image: None,
            description: String::new(),
            configuration: None,
            configuration_blob: None,
            resources: Resources::default(),
            retries: 0,
            count_for_prewarming: false,
            priority: None,
            timeout_ms: None,
            options: None,
        }
    }

    /// Stages that a task run of it passes, in order.
    #[must_use]
    pub fn stages(&self) -> &[String] {
        self.options
            .as_deref()
            .map_or(&[], |options| &options.stages)
    }

    /// Task runs this task makes.
    #[must_use]
    pub fn part_count(&self) -> u64 {
        match &self.parts {
            Parts::One => 1,
            Parts::Listed(parts) => parts.len() as u64,
            Parts::Count(count) => u64::from(*count),
        }
    }

    /// Whether it makes one task run a part.
    #[must_use]
    pub fn is_parallel(&self) -> bool {
        !matches!(self.parts, Parts::One)
    }

    /// The share of a pool that each of its attempts takes.
    #[must_use]
    pub fn pool(&self) -> Option<&PoolUse> {
        self.options.as_ref()?.pool.as_ref()
    }

    /// Name of the function whose value it returns: the last component of the entrypoint, or of the module
    /// before `__batch_main__`.
    #[must_use]
    pub fn result_name(&self) -> &str {
        match &self.work {
            Work::Python { entrypoint, .. } => {
                let path = entrypoint
                    .strip_suffix(".__batch_main__")
                    .unwrap_or(entrypoint);
                path.rsplit(['.', ':']).next().unwrap_or(path)
            }
            Work::Command { .. } => &self.name,
        }
    }

    /// Name of the part (of the task itself when it has none).
    #[must_use]
    pub fn part_name(&self, part: u32) -> String {
        match &self.parts {
            Parts::One => self.name.clone(),
            Parts::Listed(parts) => parts
                .get(part as usize)
                .map_or_else(|| self.name.clone(), |p| p.name.clone()),
            Parts::Count(_) => format!("{}[{part}]", self.name),
        }
    }

    /// Description of the part.
    #[must_use]
    pub fn part_description(&self, part: u32) -> &str {
        match &self.parts {
            Parts::Listed(parts) => parts
                .get(part as usize)
                .map_or(self.description.as_str(), |p| &p.description),
            Parts::One | Parts::Count(_) => &self.description,
        }
    }

    /// `job_config` of the part as JSON text.
    #[must_use]
    pub fn part_configuration(&self, part: u32) -> Option<&str> {
        match &self.parts {
            Parts::Listed(parts) => parts.get(part as usize)?.configuration.as_deref(),
            Parts::One | Parts::Count(_) => self.configuration.as_deref(),
        }
    }
}

impl Definition {
    /// Tasks without edges, owned by who asks for them, with everything else as it is by default.
    #[must_use]
    pub fn of_tasks(name: impl Into<String>, who: &Principal, tasks: Vec<Task>) -> Self {
        Self {
            name: name.into(),
            tag: Tag::default(),
            schedule: Schedule::default(),
            image: None,
            bundle: None,
            python: None,
            labels: Vec::new(),
            fail_after_seconds: None,
            fail_after_run_children: EndCondition::default(),
            run_as: who.user.clone(),
            owner: who.user.clone(),
            group: who.groups.first().unwrap_or(&who.user).clone(),
            permissions: "rwrwr-".to_owned(),
            priority: Priority::default(),
            alert_email: None,
            alert_sms: None,
            alert_only_failures: false,
            tasks,
            edges: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// Image of a task: its own, else the definition's; `None` means the host.
    #[must_use]
    pub fn image_of<'a>(&'a self, task: &'a Task) -> Option<&'a str> {
        task.image.as_deref().or(self.image.as_deref())
    }
}
