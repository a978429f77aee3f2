//! The one place with `unsafe`: wait4(2), which alone tells what a single child used, close_range(2), which
//! alone keeps inherited descriptors from children in one step, and fcntl(2) with leases, which alone tells
//! whether others have a file open. Nothing else may be called from here.
#![allow(
    unsafe_code,
    reason = "there is no safe interface to these system calls"
)]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

use rustix::process::Pid;

/// A reaped child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// Its process id.
    pub(crate) pid: Pid,
    /// Raw wait status.
    pub(crate) status: i32,
    /// Processor time, user and system, with that of the children it waited for, in microseconds.
    pub(crate) cpu_us: u64,
    /// Largest resident memory in KiB.
    pub(crate) max_rss_kib: u64,
}

/// Whose end is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Child {
    /// This child.
    Process(Pid),
    /// Any child in this process group.
    InGroup(Pid),
}

/// Reap a child. With `wait`, blocks until there is one that ended; else `None` when none has.
///
/// # Errors
/// `ECHILD` when there is no such child (any more).
pub(crate) fn reap(child: Child, wait: bool) -> io::Result<Option<Reaped>> {
    let which = match child {
        Child::Process(pid) => pid.as_raw_nonzero().get(),
        Child::InGroup(group) => -group.as_raw_nonzero().get(),
    };
    let flags = if wait { 0 } else { libc::WNOHANG };
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live, writable locals of the right types, and wait4 keeps neither.
        let got = unsafe { libc::wait4(which, &raw mut status, flags, usage.as_mut_ptr()) };
        if got < 0 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        }
        let Some(pid) = Pid::from_raw(got) else {
            return Ok(None);
        };
        // SAFETY: zeroed is a valid rusage (plain integers), and the kernel has filled it.
        let usage = unsafe { usage.assume_init() };
        let micros = |time: libc::timeval| {
            u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000
                + u64::try_from(time.tv_usec).unwrap_or(0)
        };
        return Ok(Some(Reaped {
            pid,
            status,
            cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
            max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
        }));
    }
}

/// Mark every descriptor from 3 on as close-on-exec, so that what this process inherited goes no further.
///
/// # Errors
/// The kernel is older than 5.11.
pub(crate) fn keep_descriptors() -> io::Result<()> {
    // SAFETY: the flag changes nothing but the close-on-exec marks of open descriptors; no memory is involved.
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether `file`, opened for writing, is the only open description of that file that can write. `false` also where
/// the file system cannot tell.
///
/// The kernel gives a write lease only to the sole writer; it is taken and given back at once. Whoever opens the file
/// in between makes the kernel send SIGIO, which the runner catches (see `drive::signals`).
pub(crate) fn is_only_writer(file: &File) -> bool {
    let lease = |kind: libc::c_int| {
        // SAFETY: the descriptor is open for the whole call, and the third argument is a plain integer.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) }
    };
    lease(libc::F_WRLCK) == 0 && lease(libc::F_UNLCK) == 0
}
