//! Step types.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_core::codec::hashed;
use fasti_core::domain::access::Principal;
use fasti_core::domain::definition::{Definition, Tag, Task, Work};
use fasti_core::domain::flow::{
    FlowCommand, JsonType, OutputFile, OutputJson, StepFailure, StepPolicy, StepRevision, StepSpec,
    StepType,
};
use serde::{Deserialize, Serialize};

use super::super::wire;
use super::interface::{Kind, interface, kind, parameters};
use super::{maybe_time, time};
use crate::errors::Problem;

/// A year, as in the other interface to the same types.
const TIMEOUT_MS_MAX: u64 = 31_536_000_000;

/// What is kept of a revision besides its specification.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    argv: Vec<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

impl Document {
    /// What another interface wrote down is nothing that can be read here: its command is a line for a shell.
    fn of(revision: &StepRevision) -> Self {
        serde_json::from_str(&revision.document).unwrap_or_else(|_| Self {
            argv: vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                revision.spec.command.clone(),
            ],
            ..Self::default()
        })
    }
}

/// # Errors
/// 422: a name that can be none.
pub(crate) fn check_type_name(field: &str, name: &str) -> Result<(), Problem> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if (1..=100).contains(&name.len()) && name.chars().all(is_plain) {
        return Ok(());
    }
    let text = format!("`{name}` must have 1 to 100 letters, digits, `.`, `_` and `-`");
    Err(Problem::invalid(field, text))
}

/// The command that saves a step type; `None` when nothing would change.
///
/// # Errors
/// 422: something of it does not fit.
pub(crate) fn step_type_command(
    name: &str,
    version: &str,
    given: wire::StepTypeBody,
    known: Option<&StepType>,
    who: &Principal,
) -> Result<Option<FlowCommand>, Problem> {
    check_type_name("name", name)?;
    check_type_name("version", version)?;
    let policy = policy(
        &given,
        known.map(|it| it.policy.clone()).unwrap_or_default(),
    )?;
    let follow = given.follow.unwrap_or(true);
    let (title, description) = (given.title.clone(), given.description.clone());
    let revision = revision(name, version, given, who)?;
    let current = known.and_then(|it| it.revisions.last());
    // The definition follows from these, and from who saved it first: somebody else who saves the same changes nothing.
    let is_same = current.is_some_and(|it| it.spec == revision.0 && it.document == revision.2);
    if let Some(known) = known.filter(|_| is_same) {
        let says = |given: &Option<String>, now: &str| given.as_deref().is_none_or(|it| it == now);
        let stays = known.policy == policy
            && says(&title, &known.title)
            && says(&description, &known.description);
        if stays {
            return Ok(None);
        }
    }
    Ok(Some(FlowCommand::SaveStepType {
        name: name.to_owned(),
        version: version.to_owned(),
        title,
        description,
        policy: Box::new(policy),
        revision: (!is_same).then(|| Box::new(revision)),
        follow,
    }))
}

fn policy(given: &wire::StepTypeBody, mut policy: StepPolicy) -> Result<StepPolicy, Problem> {
    policy.max_tries = given.max_tries.unwrap_or(StepPolicy::default().max_tries);
    if !(1..=100).contains(&policy.max_tries) {
        return Err(Problem::invalid("max_tries", "must be 1 to 100"));
    }
    if given.max_running == Some(0) {
        let text = "must be 1 or more; with `is_paused` none is started";
        return Err(Problem::invalid("max_running", text));
    }
    policy.max_scheduled = given.max_running;
    policy.priority = given.priority.unwrap_or(StepPolicy::default().priority);
    policy.is_paused = given.is_paused.unwrap_or(false);
    Ok(policy)
}

type Revision = (StepSpec, fasti_core::domain::command::Hashed, Arc<str>);

