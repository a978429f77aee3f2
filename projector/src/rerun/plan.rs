//! From a finished run to what its repetition does.

use std::fmt;

use fasti_core::domain::attempt::ResultRef;
use fasti_core::domain::graph::Graph;
use fasti_core::domain::ids::RunId;
use fasti_core::domain::run::{Reuse, RunType, TaskStatus};

use super::{Change, Mode, Source, SourceNode};

/// What a repetition does with each task run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The finished run.
    pub original: RunId,
    /// Saved version it was of.
    pub version: Option<u32>,
    /// What the new run is to be called.
    pub run_type: RunType,
    /// Date for the new run, unless whoever asks gives another.
    pub rundate: Option<String>,
    /// Task runs by position.
    pub nodes: Vec<PlannedNode>,
}

/// What becomes of one task run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNode {
    /// Its position.
    pub node: u32,
    /// What is done.
    pub action: PlanAction,
    /// Why.
    pub reason: PlanReason,
}

/// See [`PlannedNode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanAction {
    /// It is executed.
    Execute,
    /// An earlier one serves. (`task_run` is the one in the original run until the new run has ids.)
    Reuse(Box<Reuse>),
}

/// Why a task run is executed again or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanReason {
    /// Everything is.
    Everything,
    /// It was named.
    Named,
    /// The version asked for has a task that the finished run did not have.
    New,
    /// The version asked for executes it in another way, or after other tasks.
    Different,
    /// It did not succeed.
    NoSuccess,
    /// Something upstream is executed again.
    Downstream,
    /// Something downstream needs its value, which is no longer stored.
    ValueGone,
    /// It succeeded, and nothing upstream changes.
    Serves,
}

impl fmt::Display for PlanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Everything => "everything is executed again",
            Self::Named => "asked for by name",
            Self::New => "new in the version asked for",
            Self::Different => "different in the version asked for",
            Self::NoSuccess => "did not succeed",
            Self::Downstream => "downstream of something that is executed again",
            Self::ValueGone => "its value is needed and no longer stored",
            Self::Serves => "its value serves",
        })
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The run goes on.
    #[error("run {run} is not finished; cancel it or wait for its end before it is run again")]
    NotFinished {
        /// The run.
        run: RunId,
    },
    /// Nothing of it failed.
    #[error(
        "every task of run {run} succeeded, so there is nothing to run again; use the mode `all` or `from`"
    )]
    NothingToDo {
        /// The run.
        run: RunId,
    },
    /// The mode `from` without names.
    #[error("the mode `from` needs at least one task name")]
    NoTasks,
    /// A name that is neither a task's nor a part's.
    #[error("the run has no task `{name}`")]
    UnknownTask {
        /// The name.
        name: String,
        /// Where it stands among the names given.
        index: usize,
    },
}

impl PlanError {
    /// Path of the field that is wrong, as the API writes it.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        match self {
            Self::NotFinished { .. } | Self::NothingToDo { .. } => None,
            Self::NoTasks => Some("tasks".to_owned()),
            Self::UnknownTask { index, .. } => Some(format!("tasks[{index}]")),
        }
    }
}

impl Plan {
    /// What the new run takes over, by position, ascending.
    pub fn reused(&self) -> impl Iterator<Item = (u32, &Reuse)> {
        self.nodes
            .iter()
            .filter_map(|planned| match &planned.action {
                PlanAction::Execute => None,
                PlanAction::Reuse(reuse) => Some((planned.node, reuse.as_ref())),
            })
    }
}

/// Plans a repetition. `is_stored` says whether a value can still be read; it is asked only for values that
/// would be needed.
///
/// # Errors
/// The run goes on, nothing of it is to be done again, or a name is unknown.
pub fn plan(
    source: &Source,
    mode: &Mode,
    is_stored: &dyn Fn(&ResultRef) -> bool,
) -> Result<Plan, PlanError> {
    let run = source.run;
    if !source.status.is_final() {
        return Err(PlanError::NotFinished { run });
    }
    let mut draft = Draft {
        source,
        graph: &source.graph,
        reasons: vec![None; source.nodes.len()],
    };
    match mode {
        Mode::All => draft.reasons.fill(Some(PlanReason::Everything)),
        Mode::Failed => {
            draft.mark_changed();
            draft.mark_unsuccessful();
            if draft.reasons.iter().all(Option::is_none) {
                return Err(PlanError::NothingToDo { run });
            }
        }
        Mode::From(names) => {
            draft.mark_named(names)?;
            draft.mark_changed();
            draft.mark_unsuccessful();
        }
    }
    draft.mark_downstream();
    draft.mark_needed(is_stored);
    Ok(Plan {
        original: run,
        version: source.version,
        run_type: match mode {
            Mode::All => RunType::Rerun,
            Mode::Failed | Mode::From(_) => RunType::PartialRerun,
        },
        rundate: source.custom_rundate.clone(),
        nodes: draft.nodes(),
    })
}

