//! What was removed beside the log, so that whoever misses something is told when and why.

use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::event::ContentsRemoved;
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Model;
use crate::limits::REMOVALS_MAX;

/// One removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    /// When it was put on record.
    pub(crate) at: Timestamp,
    /// What was last used before this instant went.
    pub(crate) used_before: Timestamp,
}

impl Model {
    pub(super) fn contents_removed(&mut self, event: &ContentsRemoved, at: Timestamp) {
        let known = self.removals.entry(event.kind).or_default();
        // One that reaches no further removes nothing that would be missed from now on.
        if known
            .back()
            .is_some_and(|last| last.used_before >= event.used_before)
        {
            return;
        }
        known.push_back(Removal {
            at,
            used_before: event.used_before,
        });
        if known.len() > REMOVALS_MAX {
            known.pop_front();
        }
    }

    /// When contents of this kind that were last used at `used` were removed, if they were.
    pub(crate) fn removed_at(&self, kind: ContentKind, used: Timestamp) -> Option<Timestamp> {
        let mut known = self.removals.get(&kind)?.iter();
        known
            .find(|removal| used < removal.used_before)
            .map(|removal| removal.at)
    }
}
