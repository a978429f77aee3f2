//! A set gets its flows: so many in a step, in the order of its inputs, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::input_of;
use super::forced::{Plan, plan};
use super::model::{FlowSet, FlowType, Flows, NewFlow};
use crate::event::{Event, FlowsCreated};
use crate::limits::{EVENT_LIST_BYTES_MAX, FLOWS_PER_STEP_MAX};
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
        events: Vec::new(),
        bytes: 0,
    };
    match set.superseded_set.and_then(|id| flows.set(id)) {
        Some(previous) => {
            let next = usize::try_from(set.cursor).unwrap_or(usize::MAX);
            let rest = previous.flows.iter().skip(next);
            for (cursor, flow) in (set.cursor + 1..).zip(rest.take(FLOWS_PER_STEP_MAX)) {
                filling.add_instead(flows.newest(*flow), None, cursor);
            }
            filling.finish(set.cursor + FLOWS_PER_STEP_MAX as u64)
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
    events: Vec<FlowsCreated>,
    bytes: usize,
}

impl Filling<'_> {
    fn over_items(mut self) -> Vec<Event> {
        let (flows, set) = (self.flows, self.set);
        let items = set.source.item_set.and_then(|id| flows.item_set(id));
        let (Some(items), Some(revision)) = (items, self.flow_type.revision(set.revision)) else {
            return self.finish(set.inputs);
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
        for (cursor, item) in (set.cursor + 1..).zip(rest) {
            let Some(item) = flows.item(*item) else {
                continue;
            };
            let input = input_of(items, &item.data, &set.names, &revision.graph.input);
            if set.seen.contains(&input) || !new.insert(input.clone()) {
                continue;
            }
            let known = flows.by_input.get(&(set.flow_type, input.clone()));
            match known.filter(|_| set.source.supersedes) {
                Some(known) => self.add_instead(*known, Some(input), cursor),
                None => {
                    let new = NewFlow {
                        input: Some(input),
                        supersedes: None,
                        plan: None,
                    };
                    self.add(new, None, cursor);
                }
            }
        }
        self.finish(set.cursor + FLOWS_PER_STEP_MAX as u64)
    }

    fn add_instead(&mut self, old: u64, input: Option<Arc<str>>, cursor: u64) {
        let Some(of_old) = self.flows.flow(old) else {
            return;
        };
        let key = (of_old.flow_type, of_old.revision);
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
        self.add(new, shared, cursor);
    }

    fn add(&mut self, mut new: NewFlow, shared: Option<Plan>, cursor: u64) {
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
    fn finish(mut self, cursor: u64) -> Vec<Event> {
        let all = self.set.inputs;
        let cursor = cursor.min(all);
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
