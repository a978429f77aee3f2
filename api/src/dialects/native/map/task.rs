//! Tasks, both ways: a command or a Python function, alone or in parts.

use fasti_core::domain::definition::{Part, Parts, PoolUse, Resources, Task, TaskOptions, Work};
use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;
use std::time::Duration;

use super::super::wire::{self, Kind};
use super::retry;
use crate::errors::Problem;

/// Processor types and systems a task may ask for.
const ARCHS: [&str; 2] = ["amd64", "arm64"];
const SYSTEMS: [&str; 2] = ["fedora", "alpine"];

/// Names the fields of one task.
pub(super) struct Place<'a>(&'a str);

impl Place<'_> {
    pub(super) fn invalid(&self, field: &str, detail: impl Into<String>) -> Problem {
        Problem::invalid(format!("{}.{field}", self.0), detail)
    }
}

/// What the author wrote, for the domain; `path` is that of the task.
///
/// # Errors
/// 422 with the field.
pub(super) fn from_wire(path: &str, given: wire::Task) -> Result<Task, Problem> {
    let place = Place(path);
    let timeout_ms = timeout(&place, given.timeout_seconds.as_ref())?;
    let resources = resources(&place, &given)?;
    check_base64(
        &place,
        "configuration_blob",
        given.configuration_blob.as_deref(),
    )?;
    check_base64(&place, "arguments_blob", given.arguments_blob.as_deref())?;
    let (parts, configuration) = parts(&place, &given)?;
    Ok(Task {
        parts,
        configuration,
        resources,
        timeout_ms,
        options: options(&place, &given)?,
        image: given.image.clone(),
        description: given.description.clone().unwrap_or_default(),
        configuration_blob: given.configuration_blob.clone(),
        retries: given.retries.unwrap_or(0),
        count_for_prewarming: given.count_for_prewarming.unwrap_or(false),
        priority: given.priority.map(Into::into),
        name: given.name.clone(),
        work: work(&place, given)?,
    })
}

/// What only some tasks ask for; `None` for a plain one.
fn options(place: &Place<'_>, given: &wire::Task) -> Result<Option<Box<TaskOptions>>, Problem> {
    if given.pool.is_none() && given.pool_units.is_some() {
        let detail = "units of which pool? Name it as `pool`, or leave `pool_units` out";
        return Err(place.invalid("pool_units", detail));
    }
    let pool = given.pool.as_ref().map(|pool| PoolUse {
        pool: pool.as_str().into(),
        units: given.pool_units.unwrap_or(1),
    });
    let policy = given.retry.clone();
    let retry = policy.map(|it| retry::from_wire(place, it)).transpose()?;
    if pool.is_none() && retry.is_none() {
        return Ok(None);
    }
    Ok(Some(Box::new(TaskOptions {
        pool,
        retry,
        ..TaskOptions::default()
    })))
}

fn work(place: &Place<'_>, given: wire::Task) -> Result<Work, Problem> {
    match (given.entrypoint, given.command) {
        (Some(_), Some(_)) => Err(place.invalid(
            "command",
            "a task has `command` or `entrypoint`, not both; remove one of them",
        )),
        (None, None) => Err(place.invalid(
            "entrypoint",
            "a task needs `entrypoint` (a Python function) or `command` (a program with arguments)",
        )),
        (Some(entrypoint), None) => {
            let only =
                "is for tasks with `command`; a Python function gets its values as arguments";
            for (field, is_given) in [
                ("env", given.env.is_some_and(|env| !env.is_empty())),
                ("cwd", given.cwd.is_some()),
                ("stdin", given.stdin.is_some()),
            ] {
                if is_given {
                    return Err(place.invalid(field, format!("`{field}` {only}")));
                }
            }
            Ok(Work::Python {
                entrypoint,
                arguments_blob: given.arguments_blob,
            })
        }
        (None, Some(argv)) => {
            if given.arguments_blob.is_some() {
                return Err(place.invalid(
                    "arguments_blob",
                    "`arguments_blob` is for tasks with `entrypoint`; write arguments into `command`",
                ));
            }
            Ok(Work::Command {
                argv,
                env: given.env.unwrap_or_default(),
                cwd: given.cwd,
                stdin: given.stdin,
            })
        }
    }
}

