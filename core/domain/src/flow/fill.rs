//! A set gets its flows: so many in a step, in the order of its inputs, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::input_of;
use super::forced::{Plan, plan};
use super::graph_size::Measure;
use super::model::{FlowSet, FlowType, Flows, NewFlow};
use crate::event::{Event, FlowsCreated};
use crate::limits::{EVENT_LIST_BYTES_MAX, FLOW_NODES_PER_STEP_MAX, FLOWS_PER_STEP_MAX};
use crate::state::State;

/// The next flows of a set, a bounded number of them.
pub(crate) fn fill(state: &State, id: u64) -> Vec<Event> {
    let flows = &state.flows;
    let Some((set, flow_type)) = flows
        .set(id)
        .filter(|set| !set.is_filled)
        .and_then(|set| Some((set, flows.flow_type(set.flow_type)?)))
    else {
        return Vec::new();
    };
    let mut filling = Filling {
        flows,
        set,
        flow_type,
        plans: BTreeMap::new(),
        measure: Measure::new(flows),
        events: Vec::new(),
        bytes: 0,
        nodes: 0,
        cursor: set.cursor,
    };
    match set.superseded_set.and_then(|id| flows.set(id)) {
        Some(previous) => {
            let next = usize::try_from(set.cursor).unwrap_or(usize::MAX);
            let rest = previous.flows.iter().skip(next);
            for flow in rest.take(FLOWS_PER_STEP_MAX) {
                if filling.is_full() {
                    break;
                }
                filling.cursor += 1;
                filling.add_instead(flows.newest(*flow), None);
            }
            filling.finish()
        }
        None => filling.over_items(),
    }
}

struct Filling<'a> {
    flows: &'a Flows,
    set: &'a FlowSet,
    flow_type: &'a FlowType,
    /// What is shared with flows of an earlier revision.
    plans: BTreeMap<(u64, u32), Option<Plan>>,
    measure: Measure<'a>,
    events: Vec<FlowsCreated>,
    bytes: usize,
    /// Nodes that come into being or are superseded.
    nodes: u64,
    /// Inputs of the set that are handled.
    cursor: u64,
}

impl Filling<'_> {
    fn over_items(mut self) -> Vec<Event> {
        let (flows, set) = (self.flows, self.set);
        let items = set.source.item_set.and_then(|id| flows.item_set(id));
        let (Some(items), Some(revision)) = (items, self.flow_type.revision(set.revision)) else {
            self.cursor = set.inputs;
            return self.finish();
        };
        let next = usize::try_from(set.cursor).unwrap_or(usize::MAX);
        let mut new = BTreeSet::new();
        // What joined the items since the set was made does not join it.
        let most = usize::try_from(set.inputs).unwrap_or(usize::MAX);
        let rest = items
            .items
            .iter()
            .take(most)
            .skip(next)
            .take(FLOWS_PER_STEP_MAX);
        for item in rest {
            if self.is_full() {
                break;
            }
            self.cursor += 1;
            let Some(item) = flows.item(*item) else {
                continue;
            };
            let input = input_of(items, &item.data, &set.names, &revision.graph.input);
            if set.seen.contains(&input) || !new.insert(input.clone()) {
                continue;
            }
            let known = flows.by_input.get(&(set.flow_type, input.clone()));
            match known.filter(|_| set.source.supersedes) {
                Some(known) => self.add_instead(*known, Some(input)),
                None => {
                    let new = NewFlow {
                        input: Some(input),
                        supersedes: None,
                        plan: None,
                    };
                    self.add(new, None);
                }
            }
        }
        self.finish()
    }

    /// Whether the next flow might be too much for one commit.
    fn is_full(&mut self) -> bool {
        let next = self
            .measure
            .of_revision(self.set.flow_type, self.set.revision)
            .nodes;
        self.nodes > 0 && self.nodes.saturating_add(next) >= FLOW_NODES_PER_STEP_MAX
    }

    fn add_instead(&mut self, old: u64, input: Option<Arc<str>>) {
        let Some(of_old) = self.flows.flow(old) else {
            return;
        };
        let key = (of_old.flow_type, of_old.revision);
        let superseded = self.measure.of_revision(key.0, key.1).nodes;
        self.nodes = self.nodes.saturating_add(superseded);
        let (flows, set, flow_type) = (self.flows, self.set, self.flow_type);
        let shared = self.plans.entry(key).or_insert_with(|| {
            let old = flows.revision(key.0, key.1)?;
            let new = flow_type.revision(set.revision)?;
            plan(flows, &old.graph, &new.graph, set.source.forced()).1
        });
        let shared = shared.clone();
        let input = input.filter(|input| of_old.input.as_ref() != Some(input));
        let new = NewFlow {
            input,
            supersedes: Some(old),
            plan: None,
        };
        self.add(new, shared);
    }

    fn add(&mut self, mut new: NewFlow, shared: Option<Plan>) {
        let own = self
            .measure
            .of_revision(self.set.flow_type, self.set.revision);
        self.nodes = self.nodes.saturating_add(own.nodes).saturating_add(1);
        let cursor = self.cursor;
        let bytes = 40 + new.input.as_ref().map_or(0, |input| input.len());
        if self.events.is_empty() || self.bytes + bytes > EVENT_LIST_BYTES_MAX {
            self.bytes = 0;
            self.events.push(FlowsCreated {
                flow_set: Some(self.set.id),
                flow_type: self.set.flow_type,
                revision: self.set.revision,
                flows: Vec::new(),
                plans: Vec::new(),
                cursor,
                is_last: false,
            });
        }
        self.bytes += bytes;
        if let Some(event) = self.events.last_mut() {
            new.plan = shared.map(|shared| {
                let known = event.plans.iter().position(|it| *it == shared);
                let index = known.unwrap_or_else(|| {
                    event.plans.push(shared);
                    event.plans.len() - 1
                });
                u32::try_from(index).unwrap_or(u32::MAX)
            });
            event.cursor = cursor;
            event.flows.push(new);
        }
    }

    /// The last event says how far this came.
    fn finish(mut self) -> Vec<Event> {
        let all = self.set.inputs;
        let cursor = self.cursor.min(all);
        if self.events.is_empty() {
            self.events.push(FlowsCreated {
                flow_set: Some(self.set.id),
                flow_type: self.set.flow_type,
                revision: self.set.revision,
                flows: Vec::new(),
                plans: Vec::new(),
                cursor,
                is_last: false,
            });
        }
        if let Some(last) = self.events.last_mut() {
            last.cursor = cursor;
            last.is_last = cursor >= all;
        }
        self.events.into_iter().map(Event::from).collect()
    }
}
