//! A program with arguments, as a child of the runner.
//!
//! Spawning must stay on the posix_spawn path of `std` (no `pre_exec`, no user ids): fork copies the page
//! tables of the runner, posix_spawn does not. It also gives the child default signal actions and an empty
//! signal mask.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use fasti_core::domain::attempt::Outcome;
use rustix::process::{Pid, Signal};

use super::attempt::{Over, begin};
use super::environment::{Variables, apply, path_of};
use super::outlet::Outlet;
use super::{Record, Shared, progress, scratch, staging};
use crate::outcome::{SpawnFailure, of_status};
use crate::places::Stream;
use crate::process::{self, Child};

/// Run a command in a slot, with a working folder and standard input if it names them, and wait for its end.
///
/// # Errors
/// It could not be started.
pub(super) fn run(
    shared: &Shared,
    record: &Record,
    (slot, outlet): (usize, &Outlet),
    argv: &[String],
    (cwd, stdin): (Option<&str>, Option<&str>),
) -> Result<Over, SpawnFailure> {
    let launch = &record.launch;
    let attempt = launch.attempt;
    let mut own = Cow::Borrowed(&launch.env);
    if let Some(staged) = &launch.staging {
        let laid_out = staging::lay_out(&shared.places, attempt, slot, staged)?;
        own.to_mut().extend(laid_out);
    }
    let mut variables = shared.base.with(&own, Some(&attempt.to_string()))?;
    if let Some(Some(progress)) = record.progress.get() {
        variables.insert(progress::VARIABLE.into(), progress.path().into());
    }
    let cwd = match cwd {
        Some(cwd) => shared.places.data().join(cwd),
        None => scratch::make(&shared.places, slot)?,
    };
    let stdin = input(shared, record, stdin)?;
    let options = launch.options.as_ref();
    let streams = Streams {
        stdin,
        outlet,
        is_merged: options.is_some_and(|options| options.merge_output),
    };
    let pid = spawn(shared, &streams, argv, &cwd, &variables)?;
    begin(record, &shared.news, pid);
    let mut over = wait(record, pid);
    if let Some(staged) = &launch.staging {
        let success = over.outcome.is_success();
        let gathered = staging::gather(&shared.places, attempt, slot, staged, success);
        over.gathered = gathered.map(Arc::new);
    }
    Ok(over)
}

/// What a process reads from and writes to.
struct Streams<'a> {
    stdin: Option<File>,
    outlet: &'a Outlet,
    /// Both outputs go into one file, in the order in which they are written.
    is_merged: bool,
}

fn spawn(
    shared: &Shared,
    streams: &Streams<'_>,
    argv: &[String],
    cwd: &Path,
    variables: &Variables,
) -> Result<Pid, SpawnFailure> {
    let Some(name) = argv.first() else {
        return Err(SpawnFailure {
            errno: libc::EINVAL,
            message: "cannot start a command without a program: argv is empty".to_owned(),
        });
    };
    let path = path_of(variables);
    loop {
        let file = match own_program(name) {
            Some(own) => own,
            None => shared.programs.find(name, path, cwd)?,
        };
        let mut command = Command::new(&file);
        command
            .arg0(name)
            .args(&argv[1..])
            .current_dir(cwd)
            .process_group(0);
        apply(&mut command, variables);
        command.stdin(match &streams.stdin {
            Some(file) => Stdio::from(file.try_clone().map_err(|error| no_input(&error))?),
            None => Stdio::null(),
        });
        let errors = if streams.is_merged {
            Stream::Out
        } else {
            Stream::Err
        };
        command.stdout(output(streams.outlet, Stream::Out)?);
        command.stderr(output(streams.outlet, errors)?);
        match command.spawn() {
            Ok(child) => return Ok(Pid::from_child(&child)),
            // The program moved since it was looked up.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && shared.programs.forget(name, path)
                    && !file.exists() => {}
            Err(error) => return Err(explain(name, &file, cwd, &error)),
        }
    }
}

/// A command called `fasti` is the program that this runner is, whatever lies where `PATH` says: the two must be of
/// one version. It is there even when its file was replaced.
fn own_program(name: &str) -> Option<PathBuf> {
    if name != "fasti" {
        return None;
    }
    if cfg!(target_os = "linux") {
        return Some(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().ok()
}

/// The system does not say whether the program or the working folder is at fault.
fn explain(name: &str, file: &Path, cwd: &Path, error: &io::Error) -> SpawnFailure {
    let (name, file) = (name.escape_debug(), file.display());
    let what = if cwd.is_dir() {
        format!("cannot start `{name}` ({file})")
    } else {
        format!(
            "cannot start `{name}`, because its working folder `{}` is none",
            cwd.display()
        )
    };
    SpawnFailure::new(what, error)
}

/// Wait for the end, and end what is left of the group.
pub(super) fn wait(record: &Record, pid: Pid) -> Over {
    let ended = process::await_end(pid);
    record.end();
    // The zombie holds the number of the group, so this cannot hit anybody else.
    process::signal_group(pid, Signal::KILL);
    let reaped = ended.and_then(|()| process::reap(Child::Process(pid), true));
    let over = match reaped {
        Ok(Some(reaped)) => Over::new(of_status(reaped.status), reaped.cpu_us, reaped.max_rss_kib),
        Ok(None) => Over::new(lost("the system says nothing"), 0, 0),
        Err(error) => Over::new(lost(&error), 0, 0),
    };
    process::clear_group(pid);
    over
}

fn lost(why: impl std::fmt::Display) -> Outcome {
    Outcome::Lost {
        message: format!("cannot wait for the process: {why}"),
    }
}

/// Standard input, if there is any: a file that no longer has a name.
pub(super) fn input(
    shared: &Shared,
    record: &Record,
    text: Option<&str>,
) -> Result<Option<File>, SpawnFailure> {
    let path = shared.places.private(record.attempt(), "stdin");
    let file = text.map(|text| write_unnamed(&path, text.as_bytes()));
    file.transpose().map_err(|error| no_input(&error))
}

fn no_input(error: &io::Error) -> SpawnFailure {
    SpawnFailure::new("cannot keep the standard input", error)
}

fn write_unnamed(path: &PathBuf, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    std::fs::remove_file(path)?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

pub(super) fn output(outlet: &Outlet, stream: Stream) -> Result<Stdio, SpawnFailure> {
    outlet.open(stream).map(Stdio::from).map_err(|error| {
        let path = outlet.path(stream);
        SpawnFailure::new(
            format!("cannot open the output file `{}`", path.display()),
            &error,
        )
    })
}