/// Blobs are base64 with padding (RFC 4648, section 4): what is in them is the function's affair.
fn check_base64(place: &Place<'_>, field: &str, given: Option<&str>) -> Result<(), Problem> {
    let Some(text) = given else { return Ok(()) };
    let body = text.trim_end_matches('=');
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    // One sign beyond whole groups of four has six bits, which is no byte.
    let is_whole = text.len().is_multiple_of(4) && text.len() - body.len() <= 2;
    if is_whole && body.len() % 4 != 1 && body.bytes().all(is_sign) {
        return Ok(());
    }
    Err(place.invalid(field, "is no base64 with padding"))
}

/// Keys of a part that are not its function's alone.
#[derive(Deserialize)]
struct PartHead {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Description", default)]
    description: Option<String>,
}

fn parts(place: &Place<'_>, given: &wire::Task) -> Result<(Parts, Option<String>), Problem> {
    let configuration = given.configuration_json.as_deref();
    let starts_with = |sign| configuration.is_some_and(|text| text.get().starts_with(sign));
    let is_parallel = given.kind == Some(Kind::Parallel);
    if let Some(count) = given.count {
        if !is_parallel {
            return Err(place.invalid("count", "`count` is for tasks of kind `parallel`"));
        }
        if configuration.is_some() && !starts_with('{') {
            return Err(place.invalid(
                "configuration_json",
                "with `count` all parts share one configuration: must be an object, or leave `count` away",
            ));
        }
        let shared = configuration.map(|text| text.get().to_owned());
        return Ok((Parts::Count(count), shared));
    }
    if !is_parallel {
        if configuration.is_some() && !starts_with('{') {
            return Err(place.invalid(
                "configuration_json",
                "must be an object; a list is for tasks of kind `parallel`",
            ));
        }
        return Ok((Parts::One, configuration.map(|text| text.get().to_owned())));
    }
    if !starts_with('[') {
        return Err(place.invalid(
            "configuration_json",
            "a parallel task needs a list of objects, one a part, or `count`",
        ));
    }
    let items: Vec<&RawValue> = configuration
        .and_then(|text| serde_json::from_str(text.get()).ok())
        .unwrap_or_default();
    let read = items
        .iter()
        .enumerate()
        .map(|(index, item)| part(place, index, item));
    Ok((Parts::Listed(read.collect::<Result<_, _>>()?), None))
}

fn part(place: &Place<'_>, index: usize, item: &RawValue) -> Result<Part, Problem> {
    if !item.get().starts_with('{') {
        return Err(place.invalid(
            &format!("configuration_json[{index}]"),
            "a part is an object with `Name` and `Description`",
        ));
    }
    let head: PartHead = serde_json::from_str(item.get()).map_err(|error| {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or(&text);
        place.invalid(
            &format!("configuration_json[{index}]"),
            format!("a part is an object with `Name` and `Description`: {reason}"),
        )
    })?;
    Ok(Part {
        name: head.name,
        description: head.description.unwrap_or_default(),
        configuration: Some(item.get().to_owned()),
    })
}

fn resources(place: &Place<'_>, given: &wire::Task) -> Result<Resources, Problem> {
    let defaults = Resources::default();
    let word = |field: &str, value: &Option<String>, default: String, known: [&str; 2]| match value
    {
        None => Ok(default),
        Some(value) if known.contains(&value.as_str()) => Ok(value.clone()),
        Some(value) => Err(place.invalid(
            field,
            format!(
                "`{value}` does not fit: must be one of {}",
                known.join(", ")
            ),
        )),
    };
    let amount = |field: &str, value: Option<u32>, default: u32| match value {
        Some(0) => Err(place.invalid(field, "must be at least 1")),
        value => Ok(value.unwrap_or(default)),
    };
    Ok(Resources {
        cpu_mhz: amount("cpu", given.cpu, defaults.cpu_mhz)?,
        memory_mb: amount("memory", given.memory, defaults.memory_mb)?,
        disk_mb: amount("disk", given.disk, defaults.disk_mb)?,
        arch: word("arch", &given.arch, defaults.arch, ARCHS)?,
        os: word("os", &given.os, defaults.os, SYSTEMS)?,
    })
}

