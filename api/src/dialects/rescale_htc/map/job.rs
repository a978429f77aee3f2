//! Jobs and their events from task runs.

use fasti_core::domain::definition::{Definition, Work};
use fasti_core::domain::ids::LogId;
use fasti_core::domain::run::TaskStatus;
use fasti_core::domain::task_uuid::TaskUuid;
use fasti_projector::rows::{RunView, TaskRunView};

use super::super::RescaleConfig;
use super::super::folders::Folder;
use super::super::wire::{
    ExecutionEnvironment, InstanceLabels, Job, JobEvent, KeyValue, NameValue, Status, SubmitRequest,
};
use super::{annotation, ended, group_of, phase, region_of, status, time};

/// What the jobs of this server run on.
const INSTANCE_TYPE: &str = "fasti-host";

/// What the jobs of one run have in common.
pub(in super::super) struct OfRun<'a> {
    pub(in super::super) config: &'a RescaleConfig,
    pub(in super::super) folder: &'a Folder,
    pub(in super::super) log: LogId,
    pub(in super::super) run: &'a RunView,
    /// The elements of the request, by task; none for runs that were started elsewhere.
    pub(in super::super) requests: Vec<Option<SubmitRequest>>,
    /// The project has a limit.
    pub(in super::super) is_limited: bool,
}

/// The elements that the tasks of a definition came from.
pub(in super::super) fn requests(definition: &Definition) -> Vec<Option<SubmitRequest>> {
    let read = |index: usize| {
        let text = definition.annotations.get(&annotation(index))?;
        serde_json::from_str(text).ok()
    };
    (0..definition.tasks.len()).map(read).collect()
}

