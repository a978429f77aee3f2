//! The rules of one run.

use std::sync::Arc;

use fasti_domain::attempt::{AttemptEnd, Lease, Outcome};
use fasti_domain::definition::{Definition, PoolUse, Task};
use fasti_domain::event::{Event, RunCreated, RunFinished};
use fasti_domain::ids::{BatchId, RunId, RunnerId, TaskRunId};
use fasti_domain::limits::LOST_RETRIES_MAX;
use fasti_domain::ranges::TaskRuns;
use fasti_domain::run::{RunStatus, RunType, TaskStatus};
use fasti_domain::time::Timestamp;

/// Where a task run stands, finer than its status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stand {
    Waiting,
    Queued,
    /// Tried, to be queued again at this time.
    Retrying(Timestamp),
    Leased(RunnerId),
    Running(RunnerId),
    /// Its attempt is over and nothing was made of that yet.
    Settling(Outcome),
    Over(TaskStatus),
}

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stopping {
    Cancel,
    Deadline,
}

#[derive(Debug, Clone)]
pub(crate) struct NodeModel {
    pub(crate) task: usize,
    pub(crate) stand: Stand,
    attempts: u32,
    failed: u32,
    lost: u32,
    is_reused: bool,
}

pub(crate) struct RunModel {
    id: RunId,
    pub(crate) batch: BatchId,
    /// Slots of its batch have to do with it.
    pub(crate) is_counted: bool,
    definition: Arc<Definition>,
    pub(crate) nodes: Vec<NodeModel>,
    pub(crate) stopping: Option<Stopping>,
    pub(crate) deadline: Option<Timestamp>,
    /// It is cancelled then unless it has started.
    pub(crate) start_by: Option<Timestamp>,
    /// Nothing of it is queued before.
    pub(crate) starts_at: Option<Timestamp>,
    has_started: bool,
    has_leased: bool,
    /// It carries out a step of a flow, which counts its own tries.
    is_step: bool,
}

impl RunModel {
    pub(crate) fn new(event: &RunCreated, definition: Arc<Definition>) -> Self {
        let tasks = definition.tasks.iter().enumerate();
        let nodes: Vec<NodeModel> = tasks
            .flat_map(|(task, it)| (0..it.part_count()).map(move |_| task))
            .map(|task| NodeModel {
                task,
                stand: Stand::Waiting,
                attempts: 0,
                failed: 0,
                lost: 0,
                is_reused: false,
            })
            .collect();
        assert_eq!(event.task_runs as usize, nodes.len());
        let mut run = Self {
            id: event.run,
            batch: event.batch,
            is_counted: event.run_type != RunType::DevRun && event.run_set.is_none(),
            definition,
            nodes,
            stopping: None,
            deadline: event.ends_at,
            start_by: event.start_by,
            starts_at: event.starts_at,
            has_started: false,
            has_leased: false,
            is_step: event.step.is_some(),
        };
        for reuse in &event.reused {
            let index = run.index(reuse.task_run);
            run.nodes[index].is_reused = true;
            run.nodes[index].stand = Stand::Over(TaskStatus::Success);
        }
        run
    }

    /// The share of a pool that a node's attempts take.
    pub(crate) fn pool_of(&self, node: &NodeModel) -> Option<&PoolUse> {
        self.definition.tasks[node.task].pool()
    }

    pub(crate) fn is_cancelling(&self) -> bool {
        self.stopping == Some(Stopping::Cancel)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    fn index(&self, task_run: TaskRunId) -> usize {
        let index = (task_run.0 - self.id.0 - 1) as usize;
        assert!(index < self.nodes.len(), "{task_run} is not in {}", self.id);
        index
    }

    fn each(&mut self, task_runs: &TaskRuns, mut act: impl FnMut(&mut Self, usize)) {
        assert!(!task_runs.is_empty(), "an event about nothing");
        let ids: Vec<TaskRunId> = task_runs.iter().collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "ranges overlap");
        for id in ids {
            let index = self.index(id);
            act(self, index);
        }
    }

    fn task(&self, index: usize) -> &Task {
        &self.definition.tasks[self.nodes[index].task]
    }

