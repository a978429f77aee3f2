//! What runners left behind that were killed: processes of their attempts, and their folders. Swept by the
//! next runner of the same data folder before it says hello: whoever hears of the new runner may trust that
//! nothing of the dead ones runs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal};

use crate::home;
use crate::places::Places;
use crate::process;

/// End the processes of runners that are gone.
///
/// # Errors
/// `/proc` cannot be read.
pub(crate) fn sweep(places: &Places, own: &str) -> io::Result<()> {
    let mut ended = 0;
    let gone = process::poll_until(|| match find(places, own) {
        Ok(orphans) => {
            ended = ended.max(orphans.len());
            orphans.iter().for_each(|&pid| end(pid));
            orphans.is_empty()
        }
        Err(_) => true,
    });
    if ended > 0 {
        tracing::warn!(ended, gone, "ended processes of a runner that is gone");
    }
    Ok(())
}

/// Processes marked with this data folder and a runner that no longer lives.
fn find(places: &Places, own: &str) -> io::Result<Vec<Pid>> {
    let data = places.data().as_os_str().as_bytes();
    let mut dead = BTreeSet::new();
    let mut alive = BTreeSet::from([own.to_owned()]);
    let mut orphans = Vec::new();
    for pid in process::all_pids()? {
        let marks = process::marks(pid);
        let (Some(runner), true) = (marks.runner, marks.home.as_deref() == Some(data)) else {
            continue;
        };
        if !dead.contains(&runner) && !alive.contains(&runner) {
            let lives = is_name(&runner) && home::is_alive(&places.runners().join(&runner));
            if lives { &mut alive } else { &mut dead }.insert(runner.clone());
        }
        if dead.contains(&runner) {
            orphans.push(pid);
        }
    }
    Ok(orphans)
}

/// The whole group when it is led by the process itself, so that members without a mark end too.
fn end(pid: Pid) {
    match process::stat(pid) {
        Some(stat) if stat.group == pid.as_raw_nonzero().get() => {
            process::signal_group(pid, Signal::KILL);
        }
        Some(_) | None => process::kill(pid),
    }
}

/// Remove the folders of runners that are gone, once nothing uses them any more.
///
/// # Errors
/// The folder of the runners cannot be read.
pub(crate) fn remove_folders(places: &Places, own: &str) -> io::Result<()> {
    for entry in fs::read_dir(places.runners())? {
        let entry = entry?;
        let name = entry.file_name();
        let of_runner = entry.path().join("pid").is_file();
        if name != own && of_runner && !home::is_alive(&entry.path()) {
            remove(&entry.path());
        }
    }
    Ok(())
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "cannot remove the folder of a dead runner");
    }
}

/// Whether a name from a stranger's environment can be one folder.
fn is_name(name: &str) -> bool {
    fasti_core::domain::ids::RunnerId::new(name).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command};

    use fasti_core::domain::ids::RunnerId;

    use super::*;
    use crate::home::Home;
    use crate::process::{ENV_HOME, ENV_RUNNER};

    fn sleeper(data: &Path, runner: &str) -> Child {
        let mut command = Command::new("/bin/sleep");
        command
            .arg("600")
            .env(ENV_HOME, data)
            .env(ENV_RUNNER, runner)
            .process_group(0);
        command.spawn().unwrap()
    }

    fn places(data: &Path, id: &str) -> Places {
        Places::new(data.into(), &RunnerId::new(id).unwrap())
    }

    #[test]
    fn only_processes_of_dead_runners_of_this_folder_end() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = places(data.path(), "own");
        let home = Home::take(&own, "own").unwrap();
        let living = Home::take(&places(data.path(), "living"), "living").unwrap();
        places(data.path(), "dead").make_home().unwrap();
        fs::write(data.path().join("runner/dead/pid"), "1").unwrap();

        let mut orphan = sleeper(data.path(), "dead");
        let mut strange = sleeper(data.path(), "../dead");
        let mut kept: Vec<Child> = vec![
            sleeper(data.path(), "own"),
            sleeper(data.path(), "living"),
            sleeper(other.path(), "dead"),
        ];
        sweep(&own, "own").unwrap();
        remove_folders(&own, "own").unwrap();

        assert_eq!(orphan.wait().unwrap().signal(), Some(9));
        assert_eq!(strange.wait().unwrap().signal(), Some(9));
        for child in &mut kept {
            assert_eq!(child.try_wait().unwrap(), None);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(!data.path().join("runner/dead").exists());
        assert!(data.path().join("runner/living").exists());
        living.remove();
        home.remove();
    }
}
