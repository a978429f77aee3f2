//! What is alive now, and nothing historical. Changed by `evolve` alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::calendars::KnownCalendar;
use crate::command::{Settings, Subject};
use crate::definition::Tag;
use crate::documents::KnownDocument;
use crate::event::KeyUse;
use crate::flow::Flows;
use crate::graph::Graph;
use crate::ids::{BatchId, Digest, LogId, RunId, RunSetId, RunnerId, Seq, TaskRunId};
use crate::image::Image;
use crate::placement::RunnerState;
use crate::pool::Pool;
use crate::ranges::index_in;
use crate::ready::ReadyQueue;
use crate::run::{LiveAttempt, Run};
use crate::run_set::RunSet;
use crate::time::Timestamp;

/// Everything that decisions depend on. Equal to the fold of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Last event applied.
    pub seq: Seq,
    /// When it happened; time in the log never goes back.
    pub at: Timestamp,
    /// The log, once it has begun.
    pub log_id: Option<LogId>,
    pub(crate) seed: [u8; 16],
    pub(crate) settings: Settings,
    /// When the server that writes it started.
    pub(crate) started_at: Timestamp,
    /// Last id given to a run, task run or run set.
    pub(crate) last_id: u64,
    pub(crate) batches: BTreeMap<BatchId, Batch>,
    pub(crate) batch_names: BTreeMap<(String, Tag), BatchId>,
    /// Definitions that a living batch or run uses.
    pub(crate) definitions: BTreeMap<Digest, UsedDefinition>,
    pub(crate) images: BTreeMap<String, Image>,
    /// Bundles in the blob store, with their sizes.
    pub(crate) bundles: BTreeMap<Digest, u64>,
    pub(crate) runs: BTreeMap<RunId, Run>,
    pub(crate) run_sets: BTreeMap<RunSetId, RunSet>,
    /// The same, by batch.
    pub(crate) batch_sets: BTreeSet<(BatchId, RunSetId)>,
    pub(crate) runners: BTreeMap<RunnerId, RunnerState>,
    pub(crate) ready: ReadyQueue,
    pub(crate) timers: BTreeSet<(Timestamp, Timer)>,
    pub(crate) keys: BTreeMap<KeyId, UsedKey>,
    pub(crate) keys_by_age: VecDeque<(Timestamp, KeyId)>,
    pub(crate) calendars: BTreeMap<String, KnownCalendar>,
    /// Batches that run after a batch.
    pub(crate) followers: BTreeMap<BatchId, BTreeSet<BatchId>>,
    /// Task runs of all live runs together, whether they are over or not.
    pub(crate) live_task_runs: u64,
    /// Documents by kind and key.
    #[serde(default)]
    pub(crate) documents: BTreeMap<String, BTreeMap<String, KnownDocument>>,
    pub(crate) flows: Flows,
    /// Pools that have limits, or of which something is taken.
    pub(crate) pools: BTreeMap<Arc<str>, Pool>,
    /// Runners that are given nothing new, here or not, with why.
    pub(crate) drained: BTreeMap<RunnerId, Option<String>>,
}

/// A definition in use, ready to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedDefinition {
    pub(crate) graph: Arc<Graph>,
    /// Living batches and live runs that use it.
    pub(crate) uses: u64,
}

/// Something to do at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// Queue a task run (by position) again.
    Retry(RunId, u32),
    /// End a run that went on too long.
    Deadline(RunId),
    /// Cancel a run whose batch is gone, or whose set was cancelled.
    Cancel(RunId),
    /// Cancel a run that nothing has been started of.
    StartBy(RunId),
    /// Let the signals of a batch that waited long enough start their runs.
    Signal(BatchId),
    /// Turn the schedule of a batch on again.
    Resume(BatchId),
    /// Let a run begin.
    Open(RunId),
    /// Let the slots of a batch that are due have their chance. After the others: runs that end make room.
    Slot(BatchId),
    /// Make the next flows of a set.
    FillFlows(u64),
}

/// Principal and key.
pub(crate) type KeyId = (Arc<str>, String);

/// An idempotency key in its window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedKey {
    pub(crate) fingerprint: String,
    pub(crate) seq: Seq,
    pub(crate) at: Timestamp,
    pub(crate) subject: Subject,
}

impl State {
    /// When the next timer is due; the engine gives `Command::Wake` then.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A live run.
    #[must_use]
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// The run and the attempt of a task run that has one; `None` when none of it is live.
    #[must_use]
    pub fn live_attempt(&self, task_run: TaskRunId) -> Option<(&Run, &LiveAttempt)> {
        let (_, run) = self.runs.range(..RunId(task_run.0)).next_back()?;
        let index = index_in(run.id, task_run)?;
        Some((run, run.live.get(&index)?))
    }

    /// All live runs, oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// All runners that joined and were not lost.
    pub fn runners(&self) -> impl Iterator<Item = &RunnerState> {
        self.runners.values()
    }

    /// A runner that joined and was not lost.
    #[must_use]
    pub fn runner(&self, id: &RunnerId) -> Option<&RunnerState> {
        self.runners.get(id)
    }

    /// Runners that are drained, here or lost meanwhile, with why.
    pub fn drained(&self) -> impl Iterator<Item = (&RunnerId, Option<&str>)> {
        let all = self.drained.iter();
        all.map(|(runner, reason)| (runner, reason.as_deref()))
    }

    /// All living batches.
    pub fn batches(&self) -> impl Iterator<Item = &Batch> {
        self.batches.values()
    }

    /// The living batch of this name and tag.
    #[must_use]
    pub fn batch_named(&self, name: &str, tag: Tag) -> Option<&Batch> {
        let id = self.batch_names.get(&(name.to_owned(), tag))?;
        self.batches.get(id)
    }

    /// Batches that start when runs of this one end.
    pub fn followers(&self, id: BatchId) -> impl Iterator<Item = BatchId> {
        self.followers.get(&id).into_iter().flatten().copied()
    }

    /// Everything about flows.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// A registered image.
    #[must_use]
    pub fn image(&self, name: &str) -> Option<&Image> {
        self.images.get(name)
    }

    /// Sets of a batch that are not finished, also when it is gone.
    pub(crate) fn sets_of(&self, batch: BatchId) -> impl Iterator<Item = (RunSetId, &RunSet)> {
        let all = (batch, RunSetId(0))..=(batch, RunSetId(u64::MAX));
        let sets = self.batch_sets.range(all);
        sets.filter_map(|(_, id)| Some((*id, self.run_sets.get(id)?)))
    }

    /// Number of task runs that wait for a runner.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.ready.len()
    }

    /// Settings in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The graph of a definition in use.
    #[must_use]
    pub fn graph(&self, definition: Digest) -> Option<&Arc<Graph>> {
        self.definitions.get(&definition).map(|used| &used.graph)
    }

    pub(crate) fn use_definition(&mut self, digest: Digest) {
        if let Some(used) = self.definitions.get_mut(&digest) {
            used.uses += 1;
        }
    }

    /// A definition that nothing uses any more is forgotten; it is added again when it comes back.
    pub(crate) fn release_definition(&mut self, digest: Digest) {
        if let Some(used) = self.definitions.get_mut(&digest) {
            used.uses = used.uses.saturating_sub(1);
            if used.uses == 0 {
                self.definitions.remove(&digest);
            }
        }
    }

    pub(crate) fn used_key(&self, actor: &Arc<str>, key: &KeyUse) -> Option<&UsedKey> {
        self.keys.get(&(actor.clone(), key.key.clone()))
    }
}
