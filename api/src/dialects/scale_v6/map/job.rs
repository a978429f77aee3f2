//! Jobs and their executions.

use fasti_core::domain::flow::{Data, Execution, Flows, Step, StepError, StepStatus};
use serde_json::{Map, Value, json};

use super::super::wire::{interface, time};
use super::{batch, event, event_detail, job_type, joined, members, status};

/// Item of a list.
pub(crate) fn item(flows: &Flows, id: u64, step: &Step) -> Value {
    let of_type = flows.step_type(step.step_type);
    let last = step.executions.last();
    let runner = last
        .and_then(|it| it.runner.as_ref())
        .filter(|_| step.status != StepStatus::Canceled);
    #[expect(clippy::cast_precision_loss, reason = "a size in MiB for people")]
    let size = flows.input_bytes(step) as f64 / f64::from(1 << 20);
    json!({
        "id": id,
        "job_type": of_type.map(job_type::base),
        "job_type_rev": of_type.map(|it| job_type::rev_base(it, step.revision)),
        "event": event(step.event, step.created),
        "recipe": {"id": step.flow},
        "batch": batch::base_of(flows, step.set),
        "is_superseded": step.superseded.is_some(),
        "superseded_job": step.superseded_step.map(|id| json!({"id": id})),
        "status": status(step.status),
        "node": runner.map(|runner| json!({"id": 1, "hostname": runner.to_string()})),
        "error": step.error.as_deref().map(|it| error(flows, step, it)),
        "max_tries": step.max_tries,
        "num_exes": step.tries,
        "input_file_size": size,
        "created": time::stamp(step.created),
        "queued": time::maybe(step.queued),
        "started": time::maybe(step.started),
        "ended": time::maybe(step.ended),
        "last_status_change": time::stamp(step.changed),
        "superseded": time::maybe(step.superseded),
        "last_modified": time::stamp(step.modified),
    })
}

/// The detail.
pub(crate) fn detail(flows: &Flows, id: u64, step: &Step) -> Value {
    let of_type = flows.step_type(step.step_type);
    let output = step.output.as_deref().map(Data::read).unwrap_or_default();
    let resources: Map<String, Value> = of_type
        .and_then(|it| it.revision(step.revision))
        .into_iter()
        .flat_map(|it| &it.spec.env)
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("ALLOCATED_")?.to_lowercase();
            Some((name, serde_json::from_str(value).ok()?))
        })
        .collect();
    let mut configuration: Map<String, Value> = of_type
        .and_then(|it| serde_json::from_str(&it.policy.configuration).ok())
        .unwrap_or_default();
    let of_set = step
        .set
        .and_then(|set| flows.set(set)?.configuration.priority);
    if let Some(priority) = step.priority.map(i64::from).or(of_set) {
        configuration.insert("priority".to_owned(), priority.into());
    }
    let more = json!({
        "event": event_detail(step.event, step.created),
        "superseded_by_job": step.superseded_by.map(|id| json!({"id": id})),
        "resources": {"resources": resources},
        "execution": step.executions.last().map(|it| execution(flows, step, it)),
        "input": interface::write_data(&flows.step_input(step)),
        "output": interface::write_data(&output),
        "configuration": configuration,
    });
    joined(item(flows, id, step), members(more))
}

/// An execution.
pub(crate) fn execution(flows: &Flows, step: &Step, it: &Execution) -> Value {
    let is_last = step
        .executions
        .last()
        .is_some_and(|last| last.run == it.run);
    let status = match (&it.outcome, it.error.is_some()) {
        _ if is_last && matches!(step.status, StepStatus::Completed | StepStatus::Canceled) => {
            status(step.status)
        }
        (None, _) if it.started.is_some() && it.ended.is_none() => "RUNNING",
        (None, _) if it.ended.is_none() => "QUEUED",
        (None, _) => "CANCELED",
        (Some(outcome), false) if outcome.is_success() => "COMPLETED",
        (Some(_), _) => "FAILED",
    };
    let timeout = flows
        .step_type(step.step_type)
        .and_then(|it| it.revision(step.revision))
        .and_then(|it| serde_json::from_str::<Value>(&it.document).ok())
        .map(|it| it["manifest"]["job"]["timeout"].clone());
    json!({
        "id": it.run.0, "status": status, "exe_num": it.number, "created": time::stamp(it.created),
        "queued": time::stamp(it.queued), "started": time::maybe(it.began()), "ended": time::maybe(it.ended),
        "command_started": time::maybe(it.started), "command_ended": time::maybe(it.command_ended), "run_id": it.run.0,
        "error": it.error.as_deref().map(|it| error(flows, step, it)), "timeout": timeout,
    })
}

/// Errors that every job type has; the number of one is its position.
const BUILTIN: [&str; 9] = [
    "launch",
    "worker-lost",
    "system",
    "capture",
    "algorithm-unknown",
    "timeout",
    "missing-required-output",
    "too-many-outputs",
    "invalid-outputs",
];

fn error(flows: &Flows, step: &Step, it: &StepError) -> Value {
    let own = it
        .own
        .map(|own| 1_000 * step.step_type + u64::from(own) + 1);
    let builtin = (1..)
        .zip(BUILTIN)
        .find(|(_, name)| *name == it.name)
        .map(|(id, _)| id);
    let name = flows
        .step_type(step.step_type)
        .filter(|_| !it.is_builtin)
        .map(|it| it.name.clone());
    json!({
        "id": own.or(builtin), "name": it.name, "title": it.title, "description": it.description,
        "job_type_name": name, "category": it.category, "is_builtin": it.is_builtin,
        "should_be_retried": it.category == "SYSTEM",
    })
}
