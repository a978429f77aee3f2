//! Every bound of the domain, with its reason. Nothing grows without one of these.

/// Task runs in one run, and tasks in one definition: what a graph view and one commit can carry.
pub const TASK_RUNS_MAX: usize = 100_000;

/// Edges of one definition: ten a task at full size.
pub const EDGES_MAX: usize = 1_000_000;

/// Characters of a batch, task or part name; longer ones break tables and subjects.
pub const NAME_CHARS_MAX: usize = 200;

/// Bytes of a text that one task run is started with: the configuration of a task or of a part, standard input.
pub const CONFIGURATION_BYTES_MAX: usize = 1 << 20;

/// Bytes of a pickle that a definition brings along, in base64. That of a parallel task holds the configurations
/// of all its parts, so it may be larger; it goes into every launch, so it may not be much larger.
pub const PICKLE_BYTES_MAX: usize = 8 << 20;

/// Bytes of all variables of a task or an image, and of all arguments of a command: what the system lets a
/// program begin with is about 2 MiB.
pub const ENVIRONMENT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a path: what the system takes.
pub const PATH_BYTES_MAX: usize = 4_096;

/// Values of dependencies kept from one launch to the next, over all tasks; about 150 bytes each.
pub const UPSTREAM_VALUES_KEPT_MAX: usize = 1_000_000;

/// Labels of a run set; they are in every answer about it.
pub const RUN_SET_LABELS_MAX: usize = 100;

/// Arguments of a command, program included.
pub const ARGUMENTS_MAX: usize = 10_000;

/// Stages of one task: so many columns can still be read.
pub const STAGES_MAX: usize = 14;

/// Marks that one attempt may set: each is a part of an event.
pub const MARKS_PER_ATTEMPT_MAX: usize = 200;

/// Retries of one task after failures of its own.
pub const RETRIES_MAX: u32 = 1_000;

/// Longest wait between two attempts: a week.
pub const RETRY_DELAY_MS_MAX: u64 = 7 * 86_400_000;

/// Each wait at most so many percent of the one before.
pub const RETRY_BACKOFF_PERCENT_MAX: u32 = 1_000;

/// Exit codes that a policy names.
pub const RETRY_CODES_MAX: usize = 255;

/// Further attempts after a runner was lost; apart from the task's own retries, because a broken machine is
/// not the task's fault, and bounded, because a task may be what breaks the machine.
pub const LOST_RETRIES_MAX: u32 = 3;

/// Leases granted by one placement step; bounds the size of a commit.
pub const LEASES_PER_STEP_MAX: u32 = 512;

/// Bytes, about, of the list in one event, so that with what is around it the event stays below the 4 KiB that the
/// log keeps inline; longer lists are several events.
pub const EVENT_LIST_BYTES_MAX: usize = 3_600;

/// Leases beyond its slots that a runner may hold, however short its attempts are.
pub const LEASES_AHEAD_MAX: u32 = 256;

/// Work that a runner should hold ahead of its slots: long enough to hide a few commits even of a slow disk, so
/// that its reports can go together, short enough that nobody notices the wait behind it.
pub const LEASE_AHEAD_US: i64 = 50_000;

/// Runs made by one command for a run set; larger sets are filled by several commands.
pub const RUN_SET_RUNS_PER_COMMAND_MAX: usize = 1_000;

/// Runs alive at a time.
pub const LIVE_RUNS_MAX: usize = 1_000_000;

/// Task runs of all live runs together: each takes some ten bytes before it begins, and a few hundred once it
/// has a value.
pub const LIVE_TASK_RUNS_MAX: u64 = 10_000_000;

/// Batches that are there at a time.
pub const BATCHES_MAX: usize = 100_000;

/// Run sets that are not finished.
pub const OPEN_RUN_SETS_MAX: usize = 100_000;

/// Runners that joined and were not lost.
pub const RUNNERS_MAX: usize = 10_000;

/// Runners that are drained, also some that were lost meanwhile: as many as there can be runners.
pub const DRAINED_RUNNERS_MAX: usize = RUNNERS_MAX;

/// Bundles registered: each is known for ever.
pub const BUNDLES_MAX: usize = 1_000_000;

/// Timers handled by one wake; more are handled by the next.
pub const TIMERS_PER_WAKE_MAX: usize = 1_000;

/// Events after which a wake looks at no further timer: one may make up for many slots.
pub const EVENTS_PER_WAKE_MAX: usize = 4_000;

/// Runs that are cancelled in one step when their batch or set goes, and the time between two steps: 100,000 runs
/// take ten seconds, and everything else goes on meanwhile.
pub const CANCELS_PER_STEP: u64 = 500;
/// See [`CANCELS_PER_STEP`].
pub const CANCEL_STEP_MS: u64 = 50;

/// Slots of one batch that may wait for earlier runs.
pub const QUEUED_SLOTS_MAX: usize = 1_000;