    /// Tasks that a task waits for.
    fn parents(&self, task: usize) -> impl Iterator<Item = usize> {
        self.definition
            .edges
            .iter()
            .filter(move |edge| edge.to as usize == task)
            .map(|edge| edge.from as usize)
    }

    fn has_succeeded(&self, task: usize) -> bool {
        self.nodes
            .iter()
            .filter(|node| node.task == task)
            .all(|node| node.stand == Stand::Over(TaskStatus::Success))
    }

    /// Whether a task can begin, by what it waits for.
    pub(crate) fn is_open(&self, task: usize) -> bool {
        self.parents(task).all(|parent| self.has_succeeded(parent))
    }

    /// Whether something a task waits for, directly or not, ended without success.
    pub(crate) fn is_in_vain(&self, task: usize) -> bool {
        self.parents(task).any(|parent| {
            let is_bad = |node: &NodeModel| {
                node.task == parent
                    && matches!(node.stand, Stand::Over(status) if status != TaskStatus::Success)
            };
            self.nodes.iter().any(is_bad) || self.is_in_vain(parent)
        })
    }

    pub(crate) fn lease(&mut self, lease: &Lease, runner: &RunnerId) -> u32 {
        let index = self.index(lease.task_run);
        assert!(!self.is_stopping(), "{} is leased while stopping", self.id);
        let node = &mut self.nodes[index];
        assert_eq!(node.stand, Stand::Queued, "{} is leased", lease.task_run);
        node.attempts += 1;
        assert_eq!(lease.number, node.attempts, "attempts are numbered densely");
        node.stand = Stand::Leased(runner.clone());
        self.has_leased = true;
        index as u32
    }

    pub(crate) fn end_attempt(&mut self, end: &AttemptEnd) -> (u32, RunnerId) {
        let index = self.index(end.task_run);
        let node = &mut self.nodes[index];
        assert_eq!(end.number, node.attempts, "an old attempt ends");
        let (Stand::Leased(runner) | Stand::Running(runner)) = node.stand.clone() else {
            panic!("{} ends and is not live: {:?}", end.attempt(), node.stand);
        };
        match &end.outcome {
            outcome if outcome.is_success() => {}
            Outcome::Lost { .. } => node.lost += 1,
            // Not the task's fault, and counted nowhere.
            Outcome::Stopped => {}
            _ => node.failed += 1,
        }
        node.stand = Stand::Settling(end.outcome.clone());
        (index as u32, runner)
    }

