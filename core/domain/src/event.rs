//! Everything that can happen. Past tense, facts only: rules may change, what they led to may not, so
//! computed dates, times and delays are in the events.
//!
//! Wide facts are one event: creating, queuing, skipping, cancelling or finishing many task runs at once
//! carries ranges ([`TaskRuns`]). An array of 100,000 parts costs events for its attempts only, and those of
//! one commit are grouped.
//!
//! Payloads are maps with field names. A field added later has `#[serde(default)]`; any other change is a
//! new version with an upcaster, and the old bytes stay in the golden files.

mod about;
mod by_name;
mod declare;
mod recorded;

use std::sync::Arc;

use declare::events;
pub use recorded::{KeyUse, Recorded, UnknownEvent};
use serde::{Deserialize, Serialize};

use crate::attempt::{AttemptEnd, AttemptStart, Lease};
use crate::backfill::Backfill;
pub use crate::backfill::{RunSetPaused, RunSetResumed};
pub use crate::batch::BatchRunsCancelled;
use crate::batch::SavedFrom;
use crate::calendar::NamedCalendar;
use crate::command::Settings;
pub use crate::contents::ContentsRemoved;
use crate::definition::{Definition, Tag};
pub use crate::documents::{DocumentRemoved, DocumentSaved};
pub use crate::drain::{RunnerDrained, RunnerResumed};
pub use crate::flow::events::*;
use crate::ids::{BatchId, Digest, LogId, RunId, RunSetId, RunnerId, TaskRunId};
use crate::image::Image;
pub use crate::pool::PoolLimited;
use crate::ranges::TaskRuns;
pub use crate::run::stop::RunEndMoved;
use crate::run::{Reuse, RunStatus, RunType, TaskStatus};
pub use crate::runner::{RunnerJoined, RunnerLost};
use crate::slots::NextSlot;
pub use crate::stages::TaskProgressed;
use crate::time::Timestamp;
use crate::trigger::RunSignal;

