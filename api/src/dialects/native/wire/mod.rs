//! What the native interface sends and receives, and nothing else: plain shapes with the names, defaults and
//! nulls of the contract. Unknown fields of requests are errors.

mod batch;
mod calendar;
mod definition;
mod diff;
mod drawing;
mod event;
mod explanation;
mod flow;
mod flow_run;
mod flow_type;
mod graph;
mod image;
mod item_set;
mod list;
mod pool;
mod run;
mod run_set;
mod runner;
mod schedule;
mod server;
mod slot;
mod task_run;
mod trigger;
mod undo;
mod what_if;
mod words;

pub(crate) use batch::{Batch, BatchVersion, LastRun, Pause};
pub(crate) use calendar::{Calendar, CalendarBody};
pub(crate) use definition::{Definition, Edge, Retry, Task};
pub(crate) use diff::{BatchDiff, DefinitionChange, DiffRun, RunDiff, TaskDiff, TaskSide};
pub(crate) use drawing::{BeginSession, GraphToDraw, NamedParts, RunLayout, RunStates};
pub(crate) use event::{Event, EventDensity};
pub(crate) use explanation::{Cause, Explanation};
pub(crate) use flow::{
    FlowGraphDiff, FlowNodeDiff, FlowSet, FlowSetComparison, FlowSetPlan, NewFlowSet, NodeSteps,
    StepCounts,
};
pub(crate) use flow_run::{
    Flow, FlowNode, FlowStatus, FlowStep, FlowStepFailure, RetriedSteps, RetrySteps,
};
pub(crate) use flow_type::{
    Decision, FlowType, FlowTypeBody, Node, Output, Parameter, Rule, Source, StepFailure, StepType,
    StepTypeBody,
};
pub(crate) use graph::{GraphEdge, GraphNode, RunGraph, TaskEdge};
pub(crate) use image::{
    BundleAnswer, Container, Engine, Environment, EnvironmentBody, Image, ImageBody,
};
pub(crate) use item_set::{File, Item, ItemSet, MoreItems, NewFile, NewItemSet, SetItem};
pub(crate) use list::{Page, RunPage};
pub(crate) use pool::{Pool, PoolBody};
pub(crate) use run::{
    Cancel, NewRun, PlannedTask, Rerun, RerunMode, RerunPlan, RerunVersion, Run, RunSignal,
    StartRun,
};
pub(crate) use run_set::{Backfill, BackfillOrder, BackfillPreview, NewBackfill};
pub(crate) use run_set::{MoreRuns, NewRunSet, RunSet, RunSetRun};
pub(crate) use runner::{Drain, Runner};
pub(crate) use schedule::{
    CalendarUse, ClockChange, FirstLast, Preview, PreviewBody, PreviewNote, Schedule, Trigger,
    TriggerCondition, TriggerValue,
};
pub(crate) use server::{Health, Nothing, Rebuild, Receipt, StoreHealth, Version};
pub(crate) use slot::{Slot, SlotPage, SlotPlan, SlotTotals};
pub(crate) use task_run::{Attempt, Metrics, ResultRef, TaskRun};
pub(crate) use trigger::SignalAnswer;
pub(crate) use undo::{UndoBody, Undone};
pub(crate) use what_if::{WhatIf, WhatIfBatch, WhatIfBody, WhatIfFigure};
pub(crate) use words::{
    CalendarMode, EndCondition, Kind, Misfire, Overlap, Priority, RunStatus, RunType,
    SignalOutcome, Tag, TaskStatus, TriggerSource,
};
