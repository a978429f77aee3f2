//! Every bound of the views, with its reason. Nothing here grows without one of these, except what the log's
//! own state keeps too (living batches, live runs) and the names of batches that were.

/// Finished runs kept in memory; older ones are in the history table.
pub const RECENT_RUNS_MAX: usize = 10_000;

/// Task runs of finished runs kept in memory (about 400 bytes each when they were executed). The run that
/// finished last stays whatever its size.
pub const RECENT_TASK_RUNS_MAX: u64 = 100_000;

/// Finished run sets kept in memory.
pub const RECENT_RUN_SETS_MAX: usize = 1_000;

/// Lost runners kept for people to look at.
pub const LOST_RUNNERS_MAX: usize = 100;

/// Server starts kept.
pub const SERVER_STARTS_MAX: usize = 20;

/// Edges of a run's graph between task runs; two parallel tasks of 1,000 parts each are a million.
pub const GRAPH_EDGES_MAX: u64 = 1_000_000;

/// Layouts of graphs kept, of the definitions looked at last; as they are sent, one of 100,000 tasks has some 10 MB.
pub const CACHED_LAYOUTS_MAX: usize = 16;

/// Sweeps in search of an order with few crossings: later ones hardly find a better one.
pub const LAYOUT_SWEEPS: usize = 12;

/// Bends that the long edges of a graph may have together; with more, edges go straight from task to task.
pub const LAYOUT_BENDS_MAX: u64 = 20_000;

/// Edges up to which single pairs of tasks are exchanged too; beyond, nobody sees single crossings.
pub const LAYOUT_FINE_EDGES_MAX: usize = 100_000;

/// Runs looked at by one query that no index answers. A page then ends early, with a cursor to go on from,
/// so that no query holds the views for long.
pub const SCANNED_RUNS_MAX: usize = 10_000;

/// Names of upstream tasks spelled out in the reason why a task run waits.
pub const WAITS_FOR_NAMES_MAX: usize = 5;

/// Removals of contents remembered by kind; what an older one removed counts as removed by the oldest of these.
pub const REMOVALS_MAX: usize = 1_000;

/// Events applied in one hold of the lock.
pub const EVENTS_PER_HOLD_MAX: usize = 256;

/// Evicted runs that may wait for the follower to write them to the history table.
pub const LEAVING_RUNS_MAX: usize = 1_024;

/// Task runs in one row of the history table: one lookup decodes no more than these.
pub const TASK_RUNS_PER_ROW: u32 = 128;

/// Steps of task runs with stages in one row of the history table; nine bytes each.
pub const STEPS_PER_ROW: u32 = 400;

/// Task runs that are in the row of their run in the history table, if it has no more than these: most runs are
/// small, and a row less for each is what writing the history is made of.
pub const TASK_RUNS_WITH_RUN: usize = 8;

/// Definitions of old runs kept decoded between queries.
pub const CACHED_GRAPHS_MAX: usize = 8;

/// Events between two checkpoints of the views, from which views of the past are computed; more when there are
/// already [`CHECKPOINTS_MAX`].
pub const CHECKPOINT_EVERY_EVENTS: u64 = 30_000;

/// Checkpoints kept, spread over the log.
pub const CHECKPOINTS_MAX: usize = 64;

/// Views of the past kept in memory.
pub const PAST_VIEWS_MAX: usize = 3;

/// Events between two snapshots of the views.
pub const SNAPSHOT_EVERY_EVENTS: u64 = 200_000;
