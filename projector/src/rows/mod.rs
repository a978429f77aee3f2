//! What queries answer with: plain data, complete in itself. `api` turns it into JSON; nothing here knows
//! how it is shown, and nothing here changes once it was handed out.

mod batch;
mod document;
mod graph;
mod phase;
mod run;
mod run_set;
mod server;
mod slot;
mod stages;
mod task_run;

pub use batch::{BatchFilter, BatchView, LastRun, VersionView};
pub use document::DocumentView;
pub use graph::{GraphEdge, GraphNode, RunGraph, RunStates, TaskState, TooManyEdges};
pub use phase::{Phase, PhaseCounts, PoolLimitView, PoolView};
pub use run::{RunCounts, RunFilter, RunPage, RunView, TaskCounts};
pub use run_set::RunSetView;
pub use server::{DrainView, ImageView, LogView, RunnerView, ServerStart};
pub use slot::{LedgerView, PlanView, SlotOutcome, SlotTotals, SlotView};
pub use stages::{EndedTaskRun, StageCounts, StepKind, StepView, TaskStages};
pub use task_run::{AttemptView, TaskRunFilter, TaskRunView};
