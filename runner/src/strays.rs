//! Processes that left the group of their attempt (`setsid`) and lost their parent: the kernel gives them to
//! the runner, a subreaper. They end with their attempt at the latest.
//!
//! Whose a stray is says the mark in its environment. One without a mark (forked from a warm interpreter
//! without a new program, or with its environment replaced) belongs to one of the attempts that were there
//! when it was first seen; it is ended when the last of these is over.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fasti_core::domain::ids::AttemptId;
use rustix::process::Pid;

use crate::launcher::{Live, LiveView};
use crate::limits::SWEEP_ROUNDS_MAX;
use crate::process::{self, Adopted, Child, Stat};

/// A zombie is reaped only after this long: the thread that waits for a process of a crashed interpreter
/// takes it long before.
const ZOMBIE_AGE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Strays {
    runner: String,
    /// Mark of what container engines keep running for themselves, perhaps for others too.
    engine: String,
    adopted: Adopted,
    seen: Mutex<HashMap<(Pid, u64), Seen>>,
}

#[derive(Debug)]
struct Seen {
    at: Instant,
    /// Whose it can be.
    owners: BTreeSet<AttemptId>,
}

impl Strays {
    /// Strays of runner `runner`, in this process; what bears the mark `engine` is none.
    pub(crate) fn new(runner: &str, engine: &str) -> Self {
        Self {
            runner: runner.to_owned(),
            engine: engine.to_owned(),
            adopted: Adopted::open(),
            seen: Mutex::default(),
        }
    }

    /// End what `attempt` left behind; its own process is gone. Costs one read when there are no strays.
    pub(crate) fn end_of(&self, attempt: AttemptId, live: &Live) {
        self.rounds(|pid, view| self.is_due(pid, Some(attempt), view), live);
    }

    /// Reap strays that ended by themselves, and end those whose attempts are all over.
    pub(crate) fn tidy(&self, live: &Live) {
        let list = self.adopted.list();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(pid, _), _| list.contains(pid));
        drop(seen);
        if !list.is_empty() {
            self.rounds(|pid, view| self.is_due(pid, None, view), live);
        }
    }

    /// End the processes that interpreter `worker`, which is gone, forked without saying so.
    pub(crate) fn end_forks(&self, worker: u64, live: &Live) {
        let worker = worker.to_string();
        let is_fork = |pid, view: &LiveView| {
            let marks = process::marks(pid);
            // A program that a task started has the marks of its interpreter too, and its own attempt's.
            let of_task = marks.attempt.and_then(|attempt| attempt.parse().ok());
            marks.runner.as_deref() == Some(&self.runner)
                && marks.worker.as_ref() == Some(&worker)
                && !of_task.is_some_and(|attempt| view.attempts.contains(&attempt))
        };
        self.rounds(is_fork, live);
    }

    /// End everything: the runner itself ends.
    pub(crate) fn end_all(&self) {
        self.rounds(|_, _| true, &Live::default());
    }

    /// Kill the strays that are due until there are none: killing one can bring its children here.
    fn rounds(&self, mut is_due: impl FnMut(Pid, &LiveView) -> bool, live: &Live) {
        for _ in 0..SWEEP_ROUNDS_MAX {
            let list = self.adopted.list();
            if list.is_empty() {
                return;
            }
            let view = live.view();
            let mut killed = false;
            for pid in list {
                if !view.pids.contains(&pid) && is_due(pid, &view) {
                    process::kill_and_reap(pid);
                    killed = true;
                }
            }
            if !killed {
                return;
            }
        }
        tracing::warn!("an attempt leaves processes behind faster than they can be ended");
    }

    /// Whether a stray is to end, now that `over` is.
    fn is_due(&self, pid: Pid, over: Option<AttemptId>, view: &LiveView) -> bool {
        let Some(Stat {
            state, start_ticks, ..
        }) = process::stat(pid)
        else {
            return false;
        };
        let lives = |attempt: &AttemptId| Some(*attempt) != over && view.attempts.contains(attempt);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = seen.entry((pid, start_ticks)).or_insert_with(|| Seen {
            at: Instant::now(),
            owners: view.attempts.clone(),
        });
        if state == b'Z' {
            if entry.at.elapsed() >= ZOMBIE_AGE {
                // It may be taken by the one it belongs to in the meantime, which is as well.
                let _ = process::reap(Child::Process(pid), false);
            }
            return false;
        }
        entry.owners.retain(|owner| lives(owner));
        let orphaned = entry.owners.is_empty();
        drop(seen);
        let marks = process::marks(pid);
        if marks.engine.as_ref() == Some(&self.engine) {
            return false;
        }
        let marked = marks
            .attempt
            .filter(|_| marks.runner.as_deref() == Some(&self.runner));
        match marked.and_then(|attempt| attempt.parse().ok()) {
            Some(owner) => !lives(&owner),
            None => orphaned,
        }
    }
}