impl OfRun<'_> {
    /// Id of a job.
    pub(in super::super) fn job_id(&self, view: &TaskRunView) -> String {
        let parent = TaskUuid::new(&self.log, self.run.id, view.task_index);
        format!("{parent}:{}", view.part_num)
    }

    fn request(&self, view: &TaskRunView) -> Option<&SubmitRequest> {
        self.requests.get(view.task_index as usize)?.as_ref()
    }

    fn region(&self, view: &TaskRunView) -> String {
        let request = self.request(view);
        let region = request.map(|request| region_of(self.folder, request));
        region.unwrap_or(&self.folder.project.doc.region).to_owned()
    }

    /// Where a job stands.
    pub(in super::super) fn status(&self, view: &TaskRunView) -> Status {
        status(phase(view), self.is_limited)
    }

    /// A job; without what it runs if `is_simple`.
    pub(in super::super) fn job(&self, view: &TaskRunView, is_simple: bool) -> Job {
        let request = self.request(view);
        let definition = request.map(|request| &request.htc_job_definition);
        let (argv, variables) = match &view.work {
            Work::Command { argv, env, .. } => (argv.clone(), Some(env)),
            Work::Python { entrypoint, .. } => (vec![entrypoint.clone()], None),
        };
        let commands = definition.map_or(argv, |it| it.commands.clone().unwrap_or_default());
        let envs = match definition {
            Some(it) => it.envs.clone().unwrap_or_default(),
            None => named(variables),
        };
        let end = ended(view);
        let times = [view.queued_at, view.started_at, view.finished_at];
        let leased = view.attempts.last().map(|last| last.leased_at);
        let updated = times.into_iter().chain([leased]).flatten().max();
        let own_vcpus = view.resources.cpu_mhz.div_ceil(4_000).max(1);
        Job {
            job_uuid: self.job_id(view),
            provider_job_id: view.id.to_string(),
            region: self.region(view),
            task_id: self.folder.task.id.clone(),
            project_id: self.folder.project.id.clone(),
            workspace_id: self.config.workspace_id.clone(),
            group: group_of(&self.run.labels).map(str::to_owned),
            status: self.status(view),
            status_reason: match &end {
                Some(end) => Some(end.reason.clone()),
                None => view.queue_reason.clone(),
            },
            container: end.as_ref().and_then(|end| end.container.clone()),
            failure_code: end.as_ref().and_then(|end| end.failure),
            created_at: time(self.run.created_at),
            started_at: view.started_at.map(time),
            completed_at: end.and(view.finished_at).map(time),
            updated_at: time(updated.unwrap_or(self.run.created_at)),
            created_by: self.run.requested_by.to_string(),
            commands: (!is_simple).then_some(commands),
            envs: (!is_simple).then_some(envs),
            tags: (!is_simple).then(|| request.map(tags).unwrap_or_default()),
            architecture: definition.and_then(|it| it.architecture.clone()),
            max_vcpus: definition.map_or(Some(own_vcpus), |it| Some(it.max_vcpus.unwrap_or(1))),
            max_memory: definition.map_or(Some(view.resources.memory_mb), |it| it.max_memory),
            max_disk_gib: definition.and_then(|it| it.max_disk_gib),
            max_swap: definition.and_then(|it| it.max_swap),
            image_name: definition
                .map(|it| it.image_name.clone())
                .or_else(|| view.image.clone()),
            exec_timeout_seconds: definition.and_then(|it| it.exec_timeout_seconds),
            job_execution_environment: self.environment(view),
            instance_id: view.runner.as_ref().map(ToString::to_string),
            instance_labels: self.labels(view),
        }
    }

    fn environment(&self, view: &TaskRunView) -> Option<ExecutionEnvironment> {
        let definition = self.request(view).map(|it| &it.htc_job_definition);
        Some(ExecutionEnvironment {
            instance_id: view.runner.as_ref()?.to_string(),
            instance_type: INSTANCE_TYPE,
            architecture: definition.and_then(|it| it.architecture.clone()),
        })
    }

    fn labels(&self, view: &TaskRunView) -> Option<InstanceLabels> {
        view.runner.as_ref()?;
        let definition = self.request(view).map(|it| &it.htc_job_definition);
        Some(InstanceLabels {
            csp: "local",
            priority: definition.and_then(|it| it.priority.clone()),
            instance_type: INSTANCE_TYPE,
            instance_architecture: definition.and_then(|it| it.architecture.clone()),
            account_id: self.config.organization.clone(),
            region: self.region(view),
        })
    }

    /// What happened to a job, oldest first. Later ones never change the numbers of earlier ones.
    pub(in super::super) fn events(&self, view: &TaskRunView) -> Vec<JobEvent> {
        let job_id = self.job_id(view);
        let mut events: Vec<JobEvent> = Vec::new();
        let mut add = |status: Status, at, reason: Option<String>, has_instance: bool| {
            events.push(JobEvent {
                event_id: format!("{job_id}#{}", events.len() + 1),
                job_id: job_id.clone(),
                date_time: time(at),
                status,
                status_reason: reason,
                container: None,
                instance_labels: has_instance.then(|| self.labels(view)).flatten(),
                instance_id: has_instance
                    .then(|| view.runner.as_ref().map(ToString::to_string))
                    .flatten(),
                user_cancelled_event: false,
            });
        };
        add(Status::SubmittedToRescale, self.run.created_at, None, false);
        let mut before = None;
        for attempt in &view.attempts {
            // A retry, with the reason for it.
            if let Some((at, reason)) = before.take() {
                add(Status::Runnable, at, reason, false);
            }
            add(Status::Starting, attempt.leased_at, None, true);
            if let Some(at) = attempt.started_at {
                add(Status::Running, at, None, true);
            }
            let reason = attempt.reason.as_deref().map(str::to_owned);
            before = attempt.finished_at.map(|at| (at, reason));
        }
        let waits = matches!(view.status, TaskStatus::Queued);
        if let Some((at, reason)) = before.filter(|_| waits) {
            add(Status::Runnable, at, reason, false);
        }
        if let (Some(end), Some(at)) = (ended(view), view.finished_at) {
            add(self.status(view), at, Some(end.reason), true);
            if let Some(last) = events.last_mut() {
                last.container = end.container;
                last.user_cancelled_event = view.status == TaskStatus::Cancelled;
            }
        }
        events
    }
}

fn named(variables: Option<&std::collections::BTreeMap<String, String>>) -> Vec<NameValue> {
    let all = variables.into_iter().flatten();
    all.map(|(name, value)| NameValue {
        name: name.clone(),
        value: value.clone(),
    })
    .collect()
}

/// Those of the definition, then those of the batch.
fn tags(request: &SubmitRequest) -> Vec<KeyValue> {
    let own = request.htc_job_definition.tags.iter().flatten();
    let own = own.map(|(key, value)| KeyValue {
        key: key.clone(),
        value: value.clone(),
    });
    own.chain(request.tags.iter().flatten().cloned()).collect()
}
