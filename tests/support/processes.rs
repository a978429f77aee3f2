//! What runs below a data folder: found in `/proc` by the folder's own name, which no other process bears.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal};

use super::look_until;

/// Numbers of the processes that have `folder` in their arguments, environment or working folder.
pub(crate) fn of_folder(folder: &Path) -> Vec<i32> {
    let name = folder.as_os_str().as_encoded_bytes();
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let number = entry.file_name().to_string_lossy().into_owned();
        let Ok(pid) = number.parse::<i32>() else {
            continue;
        };
        let holds = |file: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.windows(name.len()).any(|window| window == name)
        };
        let lives_there =
            || fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        if number != own && (holds("cmdline") || holds("environ") || lives_there()) && is_alive(pid)
        {
            found.push(pid);
        }
    }
    found
}

/// Whether a process of that number runs; one that only waits to be reaped does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Sends a signal to one process; one that is gone is fine.
pub(crate) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        rustix::process::kill_process(pid, signal).ok();
    }
}

/// Ids and process numbers of the runners of a data folder that are alive.
pub(crate) fn runners(data: &Path) -> Vec<(String, i32)> {
    let folders = fs::read_dir(data.join("runner"))
        .into_iter()
        .flatten()
        .flatten();
    let alive = folders.filter_map(|folder| {
        let id = folder.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(folder.path().join("pid")).ok()?;
        let pid: i32 = text.trim().parse().ok()?;
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (is_alive(pid) && arguments.split('\0').any(|argument| argument == id)).then_some((id, pid))
    });
    alive.collect()
}

/// Ends everything that runs below `folder` and waits until it is gone.
pub(crate) fn end_all(folder: &Path) {
    look_until("the processes of a test end", || {
        let left = of_folder(folder);
        left.iter().for_each(|pid| signal(*pid, Signal::KILL));
        left.is_empty().then_some(())
    });
}
