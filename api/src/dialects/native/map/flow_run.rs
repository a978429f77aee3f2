//! Flows of a set, node by node.

use std::collections::BTreeSet;

use fasti_core::domain::flow::{
    self, Data, Flow, FlowNode, Flows, NodeKind, Slot, Step, StepError, StepStatus,
};

use super::super::wire;
use super::flow::counts;
use super::interface::item;
use super::item_set::file;
use super::{maybe_time, time};

/// Where a flow stands.
pub(crate) fn flow_status(it: &Flow) -> wire::FlowStatus {
    if it.completed.is_some() {
        wire::FlowStatus::Completed
    } else if it.counts.of(StepStatus::Failed) > 0 {
        wire::FlowStatus::Failed
    } else if it.counts.of(StepStatus::Canceled) > 0 {
        wire::FlowStatus::Cancelled
    } else {
        wire::FlowStatus::Active
    }
}

/// A flow.
pub(crate) fn flow(flows: &Flows, id: u64, it: &Flow) -> wire::Flow {
    let revision = flows.revision(it.flow_type, it.revision);
    let given = it.input.as_deref().map(Data::read).unwrap_or_default();
    let values = revision.map(|revision| item(&revision.graph.input, given));
    wire::Flow {
        id,
        set_id: it.set,
        flow_type: flows
            .flow_type(it.flow_type)
            .map(|it| it.name.clone())
            .unwrap_or_default(),
        revision: it.revision,
        status: flow_status(it),
        values: values.unwrap_or_default(),
        parent_flow_id: it.parent.map(|(flow, _)| flow),
        superseded_flow_id: it.superseded_flow,
        superseded_by_id: it.superseded_by,
        is_superseded: it.is_superseded(),
        steps: counts(&it.counts),
        created_at: time(it.created),
        completed_at: maybe_time(it.completed),
        modified_at: time(it.modified),
    }
}

/// What a node is in a flow.
pub(crate) fn flow_node(flows: &Flows, node: &FlowNode, slot: Slot) -> wire::FlowNode {
    let kind = match node.kind {
        NodeKind::Step { .. } => "step",
        NodeKind::Flow { .. } => "flow",
        NodeKind::Decision { .. } => "decision",
    };
    let mut made = wire::FlowNode {
        name: node.name.clone(),
        kind,
        status: "undecided",
        flow_id: None,
        step: None,
    };
    match slot {
        Slot::Open => {}
        Slot::Never => made.status = "skipped",
        Slot::Step(id) => {
            if let Some(step) = flows.step(id) {
                made.status = step_status(step.status);
                made.step = Some(flow_step(flows, id, step));
            }
        }
        Slot::Decision(id) => {
            let accepted = flows.decision(id).and_then(|it| it.accepted);
            made.status = match accepted {
                None => "pending",
                Some(true) => "passed",
                Some(false) => "not_passed",
            };
        }
        Slot::Flow(id) => {
            made.flow_id = Some(id);
            made.status = match flows.flow(id).map(flow_status) {
                Some(wire::FlowStatus::Completed) => "completed",
                Some(wire::FlowStatus::Failed) => "failed",
                Some(wire::FlowStatus::Cancelled) => "cancelled",
                Some(wire::FlowStatus::Active) | None => "active",
            };
        }
    }
    made
}

fn step_status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Blocked => "blocked",
        StepStatus::Queued => "queued",
        StepStatus::Running => "running",
        StepStatus::Failed => "failed",
        StepStatus::Completed => "completed",
        StepStatus::Canceled => "cancelled",
    }
}

fn flow_step(flows: &Flows, id: u64, step: &Step) -> wire::FlowStep {
    let of_type = flows.step_type(step.step_type);
    let spec = of_type
        .and_then(|it| it.revision(step.revision))
        .map(|it| &it.spec);
    let output = step.output.as_deref().map(Data::read).unwrap_or_default();
    let files = output.files.values().flatten();
    let files = files.filter_map(|id| Some(file(*id, flows.file(*id)?)));
    wire::FlowStep {
        id,
        flow_id: step.flow,
        step_type: of_type.map(|it| it.name.clone()).unwrap_or_default(),
        version: of_type.map(|it| it.version.clone()).unwrap_or_default(),
        revision: step.revision,
        tries: step.tries,
        max_tries: step.max_tries,
        failure: step.error.as_deref().map(failure),
        inputs: spec
            .map(|spec| item(&spec.input, flows.step_input(step)))
            .unwrap_or_default(),
        files: files.collect(),
        outputs: spec
            .map(|spec| item(&spec.output(), output.clone()))
            .unwrap_or_default(),
        run_id: step.executions.last().map(|it| it.run.0),
        queued_at: maybe_time(step.queued),
        started_at: maybe_time(step.started),
        ended_at: maybe_time(step.ended),
    }
}

fn failure(it: &StepError) -> wire::FlowStepFailure {
    wire::FlowStepFailure {
        name: it.name.clone(),
        description: it.description.clone(),
        category: match it.category.as_str() {
            "ALGORITHM" => "program",
            "DATA" => "data",
            _ => "system",
        },
    }
}

/// The steps that some flows hold, with those of flows inside: the ones of these statuses and nodes. The names of nodes
/// that no flow has are left over.
pub(crate) fn steps_of(
    flows: &Flows,
    ids: impl IntoIterator<Item = u64>,
    statuses: &[StepStatus],
    nodes: Option<&[String]>,
) -> (BTreeSet<u64>, BTreeSet<String>) {
    let mut unknown: BTreeSet<String> = nodes.into_iter().flatten().cloned().collect();
    let mut steps = BTreeSet::new();
    let mut next: Vec<u64> = ids.into_iter().collect();
    while let Some(id) = next.pop() {
        let found = flows
            .flow(id)
            .and_then(|it| Some((it, flows.revision(it.flow_type, it.revision)?)));
        let Some((of_flow, revision)) = found else {
            continue;
        };
        for (node, slot) in revision.graph.nodes.iter().zip(&of_flow.slots) {
            unknown.remove(&node.name);
            let is_meant = nodes.is_none_or(|all| all.contains(&node.name));
            match slot {
                Slot::Flow(inner) => next.push(*inner),
                Slot::Step(step) if is_meant => {
                    let fits =
                        |it: &&flow::Step| it.superseded.is_none() && statuses.contains(&it.status);
                    steps.extend(flows.step(*step).filter(fits).map(|_| *step));
                }
                Slot::Step(_) | Slot::Decision(_) | Slot::Open | Slot::Never => {}
            }
        }
    }
    (steps, unknown)
}
