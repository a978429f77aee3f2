//! Whether a set can be made of what was asked for: the same checks for a rehearsal and for the real thing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::data::Data;
use super::diff::GraphDiff;
use super::forced::{estimate, plan};
use super::graph::FlowGraph;
use super::interface::{Interface, feed};
use super::model::{FlowSet, FlowType, Flows, ItemSet, SetConfiguration, SetSource};

/// A set as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetRequest {
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// The graph; its present revision.
    pub flow_type: u64,
    /// Where the inputs come from.
    pub source: SetSource,
    /// The rest.
    pub configuration: SetConfiguration,
}

/// What came of the checks.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedSet {
    /// What keeps the set from being made.
    pub problem: Option<SetProblem>,
    /// What is odd: stable name, text.
    pub warnings: Vec<(&'static str, String)>,
    /// Flows it may come to; 0 with a problem.
    pub estimated: u64,
    /// Inputs it has, equal ones counted once; 0 with a problem.
    pub inputs: u64,
    /// The set that it would take the place of.
    pub previous: Option<u64>,
    /// What changed since that was made.
    pub diff: Option<GraphDiff>,
}

/// See [`CheckedSet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetProblem {
    /// Stable name, in capitals.
    pub name: &'static str,
    /// For people.
    pub message: String,
}

impl SetProblem {
    fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }
}

/// All checks but those of form, in the published order.
#[must_use]
pub fn check_set(flows: &Flows, flow_type: &FlowType, request: &SetRequest) -> CheckedSet {
    let mut found = CheckedSet {
        problem: None,
        warnings: Vec::new(),
        estimated: 0,
        inputs: 0,
        previous: None,
        diff: None,
    };
    let Some(current) = flow_type.current() else {
        found.problem = Some(SetProblem::new(
            "INVALID_BATCH_DEFINITION",
            "the recipe type has no revision",
        ));
        return found;
    };
    let graph = &current.graph;
    if let Some(forced) = request.source.forced() {
        let unknown = forced.unknown(flows, graph);
        let warn = |name| {
            (
                "UNKNOWN_FORCED_NODE",
                format!("the recipe type has no node `{name}` to force"),
            )
        };
        found.warnings.extend(unknown.into_iter().map(warn));
    }
    let checked = match (request.source.previous, request.source.item_set) {
        (Some(root), _) => check_previous(flows, flow_type, graph, request, root, &mut found),
        (None, Some(items)) => check_items(flows, graph, request, items, &mut found),
        (None, None) => Err(SetProblem::new(
            "NO_RECIPES",
            "neither a previous batch nor a dataset is given",
        )),
    };
    match checked {
        Ok((0, _) | (_, 0)) => {
            let text = "the batch would have no recipes";
            found.problem = Some(SetProblem::new("NO_RECIPES", text));
        }
        Ok((inputs, estimated)) => {
            found.inputs = inputs;
            found.estimated = estimated;
        }
        Err(problem) => found.problem = Some(problem),
    }
    found
}

/// What is re-processed: how many inputs, and the flows that they may come to.
fn check_previous(
    flows: &Flows,
    flow_type: &FlowType,
    graph: &FlowGraph,
    request: &SetRequest,
    root: u64,
    found: &mut CheckedSet,
) -> Result<(u64, u64), SetProblem> {
    let Some(previous) = flows.end_of_chain(root) else {
        let text =
            format!("there is no batch with the root {root}; name the first batch of a chain");
        return Err(SetProblem::new("PREV_BATCH_NOT_FOUND", text));
    };
    found.previous = Some(previous.id);
    if previous.flow_type != flow_type.id {
        let text = format!("the batch {} is of another recipe type", previous.id);
        return Err(SetProblem::new("MISMATCHED_RECIPE_TYPE", text));
    }
    if !previous.is_filled {
        let text = format!(
            "the batch {} is still creating its recipes; try again later",
            previous.id
        );
        return Err(SetProblem::new("PREV_BATCH_STILL_CREATING", text));
    }
    let Some(old) = flow_type.revision(previous.revision) else {
        return Err(SetProblem::new(
            "PREV_BATCH_NO_REPROCESS",
            "its revision is not there any more",
        ));
    };
    let (diff, shared) = plan(flows, &old.graph, graph, request.source.forced());
    let reason = diff.reasons.first().map(|it| it.description.clone());
    found.diff = Some(diff);
    if shared.is_none() {
        let text = reason.unwrap_or_default();
        return Err(SetProblem::new(
            "PREV_BATCH_NO_REPROCESS",
            format!("it cannot be reprocessed: {text}"),
        ));
    }
    Ok((previous.flows.len() as u64, previous.flows_total))
}

