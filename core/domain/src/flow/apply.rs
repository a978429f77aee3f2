//! What events do to flows. Never decides, never fails: an event that speaks of something unknown changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::counts::NodeMetrics;
use super::data::Data;
use super::graph::NodeKind;
use super::make::{Making, When};
use super::model::{
    Execution, FlowFile, FlowRevision, FlowSet, FlowType, Flows, Item, ItemSet, StepRevision,
    StepStatus, StepType,
};
use super::settle::StepEnd;
use crate::event::{
    AttemptFinished, AttemptLeased, AttemptStarted, Event, FilesRegistered, FlowDecided,
    FlowSetCreated, FlowSetEdited, FlowTypeSaved, FlowsCreated, ItemSetCreated, ItemSetExtended,
    Recorded, RunCreated, RunFinished, StepFinished, StepTypeSaved, StepsCancelled, StepsRequeued,
};
use crate::limits::STEP_TRIES_KEPT_MAX;

impl Flows {
    /// Applies an event; those of other things are passed over.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most events have nothing to do with flows"
    )]
    pub fn apply(&mut self, recorded: &Recorded) {
        let when = When {
            seq: recorded.seq,
            at: recorded.at,
        };
        match &recorded.event {
            Event::StepTypeSaved(event) => self.step_type_saved(event, when),
            Event::FlowTypeSaved(event) => self.flow_type_saved(event, when),
            Event::ItemSetCreated(event) => self.item_set_created(event, when),
            Event::ItemSetExtended(event) => self.item_set_extended(event, when),
            Event::FilesRegistered(event) => self.files_registered(event, when),
            Event::FlowSetCreated(event) => self.set_created(event, when),
            Event::FlowSetEdited(event) => self.set_edited(event, when),
            Event::FlowsCreated(event) => self.flows_created(event, when),
            Event::FlowDecided(event) => self.decided(event),
            Event::StepFinished(event) => self.step_finished(event, when),
            Event::StepsCancelled(event) => self.steps_cancelled(event, when),
            Event::StepsRequeued(event) => self.steps_requeued(event, when),
            Event::RunCreated(event) => self.run_created(event, when),
            Event::AttemptLeased(event) => self.leased(event, when),
            Event::AttemptStarted(event) => self.started(event, when),
            Event::AttemptFinished(event) => self.attempt_finished(event, when),
            Event::RunFinished(event) => self.run_finished(event, when),
            Event::RunCancelRequested(event) => drop(self.to_stop.remove(&event.run)),
            _ => return,
        }
        self.advance_dirty(when);
    }

    pub(super) fn step_type_saved(&mut self, event: &StepTypeSaved, when: When) {
        self.last.step_type = self.last.step_type.max(event.step_type);
        let key = (event.name.clone(), event.version.clone());
        self.step_type_names.insert(key, event.step_type);
        let step_type = self
            .step_types
            .entry(event.step_type)
            .or_insert_with(|| StepType {
                id: event.step_type,
                name: event.name.clone(),
                version: event.version.clone(),
                title: String::new(),
                description: String::new(),
                policy: event.policy.clone(),
                revisions: Vec::new(),
                created: when.at,
                modified: when.at,
                paused: None,
                deprecated: None,
                running: 0,
            });
        step_type.title.clone_from(&event.title);
        step_type.description.clone_from(&event.description);
        step_type.policy = event.policy.clone();
        step_type.modified = when.at;
        step_type.paused = event
            .policy
            .is_paused
            .then(|| step_type.paused.unwrap_or(when.at));
        step_type.deprecated =
            (!event.policy.is_active).then(|| step_type.deprecated.unwrap_or(when.at));
        if let Some(new) = &event.revision {
            self.last.revision += 1;
            step_type.revisions.push(Arc::new(StepRevision {
                id: self.last.revision,
                spec: new.spec.clone(),
                batch: new.batch,
                batch_version: new.batch_version,
                definition: new.definition,
                document: new.document.clone(),
                created: when.at,
            }));
        }
    }

    pub(super) fn flow_type_saved(&mut self, event: &FlowTypeSaved, when: When) {
        self.last.flow_type = self.last.flow_type.max(event.flow_type);
        self.flow_type_names
            .insert(event.name.clone(), event.flow_type);
        let flow_type = self
            .flow_types
            .entry(event.flow_type)
            .or_insert_with(|| FlowType {
                id: event.flow_type,
                name: event.name.clone(),
                title: String::new(),
                description: String::new(),
                is_active: true,
                revisions: Vec::new(),
                created: when.at,
                modified: when.at,
                deprecated: None,
            });
        flow_type.title.clone_from(&event.title);
        flow_type.description.clone_from(&event.description);
        flow_type.is_active = event.is_active;
        flow_type.modified = when.at;
        flow_type.deprecated = (!event.is_active).then(|| flow_type.deprecated.unwrap_or(when.at));
        if let Some(graph) = &event.graph {
            self.last.revision += 1;
            let number = flow_type.revision_number() + 1;
            flow_type.revisions.push(Arc::new(FlowRevision {
                id: self.last.revision,
                number,
                graph: (**graph).clone(),
                parents: graph.parents(),
                created: when.at,
            }));
        }
    }

    fn item_set_created(&mut self, event: &ItemSetCreated, when: When) {
        self.last.item_set = self.last.item_set.max(event.item_set);
        let set = ItemSet {
            id: event.item_set,
            title: event.title.clone(),
            description: event.description.clone(),
            definition: event.definition.clone(),
            items: Vec::new(),
            created: when.at,
        };
        self.item_sets.insert(event.item_set, set);
    }

    fn item_set_extended(&mut self, event: &ItemSetExtended, when: When) {
        let Some(set) = self.item_sets.get_mut(&event.item_set) else {
            return;
        };
        self.last.item = event.first.saturating_sub(1);
        for data in &event.items {
            self.last.item += 1;
            set.items.push(self.last.item);
            let item = Item {
                set: event.item_set,
                data: data.clone(),
                created: when.at,
            };
            self.items.insert(self.last.item, item);
        }
    }

    fn files_registered(&mut self, event: &FilesRegistered, when: When) {
        self.last.file = event.first.saturating_sub(1);
        for file in &event.files {
            self.last.file += 1;
            let file = FlowFile {
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                path: file.path.clone(),
                size: file.size,
                tags: file.tags.clone(),
                meta: file.meta.clone(),
                product: None,
                created: when.at,
            };
            self.files.insert(self.last.file, file);
        }
    }

    fn set_created(&mut self, event: &FlowSetCreated, when: When) {
        self.last.set = self.last.set.max(event.flow_set);
        let metrics = self
            .revision(event.flow_type, event.revision)
            .map(|revision| {
                let steps = revision
                    .graph
                    .nodes
                    .iter()
                    .filter(|it| matches!(it.kind, NodeKind::Step { .. }));
                steps
                    .map(|it| (it.name.clone(), NodeMetrics::default()))
                    .collect::<BTreeMap<_, _>>()
            });
        if let Some(previous) = event.superseded_set.and_then(|id| self.sets.get_mut(&id)) {
            previous.superseded = Some(when.at);
            previous.superseded_by = Some(event.flow_set);
            previous.modified = when.at;
        }
        let set = FlowSet {
            id: event.flow_set,
            title: event.title.clone(),
            description: event.description.clone(),
            flow_type: event.flow_type,
            revision: event.revision,
            source: event.source.clone(),
            root: event.root,
            superseded_set: event.superseded_set,
            superseded_by: None,
            superseded: None,
            configuration: event.configuration.clone(),
            estimated: event.estimated,
            is_filled: false,
            flows: Vec::new(),
            flows_total: 0,
            flows_completed: 0,
            counts: super::Counts::default(),
            metrics: metrics.unwrap_or_default(),
            event: when.seq,
            created: when.at,
            modified: when.at,
            inputs: event.inputs,
            names: event.configuration.names().to_vec(),
            cursor: 0,
            seen: std::collections::BTreeSet::new(),
            fill_at: None,
        };
        self.sets.insert(event.flow_set, set);
    }

    fn set_edited(&mut self, event: &FlowSetEdited, when: When) {
        let Some(set) = self.sets.get_mut(&event.flow_set) else {
            return;
        };
        if event.title.is_some() {
            set.title.clone_from(&event.title);
        }
        if event.description.is_some() {
            set.description.clone_from(&event.description);
        }
        if let Some(configuration) = &event.configuration {
            set.configuration = configuration.clone();
        }
        set.modified = when.at;
    }

    fn flows_created(&mut self, event: &FlowsCreated, when: When) {
        for new in &event.flows {
            let old = new
                .supersedes
                .and_then(|id| Some((id, self.flows.get(&id)?)));
            let input = new
                .input
                .clone()
                .or_else(|| old.and_then(|(_, old)| old.input.clone()));
            let plan = new.plan.and_then(|index| event.plans.get(index as usize));
            let making = Making {
                set: event.flow_set,
                flow_type: event.flow_type,
                revision: event.revision,
                parent: None,
                input: input.clone(),
                instead_of: new.supersedes.map(|id| (id, plan)),
            };
            self.make_flow(&making, when);
            let set = event.flow_set.and_then(|id| self.sets.get_mut(&id));
            if let (Some(set), Some(input)) = (set, input) {
                set.seen.insert(input);
            }
        }
        if let Some(set) = event.flow_set.and_then(|id| self.sets.get_mut(&id)) {
            set.cursor = event.cursor;
            set.is_filled |= event.is_last;
            set.fill_at = (!set.is_filled).then_some(when.at);
            set.modified = when.at;
            if set.is_filled {
                set.seen.clear();
            }
        }
    }

    fn decided(&mut self, event: &FlowDecided) {
        self.due.remove(&(event.flow, event.node));
        let slot = self
            .flows
            .get(&event.flow)
            .and_then(|it| it.slots.get(event.node as usize))
            .copied();
        let super::Slot::Decision(id) = slot.unwrap_or_default() else {
            return;
        };
        if let Some(decision) = self.decisions.get_mut(&id) {
            decision.accepted = Some(event.accepted);
            self.dirty.extend(decision.holders.iter().copied());
        }
    }

    fn step_finished(&mut self, event: &StepFinished, when: When) {
        self.ended.remove(&event.step);
        let Some(step) = self.steps.get_mut(&event.step) else {
            return;
        };
        step.ended = Some(when.at);
        if let Some(execution) = step.executions.last_mut() {
            execution.gathered = None;
        }
        let status = match &event.end {
            StepEnd::Completed { values, files } => {
                let mut output = Data {
                    json: serde_json::from_str(values).unwrap_or_default(),
                    ..Data::default()
                };
                for product in files {
                    self.last.file += 1;
                    output
                        .files
                        .entry(product.output.clone())
                        .or_default()
                        .push(self.last.file);
                    let file = FlowFile {
                        name: product.name.clone(),
                        media_type: product.media_type.clone(),
                        path: product.path.clone(),
                        size: product.size,
                        tags: Vec::new(),
                        meta: "{}".into(),
                        product: Some((event.step, product.output.clone())),
                        created: when.at,
                    };
                    self.files.insert(self.last.file, file);
                }
                step.output = Some(output.to_text());
                StepStatus::Completed
            }
            StepEnd::Failed { error } => {
                note_error(step, error);
                step.error = Some(error.clone());
                StepStatus::Failed
            }
            StepEnd::Retried { error } => {
                note_error(step, error);
                StepStatus::Queued
            }
            StepEnd::Cancelled => StepStatus::Canceled,
        };
        // A try may be lost before its process began: the step leaves the queue to enter it anew.
        self.set_status(event.step, StepStatus::Running, when.at);
        self.set_status(event.step, status, when.at);
    }

    fn steps_cancelled(&mut self, event: &StepsCancelled, when: When) {
        for id in &event.steps {
            self.cancel_step(*id, when.at);
        }
    }

    fn steps_requeued(&mut self, event: &StepsRequeued, when: When) {
        for id in &event.steps {
            let Some(step) = self.steps.get_mut(id) else {
                continue;
            };
            step.priority = event.priority.or(step.priority);
            step.error = None;
            let of_type = self.step_types.get(&step.step_type);
            let max_tries = of_type.map_or(3, |it| it.policy.max_tries);
            if step.tries > 0 {
                step.max_tries = step.tries.saturating_add(max_tries);
                self.set_status(*id, StepStatus::Queued, when.at);
            } else {
                // Whether something is in its way is looked at below.
                self.set_status(*id, StepStatus::Pending, when.at);
            }
        }
    }

    fn run_created(&mut self, event: &RunCreated, when: When) {
        let Some((id, step)) = event
            .step
            .and_then(|id| Some((id, self.steps.get_mut(&id)?)))
        else {
            return;
        };
        if step.executions.len() >= STEP_TRIES_KEPT_MAX {
            step.executions.remove(0);
        }
        step.executions.push(Execution {
            run: event.run,
            number: step.tries,
            queued: step.queued.unwrap_or(when.at),
            created: when.at,
            runner: None,
            started: None,
            command_ended: None,
            ended: None,
            outcome: None,
            gathered: None,
            error: None,
            dispatched: None,
        });
        step.modified = when.at;
        let step_type = step.step_type;
        if let Some((priority, order)) = step.place.take() {
            self.leave_queue(step_type, (priority, order, id));
        }
        if let Some(step_type) = self.step_types.get_mut(&step_type) {
            step_type.running += 1;
        }
        self.by_run.insert(event.run, id);
    }

    fn execution(&mut self, run: crate::ids::RunId) -> Option<&mut Execution> {
        let step = self.steps.get_mut(self.by_run.get(&run)?)?;
        step.executions.iter_mut().rev().find(|it| it.run == run)
    }

    fn leased(&mut self, event: &AttemptLeased, when: When) {
        if let Some(execution) = self.execution(event.run) {
            execution.dispatched = Some(when.at);
            execution.runner = Some(event.runner.clone());
        }
    }

    fn started(&mut self, event: &AttemptStarted, when: When) {
        let Some(start) = event.starts.first() else {
            return;
        };
        let Some(id) = self.by_run.get(&event.run).copied() else {
            return;
        };
        let mut began = start.started_at;
        if let Some(execution) = self.execution(event.run) {
            execution.started = Some(start.started_at);
            began = execution.began().unwrap_or(began);
        }
        let Some(step) = self
            .steps
            .get_mut(&id)
            .filter(|step| step.status == StepStatus::Queued)
        else {
            return;
        };
        step.started = Some(began);
        self.set_status(id, StepStatus::Running, when.at);
    }

    fn attempt_finished(&mut self, event: &AttemptFinished, when: When) {
        let Some(end) = event.ends.first() else {
            return;
        };
        if let Some(execution) = self.execution(event.run) {
            execution.command_ended = Some(end.finished_at);
            // What is known here is known after it happened there, whatever that clock says.
            execution.ended = Some(when.at.max(end.finished_at));
            execution.outcome = Some(end.outcome.clone());
            execution.gathered.clone_from(&end.gathered);
        }
    }

    fn run_finished(&mut self, event: &RunFinished, when: When) {
        if let Some(execution) = self.execution(event.run) {
            execution.ended = execution.ended.or(Some(when.at));
        }
        self.to_stop.remove(&event.run);
        let Some(id) = self.by_run.remove(&event.run) else {
            return;
        };
        let Some(step) = self.steps.get_mut(&id) else {
            return;
        };
        step.modified = when.at;
        if let Some(step_type) = self.step_types.get_mut(&step.step_type) {
            step_type.running = step_type.running.saturating_sub(1);
        }
        let is_last = step.executions.last().is_some_and(|it| it.run == event.run);
        if is_last
            && step.place.is_none()
            && matches!(step.status, StepStatus::Queued | StepStatus::Running)
        {
            self.ended.insert(id);
        }
    }
}

fn note_error(step: &mut super::Step, error: &Arc<super::StepError>) {
    if let Some(execution) = step.executions.last_mut() {
        execution.error = Some(error.clone());
    }
}
