//! Flows and their nodes come into being, shared with earlier ones where a plan says so.

use std::sync::Arc;

use super::forced::Plan;
use super::graph::NodeKind;
use super::model::{Decision, Flow, FlowRevision, Flows, Gate, Slot, Step, StepStatus};
use crate::ids::Seq;
use crate::time::Timestamp;

/// The event that is applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
}

/// A flow to make.
pub(super) struct Making<'a> {
    pub(super) set: Option<u64>,
    pub(super) flow_type: u64,
    pub(super) revision: u32,
    pub(super) parent: Option<(u64, u32)>,
    pub(super) input: Option<Arc<str>>,
    /// The flow whose place it takes, with what it shares; without a plan nothing is shared.
    pub(super) instead_of: Option<(u64, Option<&'a Plan>)>,
}

impl Flows {
    /// Makes a flow with those of its nodes that are there from the beginning; answers with its id.
    pub(super) fn make_flow(&mut self, making: &Making<'_>, when: When) -> Option<u64> {
        let revision = self.revision(making.flow_type, making.revision)?.clone();
        self.last.flow += 1;
        let id = self.last.flow;
        let old = making.instead_of.map(|(old, _)| old);
        let is_inner = making.parent.is_some();
        let flow = Flow {
            set: making.set,
            flow_type: making.flow_type,
            revision: making.revision,
            parent: making.parent,
            input: making.input.clone(),
            superseded_flow: old,
            superseded_by: None,
            superseded: None,
            slots: vec![Slot::Open; revision.graph.nodes.len()],
            holders: Vec::new(),
            gate: if is_inner { Gate::Waiting } else { Gate::Open },
            counts: super::Counts::default(),
            inner_total: 0,
            inner_completed: 0,
            completed: None,
            event: when.seq,
            created: when.at,
            modified: when.at,
        };
        self.flows.insert(id, flow);
        if let (false, Some(set)) = (is_inner, making.set.and_then(|set| self.sets.get_mut(&set))) {
            set.flows.push(id);
            set.flows_total += 1;
            set.modified = when.at;
        }
        let shared = match making.instead_of {
            Some((old, Some(plan))) => self.share(id, old, &revision, plan, when),
            _ => Vec::new(),
        };
        if let Some(old) = old {
            self.supersede_flow(old, Some(id), when);
            self.supersede_rest(old, &shared, when);
        }
        if let (false, Some(input)) = (is_inner, &making.input) {
            self.by_input.insert((making.flow_type, input.clone()), id);
        }
        self.dirty.insert(id);
        Some(id)
    }

    /// Takes over what is shared, and makes anew in part what is a flow; answers with the names of these nodes.
    fn share(
        &mut self,
        id: u64,
        old: u64,
        revision: &Arc<FlowRevision>,
        plan: &Plan,
        when: When,
    ) -> Vec<String> {
        let mut names = Vec::new();
        for (node, of_node) in (0..).zip(&revision.graph.nodes) {
            let slot = self.slot_named(old, &of_node.name);
            if plan.shared.contains(&node) {
                names.push(of_node.name.clone());
                if !matches!(slot, Slot::Open) {
                    self.hold(id, node, slot, when);
                }
            } else if let (Some(inner), Slot::Flow(before)) = (plan.inner.get(&node), slot) {
                names.push(of_node.name.clone());
                self.make_inner(id, node, Some((before, Some(inner))), when);
            }
        }
        names
    }

    /// What a node of this name is in a flow.
    pub(super) fn slot_named(&self, flow: u64, name: &str) -> Slot {
        let found = self.flows.get(&flow).and_then(|flow| {
            let revision = self.revision(flow.flow_type, flow.revision)?;
            flow.slots.get(revision.graph.index(name)? as usize)
        });
        found.copied().unwrap_or_default()
    }

    /// Makes the node, at last.
    pub(super) fn make_node(&mut self, flow: u64, node: u32, when: When) {
        let Some((of_flow, revision)) = self.flow_and_revision(flow) else {
            return;
        };
        let (set, old) = (of_flow.set, of_flow.superseded_flow);
        let revision = revision.clone();
        let Some(of_node) = revision.graph.nodes.get(node as usize) else {
            return;
        };
        let before = old
            .map(|old| self.slot_named(old, &of_node.name))
            .unwrap_or_default();
        match &of_node.kind {
            NodeKind::Step {
                name,
                version,
                revision,
            } => {
                let instead_of = if let Slot::Step(before) = before {
                    Some(before)
                } else {
                    None
                };
                let step = self.new_step((name, version, *revision), (flow, node), when);
                if let Some(step) = step {
                    self.last.step += 1;
                    let id = self.last.step;
                    let step = Step {
                        set,
                        superseded_step: instead_of,
                        ..step
                    };
                    self.steps.insert(id, step);
                    if let Some(before) = instead_of.and_then(|it| self.steps.get_mut(&it)) {
                        before.superseded_by = Some(id);
                    }
                    self.hold(flow, node, Slot::Step(id), when);
                }
            }
            NodeKind::Decision { .. } => {
                self.last.decision += 1;
                let id = self.last.decision;
                let decision = Decision {
                    flow,
                    node,
                    accepted: None,
                    holders: Vec::new(),
                };
                self.decisions.insert(id, decision);
                self.hold(flow, node, Slot::Decision(id), when);
            }
            NodeKind::Flow { .. } => {
                let instead_of = if let Slot::Flow(before) = before {
                    Some((before, None))
                } else {
                    None
                };
                self.make_inner(flow, node, instead_of, when);
            }
        }
    }