/// The same of items.
fn check_items(
    flows: &Flows,
    graph: &FlowGraph,
    request: &SetRequest,
    items: u64,
    found: &mut CheckedSet,
) -> Result<(u64, u64), SetProblem> {
    let Some(set) = flows.item_set(items) else {
        return Err(SetProblem::new(
            "DATASET_NOT_FOUND",
            format!("there is no dataset {items}"),
        ));
    };
    check_input_map(set, graph, &request.configuration)?;
    let given = mapped_interface(set, &request.configuration);
    let (warnings, problems): (Vec<_>, Vec<_>) = feed(&given, &graph.input)
        .into_iter()
        .partition(|it| it.is_warning);
    found.warnings.extend(
        warnings
            .into_iter()
            .map(|it| ("MISMATCHED_MEDIA_TYPES", it.message)),
    );
    if let Some(problem) = problems.first() {
        return Err(SetProblem::new(
            "MISMATCHED_PARAMS",
            problem.message.clone(),
        ));
    }
    let distinct: BTreeSet<Arc<str>> = set
        .items
        .iter()
        .filter_map(|id| flows.item(*id))
        .map(|item| input_of(set, &item.data, request.configuration.names(), &graph.input))
        .collect();
    let each = estimate(flows, graph, request.source.forced());
    let inputs = distinct.len() as u64;
    Ok((inputs, inputs.saturating_mul(each)))
}

/// Rule 8: what is mapped is there on both sides.
pub(super) fn check_input_map(
    set: &ItemSet,
    graph: &FlowGraph,
    configuration: &SetConfiguration,
) -> Result<(), SetProblem> {
    let definition = &set.definition;
    for mapped in configuration.names() {
        let (input, parameter) = (&mapped.input, &mapped.parameter);
        if !definition.parameters.has(parameter) && !definition.global_parameters.has(parameter) {
            let text = format!("the dataset has no parameter `{parameter}`");
            return Err(SetProblem::new("INVALID_INPUT_MAP", text));
        }
        if !graph.input.has(input) {
            let text = format!("the recipe type has no input `{input}`");
            return Err(SetProblem::new("INVALID_INPUT_MAP", text));
        }
    }
    Ok(())
}

/// Rule 8 for a set that is there.
pub(super) fn check_edited(
    flows: &Flows,
    set: &FlowSet,
    configuration: &SetConfiguration,
) -> Result<(), SetProblem> {
    let items = set
        .source
        .item_set
        .filter(|_| set.source.previous.is_none());
    let items = items.and_then(|id| flows.item_set(id));
    let revision = flows.revision(set.flow_type, set.revision);
    match (items, revision) {
        (Some(items), Some(revision)) => check_input_map(items, &revision.graph, configuration),
        _ => Ok(()),
    }
}

/// What the items give, under the names that they are mapped to.
fn mapped_interface(set: &ItemSet, configuration: &SetConfiguration) -> Interface {
    let mut all = Interface::default();
    for part in [
        &set.definition.global_parameters,
        &set.definition.parameters,
    ] {
        all.files.extend(part.files.iter().cloned());
        all.json.extend(part.json.iter().cloned());
    }
    let names = configuration.names();
    let is_mapped = |name: &str| names.iter().any(|it| it.parameter == name);
    let mut mapped = Interface::default();
    for it in names {
        if let Some(file) = all.file(&it.parameter) {
            mapped.files.push(super::FileParameter {
                name: it.input.clone(),
                ..file.clone()
            });
        }
        if let Some(value) = all.value(&it.parameter) {
            mapped.json.push(super::JsonParameter {
                name: it.input.clone(),
                ..value.clone()
            });
        }
    }
    let taken: BTreeSet<String> = mapped.names().map(str::to_owned).collect();
    mapped.files.extend(
        all.files
            .into_iter()
            .filter(|it| !is_mapped(&it.name) && !taken.contains(&it.name)),
    );
    mapped.json.extend(
        all.json
            .into_iter()
            .filter(|it| !is_mapped(&it.name) && !taken.contains(&it.name)),
    );
    mapped
}

/// The input that an item gives a flow.
pub(super) fn input_of(
    set: &ItemSet,
    data: &str,
    names: &[super::MappedInput],
    to: &Interface,
) -> Arc<str> {
    let all = set.definition.global_data.clone().with(Data::read(data));
    all.renamed(names).restricted(to).to_text()
}
