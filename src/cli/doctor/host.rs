//! What the system allows.

use std::path::Path;

use super::Finding;

/// Every running task holds a few files, and so does every connection.
const OPEN_FILES_MIN: u64 = 1024;
const OPEN_FILES_GOOD: u64 = 4096;

pub(super) fn cgroups() -> Finding {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        return Finding::ok("cgroup", "version 2");
    }
    let text = "no version 2 hierarchy at /sys/fs/cgroup: limits of memory and processor cannot be held to";
    Finding::warn("cgroup", text)
}

pub(super) fn open_files() -> Finding {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    judge_open_files(limit.current, limit.maximum)
}

/// `None` is no limit.
fn judge_open_files(now: Option<u64>, most: Option<u64>) -> Finding {
    let Some(limit) = now else {
        return Finding::ok("files", "no limit of open files");
    };
    let text = format!("{limit} files may be open");
    let more = if most.is_none_or(|most| most >= OPEN_FILES_GOOD) {
        format!("`ulimit -n {OPEN_FILES_GOOD}` before the start gives more")
    } else {
        "ask the administrator of the system for more".to_owned()
    };
    match limit {
        0..OPEN_FILES_MIN => Finding::fail("files", format!("{text}, which is too few: {more}")),
        OPEN_FILES_MIN..OPEN_FILES_GOOD => Finding::warn(
            "files",
            format!("{text}, enough for some hundred tasks at a time: {more}"),
        ),
        _ => Finding::ok("files", text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn few_files_are_said_with_what_to_do() {
        assert_eq!(judge_open_files(None, None).level, Level::Ok);
        assert_eq!(
            judge_open_files(Some(256), Some(1 << 20)).level,
            Level::Fail
        );
        let warn = judge_open_files(Some(1024), None);
        assert_eq!(warn.level, Level::Warn);
        assert!(warn.text.contains("ulimit -n 4096"), "{}", warn.text);
        assert!(
            judge_open_files(Some(1024), Some(2048))
                .text
                .contains("administrator")
        );
        assert_eq!(judge_open_files(Some(65_536), None).level, Level::Ok);
    }
}
