//! Flows move on: steps whose inputs are ready are queued, those behind a failure are blocked, branches appear once a
//! decision is made, and what is done is complete. Counts follow every change, up through all flows that hold a step.

use super::counts::Counts;
use super::data::Data;
use super::make::When;
use super::model::{Flows, Gate, Slot, StepStatus};
use crate::time::Timestamp;

/// What becomes of a node that is not there yet.
enum Fate {
    Exists,
    Never,
    Unknown,
}

/// How far the nodes before one are.
struct Before {
    are_done: bool,
    are_blocked: bool,
}

impl Flows {
    /// Looks at every flow in which something changed.
    pub(super) fn advance_dirty(&mut self, when: When) {
        while let Some(flow) = self.dirty.pop_first() {
            self.advance(flow, when);
        }
    }

    /// Brings one flow up to date, unless another one has its place.
    pub(super) fn advance(&mut self, id: u64, when: When) {
        let Some((flow, revision)) = self
            .flow_and_revision(id)
            .filter(|(flow, _)| !flow.is_superseded())
        else {
            return;
        };
        let (gate, revision) = (flow.gate, revision.clone());
        let mut blocked = vec![false; revision.parents.len()];
        for (node, parents) in (0..).zip(&revision.parents) {
            let mut slot = self.slot(id, node);
            if slot == Slot::Open {
                match self.fate(id, parents) {
                    Fate::Exists => self.make_node(id, node, when),
                    Fate::Never => self.hold(id, node, Slot::Never, when),
                    Fate::Unknown => {}
                }
                slot = self.slot(id, node);
            }
            let before = self.before(id, gate, parents, &blocked);
            blocked[node as usize] =
                before.are_blocked | self.bring_up(id, node, slot, &before, when);
        }
        self.complete(id, when);
    }

    fn slot(&self, flow: u64, node: u32) -> Slot {
        let slot = self
            .flows
            .get(&flow)
            .and_then(|it| it.slots.get(node as usize));
        slot.copied().unwrap_or_default()
    }

    fn fate(&self, flow: u64, parents: &[(u32, bool)]) -> Fate {
        let mut fate = Fate::Exists;
        for (parent, acceptance) in parents {
            match self.slot(flow, *parent) {
                Slot::Never => return Fate::Never,
                Slot::Open => fate = Fate::Unknown,
                Slot::Decision(id) => match self.decisions.get(&id).and_then(|it| it.accepted) {
                    Some(accepted) if accepted != *acceptance => return Fate::Never,
                    Some(_) => {}
                    None => fate = Fate::Unknown,
                },
                Slot::Step(_) | Slot::Flow(_) => {}
            }
        }
        fate
    }

    fn before(&self, flow: u64, gate: Gate, parents: &[(u32, bool)], blocked: &[bool]) -> Before {
        let is_done = |parent: u32| match self.slot(flow, parent) {
            Slot::Step(id) => self
                .steps
                .get(&id)
                .is_some_and(|it| it.status == StepStatus::Completed),
            Slot::Decision(id) => self
                .decisions
                .get(&id)
                .is_some_and(|it| it.accepted.is_some()),
            Slot::Flow(id) => self.flows.get(&id).is_some_and(|it| it.completed.is_some()),
            Slot::Open | Slot::Never => false,
        };
        Before {
            are_done: gate == Gate::Open && parents.iter().all(|(parent, _)| is_done(*parent)),
            are_blocked: gate == Gate::Blocked
                || parents.iter().any(|(parent, _)| blocked[*parent as usize]),
        }
    }

    /// Brings one node up to date; answers whether it blocks what comes after it.
    fn bring_up(&mut self, flow: u64, node: u32, slot: Slot, before: &Before, when: When) -> bool {
        match slot {
            Slot::Step(id) => {
                let status = self.steps.get(&id).map(|it| it.status).unwrap_or_default();
                if matches!(status, StepStatus::Pending | StepStatus::Blocked) {
                    let next = if before.are_blocked {
                        StepStatus::Blocked
                    } else if before.are_done {
                        StepStatus::Queued
                    } else {
                        StepStatus::Pending
                    };
                    self.set_status(id, next, when.at);
                    return next == StepStatus::Blocked;
                }
                matches!(status, StepStatus::Failed | StepStatus::Canceled)
            }
            Slot::Decision(id) => {
                let is_made = self
                    .decisions
                    .get(&id)
                    .is_none_or(|it| it.accepted.is_some());
                if !is_made && before.are_done && !before.are_blocked {
                    self.due.insert((flow, node));
                }
                false
            }
            Slot::Flow(id) => {
                self.open_gate(flow, node, id, before);
                self.flows.get(&id).is_some_and(|it| it.counts.is_blocked())
            }
            Slot::Open | Slot::Never => false,
        }
    }

