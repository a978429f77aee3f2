//! An attempt in a container of its own. What is waited for and signalled is the engine's client, which passes signals
//! on and ends with the container's exit code; afterwards the engine is asked how it really ended, and the container is
//! removed, whatever became of the client.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use fasti_core::domain::attempt::{Failure, Outcome};
use fasti_core::domain::launch::{Contained, Program, PythonCall};
use rustix::process::Pid;

use super::attempt::{Over, begin};
use super::command::{input, output, wait};
use super::container_box::{ATTEMPT, AttemptBox, CODE, INPUT, OUTPUT, PATH, SCRATCH, SDK, VALUES};
use super::outlet::Outlet;
use super::{Record, Shared, progress, staging};
use crate::containers::Engine;
use crate::containers::arguments::{
    self, Access, LABEL_ATTEMPT, LABEL_DATA, LABEL_RUNNER, Mount, Start, Variables,
};
use crate::limits::{ENGINE_ANSWER_MS_MAX, ENGINE_WORDS_BYTES_MAX};
use crate::outcome::SpawnFailure;
use crate::places::Stream;
use crate::process::{ENV_ATTEMPT, ENV_ENGINE, ENV_HOME, ENV_RUNNER};
use crate::result::{self, Handed};

/// Interpreter of images that name none.
const PYTHON: &str = "python3";

/// Starts the worker of the mounted packages, and leaves the image's own import path as it is.
const WORKER: &str = "import sys, runpy; sys.path[0] = '/fasti/sdk'; runpy.run_module('fasti._worker', run_name='__main__', alter_sys=True)";

/// What runs in the container, and what it sees.
struct Work {
    argv: Vec<String>,
    workdir: String,
    stdin: Option<String>,
    env: BTreeMap<String, String>,
    mounts: Vec<Mount>,
    is_python: bool,
}

/// Run it and wait for its end.
///
/// # Errors
/// It could not be started.
pub(super) fn run(
    shared: &Shared,
    record: &Arc<Record>,
    (slot, outlet): (usize, &Outlet),
    contained: &Contained,
) -> Result<Over, SpawnFailure> {
    let wanted = contained.container.engine;
    let engine = shared
        .containers
        .engine(&shared.places, &shared.runner, wanted)?;
    let own = AttemptBox::make(&shared.places, record.attempt())?;
    let over = run_in(shared, record, (slot, outlet), contained, (&engine, &own));
    own.remove(|folder| engine.remove_files(folder, ENGINE_ANSWER_MS_MAX));
    over
}

fn run_in(
    shared: &Shared,
    record: &Arc<Record>,
    (slot, outlet): (usize, &Outlet),
    contained: &Contained,
    (engine, own): (&Engine, &AttemptBox),
) -> Result<Over, SpawnFailure> {
    let launch = &record.launch;
    let attempt = launch.attempt.to_string();
    let mut work = match &contained.program {
        Program::Command { argv, cwd, stdin } => command(argv, cwd.as_deref(), stdin.clone()),
        Program::Python(call) => python(shared, record, own, call)?,
        Program::Contained(_) => {
            return Err(SpawnFailure::plain("a container runs no container"));
        }
    };
    work.env.extend(launch.env.clone());
    work.env.insert(ENV_ATTEMPT.to_owned(), attempt.clone());
    work.mounts
        .push(mount(&own.scratch(), SCRATCH, Access::Write)?);
    if let Some(Some(_)) = record.progress.get() {
        work.env
            .insert(progress::VARIABLE.to_owned(), format!("{ATTEMPT}/progress"));
    }
    if work.is_python || record.progress.get().is_some_and(Option::is_some) {
        work.mounts
            .push(mount(&own.attempt(), ATTEMPT, Access::Write)?);
    }
    if let Some(staged) = &launch.staging {
        let made = staging::lay_out_links(&shared.places, launch.attempt, slot, staged, INPUT)?;
        work.env.extend(made.variables);
        work.env
            .insert(staging::OUTPUT_DIR.to_owned(), OUTPUT.to_owned());
        work.mounts.push(mount(&made.inputs, INPUT, Access::Read)?);
        work.mounts
            .push(mount(&made.output, OUTPUT, Access::Write)?);
    }
    let is_python = work.is_python;
    let data = shared.places.data();
    let name = arguments::name(data, &attempt);
    let image = &contained.container.image;
    let begun = spawn(shared, record, outlet, (engine, own), (&name, image), work);
    let (pid, mut words) = begun?;
    begin(record, &shared.news, pid);
    let over = wait(record, pid);
    let mut over = settle(engine, &name, over, &mut words, is_python)?;
    if let Some(staged) = &launch.staging {
        let success = over.outcome.is_success();
        let gathered = staging::gather(&shared.places, launch.attempt, slot, staged, success);
        over.gathered = gathered.map(Arc::new);
    }
    if is_python {
        take_over(shared, record, own, &mut over);
    }
    Ok(over)
}

