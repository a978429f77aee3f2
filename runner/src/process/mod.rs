//! Processes as the kernel shows them: waiting, signalling groups, what `/proc` says. No policy.

mod procfs;
mod sys;

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{self as rx, Pid, Signal, WaitId, WaitIdOptions};

pub(crate) use self::procfs::{Adopted, Stat, all_pids, boot_id, marks, stat};
pub(crate) use self::sys::{Child, is_only_writer, keep_descriptors, reap};
use crate::limits::KILL_MS_MAX;

/// Marks in the environment of everything a runner starts.
pub(crate) const ENV_RUNNER: &str = "FASTI_RUNNER";
/// See [`ENV_RUNNER`]: data folder of the runner.
pub(crate) const ENV_HOME: &str = "FASTI_RUNNER_HOME";
/// See [`ENV_RUNNER`]: the attempt, where there is one.
pub(crate) const ENV_ATTEMPT: &str = "FASTI_ATTEMPT";
/// Variable that marks what a container engine starts for itself, with a number that only its runner knows.
pub(crate) const ENV_ENGINE: &str = "FASTI_ENGINE";
/// See [`ENV_RUNNER`]: number of the interpreter, where there is one.
pub(crate) const ENV_WORKER: &str = "FASTI_WORKER";

/// Wait until the child has ended, but leave it unreaped, so that its number cannot be given to another
/// process yet.
///
/// # Errors
/// `ECHILD` when it is no child of this process.
pub(crate) fn await_end(pid: Pid) -> io::Result<()> {
    loop {
        match rx::waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Signal a group. `false` when nothing is in it.
pub(crate) fn signal_group(group: Pid, signal: Signal) -> bool {
    match rx::kill_process_group(group, signal) {
        Ok(()) => true,
        Err(Errno::SRCH) => false,
        Err(error) => {
            // EPERM: a member changed its user and none could be signalled.
            tracing::warn!(group = group.as_raw_nonzero(), %error, "cannot signal a process group");
            true
        }
    }
}

/// Whether anything is in a group, zombies included.
pub(crate) fn group_exists(group: Pid) -> bool {
    rx::test_kill_process_group(group) != Err(Errno::SRCH)
}

/// Kill one process; nothing happens when it is gone.
pub(crate) fn kill(pid: Pid) {
    if let Err(error) = rx::kill_process(pid, Signal::KILL)
        && error != Errno::SRCH
    {
        tracing::warn!(pid = pid.as_raw_nonzero(), %error, "cannot kill a process");
    }
}

/// Kill a child and reap it. Gives up after [`KILL_MS_MAX`] on one that hangs in the kernel.
pub(crate) fn kill_and_reap(pid: Pid) {
    kill(pid);
    let gone = poll_until(|| !matches!(reap(Child::Process(pid), false), Ok(None)));
    if !gone {
        tracing::warn!(
            pid = pid.as_raw_nonzero(),
            "a killed process does not disappear"
        );
    }
}

/// Kill what is left in a group whose leader is reaped, and wait until it is gone. Members re-parent to this
/// process (a subreaper) as their parents die, hence the loop.
pub(crate) fn clear_group(group: Pid) {
    if !group_exists(group) {
        return;
    }
    let gone = poll_until(|| {
        signal_group(group, Signal::KILL);
        while let Ok(Some(_)) = reap(Child::InGroup(group), false) {}
        !group_exists(group)
    });
    if !gone {
        tracing::warn!(
            group = group.as_raw_nonzero(),
            "a killed process group does not disappear"
        );
    }
}

/// Ask again and again, with short pauses, until `done` or [`KILL_MS_MAX`] passed. The kernel offers nothing
/// to wait on for a whole group.
pub(crate) fn poll_until(mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_millis(KILL_MS_MAX);
    let mut pause = Duration::from_micros(50);
    loop {
        if done() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// A process id as messages carry it.
pub(crate) fn pid_number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}

/// A process id from a message; `None` for what no process can have.
pub(crate) fn pid_from(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}
