//! Servers, runners and images.

use fasti_core::domain::event::{
    ImageRegistered, Recorded, RunnerDrained, RunnerJoined, RunnerLost, ServerStarted,
};
use fasti_core::domain::time::Timestamp;

use super::{Model, user_of};
use crate::limits::{LOST_RUNNERS_MAX, SERVER_STARTS_MAX};
use crate::rows::{DrainView, ImageView, RunnerView, ServerStart};

impl Model {
    pub(super) fn server_started(&mut self, event: &ServerStarted, recorded: &Recorded) {
        self.settings = event.settings.clone();
        self.server_starts.push_back(ServerStart {
            seq: recorded.seq,
            at: recorded.at,
            version: event.version.clone(),
            host: event.host.clone(),
            tz_database: event.tz_database.clone(),
        });
        if self.server_starts.len() > SERVER_STARTS_MAX {
            self.server_starts.pop_front();
        }
    }

    pub(super) fn image_registered(&mut self, event: &ImageRegistered, at: Timestamp) {
        let view = ImageView {
            image: event.image.clone(),
            updated_at: at,
        };
        self.images.insert(event.image.name.clone(), view);
    }

    pub(super) fn runner_joined(&mut self, event: &RunnerJoined, at: Timestamp) {
        let id = &event.info.runner;
        if let Some(known) = self.runners.get_mut(id) {
            known.info = event.info.clone();
            known.lost_at = None;
            known.lost_reason = None;
            self.lost_runners.retain(|lost| lost != id);
            return;
        }
        let view = RunnerView {
            info: event.info.clone(),
            joined_at: at,
            lost_at: None,
            lost_reason: None,
            held_attempts: 0,
            running_attempts: 0,
            finished_attempts: 0,
        };
        self.runners.insert(id.clone(), view);
    }

    /// Who asks again, or is started in the place of a drained one, gives another reason at most: it is drained since
    /// it was first said.
    pub(super) fn runner_drained(&mut self, event: &RunnerDrained, recorded: &Recorded) {
        let before = event.instead_of.as_ref().unwrap_or(&event.runner);
        let before = self.drains.get(before).cloned();
        let mut drain = DrainView {
            seq: recorded.seq,
            since: recorded.at,
            by: user_of(&recorded.actor),
            reason: event.reason.clone(),
        };
        if let Some(before) = before {
            drain.since = before.since;
            if event.instead_of.is_some() {
                drain.by = before.by;
            }
        }
        self.drains.insert(event.runner.clone(), drain);
    }

    pub(super) fn runner_lost(&mut self, event: &RunnerLost, at: Timestamp) {
        let Some(runner) = self.runners.get_mut(&event.runner) else {
            return;
        };
        runner.lost_at = Some(at);
        runner.lost_reason = Some(event.reason.clone());
        self.lost_runners.push_back(event.runner.clone());
        while self.lost_runners.len() > LOST_RUNNERS_MAX {
            if let Some(oldest) = self.lost_runners.pop_front() {
                self.runners.remove(&oldest);
            }
        }
    }
}