fn timeout(place: &Place<'_>, seconds: Option<&Number>) -> Result<Option<u64>, Problem> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let wrong = || {
        place.invalid(
            "timeout_seconds",
            format!("{seconds} does not fit: must be at least 0.001 and less than 1e9"),
        )
    };
    let given = seconds
        .as_f64()
        .filter(|s| (0.001..1e9).contains(s))
        .ok_or_else(wrong)?;
    let rounded = Duration::try_from_secs_f64(given + 0.000_5).map_err(|_| wrong())?;
    Ok(Some(
        u64::try_from(rounded.as_millis()).map_err(|_| wrong())?,
    ))
}

/// As it is answered.
pub(super) fn to_wire(task: &Task) -> wire::Task {
    let (kind, count, configuration) = match &task.parts {
        Parts::One => (Kind::Task, None, task.configuration.clone()),
        Parts::Count(count) => (Kind::Parallel, Some(*count), task.configuration.clone()),
        Parts::Listed(parts) => (Kind::Parallel, None, Some(listed(parts))),
    };
    let mut wire = wire::Task {
        name: task.name.clone(),
        kind: Some(kind),
        entrypoint: None,
        command: None,
        env: None,
        cwd: None,
        stdin: None,
        timeout_seconds: task.timeout_ms.and_then(seconds),
        image: task.image.clone(),
        description: Some(task.description.clone()),
        configuration_json: configuration.and_then(|text| RawValue::from_string(text).ok()),
        configuration_blob: task.configuration_blob.clone(),
        arguments_blob: None,
        count,
        arch: Some(task.resources.arch.clone()),
        os: Some(task.resources.os.clone()),
        cpu: Some(task.resources.cpu_mhz),
        memory: Some(task.resources.memory_mb),
        disk: Some(task.resources.disk_mb),
        retries: Some(task.retries),
        retry: task
            .options
            .as_ref()
            .and_then(|it| it.retry.as_ref().map(retry::to_wire)),
        count_for_prewarming: Some(task.count_for_prewarming),
        priority: task.priority.map(Into::into),
        pool: task.pool().map(|used| used.pool.to_string()),
        pool_units: task.pool().map(|used| used.units),
    };
    match &task.work {
        Work::Python {
            entrypoint,
            arguments_blob,
        } => {
            wire.entrypoint = Some(entrypoint.clone());
            wire.arguments_blob.clone_from(arguments_blob);
        }
        Work::Command {
            argv,
            env,
            cwd,
            stdin,
        } => {
            wire.command = Some(argv.clone());
            wire.env = Some(env.clone());
            wire.cwd.clone_from(cwd);
            wire.stdin.clone_from(stdin);
        }
    }
    wire
}

fn listed(parts: &[Part]) -> String {
    let texts: Vec<String> = parts
        .iter()
        .map(|part| {
            part.configuration.clone().unwrap_or_else(|| {
                serde_json::json!({"Name": part.name, "Description": part.description}).to_string()
            })
        })
        .collect();
    format!("[{}]", texts.join(","))
}

/// Whole seconds without a point, as most people write them.
pub(super) fn seconds(timeout_ms: u64) -> Option<Number> {
    if timeout_ms.is_multiple_of(1_000) {
        return Some(Number::from(timeout_ms / 1_000));
    }
    Number::from_f64(Duration::from_millis(timeout_ms).as_secs_f64())
}
