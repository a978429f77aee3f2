//! Everything one can ask. Commands from outside and, below them, the consequences that `react` asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::attempt::{AttemptReport, Outcome};
use crate::backfill::BackfillRequest;
use crate::calendar::NamedCalendar;
use crate::definition::Definition;
use crate::documents::DocumentChange;
use crate::event::{ContentsRemoved, KeyUse};
use crate::flow::FlowCommand;
use crate::ids::{BatchId, Digest, LogId, RunId, RunSetId, RunnerId, Seq, TaskRunId};
use crate::image::Image;
use crate::ranges::TaskRuns;
use crate::run::{Reuse, RunType};
use crate::runner::RunnerInfo;
use crate::time::Timestamp;
use crate::trigger::{RunSignal, Signal};
use crate::undo::Undo;

/// A command with who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// By whom.
    pub principal: Principal,
    /// Given to make a repetition harmless.
    pub key: Option<Arc<KeyUse>>,
    /// W3C trace context.
    pub trace: Option<Arc<str>>,
}

impl Request {
    /// A command of the scheduler itself.
    #[must_use]
    pub fn system(command: Command) -> Self {
        Self {
            command,
            principal: Principal::system(),
            key: None,
            trace: None,
        }
    }
}

/// A definition with the digest of its content, computed where definitions enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// SHA-256 of the canonical encoding.
    pub digest: Digest,
    /// The content.
    pub definition: Arc<Definition>,
}

/// Settings that decisions depend on; they enter the log when a server starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Wait between a failed attempt and the next, in milliseconds.
    pub retry_delay_ms: u64,
    /// Time between TERM and KILL when an attempt is ended, in milliseconds.
    pub grace_ms: u64,
    /// How old the newest slot that passed unseen may be to fire after all, in milliseconds.
    pub catch_up_ms: u64,
    /// What messages can reach it by; `None` when none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intake: Option<Intake>,
}

