//! Flows: many inputs on their way through one graph, where what did not change is shared and not done again.
//!
//! A [`FlowSet`] makes one [`Flow`] for each input. A flow has a slot for each node of its graph, and a slot refers to
//! a [`Step`] (work that ordinary runs carry out), a [`Decision`] or another flow. A flow that takes the place of an
//! earlier one refers to the very same steps where nothing changed, whatever their status, now and later.
//!
//! [`Flows`] is a fold of the log like every other part of the state: [`Flows::apply`] is the only code that changes
//! it, the views hold a copy made by the same code, and `settle` says what follows by itself.

mod apply;
mod check;
mod counts;
mod data;
mod decide;
mod diff;
pub mod events;
mod fill;
mod filter;
mod find;
mod follow;
mod forced;
mod graph;
mod graph_size;
mod interface;
mod make;
mod model;
mod progress;
mod settle;
mod sizes;
mod spec;
mod staging;
mod types;

pub use check::{CheckedSet, SetProblem, SetRequest, check_set};
pub use counts::{Counts, Durations, NodeMetrics};
pub use data::{Data, check_item};
pub use decide::FlowCommand;
pub(crate) use decide::decide;
pub use diff::{Change, DiffStatus, GraphDiff, NodeDiff, diff};
pub(crate) use fill::fill;
pub use filter::{Filter, FilterRule};
pub use forced::{Forced, Plan, estimate, plan};
pub use graph::{Connection, Dependency, FlowGraph, FlowNode, GraphProblem, NodeKind, check_graph};
pub use graph_size::GraphSize;
pub use interface::{FeedProblem, FileParameter, Interface, JsonParameter, JsonType, feed};
pub use model::{
    Decision, Execution, Flow, FlowFile, FlowRevision, FlowSet, FlowType, Flows, Gate, Item,
    ItemSet, ItemSetDefinition, MappedInput, NewFile, NewFlow, SetConfiguration, SetSource, Slot,
    Step, StepError, StepRevision, StepStatus, StepType,
};
pub use settle::{Product, StepEnd};
pub(crate) use settle::{is_due, settle};
pub use spec::{OutputFile, OutputJson, StepFailure, StepPolicy, StepSpec};
pub(crate) use staging::stage;
pub use staging::{Gathered, GatheredFile, StagedFolder, StagedOutput, Staging};