    fn open_gate(&mut self, flow: u64, node: u32, inner: u64, before: &Before) {
        let next = if before.are_blocked {
            Gate::Blocked
        } else if before.are_done {
            Gate::Open
        } else {
            Gate::Waiting
        };
        let needs_input = self.flows.get(&inner).is_some_and(|it| it.input.is_none());
        let input = (next == Gate::Open && needs_input).then(|| {
            let interface = self
                .flow_and_revision(inner)
                .map(|(_, it)| it.graph.input.clone());
            let data: Data = self.node_input(flow, node);
            data.restricted(&interface.unwrap_or_default()).to_text()
        });
        let Some(of_inner) = self.flows.get_mut(&inner) else {
            return;
        };
        if of_inner.gate != next {
            of_inner.gate = next;
            self.dirty.insert(inner);
        }
        of_inner.input = of_inner.input.take().or(input);
    }

    fn complete(&mut self, id: u64, when: When) {
        let Some(flow) = self
            .flows
            .get(&id)
            .filter(|flow| flow.completed.is_none() && flow.gate == Gate::Open)
        else {
            return;
        };
        let is_done = |slot: &Slot| match slot {
            Slot::Open => false,
            Slot::Never => true,
            Slot::Step(id) => self
                .steps
                .get(id)
                .is_some_and(|it| it.status == StepStatus::Completed),
            Slot::Decision(id) => self
                .decisions
                .get(id)
                .is_some_and(|it| it.accepted.is_some()),
            Slot::Flow(id) => self.flows.get(id).is_some_and(|it| it.completed.is_some()),
        };
        if !flow.slots.iter().all(is_done) {
            return;
        }
        let holders = flow.holders.clone();
        let set = flow.set.filter(|_| flow.parent.is_none());
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.completed = Some(when.at);
            flow.modified = when.at;
        }
        if let Some(set) = set.and_then(|set| self.sets.get_mut(&set)) {
            set.flows_completed += 1;
            set.modified = when.at;
        }
        for holder in holders {
            self.add_inner(holder, 0, 1, when.at);
            self.dirty.insert(holder);
        }
    }

    /// A step has another status.
    pub(super) fn set_status(&mut self, id: u64, to: StepStatus, at: Timestamp) {
        let priority = self.priority_of(id);
        let order = self.last.queued + 1;
        let Some(step) = self.steps.get_mut(&id).filter(|step| step.status != to) else {
            return;
        };
        let from = step.status;
        step.status = to;
        step.changed = at;
        step.modified = at;
        let step_type = step.step_type;
        let left = step.place.take();
        if to == StepStatus::Queued {
            step.tries += 1;
            step.queued = Some(at);
            step.started = None;
            step.ended = None;
            step.error = None;
            step.place = Some((priority, order));
            self.last.queued = order;
        }
        let holders = step.holders.clone();
        if let Some((priority, order)) = left {
            self.leave_queue(step_type, (priority, order, id));
        }
        if to == StepStatus::Queued {
            self.queue
                .entry(step_type)
                .or_default()
                .insert((priority, order, id));
        }
        for (flow, node) in &holders {
            self.shift(*flow, Some(*node), Some(from), Some(to), at);
            if to == StepStatus::Completed {
                self.count_durations(id, (*flow, *node));
            }
        }
    }

    pub(super) fn leave_queue(&mut self, step_type: u64, entry: (i64, u64, u64)) {
        if let Some(queue) = self.queue.get_mut(&step_type) {
            queue.remove(&entry);
            if queue.is_empty() {
                self.queue.remove(&step_type);
            }
        }
    }

    fn priority_of(&self, id: u64) -> i64 {
        let Some(step) = self.steps.get(&id) else {
            return i64::MAX;
        };
        let of_set = step
            .set
            .and_then(|set| self.sets.get(&set)?.configuration.priority);
        let of_type = self
            .step_types
            .get(&step.step_type)
            .map(|it| it.policy.priority.into());
        let own = step.priority.map(i64::from);
        own.or(of_set).or(of_type).unwrap_or(i64::MAX)
    }

    /// Ends a step that is not complete.
    pub(super) fn cancel_step(&mut self, id: u64, at: Timestamp) {
        let Some(step) = self.steps.get_mut(&id) else {
            return;
        };
        if matches!(step.status, StepStatus::Completed | StepStatus::Canceled) {
            return;
        }
        step.error = None;
        let run = step
            .executions
            .last()
            .map(|it| it.run)
            .filter(|run| self.by_run.contains_key(run));
        self.to_stop.extend(run);
        self.ended.remove(&id);
        self.set_status(id, StepStatus::Canceled, at);
    }

    /// A step in a slot of a flow went from one status to another: counts of everything around it.
    pub(super) fn shift(
        &mut self,
        id: u64,
        node: Option<u32>,
        from: Option<StepStatus>,
        to: Option<StepStatus>,
        at: Timestamp,
    ) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.counts.shift(from, to);
        flow.modified = at;
        self.dirty.insert(id);
        let set = flow.set.filter(|_| flow.parent.is_none());
        let holders = flow.holders.clone();
        let name = node.and_then(|node| self.node_name(id, node));
        if let Some(set) = set.and_then(|set| self.sets.get_mut(&set)) {
            set.counts.shift(from, to);
            set.modified = at;
            if let Some(metrics) = name.and_then(|name| set.metrics.get_mut(&name)) {
                metrics.counts.shift(from, to);
            }
        }
        for holder in holders {
            self.shift(holder, None, from, to, at);
        }
    }

    fn node_name(&self, flow: u64, node: u32) -> Option<String> {
        let (flow, revision) = self.flow_and_revision(flow)?;
        flow.set.filter(|_| flow.parent.is_none())?;
        Some(revision.graph.nodes.get(node as usize)?.name.clone())
    }

    pub(super) fn add_counts(&mut self, id: u64, counts: &Counts, at: Timestamp) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.counts.add(counts);
        flow.modified = at;
        self.dirty.insert(id);
        let set = flow.set.filter(|_| flow.parent.is_none());
        let holders = flow.holders.clone();
        if let Some(set) = set.and_then(|set| self.sets.get_mut(&set)) {
            set.counts.add(counts);
            set.modified = at;
        }
        for holder in holders {
            self.add_counts(holder, counts, at);
        }
    }

    /// Flows inside of one are more, or are complete.
    pub(super) fn add_inner(&mut self, id: u64, total: u64, completed: u64, at: Timestamp) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.inner_total += total;
        flow.inner_completed += completed;
        flow.modified = at;
        let set = flow.set.filter(|_| flow.parent.is_none());
        let holders = flow.holders.clone();
        if let Some(set) = set.and_then(|set| self.sets.get_mut(&set)) {
            set.flows_total += total;
            set.flows_completed += completed;
            set.modified = at;
        }
        for holder in holders {
            self.add_inner(holder, total, completed, at);
        }
    }

    /// The durations of a completed step count in the set of a flow that is in no other.
    pub(super) fn count_durations(&mut self, step: u64, (flow, node): (u64, u32)) {
        let Some(name) = self.node_name(flow, node) else {
            return;
        };
        let set = self.flows.get(&flow).and_then(|flow| flow.set);
        let last = self
            .steps
            .get(&step)
            .and_then(|step| step.executions.last());
        let Some((last, metrics)) =
            last.zip(set.and_then(|set| self.sets.get_mut(&set)?.metrics.get_mut(&name)))
        else {
            return;
        };
        let between =
            |from: Option<Timestamp>, to: Option<Timestamp>| Some(to?.0.saturating_sub(from?.0));
        if let Some(us) = between(last.started, last.command_ended) {
            metrics.command.add(us);
        }
        if let Some(us) = between(last.began(), last.ended) {
            metrics.step.add(us);
        }
    }
}
