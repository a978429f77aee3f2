//! Runs, and what starts and ends them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Definition, RunStatus, RunType, Tag};

/// One execution of a definition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Its id; runs and task runs share one sequence.
    pub(crate) id: u64,
    /// Its batch.
    pub(crate) batch_id: String,
    /// Name of the batch.
    pub(crate) batch_name: String,
    /// Tag of the batch.
    pub(crate) tag: Tag,
    /// Saved version it is of; null for a definition that was not saved.
    pub(crate) definition_version: Option<u32>,
    /// What made it.
    pub(crate) run_type: RunType,
    /// When it was due.
    pub(crate) scheduled_time: String,
    /// When it was made.
    pub(crate) created_at: String,
    /// When its first attempt was given to a runner.
    pub(crate) started_at: Option<String>,
    /// When it ended.
    pub(crate) finished_at: Option<String>,
    /// Date it is for, `YYYY-MM-DD`, once known.
    pub(crate) rundate: Option<String>,
    /// Whether the date was given with the request.
    pub(crate) rundate_is_custom: bool,
    /// Where it stands.
    pub(crate) status: RunStatus,
    /// Why it ended as it did.
    pub(crate) status_reason: Option<String>,
    /// When it will be ended if it still goes on.
    pub(crate) deadline: Option<String>,
    /// When somebody asked for its end.
    pub(crate) cancel_requested_at: Option<String>,
    /// User its tasks run for.
    pub(crate) run_as: String,
    /// Owner.
    pub(crate) owner: String,
    /// Group.
    pub(crate) group: String,
    /// Six characters, `rwrwr-`.
    pub(crate) permissions: String,
    /// The run it repeats.
    pub(crate) original_run_id: Option<u64>,
    /// The run whose end started it.
    pub(crate) parent_run_id: Option<u64>,
    /// When it is cancelled if nothing of it has been started.
    pub(crate) start_by: Option<String>,
    /// The signal that started it; null unless a trigger did.
    pub(crate) signal: Option<RunSignal>,
    /// The set it is in.
    pub(crate) run_set_id: Option<u64>,
    /// Who asked for it.
    pub(crate) requested_by: String,
    /// Task runs by status; statuses without any are left out.
    pub(crate) task_counts: BTreeMap<&'static str, u32>,
    /// Task runs in all.
    pub(crate) task_runs: u64,
}

/// The signal that started a run, as its tasks get it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunSignal {
    /// Name of the trigger.
    pub(crate) trigger: String,
    /// Id of the signal.
    pub(crate) id: String,
    /// Its payload: JSON text.
    pub(crate) payload: String,
}

/// Body that starts a saved batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRun {
    /// `YYYY-MM-DD`. Default: derived when the run starts.
    #[serde(default)]
    pub(crate) rundate: Option<String>,
}

/// Body that starts a definition without saving it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRun {
    /// What to run.
    pub(crate) definition: Definition,
    /// `YYYY-MM-DD`. Default: derived when the run starts.
    #[serde(default)]
    pub(crate) rundate: Option<String>,
    /// `manual` (default) or `dev_run`.
    #[serde(default)]
    pub(crate) run_type: Option<RunType>,
}

/// Body of a cancel.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    /// Why, for people.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// What a rerun executes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RerunMode {
    /// What did not succeed, and everything downstream of it.
    #[default]
    Failed,
    /// Everything.
    All,
    /// The named tasks and everything downstream of them.
    From,
}

/// Body of a rerun.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rerun {
    /// Default: `failed`.
    #[serde(default)]
    pub(crate) mode: Option<RerunMode>,
    /// Names of tasks or parts; with `from` only.
    #[serde(default)]
    pub(crate) tasks: Option<Vec<String>>,
    /// `YYYY-MM-DD`. Default: as the original's was found.
    #[serde(default)]
    pub(crate) rundate: Option<String>,
    /// Which version of the batch. Default: `original`.
    #[serde(default)]
    pub(crate) version: Option<RerunVersion>,
    /// A saved version of the batch, by number; goes with no other `version`. As with `latest`, what is different or new
    /// in it is executed, whatever the mode.
    #[serde(default)]
    pub(crate) definition_version: Option<u32>,
    /// Variables for the tasks that are executed, beside their own; the new run is of a definition that is not saved.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Answer with the plan and start nothing.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// Which definition a rerun uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RerunVersion {
    /// The one that the finished run used.
    #[default]
    Original,
    /// The present one of its batch. What is different or new in it is executed, whatever the mode.
    Latest,
}

/// What a rerun would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RerunPlan {
    /// The finished run.
    pub(crate) original_run_id: u64,
    /// Saved version of the new run; null for a definition that was not saved.
    pub(crate) definition_version: Option<u32>,
    /// What the new run would be called.
    pub(crate) run_type: RunType,
    /// Date it would be for, if that is known before it starts.
    pub(crate) rundate: Option<String>,
    /// One a task run, in definition order.
    pub(crate) items: Vec<PlannedTask>,
}

/// What a rerun would do with one task run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlannedTask {
    /// The part's name, or the task's.
    pub(crate) name: String,
    /// Name of the parallel task it is a part of.
    pub(crate) group: Option<String>,
    /// `run`: its function or command is executed; `reuse`: an earlier task run serves.
    pub(crate) action: &'static str,
    /// Why, in words.
    pub(crate) reason: String,
    /// The task run that serves.
    pub(crate) reused_from: Option<u64>,
    /// Its value, by reference.
    pub(crate) result: Option<super::ResultRef>,
}