    pub(crate) fn see(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::RunStarted(event) => {
                assert!(self.has_leased && !self.has_started, "a run starts once");
                self.has_started = true;
                self.start_by = None;
                self.deadline = event.deadline;
            }
            Event::RunEndMoved(event) => self.deadline = Some(event.ends_at),
            Event::TaskProgressed(_) => assert!(!self.is_stopping(), "counted while stopping"),
            Event::RunCancelRequested(_) => {
                assert_ne!(self.stopping, Some(Stopping::Cancel), "cancelled twice");
                self.stopping = Some(Stopping::Cancel);
                self.start_by = None;
                self.starts_at = None;
            }
            Event::RunDeadlinePassed(_) => {
                assert!(self.deadline.take().is_some_and(|at| at <= now));
                self.stopping = self.stopping.or(Some(Stopping::Deadline));
                self.starts_at = None;
            }
            Event::TaskQueued(event) => self.each(&event.task_runs, |run, index| {
                assert!(!run.is_stopping(), "queued while stopping");
                let starts_at = run.starts_at.take();
                assert!(starts_at.is_none_or(|at| at <= now), "queued too early");
                match run.nodes[index].stand {
                    Stand::Waiting => assert!(run.is_open(run.nodes[index].task)),
                    Stand::Retrying(at) => assert!(at <= now, "retried too early"),
                    ref stand => panic!("queued although {stand:?}"),
                }
                run.nodes[index].stand = Stand::Queued;
            }),
            Event::TaskReused(event) => self.each(&event.task_runs, |run, index| {
                assert!(run.nodes[index].is_reused);
            }),
            Event::TaskSkipped(event) => self.each(&event.task_runs, |run, index| {
                let node = &run.nodes[index];
                let may = match run.stopping {
                    Some(_) => {
                        matches!(
                            node.stand,
                            Stand::Waiting | Stand::Queued | Stand::Retrying(_)
                        )
                    }
                    None => node.stand == Stand::Waiting && run.is_in_vain(node.task),
                };
                assert!(may, "{index} is skipped: {:?}", node.stand);
                run.nodes[index].stand = Stand::Over(TaskStatus::Skipped);
            }),
            Event::TaskAttemptFailed(event) => {
                let index = self.index(event.task_run);
                self.see_failed(index, event.number, event.retry_at, now);
            }
            Event::TaskFinished(event) => self.each(&event.task_runs, |run, index| {
                run.finish_node(index, event.status);
            }),
            Event::AttemptStarted(event) => {
                for start in &event.starts {
                    let index = self.index(start.task_run);
                    let node = &mut self.nodes[index];
                    assert_eq!(start.number, node.attempts);
                    let Stand::Leased(runner) = node.stand.clone() else {
                        panic!("started although {:?}", node.stand);
                    };
                    node.stand = Stand::Running(runner);
                }
            }
            event => panic!("not about a run's progress: {event:?}"),
        }
    }

    fn see_failed(&mut self, index: usize, number: u32, retry: Option<Timestamp>, now: Timestamp) {
        let task = self.task(index);
        let retries = task.retries;
        let options = task.options.as_ref();
        let is_strict = options.is_some_and(|options| options.timeout_is_final);
        let policy = options.and_then(|options| options.retry.clone());
        let (stopping, is_step) = (self.is_stopping(), self.is_step);
        let node = &mut self.nodes[index];
        let Stand::Settling(outcome) = &node.stand else {
            panic!("failed although {:?}", node.stand);
        };
        assert_eq!(number, node.attempts);
        let is_lost = matches!(outcome, Outcome::Lost { .. } | Outcome::Stopped);
        let is_unworthy = policy.as_ref().is_some_and(|policy| match outcome {
            Outcome::Exited { code } if policy.only_codes.is_empty() => {
                policy.never_codes.contains(code)
            }
            Outcome::Exited { code } => !policy.only_codes.contains(code),
            _ => !policy.only_codes.is_empty(),
        });
        let is_final =
            is_strict && matches!(outcome, Outcome::TimedOut { .. }) || !is_lost && is_unworthy;
        let may_retry = !stopping
            && !is_final
            && if is_lost {
                node.lost <= LOST_RETRIES_MAX && !is_step
            } else {
                node.failed <= retries
            };
        assert_eq!(retry.is_some(), may_retry, "tries left, or not: {node:?}");
        if let Some(at) = retry {
            assert!(at >= now);
            node.stand = Stand::Retrying(at);
        }
    }

    fn finish_node(&mut self, index: usize, status: TaskStatus) {
        let stopping = self.stopping;
        let node = &mut self.nodes[index];
        let may = match (status, &node.stand) {
            (TaskStatus::Success, Stand::Settling(outcome)) => outcome.is_success(),
            (TaskStatus::Failure, Stand::Settling(outcome)) => !outcome.is_success(),
            (TaskStatus::Cancelled, stand) => {
                stopping == Some(Stopping::Cancel)
                    && !matches!(stand, Stand::Over(_) | Stand::Leased(_) | Stand::Running(_))
            }
            _ => false,
        };
        assert!(may, "{index} becomes {status:?} although {:?}", node.stand);
        node.stand = Stand::Over(status);
    }

    pub(crate) fn check_finished(&self, event: &RunFinished) {
        let over = |status| {
            self.nodes
                .iter()
                .any(|node| node.stand == Stand::Over(status))
        };
        for (index, node) in self.nodes.iter().enumerate() {
            assert!(
                matches!(node.stand, Stand::Over(_)),
                "{} ends although {index} is {:?}",
                self.id,
                node.stand
            );
        }
        let expected = match self.stopping {
            Some(Stopping::Cancel) => RunStatus::Cancelled,
            Some(Stopping::Deadline) => RunStatus::Failure,
            None if over(TaskStatus::Failure) => RunStatus::Failure,
            None => RunStatus::Success,
        };
        assert_eq!(event.status, expected);
        assert_eq!(event.reason.is_none(), expected == RunStatus::Success);
    }
}
