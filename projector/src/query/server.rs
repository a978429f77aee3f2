//! The log, runners, images and bundles.

use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::ids::{Digest, RunnerId};
use fasti_core::domain::time::Timestamp;

use crate::rows::{DrainView, ImageView, LogView, RunCounts, RunnerView};
use crate::views::Views;

impl Views {
    /// The log and what there is in it, in numbers.
    #[must_use]
    pub fn log(&self) -> LogView {
        let model = &self.model;
        let mut runs = RunCounts::default();
        for counts in model.run_counts.values().flat_map(|all| all.values()) {
            runs.merge(counts);
        }
        let living = model
            .batch_names
            .values()
            .filter(|named| named.living.is_some());
        LogView {
            log_id: model.log_id,
            as_of: model.seq,
            at: model.at,
            server_starts: model.server_starts.iter().cloned().collect(),
            settings: model.settings.clone(),
            batches: living.count() as u64,
            runs,
            task_runs_queued: model.open_task_runs.queued,
            task_runs_running: model.open_task_runs.running,
            task_runs_waiting: model.open_task_runs.waiting,
            late_reports: model.late_reports,
            slot_alerts: model.alerts,
            unknown_events: model.unknown_events,
        }
    }

    /// When contents of this kind were removed that a run finished at `used` was the last to use; `None` if they were
    /// not.
    #[must_use]
    pub fn removed_at(&self, kind: ContentKind, used: Timestamp) -> Option<Timestamp> {
        self.model.removed_at(kind, used)
    }

    /// Runners by name: those there are, and the last ones that were lost.
    #[must_use]
    pub fn runners(&self) -> Vec<RunnerView> {
        self.model.runners.values().cloned().collect()
    }

    /// A runner that joined, lost or not; lost ones are forgotten after a while.
    #[must_use]
    pub fn runner(&self, id: &RunnerId) -> Option<&RunnerView> {
        self.model.runners.get(id)
    }

    /// The drain of a runner, if it is drained, here or not.
    #[must_use]
    pub fn drain(&self, id: &RunnerId) -> Option<&DrainView> {
        self.model.drains.get(id)
    }

    /// Runners that are here and drained, by name.
    pub fn drained_here(&self) -> impl Iterator<Item = (&RunnerId, &DrainView)> {
        let here = |id: &RunnerId| self.runner(id).is_some_and(|it| it.lost_at.is_none());
        self.model.drains.iter().filter(move |(id, _)| here(id))
    }

    /// Registered images by name.
    #[must_use]
    pub fn images(&self) -> Vec<ImageView> {
        self.model.images.values().cloned().collect()
    }

    /// A registered image.
    #[must_use]
    pub fn image(&self, name: &str) -> Option<ImageView> {
        self.model.images.get(name).cloned()
    }

    /// Size in bytes of a registered bundle.
    #[must_use]
    pub fn bundle(&self, digest: Digest) -> Option<u64> {
        self.model.bundles.get(&digest).copied()
    }
}