fn command(argv: &[String], cwd: Option<&str>, stdin: Option<String>) -> Work {
    let workdir = match cwd {
        Some(cwd) => Path::new(SCRATCH).join(cwd).display().to_string(),
        None => SCRATCH.to_owned(),
    };
    Work {
        argv: argv.to_vec(),
        workdir,
        stdin,
        env: BTreeMap::new(),
        mounts: Vec::new(),
        is_python: false,
    }
}

/// A function is called by an interpreter of the image, which reads its task from a file.
fn python(
    shared: &Shared,
    record: &Record,
    own: &AttemptBox,
    call: &PythonCall,
) -> Result<Work, SpawnFailure> {
    let mut mounts = vec![mount(&shared.sdk, SDK, Access::Read)?];
    let mut import_path = Vec::new();
    let mut workdir = SCRATCH.to_owned();
    if let Some(digest) = &call.bundle {
        let (folder, access) = if call.works_in_bundle {
            CODE.clone_into(&mut workdir);
            (
                shared.bundles.tree(digest, record.launch.run)?,
                Access::Write,
            )
        } else {
            (shared.bundles.unpacked(digest)?, Access::Read)
        };
        mounts.push(mount(&folder, CODE, access)?);
        import_path.push(PathBuf::from(CODE));
    }
    if let Some(path) = &call.path {
        mounts.push(mount(Path::new(path), PATH, Access::Read)?);
        import_path.push(PathBuf::from(PATH));
    }
    if let Some(values) = own.lay_out_values(&shared.places, call)? {
        mounts.push(mount(&values, VALUES, Access::Read)?);
    }
    own.write_task(&record.launch, call, &workdir, import_path)?;
    let interpreter = call.python.as_deref().unwrap_or(PYTHON);
    let task = format!("{ATTEMPT}/task.json");
    let argv = [interpreter, "-u", "-c", WORKER, "--once", &task];
    Ok(Work {
        argv: argv.map(str::to_owned).to_vec(),
        workdir,
        stdin: None,
        env: BTreeMap::new(),
        mounts,
        is_python: true,
    })
}

fn mount(source: &Path, target: &str, access: Access) -> Result<Mount, SpawnFailure> {
    let text = source.to_str().ok_or_else(|| {
        let path = source.display();
        SpawnFailure::plain(format!(
            "cannot mount `{path}` into a container: it is no UTF-8"
        ))
    })?;
    Ok(Mount {
        source: text.to_owned(),
        target: target.to_owned(),
        access,
    })
}

