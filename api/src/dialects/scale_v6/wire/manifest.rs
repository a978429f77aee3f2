//! Manifests and configurations of job types.

use std::collections::BTreeMap;

use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{Definition, Tag, Task, Work};
use fasti_core::domain::flow::{JsonType, OutputFile, OutputJson, StepFailure, StepSpec};
use serde_json::{Map, Value};

use super::body::only;
use super::interface;

/// A manifest as far as it means something here.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) timeout_ms: u64,
    pub(crate) spec: StepSpec,
}

/// A manifest.
pub(crate) fn read(object: &Map<String, Value>) -> Result<Manifest, String> {
    if object.get("seedVersion").and_then(Value::as_str) != Some("1.0.0") {
        return Err("`seedVersion` must be \"1.0.0\"".to_owned());
    }
    let job = object
        .get("job")
        .and_then(Value::as_object)
        .ok_or("the manifest lacks the object `job`")?;
    let name = text(job, "name")?;
    if name.is_empty()
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        || name.len() > 100
    {
        return Err(format!(
            "`{name}` is no name for a job type: letters, digits and `-`"
        ));
    }
    let version = text(job, "jobVersion")?;
    for (field, version) in [
        ("jobVersion", &version),
        ("packageVersion", &text(job, "packageVersion")?),
    ] {
        let parts: Vec<&str> = version.split('.').collect();
        let is_number = |part: &&str| {
            !part.is_empty() && part.len() < 10 && part.bytes().all(|it| it.is_ascii_digit())
        };
        if parts.len() != 3 || !parts.iter().all(is_number) {
            return Err(format!("`{field}` must look like 1.0.0, not `{version}`"));
        }
    }
    let maintainer = job.get("maintainer").and_then(Value::as_object);
    let maintainer = maintainer.ok_or("`job` lacks the object `maintainer`")?;
    text(maintainer, "name")?;
    text(maintainer, "email")?;
    let timeout = job
        .get("timeout")
        .and_then(Value::as_u64)
        .filter(|it| (1..=31_536_000).contains(it));
    let timeout = timeout.ok_or("`timeout` must be a number of seconds from 1 to 31536000")?;
    Ok(Manifest {
        name,
        version,
        title: text(job, "title")?,
        description: text(job, "description")?,
        timeout_ms: timeout * 1_000,
        spec: spec(job)?,
    })
}

fn text(object: &Map<String, Value>, name: &str) -> Result<String, String> {
    let found = object.get(name).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| format!("the manifest lacks the string `{name}`"))
}

fn flag(object: &Map<String, Value>, name: &str, default: bool) -> Result<bool, String> {
    let found = object.get(name).map_or(Some(default), Value::as_bool);
    found.ok_or_else(|| format!("`{name}` must be true or false"))
}