/// Commands that may follow from one command. Removing a batch asks for a few in each of its live runs.
pub const CASCADE_MAX: usize = 10 * LIVE_RUNS_MAX;

/// Bytes of an idempotency key.
pub const KEY_BYTES_MAX: usize = 255;

/// How long an idempotency key is remembered: seven days.
pub const KEY_KEPT_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// Idempotency keys remembered; beyond it the oldest are forgotten early.
pub const KEYS_MAX: usize = 1_000_000;

/// Images registered.
pub const IMAGES_MAX: usize = 10_000;

/// Slots of one backfill.
pub const BACKFILL_SLOTS_MAX: u64 = 100_000;

/// Runs of one backfill that may go on at a time.
pub const BACKFILL_LIVE_MAX: u32 = 1_000;

/// Runs that a backfill makes in one step; bounds the size of a commit.
pub const BACKFILL_STEP_MAX: u64 = 100;

/// Calendars saved.
pub const CALENDARS_MAX: usize = 1_000;

/// Documents that dialects keep; each is in memory with its text.
pub const DOCUMENTS_MAX: usize = 200_000;

/// Documents changed by one command; bounds the size of a commit.
pub const DOCUMENT_CHANGES_MAX: usize = 1_000;

/// Bytes of a document.
pub const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// Bytes of the key of a document.
pub const DOCUMENT_KEY_BYTES_MAX: usize = 512;

/// Blobs that one document needs.
pub const DOCUMENT_BLOBS_MAX: usize = 100;

/// Bytes of all annotations of a definition together, names included.
pub const ANNOTATION_BYTES_MAX: usize = 8 << 20;

/// Pools that have limits.
pub const POOLS_MAX: usize = 10_000;

/// Limits of one pool.
pub const POOL_LIMITS_MAX: usize = 16;

/// Signed tokens of one task.
pub const TOKENS_MAX: usize = 16;

/// Longest time a signed token holds: a year.
pub const TOKEN_LIFETIME_SECONDS_MAX: u64 = 366 * 86_400;

/// Bytes of a reason or message kept in an event.
pub const REASON_BYTES_MAX: usize = 2_000;

/// Step types, and flow types, each with all their revisions.
pub const FLOW_TYPES_MAX: usize = 10_000;

/// Parameters of an interface: each item is looked at for each of them.
pub const FLOW_PARAMETERS_MAX: usize = 1_000;

/// Items that one request adds; they are checked while everything else waits.
pub const FLOW_ITEMS_A_REQUEST_MAX: usize = 20_000;

/// Nodes of one graph of flows.
pub const FLOW_NODES_MAX: usize = 1_000;

/// Nodes of one graph with those of all flows inside, each counted at every place where it is: what one input may come
/// to, and with it the least that a commit has to hold.
pub const FLOW_NESTED_NODES_MAX: u64 = 10_000;

/// Flows inside of each other.
pub const FLOW_DEPTH_MAX: u32 = 32;

/// Item sets, and sets of flows: all that ever were stay readable.
pub const FLOW_SETS_MAX: usize = 100_000;

/// Items of all item sets together; some hundred bytes each.
pub const FLOW_ITEMS_MAX: usize = 1_000_000;

/// Files known to flows, registered or left by steps; some hundred bytes each.
pub const FLOW_FILES_MAX: usize = 2_000_000;

/// Steps of all flows together, whether they are over or not: a few hundred bytes each.
pub const FLOW_STEPS_MAX: usize = 2_000_000;

/// Flows of all sets together, with those inside of others: a few hundred bytes each.
pub const FLOWS_MAX: usize = 2_000_000;

/// Flows that a set makes in one step; bounds the size of a commit.
pub const FLOWS_PER_STEP_MAX: usize = 1_000;

/// Nodes that may come into being, or be superseded, in one go, with those of flows inside; one flow always fits.
/// Everything else waits meanwhile.
pub const FLOW_NODES_PER_STEP_MAX: u64 = 20_000;

/// Steps that are judged, or given a run, in one go.
pub const FLOW_STEPS_PER_SETTLE_MAX: usize = 200;

/// Bytes of the values that a step writes down, kept in an event.
pub const STEP_VALUES_BYTES_MAX: usize = 64 << 10;

/// Bytes of one specification of a step, and of what an item set says of its items, as JSON: a manifest of the largest
/// size gives less.
pub const FLOW_DEFINITION_BYTES_MAX: usize = 4 << 20;

/// Revisions of one step type or flow type: all are kept.
pub const FLOW_REVISIONS_MAX: usize = 10_000;

/// Bytes of the data of one item, and of what is noted about one file.
pub const FLOW_ITEM_BYTES_MAX: usize = 64 << 10;

/// Tries at one step that are kept; of more the oldest are forgotten.
pub const STEP_TRIES_KEPT_MAX: usize = 100;
