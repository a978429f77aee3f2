//! Sets of flows.

use std::collections::{BTreeMap, BTreeSet};

use fasti_core::domain::flow::{
    self, CheckedSet, Counts, Flows, GraphDiff, SetConfiguration, SetRequest, SetSource, StepStatus,
};

use super::super::wire;

/// A set.
pub(crate) fn flow_set(flows: &Flows, set: &flow::FlowSet) -> wire::FlowSet {
    wire::FlowSet {
        id: set.id,
        title: set.title.clone(),
        description: set.description.clone(),
        flow_type: flows
            .flow_type(set.flow_type)
            .map(|it| it.name.clone())
            .unwrap_or_default(),
        revision: set.revision,
        root_id: set.root,
        superseded_set_id: set.superseded_set,
        superseded_by_id: set.superseded_by,
        is_filled: set.is_filled,
        flows_estimated: set.estimated,
        flows_total: set.flows_total,
        flows_completed: set.flows_completed,
        steps: counts(&set.counts),
        created_at: set.created.to_string(),
        modified_at: set.modified.to_string(),
    }
}

pub(super) fn counts(counts: &Counts) -> wire::StepCounts {
    wire::StepCounts {
        total: counts.total(),
        pending: counts.of(StepStatus::Pending),
        blocked: counts.of(StepStatus::Blocked),
        queued: counts.of(StepStatus::Queued),
        running: counts.of(StepStatus::Running),
        failed: counts.of(StepStatus::Failed),
        completed: counts.of(StepStatus::Completed),
        cancelled: counts.of(StepStatus::Canceled),
    }
}

/// A set to make.
pub(crate) fn flow_set_request(flow_type: u64, given: wire::NewFlowSet) -> SetRequest {
    let forced = given.forced.map(|forced| flow::Forced {
        all: forced.all.unwrap_or(false),
        has_nodes: forced.nodes.is_some(),
        nodes: forced.nodes.unwrap_or_default(),
        inner: BTreeMap::new(),
        has_inner: false,
    });
    SetRequest {
        title: given.title,
        description: given.description,
        flow_type,
        source: SetSource {
            item_set: given.item_set_id,
            supersedes: given.supersedes.unwrap_or(true),
            previous: given.previous_root_id,
            forced,
            previous_forced: None,
        },
        configuration: SetConfiguration {
            priority: given.priority.map(i64::from),
            input_map: None,
        },
    }
}

/// What would come of a set.
pub(crate) fn flow_set_plan(checked: &CheckedSet) -> wire::FlowSetPlan {
    wire::FlowSetPlan {
        is_valid: checked.problem.is_none(),
        problem: checked
            .problem
            .as_ref()
            .map(|it| set_refused(it.name, &it.message).1),
        flows_estimated: checked.estimated,
        superseded_set_id: checked.previous,
        diff: checked.diff.as_ref().map(flow_graph_diff),
    }
}

/// What keeps a set from being made, in words of this interface: the field it lies in, and the text. The checks name it
/// for another interface.
pub(crate) fn set_refused(name: &str, message: &str) -> (&'static str, String) {
    let rest = || message.split_once(": ").map_or(message, |(_, rest)| rest);
    let (field, text) = match name {
        "PREV_BATCH_NOT_FOUND" => (
            "previous_root_id",
            "no chain of sets begins with this one; name the first set of a chain",
        ),
        "MISMATCHED_RECIPE_TYPE" => (
            "previous_root_id",
            "the last set of this chain is of another graph",
        ),
        "PREV_BATCH_STILL_CREATING" => (
            "previous_root_id",
            "the last set of this chain is still making its flows; try again later",
        ),
        "PREV_BATCH_NO_REPROCESS" => {
            let text = format!("the graph cannot go over this chain: {}", rest());
            return ("previous_root_id", text);
        }
        "DATASET_NOT_FOUND" => ("item_set_id", "there is no such item set"),
        "MISMATCHED_PARAMS" => {
            let text = format!("the items do not fit the graph: {message}");
            return ("item_set_id", text);
        }
        "NO_RECIPES" => (
            "item_set_id",
            "there would be no flows: give the id of an item set that has items, or of the first set of a chain",
        ),
        "INVALID_BATCH_DEFINITION" => ("flow_type", "the graph has no revision"),
        _ => return ("flow_type", message.to_owned()),
    };
    (field, text.to_owned())
}

/// What changed between two revisions.
pub(crate) fn flow_graph_diff(found: &GraphDiff) -> wire::FlowGraphDiff {
    let texts = |all: &[flow::Change]| all.iter().map(|it| it.description.clone()).collect();
    let node = |it: &flow::NodeDiff| wire::FlowNodeDiff {
        status: it.status.as_str().to_lowercase(),
        changes: texts(&it.changes),
        is_done_anew: it.reprocess,
        is_forced: it.forced,
    };
    wire::FlowGraphDiff {
        can_go_on: found.can_be_reprocessed,
        reasons: texts(&found.reasons),
        nodes: found
            .nodes
            .iter()
            .map(|(name, it)| (name.clone(), node(it)))
            .collect(),
    }
}

/// A chain of sets, side by side.
pub(crate) fn flow_set_comparison(
    flows: &Flows,
    chain: &[&flow::FlowSet],
) -> wire::FlowSetComparison {
    let names: BTreeSet<&String> = chain.iter().flat_map(|set| set.metrics.keys()).collect();
    let of_node = |name: &String| {
        let entry = |set: &&flow::FlowSet| {
            set.metrics.get(name).map(|metrics| wire::NodeSteps {
                steps: counts(&metrics.counts),
                mean_command_us: metrics.command.mean(),
                max_command_us: metrics.command.max(),
            })
        };
        chain.iter().map(entry).collect()
    };
    wire::FlowSetComparison {
        sets: chain.iter().map(|set| flow_set(flows, set)).collect(),
        nodes: names
            .into_iter()
            .map(|name| (name.clone(), of_node(name)))
            .collect(),
    }
}