/// What messages can reach a server by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Intake {
    /// It is connected to NATS.
    pub nats: bool,
    /// Names of the keys that webhooks are signed with.
    pub webhook_keys: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry_delay_ms: 1_000,
            grace_ms: 5_000,
            catch_up_ms: 3_600_000,
            intake: None,
        }
    }
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Begin a log. Only on an empty one.
    CreateLog {
        /// Identity.
        log_id: LogId,
        /// Source of chance.
        seed: [u8; 16],
    },
    /// A server takes up the log.
    StartServer {
        /// Fasti version.
        version: String,
        /// Machine.
        host: String,
        /// Release of the time zone database.
        tz_database: String,
        /// Settings from here on.
        settings: Settings,
    },
    /// Make a batch, or a new version of it.
    SaveBatch {
        /// What it is to be.
        definition: Hashed,
        /// Version the caller knows, if it must not have changed.
        expected_version: Option<u32>,
    },
    /// Turn its schedule off.
    PauseBatch {
        /// The batch.
        batch: BatchId,
        /// Why.
        reason: Option<String>,
        /// When it goes on by itself.
        until: Option<Timestamp>,
    },
    /// Turn its schedule on.
    ResumeBatch {
        /// The batch.
        batch: BatchId,
    },
    /// Remove a batch.
    DeleteBatch {
        /// The batch.
        batch: BatchId,
        /// Also with live runs, which are then cancelled.
        force: Force,
    },
    /// Make a calendar, or a new version of it.
    SaveCalendar {
        /// Its name.
        name: String,
        /// Which days are open.
        calendar: Arc<NamedCalendar>,
    },
    /// Remove a calendar that no batch uses.
    RemoveCalendar {
        /// Its name.
        name: String,
    },
    /// Change documents of dialects, all of them or none.
    ChangeDocuments {
        /// How.
        changes: Vec<DocumentChange>,
    },
    /// Register an image.
    RegisterImage {
        /// The image; its owner is whoever asks.
        image: Image,
    },
    /// Remove an image.
    RemoveImage {
        /// Its name.
        name: String,
    },
    /// Say that a bundle is in the blob store.
    RegisterBundle {
        /// Digest of its bytes.
        digest: Digest,
        /// Length in bytes.
        size: u64,
    },
    /// Put on record that contents beside the log are about to be removed.
    RemoveContents(ContentsRemoved),
    /// Forget bundles that nothing names; those that something names stay.
    RemoveBundles {
        /// Digests of their bytes.
        digests: Vec<Digest>,
    },
    /// Start a run.
    CreateRun(CreateRun),
    /// Start a run that begins and ends at given instants.
    CreateRunWithin {
        /// The run.
        create: CreateRun,
        /// When it may go on.
        window: RunWindow,
    },
    /// Have a run end at another instant than was said before.
    MoveRunEnd {
        /// The run.
        run: RunId,
        /// When it is ended if it still goes on.
        ends_at: Timestamp,
    },
    /// A message came for a trigger.
    TakeSignal(Signal),
    /// Make a set for many runs.
    CreateRunSet {
        /// Batch its runs are of.
        batch: BatchId,
        /// For people.
        title: String,
        /// Free words.
        labels: Vec<String>,
        /// Rundates of its first runs, one run each; `None` = derived when it starts.
        runs: Vec<Option<String>>,
        /// Whether more will follow.
        more: More,
    },
    /// Make further runs in a set.
    AddRunSetRuns {
        /// The set.
        run_set: RunSetId,
        /// Rundates, one run each.
        runs: Vec<Option<String>>,
        /// Whether more will follow.
        more: More,
    },
    /// Make runs for the slots of a range.
    CreateBackfill(BackfillRequest),
    /// Let a backfill make no runs.
    PauseRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// Let a backfill go on.
    ResumeRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// Take no more runs into a set, and stop those that go on.
    CancelRunSet {
        /// The set.
        run_set: RunSetId,
        /// Why.
        reason: Option<String>,
    },
    /// Stop a run.
    CancelRun {
        /// The run.
        run: RunId,
        /// Why.
        reason: Option<String>,
    },
    /// Something about flows.
    Flow(FlowCommand),
    /// Stop the runs of a batch, a few at a time.
    CancelBatchRuns {
        /// The batch.
        batch: BatchId,
        /// Only those whose definition carries this label.
        label: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Set limits of a pool, or take them away.
    LimitPool {
        /// Name of the pool.
        pool: String,
        /// Units by the name of who limits it; `None` takes the limit away.
        limits: BTreeMap<String, Option<u64>>,
    },
    /// Take back what an event did.
    Undo(Box<Undo>),
    /// A runner is here.
    JoinRunner {
        /// What it says of itself.
        info: RunnerInfo,
    },
    /// A runner is gone.
    LoseRunner {
        /// The runner.
        runner: RunnerId,
        /// How that was noticed.
        reason: String,
    },
    /// Give a runner nothing new; what it has goes on.
    DrainRunner {
        /// The runner.
        runner: RunnerId,
        /// Why.
        reason: Option<String>,
        /// The drained runner in whose place it will be started: it need not have joined then.
        instead_of: Option<RunnerId>,
    },
    /// Give a drained runner work again.
    ResumeRunner {
        /// The runner.
        runner: RunnerId,
    },
    /// A runner speaks of its attempts.
    Report {
        /// The runner.
        runner: RunnerId,
        /// What it says, in order.
        reports: Vec<AttemptReport>,
    },
    /// Time has passed: do what is due.
    Wake,
    /// A consequence; never given from outside.
    Follow(Follow),
}

/// Whether a removal may end what still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Refuse when something still goes on.
    No,
    /// End it.
    Yes,
}

/// Whether a set takes further runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// It is complete.
    No,
    /// Further runs will follow.
    Yes,
}

/// When a run may go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunWindow {
    /// Nothing of it is queued before; at once when not given.
    pub starts_at: Option<Timestamp>,
    /// It is ended then if it still goes on, started or not.
    pub ends_at: Option<Timestamp>,
}

/// See [`Command::CreateRun`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRun {
    /// Of what.
    pub source: RunSource,
    /// Rundate, `YYYY-MM-DD`; derived when the run starts if not given.
    pub rundate: Option<String>,
    /// What makes it.
    pub run_type: RunType,
    /// The run this one repeats, and what it takes over.
    pub repeats: Option<Repeats>,
}

