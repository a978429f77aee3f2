//! New revisions are followed: what uses a type gets a revision of its own that has the new one in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::graph::{FlowGraph, NodeKind, check_graph};
use super::make::When;
use super::model::Flows;
use crate::event::{Event, FlowTypeSaved};

/// New revisions of the flow types that use what was renewed by `first`, and of those that use these: one each, with
/// everything in it that was renewed. What does not fit stays as it is.
pub(super) fn follow_types(flows: &Flows, first: &Event, when: When) -> Vec<Event> {
    let mut types = flows.types_only();
    types.renew(first, when);
    let mut renewed: Vec<Renewed> = Renewed::of(first, &types).into_iter().collect();
    let mut pending = renewed
        .first()
        .map(|first| users(&types, &first.kind))
        .unwrap_or_default();
    let mut events = Vec::new();
    // Inner ones before those that have them inside, so that nothing is left with an earlier one of them.
    while let Some(id) = next(&pending) {
        let Some(name) = types.flow_type(id).map(|it| it.name.clone()) else {
            break;
        };
        pending.remove(&id);
        for inner in pending.values_mut() {
            inner.remove(&name);
        }
        let Some(event) = followed(&types, id, &renewed) else {
            continue;
        };
        let event = Event::from(event);
        types.renew(&event, when);
        renewed.extend(Renewed::of(&event, &types));
        events.push(event);
    }
    events
}

/// The flow types that use something, and those that use these: each with the names of those of them that it has inside.
fn users(types: &Flows, kind: &NodeKind) -> BTreeMap<u64, BTreeSet<String>> {
    let mut inside_of: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let mut found: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut next: Vec<u64> = Vec::new();
    for (id, flow_type) in &types.flow_types {
        let nodes = flow_type.current().map(|it| &it.graph.nodes);
        for node in nodes.into_iter().flatten() {
            if let NodeKind::Flow { name, .. } = &node.kind {
                inside_of.entry(name).or_default().insert(*id);
            }
            if is_of(&node.kind, kind) && !found.contains_key(id) {
                found.insert(*id, BTreeSet::new());
                next.push(*id);
            }
        }
    }
    while let Some(id) = next.pop() {
        let Some(name) = types.flow_type(id).map(|it| it.name.as_str()) else {
            continue;
        };
        for user in inside_of.get(name).into_iter().flatten() {
            let inner = found.entry(*user).or_insert_with(|| {
                next.push(*user);
                BTreeSet::new()
            });
            inner.insert(name.to_owned());
        }
    }
    found
}

/// One that has none of the others inside. Revisions may go round in a circle by their names: then any.
fn next(pending: &BTreeMap<u64, BTreeSet<String>>) -> Option<u64> {
    let free = pending.iter().find(|(_, inner)| inner.is_empty());
    free.or_else(|| pending.iter().next()).map(|(id, _)| *id)
}

/// A new revision of a flow type with as much in it of what was renewed as fits.
fn followed(types: &Flows, id: u64, renewed: &[Renewed]) -> Option<FlowTypeSaved> {
    let flow_type = types.flow_type(id)?;
    let current = &flow_type.current()?.graph;
    let fits = |graph: &FlowGraph| {
        let problems = check_graph(types, graph, Some(&flow_type.name));
        problems.iter().all(|it| it.is_warning)
    };
    let with = |graph: &FlowGraph, some: &[Renewed]| {
        let mut graph = graph.clone();
        for renewed in some {
            renewed.put_into(&mut graph);
        }
        graph
    };
    let mut graph = with(current, renewed);
    if !fits(&graph) {
        graph = current.clone();
        for one in renewed {
            let more = with(&graph, std::slice::from_ref(one));
            if more != graph && fits(&more) {
                graph = more;
            }
        }
    }
    (graph != *current).then(|| FlowTypeSaved {
        flow_type: flow_type.id,
        name: flow_type.name.clone(),
        title: flow_type.title.clone(),
        description: flow_type.description.clone(),
        is_active: flow_type.is_active,
        graph: Some(Arc::new(graph)),
    })
}

/// Whether both are of the same type, of whatever revision.
fn is_of(kind: &NodeKind, other: &NodeKind) -> bool {
    match (kind, other) {
        (
            NodeKind::Step { name, version, .. },
            NodeKind::Step {
                name: of,
                version: at,
                ..
            },
        ) => name == of && version == at,
        (NodeKind::Flow { name, .. }, NodeKind::Flow { name: of, .. }) => name == of,
        _ => false,
    }
}

/// What has a new revision.
struct Renewed {
    kind: NodeKind,
}

impl Renewed {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only these two renew something"
    )]
    fn of(event: &Event, types: &Flows) -> Option<Self> {
        let kind = match event {
            Event::StepTypeSaved(event) => NodeKind::Step {
                name: event.name.clone(),
                version: event.version.clone(),
                revision: types.step_type(event.step_type)?.revision_number(),
            },
            Event::FlowTypeSaved(event) => NodeKind::Flow {
                name: event.name.clone(),
                revision: types.flow_type(event.flow_type)?.revision_number(),
            },
            _ => return None,
        };
        Some(Self { kind })
    }

    /// Puts the new revision wherever an earlier one is.
    fn put_into(&self, graph: &mut FlowGraph) {
        for node in &mut graph.nodes {
            if is_of(&node.kind, &self.kind) {
                node.kind = self.kind.clone();
            }
        }
    }
}

impl Flows {
    /// Types alone, to try something out.
    fn types_only(&self) -> Self {
        Self {
            last: self.last,
            step_types: self.step_types.clone(),
            step_type_names: self.step_type_names.clone(),
            flow_types: self.flow_types.clone(),
            flow_type_names: self.flow_type_names.clone(),
            ..Self::default()
        }
    }

    fn renew(&mut self, event: &Event, when: When) {
        if let Event::StepTypeSaved(event) = event {
            self.step_type_saved(event, when);
        }
        if let Event::FlowTypeSaved(event) = event {
            self.flow_type_saved(event, when);
        }
    }
}
