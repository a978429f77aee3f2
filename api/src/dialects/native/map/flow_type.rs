//! Flow types: graphs with revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fasti_core::domain::flow::{
    Connection, Dependency, Filter, FilterRule, FlowCommand, FlowGraph, FlowNode, FlowType, Flows,
    NodeKind,
};

use super::super::wire;
use super::interface::{interface, parameters};
use super::step_type::check_type_name;
use super::time;
use crate::errors::Problem;

/// The command that saves a flow type; `None` when nothing would change.
///
/// # Errors
/// 422: something of it does not fit.
pub(crate) fn flow_type_command(
    flows: &Flows,
    name: &str,
    given: wire::FlowTypeBody,
) -> Result<Option<FlowCommand>, Problem> {
    check_type_name("name", name)?;
    let known = flows.flow_type_named(name);
    let input = interface("inputs", given.inputs.unwrap_or_default())?;
    let mut nodes = Vec::with_capacity(given.nodes.len());
    for (name, node) in given.nodes {
        nodes.push(self::node(flows, name, node)?);
    }
    let graph = FlowGraph::ordered(input, nodes)
        .ok_or_else(|| Problem::invalid("nodes", "they depend on each other in a circle"))?;
    let is_same = known
        .and_then(FlowType::current)
        .is_some_and(|it| it.graph == graph);
    if let Some(known) = known.filter(|_| is_same) {
        let says = |given: &Option<String>, now: &str| given.as_deref().is_none_or(|it| it == now);
        if says(&given.title, &known.title) && says(&given.description, &known.description) {
            return Ok(None);
        }
    }
    Ok(Some(FlowCommand::SaveFlowType {
        name: name.to_owned(),
        is_new: known.is_none(),
        title: given.title,
        description: given.description,
        is_active: None,
        graph: (!is_same).then(|| Arc::new(graph)),
        follow: given.follow.unwrap_or(true),
    }))
}

fn node(flows: &Flows, name: String, given: wire::Node) -> Result<FlowNode, Problem> {
    let at = format!("nodes.{name}");
    check_type_name(&at, &name)?;
    let mut input = BTreeMap::new();
    let mut parents: BTreeMap<String, bool> = BTreeMap::new();
    for (to, source) in given.inputs {
        let connection = match (source.input, source.node, source.output) {
            (Some(input), None, None) => Connection::Input(input),
            (None, Some(node), Some(output)) => {
                parents.insert(node.clone(), true);
                Connection::Output(node, output)
            }
            _ => {
                let text = "must be {\"input\": …}, or {\"node\": …, \"output\": …}";
                return Err(Problem::invalid(format!("{at}.inputs.{to}"), text));
            }
        };
        input.insert(to, connection);
    }
    parents.extend(given.after.into_iter().map(|parent| (parent, true)));
    for parent in given.unless {
        if parents.insert(parent.clone(), false) == Some(true) {
            let text = format!("it cannot come both after `{parent}` and unless it");
            return Err(Problem::invalid(format!("{at}.unless"), text));
        }
    }
    let kind = match (given.step, given.flow, given.decision) {
        (Some(name), None, None) => step(flows, &at, name, given.version, given.revision)?,
        (None, Some(name), None) => flow(flows, &at, name, given.revision)?,
        (None, None, Some(given)) => decision(&at, given)?,
        _ => {
            let text = "exactly one of `step`, `flow` and `decision` says what it is";
            return Err(Problem::invalid(at, text));
        }
    };
    Ok(FlowNode {
        name,
        dependencies: parents
            .into_iter()
            .map(|(name, acceptance)| Dependency { name, acceptance })
            .collect(),
        input,
        kind,
    })
}

fn step(
    flows: &Flows,
    at: &str,
    name: String,
    version: Option<String>,
    revision: Option<u32>,
) -> Result<NodeKind, Problem> {
    let mut versions: Vec<&str> = flows
        .step_types()
        .filter(|it| it.name == name)
        .map(|it| it.version.as_str())
        .collect();
    let version = match (version, versions.as_slice()) {
        (Some(version), _) => version,
        (None, [only]) => (*only).to_owned(),
        (None, []) => {
            let text = format!("there is no step type `{name}`; PUT /api/v1/step-types/{name}/1");
            return Err(Problem::invalid(format!("{at}.step"), text));
        }
        (None, _) => {
            versions.sort_unstable();
            let text = format!("`{name}` has several versions: {}", versions.join(", "));
            return Err(Problem::invalid(format!("{at}.version"), text));
        }
    };
    let known = flows.step_type_named(&name, &version).ok_or_else(|| {
        let text = format!("there is no `{version}` of the step type `{name}`");
        Problem::invalid(format!("{at}.version"), text)
    })?;
    let revision = revision.unwrap_or_else(|| known.revision_number());
    Ok(NodeKind::Step {
        name,
        version,
        revision,
    })
}

