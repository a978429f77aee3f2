//! What follows by itself: decisions are made, ended steps judged, cancelled ones stopped, queued ones given a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::graph::NodeKind;
use super::model::{Flows, Step, StepError};
use super::spec::StepSpec;
use super::staging::{Gathered, written};
use crate::access::Principal;
use crate::attempt::Outcome;
use crate::event::{Event, FlowDecided, RunCreated, StepFinished};
use crate::limits::FLOW_STEPS_PER_SETTLE_MAX;
use crate::run::{create, stop};
use crate::slots::RunIds;
use crate::state::State;
use crate::time::Timestamp;

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// It is done.
    Completed {
        /// Its values: a JSON object.
        values: Arc<str>,
        /// Its files.
        files: Vec<Product>,
    },
    /// It failed.
    Failed {
        /// Why.
        error: Arc<StepError>,
    },
    /// The system failed; it is tried again.
    Retried {
        /// Why.
        error: Arc<StepError>,
    },
    /// Its run was cancelled.
    Cancelled,
}

/// A file that a step left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Product {
    /// The output.
    pub output: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its type.
    pub media_type: String,
}

/// Whether something follows.
pub(crate) fn is_due(state: &State) -> bool {
    let flows = &state.flows;
    !flows.due.is_empty()
        || !flows.ended.is_empty()
        || !flows.to_stop.is_empty()
        || (!flows.queue.is_empty()
            && room(state) > 0
            && next_step(flows, &BTreeMap::new()).is_some())
}

/// The next things that follow; nothing when nothing does.
pub(crate) fn settle(state: &State, at: Timestamp) -> Vec<Event> {
    let flows = &state.flows;
    if !flows.ended.is_empty() {
        let ended = flows.ended.iter().take(FLOW_STEPS_PER_SETTLE_MAX);
        return ended
            .filter_map(|id| Some((*id, flows.steps.get(id)?)))
            .map(|(id, step)| {
                StepFinished {
                    step: id,
                    flow_set: step.set,
                    end: judge(flows, step),
                }
                .into()
            })
            .collect();
    }
    if !flows.due.is_empty() {
        let due = flows.due.iter().take(FLOW_STEPS_PER_SETTLE_MAX);
        return due
            .map(|(flow, node)| decision(flows, *flow, *node).into())
            .collect();
    }
    if !flows.to_stop.is_empty() {
        let runs = flows.to_stop.iter().filter_map(|run| state.runs.get(run));
        let events: Vec<Event> = runs
            .flat_map(|run| stop::request(run, Some("its step was cancelled")))
            .collect();
        if !events.is_empty() {
            return events;
        }
    }
    dispatch(state, at)
}

fn decision(flows: &Flows, flow: u64, node: u32) -> FlowDecided {
    let filter = flows.flow_and_revision(flow).and_then(|(_, revision)| {
        match &revision.graph.nodes.get(node as usize)?.kind {
            NodeKind::Decision { filter, .. } => Some(filter),
            NodeKind::Step { .. } | NodeKind::Flow { .. } => None,
        }
    });
    let data = flows.node_input(flow, node);
    let accepted = filter.is_none_or(|filter| filter.accepts(&data, &|id| flows.files.get(&id)));
    FlowDecided {
        flow,
        node,
        accepted,
    }
}

/// Runs that may be made now: enough to keep the runners busy, few enough that an urgent step need not wait long.
fn room(state: &State) -> usize {
    let slots = state.runners.values().filter(|it| it.takes_more(state));
    let slots: usize = slots.map(|it| it.info.capacity.slots as usize).sum();
    (2 * slots).saturating_sub(state.flows.by_run.len())
}

/// The most urgent step that may begin, with its type; `taken` are those of each type that begin already.
fn next_step(flows: &Flows, taken: &BTreeMap<u64, usize>) -> Option<(u64, u64)> {
    let candidates = flows.queue.iter().filter_map(|(step_type, queue)| {
        let of_type = flows.step_types.get(step_type)?;
        let begun = taken.get(step_type).copied().unwrap_or(0);
        let running = of_type.running as usize + begun;
        let may = !of_type.policy.is_paused
            && of_type
                .policy
                .max_scheduled
                .is_none_or(|max| running < max as usize);
        let entry = queue.iter().nth(begun).filter(|_| may)?;
        Some((*entry, *step_type))
    });
    let ((_, _, step), step_type) = candidates.min()?;
    Some((step, step_type))
}

/// Gives the most urgent steps a run each.
fn dispatch(state: &State, at: Timestamp) -> Vec<Event> {
    let flows = &state.flows;
    let mut events: Vec<Event> = Vec::new();
    let mut taken: BTreeMap<u64, usize> = BTreeMap::new();
    let mut ids = RunIds::of(state);
    let room = room(state).min(FLOW_STEPS_PER_SETTLE_MAX);
    for _ in 0..room.min(usize::try_from(create::room_for(state, 1)).unwrap_or(usize::MAX)) {
        let Some((step, step_type)) = next_step(flows, &taken) else {
            break;
        };
        *taken.entry(step_type).or_default() += 1;
        let run = flows.steps.get(&step).and_then(|of_step| {
            let revision = flows
                .step_types
                .get(&step_type)?
                .revision(of_step.revision)?;
            let used = state.definitions.get(&revision.definition)?;
            let definition = used.graph.definition();
            let id = ids.take(1);
            let blank = create::blank(
                id,
                revision.batch,
                definition,
                revision.definition,
                1,
                &Principal::system(),
                at,
            );
            Some(RunCreated {
                version: Some(revision.batch_version),
                requested_by: definition.owner.clone(),
                step: Some(step),
                ..blank
            })
        });
        if let Some(run) = run {
            events.push(run.into());
        }
    }
    events
}