events! {
    /// The log begins. First event of every log.
    LogCreated = "log.created" v 1 {
        /// Identity of the log.
        log_id: LogId,
        /// Source of everything that looks like chance: tokens, jitter, ids. Never shown to users.
        #[serde(with = "serde_seed")]
        #[schemars(with = "crate::ids::Token")]
        seed: [u8; 16],
    }
    /// A server took up the log.
    ServerStarted = "server.started" v 1 {
        /// Fasti version.
        version: String,
        /// Machine.
        host: String,
        /// Release of the time zone database in use.
        tz_database: String,
        /// Settings in force from here on.
        settings: Settings,
    }
    /// A definition is known from here on, under the digest of its content.
    DefinitionAdded = "definition.added" v 1 {
        /// Digest of the content.
        digest: Digest,
        /// The content.
        definition: Arc<Definition>,
    }
    /// A batch was made, or has a new version.
    BatchSaved = "batch.saved" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its name.
        name: String,
        /// Its tag.
        tag: Tag,
        /// Version, from 1.
        version: u32,
        /// Digest of the definition.
        definition: Digest,
        /// Whether it was saved, or came into being by a run.
        saved_from: SavedFrom,
        /// Batch whose ends start it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runs_after: Option<BatchId>,
    }
    /// The schedule of a batch is off.
    BatchPaused = "batch.paused" v 1 {
        /// The batch.
        batch: BatchId,
        /// Why, as given.
        reason: Option<String>,
        /// When it is on again by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    }
    /// The schedule of a batch is on again.
    BatchResumed = "batch.resumed" v 1 {
        /// The batch.
        batch: BatchId,
    }
    /// A batch is gone; its runs stay readable.
    BatchDeleted = "batch.deleted" v 1 {
        /// The batch.
        batch: BatchId,
    }
    /// A schedule is in force, or has another next slot: slots after `after` count.
    SchedulePlanned = "schedule.planned" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// Slots up to here are not this plan's.
        after: Timestamp,
        /// The first slot; `None` when there is none.
        next: Option<NextSlot>,
    }
    /// A slot of a schedule has its run.
    ScheduleFired = "schedule.fired" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The slot.
        slot: Timestamp,
        /// When it was due: the slot and its jitter.
        due: Timestamp,
        /// The run.
        run: RunId,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// A slot waits until earlier runs of its batch are over.
    ScheduleQueued = "schedule.queued" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The slot.
        slot: Timestamp,
        /// When it was due: the slot and its jitter.
        due: Timestamp,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// Slots of a schedule passed while nobody could start them, and its policy does not make up for them.
    ScheduleMissed = "schedule.missed" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The earliest of them.
        first: Timestamp,
        /// The latest of them.
        last: Timestamp,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// Slots of a schedule were left out: the batch was paused, busy, or could not run.
    ScheduleSkipped = "schedule.skipped" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The earliest of them.
        first: Timestamp,
        /// The latest of them.
        last: Timestamp,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// Slots of a schedule waited until a later one took their place.
    ScheduleSuperseded = "schedule.superseded" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The earliest of them.
        first: Timestamp,
        /// The latest of them.
        last: Timestamp,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// Slots of a schedule went away with their batch before they had a run.
    ScheduleCancelled = "schedule.cancelled" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The earliest of them.
        first: Timestamp,
        /// The latest of them.
        last: Timestamp,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
        /// The slot that is next after this.
        next: Option<NextSlot>,
    }
    /// Slots of a schedule were expected and have no outcome: the scheduler was not there in time, or cannot read the
    /// schedule. What becomes of them is told by a later event.
    ScheduleAlerted = "schedule.alerted" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The earliest of them.
        first: Timestamp,
        /// The latest of them.
        last: Timestamp,
        /// How many.
        count: u64,
        /// Why, as far as is known.
        reason: String,
    }
    /// A signal started a run.
    TriggerFired = "trigger.fired" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// Name of the trigger.
        trigger: String,
        /// Id of the signal.
        signal: String,
        /// The run.
        run: RunId,
    }
    /// A signal waits until it has been silent for a while.
    TriggerHeld = "trigger.held" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// The signal with its payload.
        signal: Arc<RunSignal>,
        /// When the first of those that waited since came.
        since: Timestamp,
        /// When it starts a run, unless another one comes.
        due: Timestamp,
    }
    /// A signal starts nothing.
    TriggerIgnored = "trigger.ignored" v 1 {
        /// The batch.
        batch: BatchId,
        /// Its version then.
        version: u32,
        /// Name of the trigger.
        trigger: String,
        /// Id of the signal.
        signal: String,
        /// Why.
        reason: String,
    }
    /// A calendar was saved, or has a new version.
    CalendarSaved = "calendar.saved" v 1 {
        /// Its name.
        name: String,
        /// Version, from 1.
        version: u32,
        /// User who saved it first.
        owner: String,
        /// Which days are open.
        calendar: Arc<NamedCalendar>,
    }
    /// A calendar is gone.
    CalendarRemoved = "calendar.removed" v 1 {
        /// Its name.
        name: String,
    }
    /// An image was registered, or registered again.
    ImageRegistered = "image.registered" v 1 {
        /// Where its code and interpreter are.
        image: Image,
    }
    /// An image is gone.
    ImageRemoved = "image.removed" v 1 {
        /// Its name.
        name: String,
    }
    /// A packed source tree is in the blob store.
    BundleRegistered = "bundle.registered" v 1 {
        /// Digest of its bytes.
        digest: Digest,
        /// Length in bytes.
        size: u64,
    }
    /// A bundle that nothing names is gone.
    BundleRemoved = "bundle.removed" v 1 {
        /// Digest of its bytes.
        digest: Digest,
    }
    /// A set that runs will be made in.
    RunSetCreated = "run_set.created" v 1 {
        /// The set.
        run_set: RunSetId,
        /// Batch its runs are of.
        batch: BatchId,
        /// For people.
        title: String,
        /// Free words.
        labels: Vec<String>,
        /// The slots that it has runs for, if it is a backfill.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backfill: Option<Backfill>,
    }
    /// Somebody wants all runs of a set stopped; it takes no more.
    RunSetCancelled = "run_set.cancelled" v 1 {
        /// The set.
        run_set: RunSetId,
        /// Its batch.
        batch: BatchId,
        /// Why, as given.
        reason: Option<String>,
    }
    /// All runs of a set have been made.
    RunSetClosed = "run_set.closed" v 1 {
        /// The set.
        run_set: RunSetId,
        /// How many.
        runs: u64,
    }
    /// All runs of a closed set have ended.
    RunSetFinished = "run_set.finished" v 1 {
        /// The set.
        run_set: RunSetId,
        /// Its batch.
        batch: BatchId,
        /// Runs that succeeded.
        success: u64,
        /// Runs that failed.
        failure: u64,
        /// Runs that were cancelled.
        cancelled: u64,
    }
    /// A run exists, with all its task runs: their ids follow its own.
    RunCreated = "run.created" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Name of the batch.
        batch_name: String,
        /// Tag of the batch.
        tag: Tag,
        /// Saved version it is of; `None` for a definition that was not saved.
        version: Option<u32>,
        /// Digest of the definition.
        definition: Digest,
        /// Number of task runs.
        task_runs: u32,
        /// What made it.
        run_type: RunType,
        /// When it was due.
        scheduled_time: Timestamp,
        /// Rundate given by whoever asked; otherwise it is derived when the run starts.
        rundate: Option<String>,
        /// Who asked.
        requested_by: String,
        /// The run this one repeats.
        original_run: Option<RunId>,
        /// The set it is in.
        run_set: Option<RunSetId>,
        /// Task runs that are not executed because an earlier one serves.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reused: Vec<Reuse>,
        /// Instant at which the run is ended if it still goes on, once it started: seconds after its start.
        fail_after_seconds: Option<u64>,
        /// The run whose end made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_run: Option<RunId>,
        /// When it is cancelled if nothing of it has been started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_by: Option<Timestamp>,
        /// The signal that made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<Arc<RunSignal>>,
        /// The step of a flow that it carries out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u64>,
        /// Nothing of it is queued before this instant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        starts_at: Option<Timestamp>,
        /// When it is ended if it still goes on, started or not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends_at: Option<Timestamp>,
    }
    /// The first attempt of a run was given to a runner.
    RunStarted = "run.started" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Date the run is for, `YYYY-MM-DD`.
        rundate: String,
        /// When it will be ended if it still goes on.
        deadline: Option<Timestamp>,
    }
    /// Somebody wants a run stopped.
    RunCancelRequested = "run.cancel_requested" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Why, as given.
        reason: Option<String>,
    }
    /// A run went on longer than it may.
    RunDeadlinePassed = "run.deadline_passed" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
    }
    /// A run is over.
    RunFinished = "run.finished" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// How.
        status: RunStatus,
        /// Why, unless it succeeded.
        reason: Option<String>,
        /// Batches that this end starts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        starts: Vec<BatchId>,
    }
    /// Task runs wait for a runner.
    TaskQueued = "task.queued" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Which.
        task_runs: TaskRuns,
    }
    /// Task runs count as successful because earlier ones serve.
    TaskReused = "task.reused" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Which.
        task_runs: TaskRuns,
    }
    /// Task runs will not be executed.
    TaskSkipped = "task.skipped" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Which.
        task_runs: TaskRuns,
        /// Why.
        reason: String,
        /// The task run to blame, when there is one.
        because: Option<TaskRunId>,
    }
    /// A failed attempt of a task run, and what comes of it.
    TaskAttemptFailed = "task.attempt_failed" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// The task run.
        task_run: TaskRunId,
        /// Number of the attempt.
        number: u32,
        /// Why it failed.
        reason: String,
        /// When it will be queued again; `None` when there are no tries left.
        retry_at: Option<Timestamp>,
    }
    /// Task runs are over.
    TaskFinished = "task.finished" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// Which.
        task_runs: TaskRuns,
        /// How: success, failure or cancelled.
        status: TaskStatus,
        /// Why, unless they succeeded.
        reason: Option<String>,
    }
    /// Attempts may be run, by this runner and no other.
    AttemptLeased = "attempt.leased" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// The runner.
        runner: RunnerId,
        /// The attempts with their tokens.
        leases: Vec<Lease>,
    }
    /// Attempts have processes.
    AttemptStarted = "attempt.started" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// The runner.
        runner: RunnerId,
        /// The attempts with their processes.
        starts: Vec<AttemptStart>,
    }
    /// Attempts are over. Every attempt leased has exactly one such end.
    AttemptFinished = "attempt.finished" v 1 {
        /// The run.
        run: RunId,
        /// Its batch.
        batch: BatchId,
        /// The runner.
        runner: RunnerId,
        /// The attempts with their outcomes.
        ends: Vec<AttemptEnd>,
    }
    /// A runner spoke of an attempt that had already ended. Kept as evidence; nothing changes.
    AttemptReportedLate = "attempt.reported_late" v 1 {
        /// The runner.
        runner: RunnerId,
        /// What it said.
        end: AttemptEnd,
    }
    => {
        RunnerJoined = "runner.joined" v 1;
        RunnerLost = "runner.lost" v 1;
        RunnerDrained = "runner.drained" v 1;
        RunnerResumed = "runner.resumed" v 1;
        RunSetPaused = "run_set.paused" v 1;
        RunSetResumed = "run_set.resumed" v 1;
        RunEndMoved = "run.end_moved" v 1;
        TaskProgressed = "task.progressed" v 1;
        BatchRunsCancelled = "batch.runs_cancelled" v 1;
        PoolLimited = "pool.limited" v 1;
        DocumentSaved = "document.saved" v 1;
        DocumentRemoved = "document.removed" v 1;
        ContentsRemoved = "contents.removed" v 1;
        StepTypeSaved = "step_type.saved" v 1;
        FlowTypeSaved = "flow_type.saved" v 1;
        ItemSetCreated = "item_set.created" v 1;
        ItemSetExtended = "item_set.extended" v 1;
        FilesRegistered = "file.registered" v 1;
        FlowSetCreated = "flow_set.created" v 1;
        FlowSetEdited = "flow_set.edited" v 1;
        FlowsCreated = "flow.created" v 1;
        FlowDecided = "flow.decided" v 1;
        StepFinished = "step.finished" v 1;
        StepsCancelled = "step.cancelled" v 1;
        StepsRequeued = "step.requeued" v 1;
    }
}

/// The seed as bytes in binary formats and as hexadecimal text elsewhere.
mod serde_seed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::ids::Token;

    pub(super) fn serialize<S: Serializer>(
        seed: &[u8; 16],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Token(*seed).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 16], D::Error> {
        Ok(Token::deserialize(deserializer)?.0)
    }
}
