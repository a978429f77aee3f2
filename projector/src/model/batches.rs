//! Batches and definitions.

use std::sync::Arc;

use fasti_core::domain::batch::SavedFrom;
use fasti_core::domain::definition::Tag;
use fasti_core::domain::event::{BatchDeleted, BatchPaused, BatchSaved, DefinitionAdded, Recorded};
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::{BatchId, Digest};
use fasti_core::domain::slots::NextSlot;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ledger, Model, Outbox, Ownership, UsedDefinition, user_of};
use crate::rows::{LastRun, VersionView};

/// A batch, living or deleted. Its earlier versions are in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRow {
    pub(crate) name: Arc<str>,
    pub(crate) tag: Tag,
    pub(crate) version: u32,
    pub(crate) definition: Digest,
    pub(crate) ownership: Arc<Ownership>,
    pub(crate) saved_from: SavedFrom,
    pub(crate) paused: bool,
    pub(crate) paused_reason: Option<String>,
    /// When its schedule is on again by itself.
    pub(crate) paused_until: Option<Timestamp>,
    /// Batch whose ends start it.
    pub(crate) runs_after: Option<BatchId>,
    /// `None` until a schedule of it was planned.
    pub(crate) ledger: Option<Box<Ledger>>,
    pub(crate) deleted_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) updated_at: Timestamp,
    pub(crate) last_run: Option<LastRun>,
}

impl BatchRow {
    /// The slot that comes; `None` while the schedule is off.
    pub(crate) fn next_slot(&self) -> Option<NextSlot> {
        let ledger = self.ledger.as_ref().filter(|_| !self.paused)?;
        ledger.plan.as_ref()?.next
    }
}

impl Model {
    /// A definition that makes no graph cannot have been decided; it would be left out.
    pub(super) fn definition_added(&mut self, event: &DefinitionAdded, out: &mut Outbox) {
        if self.definitions.contains_key(&event.digest) {
            return;
        }
        let Ok(graph) = Graph::new(event.definition.clone()) else {
            return;
        };
        let used = UsedDefinition {
            graph: Arc::new(graph),
            ownership: Arc::new(Ownership::of(&event.definition)),
            uses: 0,
        };
        self.definitions.insert(event.digest, used);
        out.definitions
            .push((event.digest, event.definition.clone()));
    }

    pub(super) fn batch_saved(
        &mut self,
        event: &BatchSaved,
        recorded: &Recorded,
        out: &mut Outbox,
    ) {
        let Some(ownership) = self.use_definition(event.definition) else {
            return;
        };
        let (at, by) = (recorded.at, user_of(&recorded.actor));
        let version = VersionView {
            version: event.version,
            digest: event.definition,
            at,
            by: by.clone(),
            saved_from: event.saved_from,
        };
        out.versions.push((event.batch, version));
        if let Some(batch) = self.batches.get_mut(&event.batch) {
            let before = batch.definition;
            batch.version = event.version;
            batch.definition = event.definition;
            batch.ownership = ownership;
            batch.saved_from = event.saved_from;
            batch.runs_after = event.runs_after;
            batch.updated_at = at;
            self.release_definition(before);
            return;
        }
        let name: Arc<str> = event.name.as_str().into();
        let named = self
            .batch_names
            .entry((name.clone(), event.tag))
            .or_default();
        named.living = Some(event.batch);
        named.all.push(event.batch);
        let batch = BatchRow {
            name,
            tag: event.tag,
            version: event.version,
            definition: event.definition,
            ownership,
            saved_from: event.saved_from,
            paused: false,
            paused_reason: None,
            paused_until: None,
            runs_after: event.runs_after,
            ledger: None,
            deleted_at: None,
            created_at: at,
            created_by: by,
            updated_at: at,
            last_run: None,
        };
        self.batches.insert(event.batch, batch);
    }

    pub(super) fn batch_paused(&mut self, event: &BatchPaused, at: Timestamp) {
        if let Some(batch) = self.batches.get_mut(&event.batch) {
            batch.paused = true;
            batch.paused_reason.clone_from(&event.reason);
            batch.paused_until = event.until;
            batch.updated_at = at;
        }
    }

    pub(super) fn batch_resumed(&mut self, id: BatchId, at: Timestamp) {
        if let Some(batch) = self.batches.get_mut(&id) {
            batch.paused = false;
            batch.paused_reason = None;
            batch.paused_until = None;
            batch.updated_at = at;
        }
    }

    pub(super) fn batch_deleted(&mut self, event: &BatchDeleted, at: Timestamp) {
        self.slots_ended(event);
        let Some(batch) = self.batches.get_mut(&event.batch) else {
            return;
        };
        batch.deleted_at = Some(at);
        let definition = batch.definition;
        if let Some(named) = self.batch_names.get_mut(&(batch.name.clone(), batch.tag)) {
            named.living = None;
        }
        self.release_definition(definition);
    }

    /// Counts one more user; `None` when the definition is not known.
    pub(super) fn use_definition(&mut self, digest: Digest) -> Option<Arc<Ownership>> {
        let used = self.definitions.get_mut(&digest)?;
        used.uses += 1;
        Some(used.ownership.clone())
    }

    /// Counts one user less. The last one takes the definition out of memory; the history has it.
    pub(super) fn release_definition(&mut self, digest: Digest) {
        if let Some(used) = self.definitions.get_mut(&digest) {
            used.uses = used.uses.saturating_sub(1);
            if used.uses == 0 {
                self.definitions.remove(&digest);
            }
        }
    }
}
