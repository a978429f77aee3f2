//! Documents of dialects, as they are now. What they were before is in the log.

use fasti_core::domain::event::{DocumentRemoved, DocumentSaved, Recorded};

use super::Model;
use crate::rows::DocumentView;

impl Model {
    pub(super) fn document_saved(&mut self, event: &DocumentSaved, recorded: &Recorded) {
        let documents = self.documents.entry(event.kind.clone()).or_default();
        let before = documents.get(&event.key);
        let view = DocumentView {
            version: event.version,
            body: event.body.clone(),
            created_at: before.map_or(recorded.at, |it| it.created_at),
            created_by: before.map_or_else(|| event.by.clone(), |it| it.created_by.clone()),
            updated_at: recorded.at,
            updated_by: event.by.clone(),
            seq: recorded.seq,
            blobs: event.blobs.clone(),
        };
        documents.insert(event.key.clone(), view);
    }

    pub(super) fn document_removed(&mut self, event: &DocumentRemoved) {
        let Some(documents) = self.documents.get_mut(&event.kind) else {
            return;
        };
        documents.remove(&event.key);
        if documents.is_empty() {
            self.documents.remove(&event.kind);
        }
    }
}