fn flow(flows: &Flows, at: &str, name: String, revision: Option<u32>) -> Result<NodeKind, Problem> {
    let known = flows.flow_type_named(&name).ok_or_else(|| {
        let text = format!("there is no flow type `{name}`");
        Problem::invalid(format!("{at}.flow"), text)
    })?;
    let revision = revision.unwrap_or_else(|| known.revision_number());
    Ok(NodeKind::Flow { name, revision })
}

fn decision(at: &str, given: wire::Decision) -> Result<NodeKind, Problem> {
    let at = format!("{at}.decision");
    let rule = |(index, it): (usize, wire::Rule)| {
        let rule = FilterRule {
            name: it.parameter,
            kind: it.kind,
            condition: it.condition,
            values: it.values,
            all_files: it.all_files,
        };
        match rule.problem() {
            Some(text) => Err(Problem::invalid(format!("{at}.rules[{index}]"), text)),
            None => Ok(rule),
        }
    };
    let rules = given.rules.into_iter().enumerate();
    Ok(NodeKind::Decision {
        filter: Filter {
            filters: rules.map(rule).collect::<Result<_, _>>()?,
            all: given.all,
        },
        interface: interface(&format!("{at}.parameters"), given.parameters)?,
    })
}

/// A flow type.
pub(crate) fn flow_type(it: &FlowType) -> wire::FlowType {
    let graph = it.current().map(|it| &it.graph);
    let nodes = graph.into_iter().flat_map(|it| &it.nodes);
    wire::FlowType {
        id: it.id,
        name: it.name.clone(),
        revision: it.revision_number(),
        title: it.title.clone(),
        description: it.description.clone(),
        inputs: graph.map(|it| parameters(&it.input)).unwrap_or_default(),
        nodes: nodes
            .map(|it| (it.name.clone(), node_to_wire(it)))
            .collect(),
        created_at: time(it.created),
        modified_at: time(it.modified),
    }
}

fn node_to_wire(node: &FlowNode) -> wire::Node {
    let source = |connection: &Connection| match connection {
        Connection::Input(name) => wire::Source {
            input: Some(name.clone()),
            node: None,
            output: None,
        },
        Connection::Output(node, output) => wire::Source {
            input: None,
            node: Some(node.clone()),
            output: Some(output.clone()),
        },
    };
    let feeding: BTreeSet<&str> = node
        .input
        .values()
        .filter_map(|it| match it {
            Connection::Input(_) => None,
            Connection::Output(node, _) => Some(node.as_str()),
        })
        .collect();
    let parents = |acceptance: bool| {
        let all = node.dependencies.iter();
        all.filter(move |it| it.acceptance == acceptance)
            .map(|it| it.name.clone())
    };
    let mut written = wire::Node {
        after: parents(true)
            .filter(|it| !feeding.contains(it.as_str()))
            .collect(),
        unless: parents(false).collect(),
        inputs: node
            .input
            .iter()
            .map(|(name, it)| (name.clone(), source(it)))
            .collect(),
        ..wire::Node::default()
    };
    match &node.kind {
        NodeKind::Step {
            name,
            version,
            revision,
        } => {
            written.step = Some(name.clone());
            written.version = Some(version.clone());
            written.revision = Some(*revision);
        }
        NodeKind::Flow { name, revision } => {
            written.flow = Some(name.clone());
            written.revision = Some(*revision);
        }
        NodeKind::Decision { interface, filter } => {
            let rule = |it: &FilterRule| wire::Rule {
                parameter: it.name.clone(),
                kind: it.kind.clone(),
                condition: it.condition.clone(),
                values: it.values.clone(),
                all_files: it.all_files,
            };
            written.decision = Some(wire::Decision {
                parameters: parameters(interface),
                rules: filter.filters.iter().map(rule).collect(),
                all: filter.all,
            });
        }
    }
    written
}
