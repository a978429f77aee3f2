//! What the native interface sends and receives, and nothing else: plain shapes with the names, defaults and
//! nulls of the contract. Unknown fields of requests are errors.

mod batch;
mod definition;
mod event;
mod graph;
mod image;
mod list;
mod run;
mod run_set;
mod runner;
mod schedule;
mod server;
mod task_run;
mod words;

pub(crate) use batch::{Batch, BatchVersion, LastRun, Pause};
pub(crate) use definition::{Definition, Edge, Task};
pub(crate) use event::Event;
pub(crate) use graph::{GraphEdge, GraphNode, RunGraph, TaskEdge};
pub(crate) use image::{BundleAnswer, Image, ImageBody};
pub(crate) use list::{Page, RunPage};
pub(crate) use run::{Cancel, NewRun, Rerun, RerunMode, Run, StartRun};
pub(crate) use run_set::{MoreRuns, NewRunSet, RunSet, RunSetRun};
pub(crate) use runner::Runner;
pub(crate) use schedule::{FirstLast, Preview, PreviewBody, Schedule};
pub(crate) use server::{Health, Nothing, Version};
pub(crate) use task_run::{Attempt, Metrics, ResultRef, TaskRun};
pub(crate) use words::{EndCondition, Kind, Priority, RunStatus, RunType, Tag, TaskStatus};
