//! What holds when a request has been handled and nothing follows any more.

use std::collections::BTreeSet;

use fasti_domain::ids::RunId;
use fasti_domain::run::TaskStatus;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;

use super::Oracle;
use super::run::{RunModel, Stand, Stopping};

impl Oracle {
    /// Panics when something is left undone, or the state says something else than the events did.
    pub(crate) fn rest(&self, state: &State) {
        assert_eq!((state.seq, state.at), (self.seq, self.at));
        let live: Vec<RunId> = state.runs().map(|run| run.id).collect();
        assert_eq!(live, self.runs.keys().copied().collect::<Vec<_>>());
        let mut queued = 0;
        let mut wake: Option<Timestamp> = None;
        for (id, run) in &self.runs {
            run.check_quiet(*id);
            run.check_against(state.run(*id).unwrap());
            let retries = run.nodes.iter().filter_map(|node| match node.stand {
                Stand::Retrying(at) => Some(at),
                _ => None,
            });
            wake = retries
                .chain(run.deadline)
                .chain(run.start_by)
                .chain(run.starts_at)
                .chain(state.run(*id).unwrap().cancel_at())
                .chain(wake)
                .min();
            let waiting = run.nodes.iter().filter(|node| node.stand == Stand::Queued);
            queued += waiting.count() as u64;
        }
        assert_eq!(state.queued(), queued, "length of the queue");
        let filling = state.flows().sets().filter_map(|set| set.fill_at);
        wake = wake
            .into_iter()
            .chain(self.slots.wake())
            .chain(filling)
            .min();
        assert_eq!(state.next_wake(), wake, "next timer");
        self.slots.check_next();
        for set in self.sets.values() {
            let is_done = set.is_closed && set.runs.iter().all(|run| self.ended.contains_key(run));
            assert_eq!(set.is_finished, is_done, "a set ends with its last run");
        }
        self.check_runners(state, queued);
    }

    fn check_runners(&self, state: &State, queued: u64) {
        assert_eq!(state.runners().count(), self.runners.len());
        for (id, model) in &self.runners {
            let runner = state.runner(id).unwrap();
            assert_eq!(runner.held, model.holds, "what {id} holds");
            let has_room = (runner.held.len() as u64) < u64::from(runner.lease_limit());
            if model.is_leaving || self.drained.contains(id) || !has_room {
                continue;
            }
            let queued = queued - self.held_back();
            assert!(
                queued == 0 || model.is_leaving || !has_room,
                "{id} has room and {queued} task runs wait"
            );
        }
    }
}

impl RunModel {
    /// Nothing is left undone in this run.
    fn check_quiet(&self, id: RunId) {
        let is_open = |stand: &Stand| !matches!(stand, Stand::Over(_));
        assert!(
            self.nodes.iter().any(|node| is_open(&node.stand)),
            "{id} is not ended although all of it is over"
        );
        let waiting: BTreeSet<usize> = self
            .nodes
            .iter()
            .filter(|node| node.stand == Stand::Waiting)
            .map(|node| node.task)
            .collect();
        for task in waiting {
            let waits = self.starts_at.is_some();
            assert!(
                waits || !self.is_open(task),
                "task {task} of {id} is not queued"
            );
            assert!(!self.is_in_vain(task), "task {task} of {id} is not skipped");
        }
        for node in &self.nodes {
            assert!(
                !matches!(node.stand, Stand::Settling(_)),
                "nothing followed from the end of an attempt of {id}"
            );
            assert!(
                self.stopping.is_none()
                    || matches!(
                        node.stand,
                        Stand::Over(_) | Stand::Leased(_) | Stand::Running(_)
                    ),
                "{id} is stopping and has task runs that could begin"
            );
        }
    }

    fn check_against(&self, run: &fasti_domain::run::Run) {
        assert_eq!(run.is_stopping(), self.stopping.is_some());
        assert_eq!(run.task_runs() as usize, self.nodes.len());
        let mut live = run.live_attempts();
        for (index, node) in (0..).zip(&self.nodes) {
            let status = match &node.stand {
                Stand::Waiting => TaskStatus::Waiting,
                Stand::Queued | Stand::Retrying(_) | Stand::Leased(_) => TaskStatus::Queued,
                Stand::Running(_) | Stand::Settling(_) => TaskStatus::Running,
                Stand::Over(status) => *status,
            };
            assert_eq!(run.task_status(index), Some(status), "status of {index}");
            if let Stand::Leased(runner) | Stand::Running(runner) = &node.stand {
                let (at, attempt) = live.next().expect("a live attempt");
                assert_eq!((at, &attempt.runner), (index, runner));
            }
        }
        assert!(live.next().is_none(), "an attempt is live that is over");
        assert!(run.rundate.is_some() || self.stopping != Some(Stopping::Deadline));
    }
}