/// Start the client. Answers with its process, and with the file in which the engine's own words would be.
fn spawn(
    shared: &Shared,
    record: &Record,
    outlet: &Outlet,
    (engine, own): (&Engine, &AttemptBox),
    (name, image): (&str, &str),
    work: Work,
) -> Result<(Pid, File), SpawnFailure> {
    let variables = Variables::of(&work.env)?;
    let env_file = own.write_env(&variables.file)?;
    let data = shared.places.data().to_str().ok_or_else(|| {
        SpawnFailure::plain("the path of the data folder is no UTF-8: containers need one that is")
    })?;
    let attempt = record.attempt().to_string();
    let user = format!("--user={}", user(engine));
    let run_args: Vec<String> = std::iter::once(user)
        .chain(engine.run_args().iter().cloned())
        .collect();
    let start = Start {
        name,
        image,
        labels: [
            (LABEL_DATA, data),
            (LABEL_RUNNER, &shared.runner),
            (LABEL_ATTEMPT, &attempt),
        ],
        mounts: work.mounts,
        workdir: &work.workdir,
        has_stdin: work.stdin.is_some(),
        env_file: &env_file,
        env_passed: variables.passed.iter().map(|(name, _)| *name).collect(),
        pull: engine.pull(),
        run_args: &run_args,
        argv: &work.argv,
    };
    let mut command = engine.command();
    command.args(start.arguments()?).current_dir(own.folder());
    command.envs(variables.passed);
    command
        .env(ENV_RUNNER, &*shared.runner)
        .env(ENV_HOME, data)
        .env(ENV_ENGINE, shared.containers.mark());
    let options = record.launch.options.as_ref();
    let errors = match options.is_some_and(|options| options.merge_output) {
        true => Stream::Out,
        false => Stream::Err,
    };
    command.stdin(match input(shared, record, work.stdin.as_deref())? {
        Some(file) => Stdio::from(file),
        None => Stdio::null(),
    });
    command.stdout(output(outlet, Stream::Out)?);
    command.stderr(output(outlet, errors)?);
    let path = outlet.path(errors);
    let words = File::open(&path)
        .map_err(|error| SpawnFailure::new(format!("cannot read `{}`", path.display()), &error))?;
    let program = engine.program().display();
    let child = command
        .spawn()
        .map_err(|error| SpawnFailure::new(format!("cannot start `{program}`"), &error))?;
    Ok((Pid::from_child(&child), words))
}

/// Who the program is in the container: on the host's folders the same as the runner, so that both can read what the
/// other writes. Podman without root shows the runner's user as root inside.
fn user(engine: &Engine) -> String {
    use fasti_core::domain::container::Engine as Kind;
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if engine.kind() == Kind::Podman && !uid.is_root() {
        return "0:0".to_owned();
    }
    format!("{}:{}", uid.as_raw(), gid.as_raw())
}

/// How it ended, by the word of the engine; afterwards the container is gone.
fn settle(
    engine: &Engine,
    name: &str,
    mut over: Over,
    words: &mut File,
    is_python: bool,
) -> Result<Over, SpawnFailure> {
    let state = if over.outcome.is_success() {
        Ok(None)
    } else {
        engine.ended(name, ENGINE_ANSWER_MS_MAX)
    };
    if let Err(why) = engine.remove(&[name], ENGINE_ANSWER_MS_MAX) {
        tracing::error!(
            container = name,
            why,
            "cannot remove a container; it may still run"
        );
    }
    let code = if let Outcome::Exited { code } = over.outcome {
        Some(code)
    } else {
        None
    };
    match state {
        Ok(Some(state)) if state.has_started => {
            if state.is_out_of_memory {
                over.failure = Some(Failure {
                    reason: "out_of_memory".to_owned(),
                    message: format!(
                        "the container was ended for want of memory, says {}",
                        engine.kind().program()
                    ),
                });
            }
            Ok(over)
        }
        // One that never ran, or never was.
        Ok(_) if code.is_some_and(arguments::is_refusal) => {
            let hint = arguments::hint(engine.kind(), is_python);
            let said = tail(words).unwrap_or_default();
            Err(SpawnFailure::plain(format!("{hint}: {}", said.trim())))
        }
        Ok(_) => Ok(over),
        Err(why) => {
            tracing::warn!(container = name, why, "cannot ask how a container ended");
            Ok(over)
        }
    }
}

fn tail(file: &mut File) -> io::Result<String> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(ENGINE_WORDS_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(ENGINE_WORDS_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Take over what the function returned. The container is gone, so what lies there stays as it is.
fn take_over(shared: &Shared, record: &Record, own: &AttemptBox, over: &mut Over) {
    let (places, attempt) = (&shared.places, record.attempt());
    for what in [result::VALUE, result::FAILURE] {
        let moved = std::fs::rename(own.attempt().join(what), places.private(attempt, what));
        if let Err(error) = moved
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, %attempt, what, "cannot take over what a container left");
        }
    }
    match result::collect(places, attempt, over.outcome.is_success(), Handed::Nothing) {
        Ok(returned) => {
            over.result = returned.result;
            over.value = returned.value;
            over.failure = over.failure.take().or(returned.failure);
        }
        Err(error) => {
            let message = format!("the return value could not be stored: {error}");
            over.outcome = Outcome::Lost { message };
        }
    }
}
