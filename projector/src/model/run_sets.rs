//! Run sets.

use fasti_core::domain::backfill::Backfill;
use fasti_core::domain::event::{
    Recorded, RunSetClosed, RunSetCreated, RunSetFinished, RunSetPaused,
};
use fasti_core::domain::ids::{BatchId, RunSetId};
use fasti_core::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Model, Outbox, user_of};
use crate::rows::RunCounts;

/// A run set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunSetRow {
    pub(crate) batch: BatchId,
    pub(crate) title: String,
    pub(crate) labels: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) created_by: String,
    pub(crate) closed: bool,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) counts: RunCounts,
    /// The slots that it has runs for, if it is a backfill.
    pub(crate) backfill: Option<Backfill>,
    pub(crate) paused: bool,
    /// Why it is paused, when nobody asked for it.
    pub(crate) pause_reason: Option<String>,
}

impl Model {
    pub(super) fn run_set_created(&mut self, event: &RunSetCreated, recorded: &Recorded) {
        self.last_id = self.last_id.max(event.run_set.0);
        let set = RunSetRow {
            batch: event.batch,
            title: event.title.clone(),
            labels: event.labels.clone(),
            created_at: recorded.at,
            created_by: user_of(&recorded.actor),
            closed: false,
            backfill: event.backfill.clone(),
            paused: false,
            pause_reason: None,
            finished_at: None,
            counts: RunCounts::default(),
        };
        self.run_sets.insert(event.run_set, set);
    }

    pub(super) fn run_set_paused(&mut self, event: &RunSetPaused) {
        if let Some(set) = self.run_sets.get_mut(&event.run_set) {
            set.paused = true;
            set.pause_reason.clone_from(&event.reason);
        }
    }

    pub(super) fn run_set_resumed(&mut self, id: RunSetId) {
        if let Some(set) = self.run_sets.get_mut(&id) {
            set.paused = false;
            set.pause_reason = None;
        }
    }

    pub(super) fn run_set_closed(&mut self, event: &RunSetClosed) {
        if let Some(set) = self.run_sets.get_mut(&event.run_set) {
            set.closed = true;
        }
    }

    pub(super) fn run_set_finished(
        &mut self,
        event: &RunSetFinished,
        at: Timestamp,
        out: &mut Outbox,
    ) {
        let Some(set) = self.run_sets.get_mut(&event.run_set) else {
            return;
        };
        set.finished_at = Some(at);
        self.finished_run_sets.push_back(event.run_set);
        while self.finished_run_sets.len() > self.kept.run_sets {
            let oldest = self.finished_run_sets.pop_front();
            let gone = oldest.and_then(|id| self.run_sets.remove(&id).map(|set| (id, set)));
            out.run_sets.extend(gone);
        }
    }
}