fn revision(
    name: &str,
    version: &str,
    given: wire::StepTypeBody,
    who: &Principal,
) -> Result<Revision, Problem> {
    if given.argv.first().is_none_or(String::is_empty) {
        let text =
            "must name a program, then its arguments; for a line of shell: [\"sh\", \"-c\", \"…\"]";
        return Err(Problem::invalid("argv", text));
    }
    if given
        .timeout_ms
        .is_some_and(|it| !(1..=TIMEOUT_MS_MAX).contains(&it))
    {
        let text = format!("must be 1 to {TIMEOUT_MS_MAX} milliseconds");
        return Err(Problem::invalid("timeout_ms", text));
    }
    let mut spec = StepSpec {
        command: given.argv.join(" "),
        input: interface("inputs", given.inputs.unwrap_or_default())?,
        ..StepSpec::default()
    };
    read_outputs(given.outputs.unwrap_or_default(), &mut spec)?;
    let failures = given.failures.unwrap_or_default().into_iter();
    spec.failures = failures
        .map(|it| StepFailure {
            code: it.code,
            name: it.name,
            title: it.title,
            description: it.description,
            is_data: it.is_data,
        })
        .collect();
    let document = Document {
        argv: given.argv.clone(),
        image: given.image.clone(),
        timeout_ms: given.timeout_ms,
    };
    let document = serde_json::to_string(&document).map_err(|error| Problem::internal(&error))?;
    let work = Work::Command {
        argv: given.argv,
        env: BTreeMap::new(),
        cwd: None,
        stdin: None,
    };
    let task = Task {
        image: given.image,
        timeout_ms: given.timeout_ms,
        ..Task::of_work(name, work)
    };
    let definition = Definition {
        tag: Tag::Prod,
        labels: vec!["step".to_owned()],
        ..Definition::of_tasks(format!("step.{name}.{version}"), who, vec![task])
    };
    Ok((spec, hashed(definition), document.into()))
}

fn read_outputs(given: Vec<wire::Output>, spec: &mut StepSpec) -> Result<(), Problem> {
    for (index, output) in given.into_iter().enumerate() {
        let at = format!("outputs[{index}]");
        let (name, required) = (output.name, output.required);
        match kind(&at, &name, &output.kind)? {
            Kind::File { multiple } => {
                not_given(&at, "key", output.key.is_some(), "a value")?;
                spec.files.push(OutputFile {
                    pattern: output.pattern.unwrap_or_else(|| name.clone()),
                    media_type: output.media_type.unwrap_or_default(),
                    name,
                    multiple,
                    required,
                });
            }
            Kind::Value(json_type) => {
                not_given(&at, "pattern", output.pattern.is_some(), "a file")?;
                not_given(&at, "media_type", output.media_type.is_some(), "a file")?;
                spec.json.push(OutputJson {
                    key: output.key.unwrap_or_else(|| name.clone()),
                    name,
                    json_type,
                    required,
                });
            }
        }
    }
    if let Some(name) = spec.output().repeated() {
        return Err(Problem::invalid(
            "outputs",
            format!("`{name}` is there twice"),
        ));
    }
    Ok(())
}

fn not_given(at: &str, field: &str, is_given: bool, of: &str) -> Result<(), Problem> {
    if is_given {
        return Err(Problem::invalid(
            format!("{at}.{field}"),
            format!("only {of} has one"),
        ));
    }
    Ok(())
}

/// A step type.
pub(crate) fn step_type(it: &StepType) -> wire::StepType {
    let revision = it.revisions.last();
    let document = revision.map(|it| Document::of(it)).unwrap_or_default();
    let spec = revision.map(|it| &it.spec);
    wire::StepType {
        id: it.id,
        name: it.name.clone(),
        version: it.version.clone(),
        revision: it.revision_number(),
        title: it.title.clone(),
        description: it.description.clone(),
        argv: document.argv,
        image: document.image,
        timeout_ms: document.timeout_ms,
        inputs: spec.map(|it| parameters(&it.input)).unwrap_or_default(),
        outputs: spec.map(outputs).unwrap_or_default(),
        failures: spec.map(failures).unwrap_or_default(),
        max_tries: it.policy.max_tries,
        max_running: it.policy.max_scheduled,
        priority: it.policy.priority,
        is_paused: it.policy.is_paused,
        batch_id: revision.map(|it| it.batch.to_string()),
        batch_version: revision.map(|it| it.batch_version),
        created_at: time(it.created),
        modified_at: time(it.modified),
        paused_at: maybe_time(it.paused),
    }
}

fn outputs(spec: &StepSpec) -> Vec<wire::Output> {
    let value = |it: &OutputJson| wire::Output {
        name: it.name.clone(),
        kind: JsonType::as_str(it.json_type).to_owned(),
        pattern: None,
        media_type: None,
        key: Some(it.key.clone()),
        required: it.required,
    };
    let file = |it: &OutputFile| wire::Output {
        name: it.name.clone(),
        kind: if it.multiple { "files" } else { "file" }.to_owned(),
        pattern: Some(it.pattern.clone()),
        media_type: Some(it.media_type.clone()).filter(|it| !it.is_empty()),
        key: None,
        required: it.required,
    };
    let values = spec.json.iter().map(value);
    values.chain(spec.files.iter().map(file)).collect()
}

fn failures(spec: &StepSpec) -> Vec<wire::StepFailure> {
    let failure = |it: &StepFailure| wire::StepFailure {
        code: it.code,
        name: it.name.clone(),
        title: it.title.clone(),
        description: it.description.clone(),
        is_data: it.is_data,
    };
    spec.failures.iter().map(failure).collect()
}