/// A plan in the making: why each task run is executed, `None` while it is not.
struct Draft<'a> {
    source: &'a Source,
    graph: &'a Graph,
    reasons: Vec<Option<PlanReason>>,
}

impl Draft<'_> {
    /// Answers whether it was not marked before.
    fn mark(&mut self, node: u32, reason: PlanReason) -> bool {
        match self.reasons.get_mut(node as usize) {
            Some(slot @ None) => {
                *slot = Some(reason);
                true
            }
            Some(Some(_)) | None => false,
        }
    }

    fn is_executed(&self, task: u32) -> bool {
        let nodes = self.graph.nodes(task);
        let reasons = self.reasons.get(nodes.start as usize..nodes.end as usize);
        reasons.is_some_and(|reasons| reasons.iter().any(Option::is_some))
    }

    fn mark_changed(&mut self) {
        for (node, known) in (0..).zip(&self.source.nodes) {
            match known.change {
                None => {}
                Some(Change::New) => drop(self.mark(node, PlanReason::New)),
                Some(Change::Different) => drop(self.mark(node, PlanReason::Different)),
            }
        }
    }

    fn mark_unsuccessful(&mut self) {
        for (node, known) in (0..).zip(&self.source.nodes) {
            if known.status != TaskStatus::Success {
                self.mark(node, PlanReason::NoSuccess);
            }
        }
    }

    fn mark_named(&mut self, names: &[String]) -> Result<(), PlanError> {
        if names.is_empty() {
            return Err(PlanError::NoTasks);
        }
        for (index, name) in names.iter().enumerate() {
            let nodes = self
                .graph
                .nodes_named(name)
                .ok_or_else(|| PlanError::UnknownTask {
                    name: name.clone(),
                    index,
                })?;
            for node in nodes {
                self.mark(node, PlanReason::Named);
            }
        }
        Ok(())
    }

    /// Whole tasks, because a task gets the values of all parts of what is upstream.
    fn mark_downstream(&mut self) {
        let tasks = 0..self.graph.task_count();
        let mut stack: Vec<u32> = tasks.filter(|task| self.is_executed(*task)).collect();
        let mut seen = vec![false; self.graph.task_count() as usize];
        while let Some(task) = stack.pop() {
            if std::mem::replace(&mut seen[task as usize], true) {
                continue;
            }
            for &child in self.graph.children(task) {
                for node in self.graph.nodes(child) {
                    self.mark(node, PlanReason::Downstream);
                }
                stack.push(child);
            }
        }
    }

    /// Executed task runs need the values of what is upstream of them; what lost its value is executed too,
    /// and needs values in its turn.
    fn mark_needed(&mut self, is_stored: &dyn Fn(&ResultRef) -> bool) {
        let tasks = 0..self.graph.task_count();
        let mut stack: Vec<u32> = tasks.filter(|task| self.is_executed(*task)).collect();
        let mut asked = vec![false; self.graph.task_count() as usize];
        while let Some(task) = stack.pop() {
            for &parent in self.graph.parents(task) {
                if std::mem::replace(&mut asked[parent as usize], true) {
                    continue;
                }
                for node in self.graph.nodes(parent) {
                    let known = self.source.nodes.get(node as usize);
                    let gone = known.is_some_and(|known| is_gone(known, is_stored));
                    if gone && self.mark(node, PlanReason::ValueGone) {
                        stack.push(parent);
                    }
                }
            }
        }
    }

    fn nodes(self) -> Vec<PlannedNode> {
        let known = self.source.nodes.iter().zip(self.reasons);
        let planned = (0..)
            .zip(known)
            .map(|(node, (known, reason))| match reason {
                Some(reason) => PlannedNode {
                    node,
                    action: PlanAction::Execute,
                    reason,
                },
                None => PlannedNode {
                    node,
                    action: PlanAction::Reuse(Box::new(reuse(known))),
                    reason: PlanReason::Serves,
                },
            });
        planned.collect()
    }
}

/// A success without a value (a program's) has nothing to lose.
fn is_gone(known: &SourceNode, is_stored: &dyn Fn(&ResultRef) -> bool) -> bool {
    known
        .result
        .as_ref()
        .is_some_and(|result| !is_stored(result))
}

/// What serves: the task run itself, or the one that already served in its place.
fn reuse(known: &SourceNode) -> Reuse {
    Reuse {
        task_run: known.id,
        from: known.reused_from.unwrap_or(known.id),
        result: known.result.clone(),
        started_at: known.started_at,
        finished_at: known.finished_at,
    }
}
