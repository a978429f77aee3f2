//! New revisions are followed: what uses a type gets a revision of its own that has the new one in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::graph::{FlowGraph, NodeKind, check_graph};
use super::make::When;
use super::model::{FlowType, Flows};
use crate::event::{Event, FlowTypeSaved};

/// New revisions of the flow types that use what was renewed by `first`, and of those that use these. Those that the
/// new revision does not fit stay with the one they have.
pub(super) fn follow_types(flows: &Flows, first: &Event, when: When) -> Vec<Event> {
    let mut types = flows.types_only();
    types.renew(first, when);
    let mut events = Vec::new();
    let mut seen = BTreeSet::new();
    let mut renewed = vec![Renewed::of(first, &types)];
    while let Some(next) = renewed.pop() {
        let all: Vec<FlowType> = types.flow_types.values().cloned().collect();
        for flow_type in all {
            let Some(graph) = next.as_ref().and_then(|next| next.in_graph(&flow_type)) else {
                continue;
            };
            let has_errors = check_graph(&types, &graph, Some(&flow_type.name))
                .iter()
                .any(|it| !it.is_warning);
            if has_errors || !seen.insert(flow_type.id) {
                continue;
            }
            let saved = FlowTypeSaved {
                flow_type: flow_type.id,
                name: flow_type.name.clone(),
                title: flow_type.title.clone(),
                description: flow_type.description.clone(),
                is_active: flow_type.is_active,
                graph: Some(Arc::new(graph)),
            };
            let event = Event::from(saved);
            types.renew(&event, when);
            renewed.push(Renewed::of(&event, &types));
            events.push(event);
        }
    }
    events
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

    /// The present graph of a type with the new revision in it; nothing if it is not used there.
    fn in_graph(&self, flow_type: &FlowType) -> Option<FlowGraph> {
        let mut graph = flow_type.current()?.graph.clone();
        for node in &mut graph.nodes {
            let is_it = match (&node.kind, &self.kind) {
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
            };
            if is_it {
                node.kind = self.kind.clone();
            }
        }
        (graph != flow_type.current()?.graph).then_some(graph)
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
