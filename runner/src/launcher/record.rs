//! Attempts with the launcher: what each has for a process, and how it is signalled without ever hitting a
//! process that took over its number.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use fasti_core::domain::ids::{AttemptId, Token};
use fasti_core::domain::launch::Launch;
use rustix::process::{Pid, Signal};

use super::outlet::Outlet;
use super::progress::Progress;
use crate::process;
use crate::supervisor::StopSignal;

/// One attempt with the launcher.
#[derive(Debug)]
pub(crate) struct Record {
    /// What to run.
    pub(crate) launch: Arc<Launch>,
    /// Its output, from the moment it has a slot.
    pub(crate) outlet: OnceLock<Outlet>,
    /// How far it is, from the same moment, if its task has stages.
    pub(crate) progress: OnceLock<Option<Progress>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Its process, also its process group.
    pid: Option<Pid>,
    /// The process is reaped or about to be: its number is no longer ours to signal.
    over: bool,
    /// A signal that came before there was a process.
    wanted: Option<StopSignal>,
    /// A signal was sent to the process.
    signalled: bool,
    /// Processor time that the process had used for others before it, in microseconds.
    cpu_before_us: u64,
}

impl Record {
    /// An attempt without a process.
    pub(crate) fn new(launch: Arc<Launch>) -> Self {
        Self {
            launch,
            outlet: OnceLock::new(),
            progress: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// Its id.
    pub(crate) fn attempt(&self) -> AttemptId {
        self.launch.attempt
    }

    /// Its process, if it has or had one.
    pub(crate) fn pid(&self) -> Option<Pid> {
        self.state().pid
    }

    /// Its process had served others, and used so much for them.
    pub(crate) fn set_cpu_before(&self, cpu_us: u64) {
        self.state().cpu_before_us = cpu_us;
    }

    /// What its process had used before it, in microseconds.
    pub(crate) fn cpu_before_us(&self) -> u64 {
        self.state().cpu_before_us
    }

    /// Whether it shall not begin, or end at once.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.state().wanted.is_some()
    }

    /// Whether the runner signalled its process.
    pub(crate) fn was_signalled(&self) -> bool {
        self.state().signalled
    }

    /// It has a process, the leader of its own group. A signal that came earlier is sent now.
    pub(crate) fn begin(&self, pid: Pid) {
        let mut state = self.state();
        state.pid = Some(pid);
        if let Some(signal) = state.wanted.take() {
            state.signalled |= send(pid, signal);
        }
    }

    /// Its process has ended. Called while the process is still a zombie, or at once after its parent said
    /// that it reaped it.
    pub(crate) fn end(&self) {
        self.state().over = true;
    }

    /// Signal its group now, or as soon as there is one.
    pub(crate) fn signal(&self, signal: StopSignal) {
        let mut state = self.state();
        // The lock is held while signalling: the thread that waits for the process takes it before reaping.
        match state.pid {
            Some(pid) if !state.over => state.signalled |= send(pid, signal),
            Some(_) => {}
            None => {
                let kill = signal == StopSignal::Kill || state.wanted == Some(StopSignal::Kill);
                state.wanted = Some(if kill {
                    StopSignal::Kill
                } else {
                    StopSignal::Term
                });
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `false` when there was nothing left to signal: then the signal is not why the attempt ended.
fn send(group: Pid, signal: StopSignal) -> bool {
    match signal {
        StopSignal::Term => {
            let sent = process::signal_group(group, Signal::TERM);
            // A stopped process sees TERM only once it goes on.
            process::signal_group(group, Signal::CONT);
            sent
        }
        StopSignal::Kill => process::signal_group(group, Signal::KILL),
    }
}

/// All attempts with the launcher.
#[derive(Debug, Default)]
pub(crate) struct Live {
    records: Mutex<HashMap<Token, Arc<Record>>>,
}

/// The attempts with the launcher, at one moment.
#[derive(Debug, Default)]
pub(crate) struct LiveView {
    /// Their processes.
    pub(crate) pids: HashSet<Pid>,
    /// Their ids.
    pub(crate) attempts: BTreeSet<AttemptId>,
}

impl Live {
    /// Add one.
    pub(crate) fn insert(&self, record: Arc<Record>) {
        self.records().insert(record.launch.token, record);
    }

    /// Take one out.
    pub(crate) fn remove(&self, token: &Token) {
        self.records().remove(token);
    }

    /// Find one.
    pub(crate) fn get(&self, token: &Token) -> Option<Arc<Record>> {
        self.records().get(token).cloned()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.records().is_empty()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.records().values().cloned().collect()
    }

    /// All of them, for lookups.
    pub(crate) fn view(&self) -> LiveView {
        let mut view = LiveView::default();
        for record in self.records().values() {
            view.attempts.insert(record.attempt());
            view.pids.extend(record.pid());
        }
        view
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Token, Arc<Record>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
