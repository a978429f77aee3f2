//! One attempt from its folder to its report, on the thread of its slot.

use std::sync::Arc;

use fasti_core::domain::attempt::{Failure, Outcome, Process, ResultRef, Usage};
use fasti_core::domain::launch::Program;
use fasti_core::domain::time::Timestamp;
use rustix::process::Pid;

use super::outlet::Outlet;
use super::progress::Progress;
use super::{News, Record, Shared, command, container, python, scratch};
use crate::supervisor::{Ended, Input};
use crate::{clock, process};

/// What became of an attempt's process.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) cpu_us: u64,
    pub(super) max_rss_kib: u64,
    pub(super) result: Option<ResultRef>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) failure: Option<Failure>,
    pub(super) gathered: Option<std::sync::Arc<fasti_core::domain::flow::Gathered>>,
}

impl Over {
    /// An end without a value.
    pub(super) fn new(outcome: Outcome, cpu_us: u64, max_rss_kib: u64) -> Self {
        let at = clock::wall();
        Self {
            at,
            outcome,
            cpu_us,
            max_rss_kib,
            result: None,
            value: None,
            failure: None,
            gathered: None,
        }
    }
}

/// Run it in a slot. Returns when no process of it is left.
pub(super) fn run(shared: &Shared, record: &Arc<Record>, slot: usize) -> Ended {
    let outlet = record
        .outlet
        .get_or_init(|| Outlet::of_slot(&shared.places, slot));
    let progress = record
        .progress
        .get_or_init(|| Progress::of(&shared.places, &record.launch));
    let mut over = if record.is_unwanted() {
        Over::new(Outcome::Stopped, 0, 0)
    } else {
        let over = match &record.launch.program {
            Program::Command { argv, cwd, stdin } => {
                let surroundings = (cwd.as_deref(), stdin.as_deref());
                command::run(shared, record, (slot, outlet), argv, surroundings)
            }
            Program::Python(call) => python::run(shared, record, (slot, outlet), call),
            Program::Contained(contained) => {
                container::run(shared, record, (slot, outlet), contained)
            }
        };
        over.unwrap_or_else(|failure| Over::new(failure.into(), 0, 0))
    };
    if record.pid().is_some() {
        shared.strays.end_of(record.attempt(), &shared.live);
    }
    scratch::clear(&shared.places, slot);
    let said = progress
        .as_ref()
        .and_then(|progress| progress.settle(&record.launch, &shared.news));
    if !over.outcome.is_success() {
        over.failure = over.failure.or(said);
    }
    let (stdout_bytes, stderr_bytes) = outlet.settle(&shared.places, &record.launch);
    Ended {
        at: over.at,
        outcome: over.outcome,
        signalled: record.was_signalled(),
        result: over.result,
        value: over.value,
        failure: over.failure,
        usage: Usage {
            cpu_us: over.cpu_us,
            max_rss_kib: over.max_rss_kib,
            stdout_bytes,
            stderr_bytes,
        },
        gathered: over.gathered,
    }
}

/// The attempt has a process, leader of its group: note and report it.
pub(crate) fn begin(record: &Record, news: &News, pid: Pid) {
    let at = clock::wall();
    record.begin(pid);
    let start_ticks = process::stat(pid).map_or(0, |stat| stat.start_ticks);
    let process = Process {
        pid: process::pid_number(pid),
        start_ticks,
    };
    news.push(Input::Started {
        token: record.launch.token,
        at,
        process,
    });
}
