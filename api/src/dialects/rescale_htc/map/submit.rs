//! From the elements of a jobs batch to the definition of a run.

use std::collections::BTreeMap;

use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{
    Definition, Parts, PoolUse, Priority, Resources, Task, TaskOptions, TokenRequest, Work,
};
use fasti_core::domain::limits::TASK_RUNS_MAX;
use serde_json::{Map, Value};

use super::super::RescaleConfig;
use super::super::folders::{Folder, TAG};
use super::super::wire::{JobDefinition, NameValue, SubmitRequest};
use super::group_label;
use crate::errors::{Code, Problem};

/// Elements of one request.
const ELEMENTS_MAX: usize = 100;

/// Longest time a job may be given, in seconds: fourteen days.
const TIMEOUT_SECONDS_MAX: u64 = 1_209_600;

/// How much longer than the job its token holds.
const TOKEN_REST_SECONDS: u64 = 24 * 3_600;

/// Processor of one vCPU, as tasks count it.
const MHZ_PER_VCPU: u32 = 4_000;

/// Variables that a job is given and may not set.
const RESERVED: [&str; 13] = [
    "RESCALE_HTC_PROJECT_ID",
    "RESCALE_HTC_TASK_ID",
    "RESCALE_HTC_REGION",
    "RESCALE_HTC_BEARER_TOKEN",
    "RESCALE_HTC_REFRESH_TOKEN",
    "RESCALE_PROJECT_ID",
    "RESCALE_TASK_ID",
    "RESCALE_JOB_ID",
    "PROJECT_SHARED_FOLDER",
    "TASK_SHARED_FOLDER",
    "AWS_SESSION_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// What begins the names of others.
const RESERVED_PREFIXES: [&str; 2] = ["AWS_BATCH_", "RDF_"];

/// An element of a request: as it came, and as it was understood.
pub(in super::super) struct Element {
    pub(in super::super) raw: Map<String, Value>,
    pub(in super::super) request: SubmitRequest,
}

impl Element {
    /// Jobs it makes.
    pub(in super::super) fn batch_size(&self) -> u32 {
        self.request.batch_size.unwrap_or(1)
    }
}

/// The annotation that holds the element of a task.
pub(in super::super) fn annotation(index: usize) -> String {
    format!("rescale_htc.{index}")
}

/// Reads the elements; the first thing wrong is named by its place.
///
/// # Errors
/// 400, or 404 for an image that nothing stands for.
pub(in super::super) fn elements(
    config: &RescaleConfig,
    raw: Vec<Map<String, Value>>,
) -> Result<Vec<Element>, Problem> {
    if raw.is_empty() || raw.len() > ELEMENTS_MAX {
        let detail = format!(
            "a request has 1 to {ELEMENTS_MAX} elements, not {}",
            raw.len()
        );
        return Err(Problem::invalid("body", detail));
    }
    let mut elements = Vec::with_capacity(raw.len());
    let mut jobs = 0_usize;
    for (index, raw) in raw.into_iter().enumerate() {
        let value = Value::Object(raw.clone());
        let request: SubmitRequest = serde_path_to_error::deserialize(&value).map_err(|error| {
            let path = format!("[{index}].{}", error.path());
            Problem::invalid(path, error.into_inner().to_string())
        })?;
        let place = |field: &str| format!("[{index}].{field}");
        check(&place, config, &request)?;
        jobs += request.batch_size.unwrap_or(1) as usize;
        if jobs > TASK_RUNS_MAX {
            let detail = format!("one request makes at most {TASK_RUNS_MAX} jobs");
            return Err(Problem::invalid(place("batchSize"), detail));
        }
        elements.push(Element { raw, request });
    }
    Ok(elements)
}

fn check(
    place: &dyn Fn(&str) -> String,
    config: &RescaleConfig,
    request: &SubmitRequest,
) -> Result<(), Problem> {
    let definition = &request.htc_job_definition;
    let of = |field: &str| place(&format!("htcJobDefinition.{field}"));
    let within = |field: String, value: Option<u64>, least: u64, most: u64| match value {
        Some(value) if !(least..=most).contains(&value) => {
            let detail = format!("{value} does not fit: must be {least} to {most}");
            Err(Problem::invalid(field, detail))
        }
        Some(_) | None => Ok(()),
    };
    let retries = request.retry_strategy.as_ref();
    let retries = retries.map(|strategy| u64::from(strategy.max_retries));
    within(place("retryStrategy.maxRetries"), retries, 0, 10)?;
    let size = request.batch_size.map(u64::from);
    within(place("batchSize"), size, 1, TASK_RUNS_MAX as u64)?;
    within(of("maxVCpus"), definition.max_vcpus.map(u64::from), 1, 64)?;
    let memory = definition.max_memory.map(u64::from);
    within(of("maxMemory"), memory, 4, 235_520)?;
    let disk = definition.max_disk_gib.map(u64::from);
    within(of("maxDiskGiB"), disk, 0, 64_000)?;
    let timeout = definition.exec_timeout_seconds;
    within(of("execTimeoutSeconds"), timeout, 1, TIMEOUT_SECONDS_MAX)?;
    word(
        of("architecture"),
        definition.architecture.as_deref(),
        &["AARCH64", "X86", "A100"],
    )?;
    word(
        of("priority"),
        definition.priority.as_deref(),
        &["ON_DEMAND_ECONOMY", "ON_DEMAND_PRIORITY"],
    )?;
    check_envs(&of("envs"), definition)?;
    image(&of("imageName"), config, &definition.image_name).map(|_| ())
}

fn word(field: String, given: Option<&str>, known: &[&str]) -> Result<(), Problem> {
    match given {
        Some(given) if !known.contains(&given) => {
            let known = known.join(", ");
            let detail = format!("`{given}` does not fit: must be one of {known}");
            Err(Problem::invalid(field, detail))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_envs(field: &str, definition: &JobDefinition) -> Result<(), Problem> {
    for (index, env) in definition.envs.iter().flatten().enumerate() {
        let name = env.name.as_str();
        if RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|it| name.starts_with(it)) {
            let detail = format!("`{name}` is set for every job; take another name");
            return Err(Problem::invalid(format!("{field}[{index}].name"), detail));
        }
    }
    Ok(())
}

/// What stands for an image name.
///
/// # Errors
/// 400 for a name that is none, 404 for one that nothing stands for.
pub(in super::super) fn image<'a>(
    field: &str,
    config: &'a RescaleConfig,
    name: &str,
) -> Result<Option<&'a str>, Problem> {
    if !is_image_name(name) {
        let detail = format!(
            "`{name}` is no name of an image: lower-case letters, digits and `._-` between slashes, and perhaps a tag behind a colon"
        );
        return Err(Problem::invalid(field, detail));
    }
    match config.image(name) {
        Some(rule) => Ok(rule.image.as_deref()),
        None => {
            let detail = format!(
                "nothing stands for the image `{name}`; the configuration of the server says which names there are"
            );
            Err(Problem::new(Code::UnknownImage, detail).at(field))
        }
    }
}

pub(in super::super) fn is_image_name(name: &str) -> bool {
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (name, None),
    };
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_segment = |segment: &str| {
        segment.starts_with(is_plain)
            && segment.ends_with(is_plain)
            && segment.chars().all(|c| is_plain(c) || "._-".contains(c))
    };
    let is_tag = |tag: &str| {
        (1..=128).contains(&tag.len())
            && !tag.starts_with(['.', '-'])
            && tag
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    name.len() <= 512 && path.split('/').all(is_segment) && tag.is_none_or(is_tag)
}

/// The definition of the run that all elements are.
///
/// # Errors
/// An element cannot be written down.
pub(in super::super) fn definition(
    config: &RescaleConfig,
    folder: &Folder,
    group: Option<&str>,
    elements: &[Element],
    principal: &Principal,
) -> Result<Definition, Problem> {
    let mut annotations = BTreeMap::new();
    let mut tasks = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let text =
            serde_json::to_string(&element.raw).map_err(|error| Problem::internal(&error))?;
        annotations.insert(annotation(index), text);
        let name = task_name(element, (elements.len() > 1).then_some(index));
        tasks.push(task(config, folder, name, element, principal)?);
    }
    Ok(Definition {
        tag: TAG,
        labels: group.map(group_label).into_iter().collect(),
        annotations,
        ..Definition::of_tasks(folder.task.doc.batch.clone(), principal, tasks)
    })
}