/// A text, empty when it is not given.
fn optional(object: &Map<String, Value>, name: &str) -> String {
    let found = object.get(name).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn spec(job: &Map<String, Value>) -> Result<StepSpec, String> {
    let mut spec = StepSpec::default();
    if let Some(of) = job.get("interface") {
        let of = of.as_object().ok_or("`interface` must be an object")?;
        spec.command = optional(of, "command");
        if let Some(inputs) = of.get("inputs") {
            let read = interface::read(inputs, "mediaTypes");
            spec.input = read.map_err(|it| format!("inputs: {it}"))?;
        }
        if let Some(outputs) = of.get("outputs") {
            let outputs = outputs.as_object().ok_or("`outputs` must be an object")?;
            read_outputs(outputs, &mut spec)?;
        }
        for setting in interface::entries(of, "settings")? {
            spec.settings.push(text(setting, "name")?);
        }
    }
    let repeated = spec.input.repeated().map(str::to_owned);
    if let Some(name) = repeated.or_else(|| repeated_output(&spec)) {
        return Err(format!("the parameter `{name}` is there twice"));
    }
    read_resources(job, &mut spec)?;
    read_errors(job, &mut spec)?;
    Ok(spec)
}

fn read_outputs(outputs: &Map<String, Value>, spec: &mut StepSpec) -> Result<(), String> {
    for file in interface::entries(outputs, "files")? {
        spec.files.push(OutputFile {
            name: text(file, "name")?,
            pattern: text(file, "pattern")?,
            media_type: optional(file, "mediaType"),
            multiple: flag(file, "multiple", false)?,
            required: flag(file, "required", true)?,
        });
    }
    for value in interface::entries(outputs, "json")? {
        let name = text(value, "name")?;
        let kind = text(value, "type")?;
        let key = value.get("key").and_then(Value::as_str);
        spec.json.push(OutputJson {
            key: key.unwrap_or(&name).to_owned(),
            json_type: JsonType::of_name(&kind).ok_or_else(|| format!("`{kind}` is no type"))?,
            required: flag(value, "required", true)?,
            name,
        });
    }
    Ok(())
}

fn read_resources(job: &Map<String, Value>, spec: &mut StepSpec) -> Result<(), String> {
    let Some(resources) = job.get("resources").and_then(Value::as_object) else {
        return Ok(());
    };
    for resource in interface::entries(resources, "scalar")? {
        let value = resource.get("value").filter(|it| it.is_number());
        let value = value.ok_or("a resource lacks its `value`")?.to_string();
        let name = text(resource, "name")?.to_uppercase().replace('-', "_");
        spec.env.insert(format!("ALLOCATED_{name}"), value);
    }
    Ok(())
}

fn read_errors(job: &Map<String, Value>, spec: &mut StepSpec) -> Result<(), String> {
    for error in interface::entries(job, "errors")? {
        let code = error.get("code").and_then(Value::as_i64);
        let code = code.and_then(|it| i32::try_from(it).ok());
        let category = optional(error, "category");
        if !matches!(category.as_str(), "job" | "data" | "") {
            return Err(format!(
                "`{category}` is no category of an error: job or data"
            ));
        }
        spec.failures.push(StepFailure {
            code: code.ok_or("an error lacks its `code`")?,
            name: text(error, "name")?,
            title: optional(error, "title"),
            description: optional(error, "description"),
            is_data: category == "data",
        });
    }
    Ok(())
}

fn repeated_output(spec: &StepSpec) -> Option<String> {
    spec.output().repeated().map(str::to_owned)
}

/// What a configuration says; checked, and as text.
pub(crate) fn read_configuration(object: &Map<String, Value>) -> Result<(u32, String), String> {
    only(
        object,
        &[
            "version",
            "priority",
            "settings",
            "mounts",
            "output_workspaces",
        ],
        "the job type configuration",
    )?;
    let priority = match object.get("priority") {
        None => 100,
        Some(value) => value
            .as_u64()
            .and_then(|it| u32::try_from(it).ok())
            .filter(|it| *it > 0)
            .ok_or("`priority` must be an integer of 1 or more")?,
    };
    if object.get("settings").is_some_and(|it| !it.is_object()) {
        return Err("`settings` must be an object".to_owned());
    }
    Ok((priority, Value::Object(object.clone()).to_string()))
}

/// The definition that runs of a job type are of.
pub(crate) fn definition(manifest: &Manifest, who: &Principal) -> Definition {
    let command = manifest.spec.command.clone();
    let task = Task {
        description: manifest.description.clone(),
        timeout_ms: Some(manifest.timeout_ms),
        ..Task::of_work(
            manifest.name.clone(),
            Work::Command {
                argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), command],
                env: BTreeMap::new(),
                cwd: None,
                stdin: None,
            },
        )
    };
    let name = format!("scale.{}.{}", manifest.name, manifest.version);
    Definition {
        tag: Tag::Prod,
        labels: vec!["scale".to_owned()],
        ..Definition::of_tasks(name, who, vec![task])
    }
}
