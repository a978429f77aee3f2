//! What `/proc` says about processes. Every answer may be old by the time it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::process::Pid;

use super::{ENV_ATTEMPT, ENV_ENGINE, ENV_HOME, ENV_RUNNER, ENV_WORKER, pid_number};
use crate::limits::ENVIRON_BYTES_MAX;

/// A part of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `Z`, …
    pub(crate) state: u8,
    /// Its process group.
    pub(crate) group: i32,
    /// When it started, in clock ticks since boot: with the id it names the process for ever.
    pub(crate) start_ticks: u64,
}

/// State, group and start of a process; `None` when it is gone.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    let mut file = File::open(format!("/proc/{}/stat", pid_number(pid))).ok()?;
    let mut bytes = [0; 1024];
    let len = file.read(&mut bytes).ok()?;
    parse_stat(&bytes[..len])
}

/// The program name in parentheses may hold anything, so fields are counted from the last parenthesis.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let end = bytes.iter().rposition(|&byte| byte == b')')?;
    let text = std::str::from_utf8(&bytes[end + 1..]).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let group = fields.nth(1)?.parse().ok()?;
    // Field 22 of the whole line; 3, 4 and 5 are taken.
    let start_ticks = fields.nth(16)?.parse().ok()?;
    Some(Stat {
        state,
        group,
        start_ticks,
    })
}

/// The runner's marks in the environment of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Data folder.
    pub(crate) home: Option<Vec<u8>>,
    /// Runner.
    pub(crate) runner: Option<String>,
    /// Attempt.
    pub(crate) attempt: Option<String>,
    /// Interpreter.
    pub(crate) worker: Option<String>,
    /// Container engine.
    pub(crate) engine: Option<String>,
}

/// Marks of a process. All empty for a zombie, for another user's process, and for one whose environment
/// was replaced.
pub(crate) fn marks(pid: Pid) -> Marks {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(format!("/proc/{}/environ", pid_number(pid))) {
        // What was read before an error is still worth a look.
        let _ = file.take(ENVIRON_BYTES_MAX).read_to_end(&mut bytes);
    }
    parse_marks(&bytes)
}

fn parse_marks(environ: &[u8]) -> Marks {
    let mut marks = Marks::default();
    for variable in environ.split(|&byte| byte == 0) {
        let Some(equals) = variable.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let (name, value) = (&variable[..equals], &variable[equals + 1..]);
        let text = || String::from_utf8(value.to_vec()).ok();
        if name == ENV_HOME.as_bytes() {
            marks.home = Some(value.to_vec());
        } else if name == ENV_RUNNER.as_bytes() {
            marks.runner = text();
        } else if name == ENV_ATTEMPT.as_bytes() {
            marks.attempt = text();
        } else if name == ENV_WORKER.as_bytes() {
            marks.worker = text();
        } else if name == ENV_ENGINE.as_bytes() {
            marks.engine = text();
        }
    }
    marks
}

/// Processes that lost their parent and were given to this process, a subreaper.
///
/// The kernel gives them to the thread-group leader while it lives, and lists the children of each thread
/// apart: a process started by another thread of the runner is not among them.
#[derive(Debug)]
pub(crate) struct Adopted {
    file: Option<File>,
}

impl Adopted {
    /// The list of this process. Without kernel support it is always empty, and what leaves its group is
    /// then not found.
    pub(crate) fn open() -> Self {
        let path = format!("/proc/self/task/{}/children", std::process::id());
        let file = File::open(&path).inspect_err(|error| {
            tracing::warn!(%error, path, "cannot list adopted processes; those that leave their group stay");
        });
        Self { file: file.ok() }
    }

    /// Those there are now, zombies included.
    pub(crate) fn list(&self) -> Vec<Pid> {
        let Some(file) = &self.file else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        let mut chunk = [0; 512];
        while let Ok(len @ 1..) = file.read_at(&mut chunk, bytes.len() as u64) {
            bytes.extend_from_slice(&chunk[..len]);
        }
        let text = String::from_utf8_lossy(&bytes);
        text.split_ascii_whitespace()
            .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
            .collect()
    }
}

/// Every process there is.
///
/// # Errors
/// `/proc` cannot be read.
pub(crate) fn all_pids() -> io::Result<Vec<Pid>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(Pid::from_raw);
        pids.extend(pid);
    }
    Ok(pids)
}

/// Identity of this boot; empty where the system has none.
pub(crate) fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let line = b"77 (a) S 1 (b) S 5 77 70 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 991 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!(
            stat,
            Stat {
                state: b'S',
                group: 77,
                start_ticks: 991
            }
        );
    }

    #[test]
    fn this_process_has_a_start_and_a_group() {
        let pid = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        let stat = stat(pid).unwrap();
        assert!(stat.start_ticks > 0);
        assert!(stat.group > 0);
    }

    #[test]
    fn marks_are_whole_variables() {
        let environ = b"A=1\0FASTI_RUNNER=r-1\0XFASTI_ATTEMPT=9.9\0FASTI_ATTEMPT=7.1\0FASTI_RUNNER_HOME=/d=e\0";
        let marks = parse_marks(environ);
        assert_eq!(marks.runner.as_deref(), Some("r-1"));
        assert_eq!(marks.attempt.as_deref(), Some("7.1"));
        assert_eq!(marks.home.as_deref(), Some(&b"/d=e"[..]));
        assert_eq!(marks.worker, None);
        assert_eq!(parse_marks(b""), Marks::default());
    }
}