/// A name that no other task has, also when elements have the same.
fn task_name(element: &Element, index: Option<usize>) -> String {
    let given = element.request.job_name.as_deref().unwrap_or("job");
    let mut name: String = given
        .chars()
        .map(|c| {
            if c.is_control() || "/[]".contains(c) {
                '_'
            } else {
                c
            }
        })
        .take(150)
        .collect();
    name = name.trim().to_owned();
    if name.is_empty() {
        "job".clone_into(&mut name);
    }
    match index {
        Some(index) => format!("{name}-{index}"),
        None => name,
    }
}

fn task(
    config: &RescaleConfig,
    folder: &Folder,
    name: String,
    element: &Element,
    principal: &Principal,
) -> Result<Task, Problem> {
    let request = &element.request;
    let job = &request.htc_job_definition;
    let vcpus = job.max_vcpus.unwrap_or(1);
    let default = Resources::default();
    let mut argv = job.commands.clone().unwrap_or_default();
    if argv.is_empty() {
        // The host has no default command: the start fails, and says so.
        argv.push("no command was given, and the host has no default".to_owned());
    }
    let priority = match job.priority.as_deref() {
        Some("ON_DEMAND_PRIORITY") => Some(Priority::High),
        Some(_) | None => None,
    };
    let retries = request.retry_strategy.as_ref();
    let work = Work::Command {
        argv,
        env: variables(folder, request),
        cwd: job.working_dir.clone().filter(|dir| !dir.is_empty()),
        stdin: None,
    };
    Ok(Task {
        parts: Parts::Count(element.batch_size()),
        image: image("imageName", config, &job.image_name)?.map(str::to_owned),
        resources: Resources {
            cpu_mhz: vcpus.saturating_mul(MHZ_PER_VCPU),
            memory_mb: job.max_memory.unwrap_or(default.memory_mb),
            ..default
        },
        retries: retries.map_or(0, |strategy| strategy.max_retries),
        priority,
        timeout_ms: job.exec_timeout_seconds.map(|seconds| seconds * 1_000),
        options: Some(Box::new(TaskOptions {
            pool: Some(PoolUse {
                pool: folder.pool().into(),
                units: vcpus,
            }),
            timeout_is_final: true,
            merge_output: true,
            env_templates: templates(),
            tokens: tokens(config, folder, job, principal),
            ..TaskOptions::default()
        })),
        ..Task::of_work(name, work)
    })
}

