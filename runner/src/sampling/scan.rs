//! One look at every process there is: who its parent is, what it used, what it holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

use rustix::process::Pid;

use crate::process;

/// The processes at one moment.
#[derive(Debug, Default)]
pub(super) struct Scan {
    processes: HashMap<Pid, Entry>,
    children: HashMap<Pid, Vec<Pid>>,
    /// Members of each process group.
    groups: HashMap<i32, Vec<Pid>>,
}

/// A part of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    parent: Option<Pid>,
    group: i32,
    /// Of itself and of its children that have ended, in clock ticks.
    cpu_ticks: u64,
    rss_pages: u64,
}

/// What a process uses together with all below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) cpu_us: u64,
    pub(super) rss_kib: u64,
}

impl Scan {
    /// Look now. What cannot be read is left out.
    pub(super) fn take() -> Self {
        let mut scan = Self::default();
        for pid in process::all_pids().unwrap_or_default() {
            if let Some(entry) = stat(pid) {
                scan.insert(pid, entry);
            }
        }
        scan
    }

    fn insert(&mut self, pid: Pid, entry: Entry) {
        if let Some(parent) = entry.parent {
            self.children.entry(parent).or_default().push(pid);
        }
        self.groups.entry(entry.group).or_default().push(pid);
        self.processes.insert(pid, entry);
    }

    /// The sum over a process, its descendants, and whoever else is in its group; `None` when it is gone.
    pub(super) fn used(&self, root: Pid) -> Option<Used> {
        self.processes.get(&root)?;
        let (mut ticks, mut pages) = (0, 0);
        let mut seen = std::collections::HashSet::new();
        let mut next = vec![root];
        next.extend(
            self.groups
                .get(&root.as_raw_nonzero().get())
                .into_iter()
                .flatten(),
        );
        while let Some(pid) = next.pop() {
            let Some(entry) = self.processes.get(&pid) else {
                continue;
            };
            if seen.insert(pid) {
                ticks += entry.cpu_ticks;
                pages += entry.rss_pages;
                next.extend(self.children.get(&pid).into_iter().flatten());
            }
        }
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
        let page_kib = rustix::param::page_size() as u64 / 1_024;
        Some(Used {
            cpu_us: ticks.saturating_mul(1_000_000) / ticks_per_second,
            rss_kib: pages.saturating_mul(page_kib),
        })
    }
}

fn stat(pid: Pid) -> Option<Entry> {
    let mut file = File::open(format!("/proc/{}/stat", process::pid_number(pid))).ok()?;
    let mut bytes = [0; 1024];
    let len = file.read(&mut bytes).ok()?;
    parse(&bytes[..len])
}

/// The program name in parentheses may hold anything, so fields are counted from the last parenthesis: the state
/// is the third of the line.
fn parse(line: &[u8]) -> Option<Entry> {
    let end = line.iter().rposition(|&byte| byte == b')')?;
    let text = std::str::from_utf8(&line[end + 1..]).ok()?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
    let amount = |field: usize| Some(u64::try_from(number(field)?).unwrap_or(0));
    Some(Entry {
        parent: Pid::from_raw(i32::try_from(number(4)?).ok()?),
        group: i32::try_from(number(5)?).ok()?,
        cpu_ticks: amount(14)? + amount(15)? + amount(16)? + amount(17)?,
        rss_pages: amount(24)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    fn entry(parent: i32, group: i32) -> Entry {
        Entry {
            parent: Pid::from_raw(parent),
            group,
            cpu_ticks: 1,
            rss_pages: 10,
        }
    }

    #[test]
    fn a_line_is_read_behind_its_name() {
        let line = b"77 (a) S 1 (b) S 5 70 70 0 -1 4194304 1 2 3 4 5 6 7 -8 20 0 1 0 991 4096 31 0";
        let entry = parse(line).unwrap();
        assert_eq!(entry.parent, Some(pid(5)));
        assert_eq!(
            (entry.group, entry.cpu_ticks, entry.rss_pages),
            (70, 18, 31)
        );
        assert_eq!(parse(b"77 (a) S 1"), None);
    }

    #[test]
    fn descendants_and_the_group_are_counted_once() {
        let mut scan = Scan::default();
        let tree = [
            (10, 1, 10),
            (11, 10, 10),
            (12, 11, 12),
            (13, 1, 10),
            (20, 1, 20),
        ];
        for (number, parent, group) in tree {
            scan.insert(pid(number), entry(parent, group));
        }
        let page_kib = rustix::param::page_size() as u64 / 1_024;
        let used = scan.used(pid(10)).unwrap();
        assert_eq!(used.rss_kib, 40 * page_kib, "10, 11, 12 and 13");
        assert_eq!(scan.used(pid(20)).unwrap().rss_kib, 10 * page_kib);
        assert_eq!(scan.used(pid(99)), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = Scan::take().used(rustix::process::getpid()).unwrap();
        assert!(used.rss_kib > 100);
    }
}