    fn new_step(
        &self,
        (name, version, revision): (&str, &str, u32),
        (flow, node): (u64, u32),
        when: When,
    ) -> Option<Step> {
        let step_type = self.step_type_named(name, version)?;
        Some(Step {
            step_type: step_type.id,
            revision,
            flow,
            node,
            set: None,
            status: StepStatus::Pending,
            priority: None,
            max_tries: step_type.policy.max_tries,
            tries: 0,
            error: None,
            output: None,
            executions: Vec::new(),
            holders: Vec::new(),
            superseded_step: None,
            superseded_by: None,
            superseded: None,
            queued: None,
            started: None,
            ended: None,
            changed: when.at,
            event: when.seq,
            created: when.at,
            modified: when.at,
            place: None,
        })
    }

    fn make_inner(
        &mut self,
        flow: u64,
        node: u32,
        instead_of: Option<(u64, Option<&Plan>)>,
        when: When,
    ) {
        let Some((of_flow, revision)) = self.flow_and_revision(flow) else {
            return;
        };
        let set = of_flow.set;
        let kind = revision
            .graph
            .nodes
            .get(node as usize)
            .map(|it| it.kind.clone());
        let Some(NodeKind::Flow { name, revision }) = kind else {
            return;
        };
        let Some(flow_type) = self.flow_type_named(&name).map(|it| it.id) else {
            return;
        };
        let making = Making {
            set,
            flow_type,
            revision,
            parent: Some((flow, node)),
            input: None,
            instead_of,
        };
        if let Some(inner) = self.make_flow(&making, when) {
            self.hold(flow, node, Slot::Flow(inner), when);
            // Its own nodes are there from the beginning too.
            self.advance(inner, when);
        }
    }

    pub(super) fn flow_and_revision(&self, flow: u64) -> Option<(&Flow, &Arc<FlowRevision>)> {
        let flow = self.flows.get(&flow)?;
        Some((flow, self.revision(flow.flow_type, flow.revision)?))
    }

    /// Puts something into a slot, with all that it counts.
    pub(super) fn hold(&mut self, flow: u64, node: u32, slot: Slot, when: When) {
        if let Some(own) = self
            .flows
            .get_mut(&flow)
            .and_then(|it| it.slots.get_mut(node as usize))
        {
            *own = slot;
        }
        match slot {
            Slot::Step(id) => {
                let Some(step) = self.steps.get_mut(&id) else {
                    return;
                };
                step.holders.push((flow, node));
                let status = step.status;
                self.shift(flow, Some(node), None, Some(status), when.at);
                if status == StepStatus::Completed {
                    self.count_durations(id, (flow, node));
                }
            }
            Slot::Decision(id) => {
                if let Some(decision) = self.decisions.get_mut(&id) {
                    decision.holders.push(flow);
                }
            }
            Slot::Flow(id) => {
                let Some(inner) = self.flows.get_mut(&id) else {
                    return;
                };
                inner.holders.push(flow);
                let counts = inner.counts;
                let total = 1 + inner.inner_total;
                let completed = u64::from(inner.completed.is_some()) + inner.inner_completed;
                self.add_counts(flow, &counts, when.at);
                self.add_inner(flow, total, completed, when.at);
            }
            Slot::Open | Slot::Never => {}
        }
    }

    /// Another flow takes its place.
    fn supersede_flow(&mut self, id: u64, by: Option<u64>, when: When) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.superseded = flow.superseded.or(Some(when.at));
        flow.superseded_by = flow.superseded_by.or(by);
        flow.modified = when.at;
        let key = flow
            .input
            .clone()
            .filter(|_| flow.parent.is_none())
            .map(|input| (flow.flow_type, input));
        if let Some(key) = key
            && self.by_input.get(&key) == Some(&id)
        {
            self.by_input.remove(&key);
        }
        let due: Vec<_> = self.due.range((id, 0)..=(id, u32::MAX)).copied().collect();
        for entry in due {
            self.due.remove(&entry);
        }
    }

    /// What of a superseded flow is not shared is superseded with it, and ends.
    fn supersede_rest(&mut self, old: u64, shared: &[String], when: When) {
        let Some((flow, revision)) = self.flow_and_revision(old) else {
            return;
        };
        let rest: Vec<Slot> = revision
            .graph
            .nodes
            .iter()
            .zip(&flow.slots)
            .filter(|(node, _)| !shared.contains(&node.name))
            .map(|(_, slot)| *slot)
            .collect();
        for slot in rest {
            match slot {
                Slot::Step(id) => self.supersede_step(id, when),
                Slot::Flow(id) => {
                    self.supersede_flow(id, None, when);
                    self.supersede_rest(id, &[], when);
                }
                Slot::Decision(_) | Slot::Open | Slot::Never => {}
            }
        }
    }

    fn supersede_step(&mut self, id: u64, when: When) {
        let Some(step) = self
            .steps
            .get_mut(&id)
            .filter(|step| step.superseded.is_none())
        else {
            return;
        };
        step.superseded = Some(when.at);
        step.modified = when.at;
        if step.status != StepStatus::Completed {
            self.cancel_step(id, when.at);
        }
    }
}