/// The region that an element is said to run in.
pub(in super::super) fn region_of<'a>(folder: &'a Folder, request: &'a SubmitRequest) -> &'a str {
    let listed = request.regions.as_ref().and_then(|regions| regions.first());
    let given = request.region.as_ref().or(listed);
    given.unwrap_or(&folder.project.doc.region)
}

fn variables(folder: &Folder, request: &SubmitRequest) -> BTreeMap<String, String> {
    let own = request.htc_job_definition.envs.iter().flatten();
    let own = own.map(|NameValue { name, value }| (name.as_str(), value.as_str()));
    let (project, task) = (folder.project.id.as_str(), folder.task.id.as_str());
    let given = [
        ("RESCALE_HTC_PROJECT_ID", project),
        ("RESCALE_PROJECT_ID", project),
        ("RESCALE_HTC_TASK_ID", task),
        ("RESCALE_TASK_ID", task),
        ("RESCALE_HTC_REGION", region_of(folder, request)),
    ];
    own.chain(given)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What is known only when an attempt begins.
fn templates() -> BTreeMap<String, String> {
    let job = "${FASTI_TASK_UUID}:${FASTI_PART_NUM}";
    [
        ("RESCALE_JOB_ID", job),
        ("AWS_BATCH_JOB_ID", job),
        ("AWS_BATCH_JOB_ARRAY_INDEX", "${FASTI_PART_NUM}"),
        ("AWS_BATCH_JOB_ATTEMPT", "${FASTI_ATTEMPT_NUMBER}"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn tokens(
    config: &RescaleConfig,
    folder: &Folder,
    job: &JobDefinition,
    principal: &Principal,
) -> BTreeMap<String, TokenRequest> {
    let lifetime_seconds =
        job.exec_timeout_seconds.unwrap_or(TIMEOUT_SECONDS_MAX) + TOKEN_REST_SECONDS;
    let token = |purpose: &str| {
        let mut claims = identity(config, &principal.user);
        claims.insert("use".to_owned(), purpose.into());
        claims.insert("projectId".to_owned(), folder.project.id.clone().into());
        claims.insert("taskId".to_owned(), folder.task.id.clone().into());
        for NameValue { name, value } in job.claims.iter().flatten() {
            claims.insert(format!("userDefined_{name}"), value.clone().into());
        }
        TokenRequest {
            claims: Value::Object(claims).to_string(),
            lifetime_seconds,
        }
    };
    BTreeMap::from([
        ("RESCALE_HTC_BEARER_TOKEN".to_owned(), token("bearer")),
        ("RESCALE_HTC_REFRESH_TOKEN".to_owned(), token("refresh")),
    ])
}

/// Who a token is of.
pub(in super::super) fn identity(config: &RescaleConfig, user: &str) -> Map<String, Value> {
    let fields = [
        ("sub", user),
        ("userId", user),
        ("userFullName", user),
        ("userEmail", &email(user)),
        ("workspaceId", &config.workspace_id),
        ("workspaceName", &config.workspace_name),
        ("organizationCode", &config.organization),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// An address for a user that has none.
pub(in super::super) fn email(user: &str) -> String {
    if user.contains('@') {
        return user.to_owned();
    }
    format!("{user}@localhost")
}