/// What a run is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSource {
    /// The present version of a batch.
    Saved(BatchId),
    /// A definition as it is given, without saving it.
    Given(Hashed),
}

/// A run that repeats a finished one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeats {
    /// The finished run.
    pub original: RunId,
    /// Saved version the finished run was of.
    pub version: Option<u32>,
    /// Task runs taken over, by position; ascending.
    pub reused: Vec<ReusedNode>,
    /// The signal that started the finished run.
    pub signal: Option<Arc<RunSignal>>,
}

/// A task run taken over from a finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReusedNode {
    /// Position in the definition.
    pub node: u32,
    /// What serves.
    pub reuse: Reuse,
}

/// Consequences: what `react` asks for. They are never refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// Let a new run begin.
    OpenRun {
        /// The run.
        run: RunId,
    },
    /// Stop what has not started of a run that is to stop.
    StopRun {
        /// The run.
        run: RunId,
    },
    /// Decide what follows from ended attempts.
    SettleAttempts {
        /// The run.
        run: RunId,
        /// The attempts' task runs, with why each failed (`None`: it succeeded).
        ends: Vec<SettledEnd>,
    },
    /// Some task runs came to an end: open or skip what waits for them, close the run when all are over.
    Advance {
        /// The run.
        run: RunId,
        /// Which ended.
        ended: TaskRuns,
    },
    /// A run's first attempt was leased.
    BeginRun {
        /// The run.
        run: RunId,
    },
    /// A run of a batch that slots wait for is over, or its pause is.
    FireQueued {
        /// The batch.
        batch: BatchId,
    },
    /// A run ended that this batch runs after.
    StartAfter {
        /// The batch.
        batch: BatchId,
        /// The run that ended.
        parent: RunId,
    },
    /// A calendar has a new version: plans that go by it are made anew.
    ReplanCalendar {
        /// Its name.
        name: String,
    },
    /// The time zone database is another one: look at every plan again.
    Replan,
    /// End the attempts of a lost runner.
    LoseAttempts {
        /// The runner.
        runner: RunnerId,
        /// How that was noticed.
        reason: String,
    },
    /// Take no more runs into a set because its batch is removed.
    CloseRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// Make the next runs of a backfill.
    FillRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// End a closed set of which no run goes on.
    SettleRunSet {
        /// The set.
        run_set: RunSetId,
    },
    /// Make the next flows of a set.
    FillFlows {
        /// The set.
        flow_set: u64,
    },
    /// Do what is due in flows.
    SettleFlows,
    /// Give queued task runs to runners with room.
    Place,
}

/// An ended attempt as far as the next step needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledEnd {
    /// The task run.
    pub task_run: TaskRunId,
    /// Number of the attempt.
    pub number: u32,
    /// How it ended.
    pub end: SettledKind,
}

/// See [`SettledEnd`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettledKind {
    /// It succeeded.
    Success,
    /// It failed by itself: how, and in words.
    Failure(Outcome, String),
    /// Its own time limit passed.
    TimedOut(String),
    /// Its runner was lost.
    Lost(String),
    /// It was stopped because its run was to stop.
    Stopped,
}

/// Answer to a command: what it made, and where it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Last event that the command caused; what a reader must have seen to see all of it. For a repeated
    /// request, and for one that changed nothing, the last event there is.
    pub seq: Seq,
    /// When it was decided.
    pub at: Timestamp,
    /// What it made or changed.
    pub subject: Subject,
    /// Whether this is the answer to an earlier request with the same idempotency key.
    pub repeated: bool,
}

/// What a command made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// Nothing with a name.
    None,
    /// A batch, in this version.
    Batch {
        /// The batch.
        batch: BatchId,
        /// The version.
        version: u32,
    },
    /// A run.
    Run(RunId),
    /// A run set.
    RunSet(RunSetId),
    /// An image.
    Image(String),
    /// A bundle.
    Bundle(Digest),
    /// A signal that waits, until then at the earliest.
    Held(Timestamp),
    /// A signal that started nothing, for this reason.
    Ignored(String),
    /// A set of flows, an item set, or the first of some items or files.
    Flow(u64),
}
