//! Step types and flow types are saved: what may be in a revision, and how large it may be.

use std::sync::Arc;

use super::decide::{FlowCommand, limit};
use super::follow::follow_types;
use super::graph::{FlowGraph, check_graph};
use super::graph_size::too_large;
use super::make::When;
use super::model::Flows;
use super::sizes::{check_size, check_text};
use super::spec::StepPolicy;
use crate::access::Principal;
use crate::batch;
use crate::event::{Event, FlowTypeSaved, NewStepRevision, StepTypeSaved};
use crate::ids::BatchId;
use crate::limits::{CONFIGURATION_BYTES_MAX, FLOW_REVISIONS_MAX, FLOW_TYPES_MAX};
use crate::rejection::Rejection;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn save_step_type(
    state: &State,
    who: &Principal,
    command: &FlowCommand,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let FlowCommand::SaveStepType {
        name,
        version,
        title,
        description,
        policy,
        revision,
        follow,
    } = command
    else {
        return Ok(Vec::new());
    };
    let flows = &state.flows;
    let known = flows.step_type_named(name, version);
    check_text("title", title.as_deref())?;
    check_text("description", description.as_deref())?;
    check_policy(policy)?;
    let mut events = Vec::new();
    let mut new = None;
    if known.is_none() && flows.step_types.len() >= FLOW_TYPES_MAX {
        return Err(limit(FLOW_TYPES_MAX, "step types"));
    }
    if let Some(given) = revision {
        let (spec, hashed, document) = &**given;
        check_text("manifest", Some(document))?;
        check_size("manifest", spec)?;
        check_revisions(known.map_or(0, |it| it.revisions.len()))?;
        events = batch::save(state, who, hashed, None, at)?;
        let (batch, batch_version) = saved_batch(&events)?;
        new = Some(Arc::new(NewStepRevision {
            spec: spec.clone(),
            batch,
            batch_version,
            definition: hashed.digest,
            document: document.clone(),
        }));
    } else if known.is_none() {
        return Err(Rejection::invalid(
            "name",
            format!("there is no `{name}` {version}"),
        ));
    }
    let has_new = new.is_some();
    let title = title.clone().or_else(|| Some(known?.title.clone()));
    let description = description
        .clone()
        .or_else(|| Some(known?.description.clone()));
    let saved = StepTypeSaved {
        step_type: known.map_or(flows.last.step_type + 1, |it| it.id),
        name: name.clone(),
        version: version.clone(),
        title: title.unwrap_or_default(),
        description: description.unwrap_or_default(),
        policy: (**policy).clone(),
        revision: new,
    };
    let saved = Event::from(saved);
    let seq = state.seq.next();
    let renews = *follow && has_new && known.is_some();
    let more = renews.then(|| follow_types(flows, &saved, When { seq, at }));
    events.push(saved);
    events.extend(more.into_iter().flatten());
    Ok(events)
}

/// The batch that runs of a step are of, as it is being saved.
fn saved_batch(events: &[Event]) -> Result<(BatchId, u32), Rejection> {
    let saved = events.iter().find_map(|event| {
        if let Event::BatchSaved(saved) = event {
            Some((saved.batch, saved.version))
        } else {
            None
        }
    });
    saved.ok_or_else(|| Rejection::invalid("manifest", "its runs would have no batch"))
}

fn check_policy(policy: &StepPolicy) -> Result<(), Rejection> {
    check_text("icon_code", policy.icon_code.as_deref())?;
    check_text("configuration", Some(&policy.configuration))
}

pub(super) fn save_flow_type(
    state: &State,
    command: &FlowCommand,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let flows = &state.flows;
    let FlowCommand::SaveFlowType {
        name,
        is_new,
        title,
        description,
        is_active,
        graph,
        follow,
    } = command
    else {
        return Ok(Vec::new());
    };
    let known = flows.flow_type_named(name);
    check_known(known.is_some(), *is_new, name)?;
    check_text("title", title.as_deref())?;
    check_text("description", description.as_deref())?;
    if known.is_none() && flows.flow_types.len() >= FLOW_TYPES_MAX {
        return Err(limit(FLOW_TYPES_MAX, "flow types"));
    }
    if let Some(graph) = graph {
        check_new_graph(flows, graph, name)?;
        check_revisions(known.map_or(0, |it| it.revisions.len()))?;
    }
    let title = title.clone().or_else(|| Some(known?.title.clone()));
    let description = description
        .clone()
        .or_else(|| Some(known?.description.clone()));
    let is_active = is_active.or_else(|| Some(known?.is_active));
    let saved = FlowTypeSaved {
        flow_type: known.map_or(flows.last.flow_type + 1, |it| it.id),
        name: name.clone(),
        title: title.unwrap_or_default(),
        description: description.unwrap_or_default(),
        is_active: is_active.unwrap_or(true),
        graph: graph.clone(),
    };
    let mut events = vec![saved.into()];
    if *follow && graph.is_some() && known.is_some() {
        let seq = state.seq.next();
        let more = follow_types(flows, &events[0], When { seq, at });
        events.extend(more);
    }
    Ok(events)
}

fn check_known(is_known: bool, is_new: bool, name: &str) -> Result<(), Rejection> {
    match (is_known, is_new) {
        (true, true) => Err(Rejection::invalid(
            "name",
            format!("`{name}` is there already"),
        )),
        (false, false) => Err(Rejection::invalid("name", format!("there is no `{name}`"))),
        (true, false) | (false, true) => Ok(()),
    }
}

fn check_revisions(there: usize) -> Result<(), Rejection> {
    if there < FLOW_REVISIONS_MAX {
        return Ok(());
    }
    Err(limit(FLOW_REVISIONS_MAX, "revisions"))
}

fn check_new_graph(flows: &Flows, graph: &FlowGraph, own: &str) -> Result<(), Rejection> {
    if let Some(problem) = too_large(flows, graph) {
        return Err(Rejection::invalid("definition", problem.message));
    }
    let bytes = serde_json::to_string(graph).map_or(0, |text| text.len());
    if bytes > CONFIGURATION_BYTES_MAX {
        let message = format!("a definition has at most {CONFIGURATION_BYTES_MAX} bytes");
        return Err(Rejection::invalid("definition", message));
    }
    let problems = check_graph(flows, graph, Some(own));
    match problems.into_iter().find(|it| !it.is_warning) {
        Some(problem) => Err(Rejection::invalid(problem.name, problem.message)),
        None => Ok(()),
    }
}
