//! Finding what there is.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::model::{
    Decision, Flow, FlowFile, FlowRevision, FlowSet, FlowType, Flows, Item, ItemSet, Step,
    StepRevision, StepType,
};
use crate::ids::RunId;

impl Flows {
    /// The step type of an id.
    #[must_use]
    pub fn step_type(&self, id: u64) -> Option<&StepType> {
        self.step_types.get(&id)
    }

    /// The step type of a name and version.
    #[must_use]
    pub fn step_type_named(&self, name: &str, version: &str) -> Option<&StepType> {
        let id = self
            .step_type_names
            .get(&(name.to_owned(), version.to_owned()))?;
        self.step_types.get(id)
    }

    /// All step types, by name and version.
    pub fn step_types(&self) -> impl Iterator<Item = &StepType> {
        self.step_type_names
            .values()
            .filter_map(|id| self.step_types.get(id))
    }

    /// The flow type of an id.
    #[must_use]
    pub fn flow_type(&self, id: u64) -> Option<&FlowType> {
        self.flow_types.get(&id)
    }

    /// The flow type of a name.
    #[must_use]
    pub fn flow_type_named(&self, name: &str) -> Option<&FlowType> {
        self.flow_types.get(self.flow_type_names.get(name)?)
    }

    /// All flow types, by name.
    pub fn flow_types(&self) -> impl Iterator<Item = &FlowType> {
        self.flow_type_names
            .values()
            .filter_map(|id| self.flow_types.get(id))
    }

    /// A revision of a flow type.
    #[must_use]
    pub fn revision(&self, flow_type: u64, number: u32) -> Option<&Arc<FlowRevision>> {
        self.flow_types.get(&flow_type)?.revision(number)
    }

    /// An item set.
    #[must_use]
    pub fn item_set(&self, id: u64) -> Option<&ItemSet> {
        self.item_sets.get(&id)
    }

    /// All item sets, by id.
    pub fn item_sets(&self) -> impl Iterator<Item = &ItemSet> {
        self.item_sets.values()
    }

    /// An item.
    #[must_use]
    pub fn item(&self, id: u64) -> Option<&Item> {
        self.items.get(&id)
    }

    /// A file.
    #[must_use]
    pub fn file(&self, id: u64) -> Option<&FlowFile> {
        self.files.get(&id)
    }

    /// All files, by id.
    pub fn files(&self) -> impl Iterator<Item = (u64, &FlowFile)> {
        self.files.iter().map(|(id, file)| (*id, file))
    }

    /// Step types behind an id, by id.
    pub fn step_types_after(&self, after: u64) -> impl Iterator<Item = (u64, &StepType)> {
        behind(&self.step_types, after)
    }

    /// Flow types behind an id, by id.
    pub fn flow_types_after(&self, after: u64) -> impl Iterator<Item = (u64, &FlowType)> {
        behind(&self.flow_types, after)
    }

    /// Item sets behind an id, by id.
    pub fn item_sets_after(&self, after: u64) -> impl Iterator<Item = (u64, &ItemSet)> {
        behind(&self.item_sets, after)
    }

    /// Files behind an id, by id.
    pub fn files_after(&self, after: u64) -> impl Iterator<Item = (u64, &FlowFile)> {
        behind(&self.files, after)
    }

    /// Sets behind an id, by id.
    pub fn sets_after(&self, after: u64) -> impl Iterator<Item = (u64, &FlowSet)> {
        behind(&self.sets, after)
    }

    /// A set.
    #[must_use]
    pub fn set(&self, id: u64) -> Option<&FlowSet> {
        self.sets.get(&id)
    }

    /// All sets, by id.
    pub fn sets(&self) -> impl Iterator<Item = &FlowSet> {
        self.sets.values()
    }

    /// A flow.
    #[must_use]
    pub fn flow(&self, id: u64) -> Option<&Flow> {
        self.flows.get(&id)
    }

    /// All flows, by id.
    pub fn flows(&self) -> impl Iterator<Item = (u64, &Flow)> {
        self.flows.iter().map(|(id, flow)| (*id, flow))
    }

    /// A step.
    #[must_use]
    pub fn step(&self, id: u64) -> Option<&Step> {
        self.steps.get(&id)
    }

    /// All steps, by id.
    pub fn steps(&self) -> impl Iterator<Item = (u64, &Step)> {
        self.steps.iter().map(|(id, step)| (*id, step))
    }

    /// A decision.
    #[must_use]
    pub fn decision(&self, id: u64) -> Option<&Decision> {
        self.decisions.get(&id)
    }

    /// The set at the end of a chain that begins with this one.
    #[must_use]
    pub fn end_of_chain(&self, root: u64) -> Option<&FlowSet> {
        let mut set = self.sets.get(&root).filter(|set| set.root == root)?;
        while let Some(next) = set.superseded_by.and_then(|id| self.sets.get(&id)) {
            set = next;
        }
        Some(set)
    }

    /// The sets of a chain, oldest first; none when no chain begins with this one.
    #[must_use]
    pub fn chain(&self, root: u64) -> Vec<&FlowSet> {
        let mut all = Vec::new();
        let mut next = self.sets.get(&root).filter(|set| set.root == root);
        while let Some(set) = next {
            all.push(set);
            next = set.superseded_by.and_then(|id| self.sets.get(&id));
        }
        all
    }

    /// The newest flow in the place of one.
    #[must_use]
    pub fn newest(&self, mut id: u64) -> u64 {
        while let Some(next) = self.flows.get(&id).and_then(|flow| flow.superseded_by) {
            id = next;
        }
        id
    }

    /// The step that a run carries out, if it goes on.
    #[must_use]
    pub fn step_of_run(&self, run: RunId) -> Option<u64> {
        self.by_run.get(&run).copied()
    }
}

impl FlowType {
    /// A revision.
    #[must_use]
    pub fn revision(&self, number: u32) -> Option<&Arc<FlowRevision>> {
        self.revisions.get((number as usize).checked_sub(1)?)
    }

    /// The present revision.
    #[must_use]
    pub fn current(&self) -> Option<&Arc<FlowRevision>> {
        self.revisions.last()
    }

    /// Number of the present revision.
    #[must_use]
    pub fn revision_number(&self) -> u32 {
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }
}

impl StepType {
    /// A revision.
    #[must_use]
    pub fn revision(&self, number: u32) -> Option<&Arc<StepRevision>> {
        self.revisions.get((number as usize).checked_sub(1)?)
    }

    /// Number of the present revision.
    #[must_use]
    pub fn revision_number(&self) -> u32 {
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }
}

impl Flow {
    /// Whether another one took its place.
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        self.superseded.is_some()
    }
}

fn behind<T>(all: &BTreeMap<u64, T>, after: u64) -> impl Iterator<Item = (u64, &T)> {
    let rest = all.range((Bound::Excluded(after), Bound::Unbounded));
    rest.map(|(id, it)| (*id, it))
}
