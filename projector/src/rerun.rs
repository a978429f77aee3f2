//! Repetitions: which task runs of a finished run are executed again, and which serve as they are.
//!
//! Pure: from a finished run, its graph, and the knowledge which values are still stored. The plan is made
//! when somebody asks for the repetition; the new run's first event then carries what it takes over.

mod plan;
mod renewed;
mod source;

pub use plan::{Plan, PlanAction, PlanError, PlanReason, PlannedNode, plan};
pub use source::{Change, Source, SourceNode};

/// What is to be executed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    All,
    /// What did not succeed, and everything downstream of that.
    Failed,
    /// These tasks or parts, by name, and everything downstream; a parallel task's name stands for all its
    /// parts. What did not succeed is executed too, because nothing can serve in its place.
    From(Vec<String>),
}
