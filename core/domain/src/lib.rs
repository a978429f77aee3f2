//! The pure domain of Fasti: commands, events, state and the rules between them.
//!
//! Nothing here knows a clock, IO, chance, threads or async: the same code runs live, in recovery, in audit
//! and in simulation. Four doors: [`decide`] (may this happen, and what is then the case), [`evolve`] (an
//! event changes the state), [`react`] (what follows by itself), [`handle`] (all three until quiet).
//!
//! Start with [`command`], [`event`] and [`react`]; each noun has its rules in its own file.

pub mod access;
pub mod attempt;
pub mod backfill;
pub mod batch;
pub mod calendar;
pub mod calendars;
pub mod command;
mod consequences;
pub mod container;
pub mod contents;
mod decide;
pub mod definition;
pub mod documents;
pub mod drain;
pub mod event;
mod evolve;
pub mod flow;
pub mod graph;
mod handle;
pub mod ids;
pub mod image;
pub mod launch;
pub mod launching;
pub mod limits;
mod pieces;
pub mod placement;
pub mod pool;
pub mod ranges;
mod react;
mod ready;
pub mod rehearse;
pub mod rejection;
mod retry;
pub mod run;
pub mod run_set;
pub mod runner;
pub mod schedule;
pub mod seeded;
pub mod simulate;
pub mod slots;
pub mod spawnable;
pub mod stages;
pub mod state;
pub mod task_options;
pub mod task_uuid;
pub mod time;
pub mod trigger;
pub mod undo;

#[cfg(test)]
mod testing;

pub use decide::decide;
pub use evolve::{evolve, subject};
pub use handle::{Handled, Placing, handle, handle_placing};
pub use react::react;