/// What becomes of a step whose run is over.
fn judge(flows: &Flows, step: &Step) -> StepEnd {
    let revision = flows
        .step_types
        .get(&step.step_type)
        .and_then(|it| it.revision(step.revision));
    let execution = step.executions.last();
    let (Some(revision), Some(execution)) = (revision, execution) else {
        return StepEnd::Failed {
            error: builtin("system", "SYSTEM", "its type is not there any more"),
        };
    };
    let spec = &revision.spec;
    match &execution.outcome {
        Some(Outcome::Exited { code: 0 }) => {
            let gathered = execution.gathered.as_deref().cloned().unwrap_or_default();
            if let Some(problem) = &gathered.problem
                && !gathered.is_commands_fault
            {
                return again(step, builtin("capture", "SYSTEM", problem));
            }
            take_over(spec, &gathered).unwrap_or_else(|error| StepEnd::Failed { error })
        }
        Some(Outcome::Exited { code }) => StepEnd::Failed {
            error: of_code(spec, *code),
        },
        Some(Outcome::Signaled { signal }) => {
            let text = format!("the command was ended by signal {signal}");
            StepEnd::Failed {
                error: builtin("algorithm-unknown", "ALGORITHM", &text),
            }
        }
        Some(Outcome::TimedOut { limit_ms }) => {
            let text = format!("the command took longer than {} s", limit_ms / 1000);
            StepEnd::Failed {
                error: builtin("timeout", "ALGORITHM", &text),
            }
        }
        Some(outcome @ Outcome::SpawnFailed { .. }) => {
            again(step, builtin("launch", "SYSTEM", &outcome.summary()))
        }
        Some(outcome @ Outcome::Lost { .. }) => {
            again(step, builtin("worker-lost", "SYSTEM", &outcome.summary()))
        }
        // Nothing of it began, or it was told to stop: by somebody who cancelled the run.
        Some(Outcome::Stopped) | None => StepEnd::Cancelled,
    }
}

fn again(step: &Step, error: Arc<StepError>) -> StepEnd {
    if step.tries < step.max_tries {
        StepEnd::Retried { error }
    } else {
        StepEnd::Failed { error }
    }
}

fn builtin(name: &str, category: &str, description: &str) -> Arc<StepError> {
    Arc::new(StepError {
        name: name.to_owned(),
        title: name.replace('-', " "),
        description: crate::batch::bounded(description),
        category: category.to_owned(),
        is_builtin: true,
        own: None,
    })
}

fn of_code(spec: &StepSpec, code: i32) -> Arc<StepError> {
    let own = (0..).zip(&spec.failures).find(|(_, it)| it.code == code);
    let Some((index, own)) = own else {
        return builtin(
            "algorithm-unknown",
            "ALGORITHM",
            &format!("the command ended with exit code {code}"),
        );
    };
    Arc::new(StepError {
        name: own.name.clone(),
        title: own.title.clone(),
        description: own.description.clone(),
        category: if own.is_data { "DATA" } else { "ALGORITHM" }.to_owned(),
        is_builtin: false,
        own: Some(index),
    })
}

/// The outputs of a success, if they are what they should be.
fn take_over(spec: &StepSpec, gathered: &Gathered) -> Result<StepEnd, Arc<StepError>> {
    let refuse = |name: &str, text: &str| builtin(name, "ALGORITHM", text);
    if let Some(problem) = &gathered.problem {
        return Err(refuse("invalid-outputs", problem));
    }
    let mut files = Vec::new();
    for output in &spec.files {
        let name = &output.name;
        let found: Vec<_> = gathered
            .files
            .iter()
            .filter(|it| it.output == *name)
            .collect();
        if found.is_empty() && output.required {
            let text = format!(
                "no file fits `{}` of the required output `{name}`",
                output.pattern
            );
            return Err(refuse("missing-required-output", &text));
        }
        if found.len() > 1 && !output.multiple {
            let text = format!(
                "{} files fit `{}` of the output `{name}`, which is one",
                found.len(),
                output.pattern
            );
            return Err(refuse("too-many-outputs", &text));
        }
        files.extend(found.into_iter().map(|file| Product {
            output: name.clone(),
            name: file.path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: file.path.clone(),
            size: file.size,
            media_type: output.media_type.clone(),
        }));
    }
    let values = written(gathered.values.as_deref()).map_err(|error| {
        refuse(
            "invalid-outputs",
            &format!("seed.outputs.json is no JSON object: {error}"),
        )
    })?;
    let mut kept = serde_json::Map::new();
    for output in &spec.json {
        match values.get(&output.key) {
            // No variable of a process could hold it.
            Some(Value::String(text)) if text.contains('\0') => {
                let text = format!("`{}` in seed.outputs.json has a NUL character", output.key);
                return Err(refuse("invalid-outputs", &text));
            }
            Some(value) if output.json_type.fits(value) => {
                kept.insert(output.name.clone(), value.clone());
            }
            Some(_) => {
                let text = format!(
                    "`{}` in seed.outputs.json is not of the type {}",
                    output.key,
                    output.json_type.as_str()
                );
                return Err(refuse("invalid-outputs", &text));
            }
            None if output.required => {
                let text = format!("seed.outputs.json lacks the required `{}`", output.key);
                return Err(refuse("missing-required-output", &text));
            }
            None => {}
        }
    }
    Ok(StepEnd::Completed {
        values: Value::Object(kept).to_string().into(),
        files,
    })
}
