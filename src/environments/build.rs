//! One build of an environment: unpack, make, install, and say that it is complete.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fasti_api::{Environment, Stage};
use rustix::process::{Pid, Signal};

use crate::cli::Python;

/// Bytes of the installer's output that an answer has.
const OUTPUT_BYTES_MAX: u64 = 8 << 10;

/// Names the complete build.
const READY: &str = "ready";

/// Variables of the server that are no business of an installer.
const LEFT_OUT: [&str; 4] = ["FASTI_TOKEN", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"];

/// A build, on its way or over.
#[derive(Debug)]
pub(super) struct Build {
    id: String,
    /// Folder of all builds with this id.
    folder: PathBuf,
    /// Folder of this one.
    own: PathBuf,
    packed: PathBuf,
    python: Python,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    step: String,
    /// Group of the process that works.
    group: Option<Pid>,
    is_stopped: bool,
}

impl Build {
    pub(super) fn new(id: String, folder: PathBuf, packed: PathBuf, python: Python) -> Self {
        let own = (0u32..)
            .map(|number| folder.join(format!("{}-{number}", std::process::id())))
            .find(|path| !path.exists())
            .unwrap_or_else(|| folder.join("build"));
        Self {
            id,
            folder,
            own,
            packed,
            python,
            state: Mutex::new(State {
                stage: Stage::Queued,
                step: "waiting for its turn".to_owned(),
                group: None,
                is_stopped: false,
            }),
        }
    }

    /// How far it is.
    pub(super) fn environment(&self) -> Environment {
        let state = self.state();
        let (stage, step) = (state.stage, state.step.clone());
        drop(state);
        let (output, output_bytes) = tail(&self.own.join("log")).unwrap_or_default();
        Environment {
            id: self.id.clone(),
            stage,
            step,
            output,
            output_bytes,
            python: (stage == Stage::Ready).then(|| interpreter(&self.own)),
        }
    }

    /// End it.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        if let Some(group) = state.group {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    /// Do it all. A failure keeps the log alone.
    pub(super) fn run(&self) {
        let done = self.make();
        let mut state = self.state();
        match done {
            Ok(()) => {
                state.stage = Stage::Ready;
                "ready".clone_into(&mut state.step);
            }
            Err(why) => {
                tracing::warn!(id = self.id, why, "an environment could not be made");
                state.stage = Stage::Failed;
                state.step = why;
                for name in ["venv", "source"] {
                    // What stays is used by nobody, and goes with the next build.
                    let _ = fs::remove_dir_all(self.own.join(name));
                }
            }
        }
    }

    fn make(&self) -> Result<(), String> {
        let say = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        self.step("unpacking");
        // Builds that came to nothing, and those of a server that was killed.
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let _ = fs::remove_dir_all(entry.path());
        }
        let source = self.own.join("source");
        fs::create_dir_all(&source).map_err(say("cannot make the folder"))?;
        unpack(&self.packed, &source).map_err(say("cannot unpack the bundle"))?;
        self.step("making the virtual environment");
        let venv = self.own.join("venv");
        let mut make = self.command(Path::new(&self.python.path), &source);
        make.args(["-m", "venv"]).arg(&venv);
        self.finish(make, "making the virtual environment failed")?;
        self.step("installing");
        let mut install = self.command(&interpreter(&self.own), &source);
        install.args(["-m", "pip", "install", "--disable-pip-version-check"]);
        install.args(["--no-input", "--progress-bar", "off"]);
        let what = wanted(&source).map_err(say("cannot read the bundle"))?;
        if what.is_empty() {
            return Err(
                "the bundle lists nothing: it needs requirements.txt, or wheels in wheels/"
                    .to_owned(),
            );
        }
        install.args(what);
        self.finish(install, "installing failed")?;
        self.step("checking");
        let mut check = self.command(&interpreter(&self.own), &source);
        check.args(["-m", "pip", "check", "--disable-pip-version-check"]);
        self.finish(check, "what was installed does not fit together")?;
        mark(&self.folder, &self.own).map_err(say("cannot write down that it is complete"))
    }

    /// A program that works for this build, with all it prints in the log.
    fn command(&self, program: &Path, folder: &Path) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "makes an environment with an interpreter and its installer"
        )]
        let mut command = Command::new(program);
        for name in LEFT_OUT {
            command.env_remove(name);
        }
        command
            .current_dir(folder)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    fn finish(&self, mut command: Command, failed: &str) -> Result<(), String> {
        let fail = |error: io::Error| format!("{failed}: {error}");
        let mut options = File::options();
        let log = options.create(true).append(true);
        let log = log.open(self.own.join("log")).map_err(fail)?;
        command.stdout(log.try_clone().map_err(fail)?).stderr(log);
        let mut state = self.state();
        if state.is_stopped {
            return Err("the server stopped".to_owned());
        }
        let mut child = command.spawn().map_err(fail)?;
        state.group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        drop(state);
        let status = child.wait();
        let mut state = self.state();
        state.group = None;
        match status.map_err(fail)? {
            status if status.success() => Ok(()),
            _ if state.is_stopped => Err("the server stopped".to_owned()),
            status => Err(format!("{failed} ({status})")),
        }
    }

    fn step(&self, step: &str) {
        let mut state = self.state();
        state.stage = Stage::Building;
        step.clone_into(&mut state.step);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The environment in a folder, if it was ever completed.
pub(super) fn ready(folder: &Path, id: &str) -> Option<Environment> {
    let name = fs::read_to_string(folder.join(READY)).ok()?;
    let own = folder.join(Path::new(name.trim()).file_name()?);
    let python = interpreter(&own);
    let is_there = python.exists();
    let (output, output_bytes) = tail(&own.join("log")).unwrap_or_default();
    is_there.then(|| Environment {
        id: id.to_owned(),
        stage: Stage::Ready,
        step: "ready".to_owned(),
        output,
        output_bytes,
        python: Some(python),
    })
}

fn interpreter(own: &Path) -> PathBuf {
    own.join("venv").join("bin").join("python")
}

/// Durable before it counts: the name appears at once and whole, after everything it speaks of.
fn mark(folder: &Path, own: &Path) -> io::Result<()> {
    let name = own.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join("ready-new");
    let mut file = File::create(&aside)?;
    writeln!(file, "{name}")?;
    rustix::fs::syncfs(&file)?;
    fs::rename(&aside, folder.join(READY))?;
    File::open(folder)?.sync_all()
}

fn unpack(packed: &Path, folder: &Path) -> io::Result<()> {
    let unzipped = flate2::read::GzDecoder::new(File::open(packed)?);
    // Nothing is written outside of the folder: the library leaves such entries out.
    tar::Archive::new(unzipped).unpack(folder)
}

/// What the installer is told to install, by what is in the unpacked bundle.
fn wanted(source: &Path) -> io::Result<Vec<String>> {
    let mut arguments = Vec::new();
    let wheels = source.join("wheels");
    if wheels.is_dir() {
        let mut names = Vec::new();
        for entry in fs::read_dir(&wheels)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        arguments.extend(["--find-links".to_owned(), "wheels".to_owned()]);
        arguments.extend(names.iter().map(|name| format!("wheels/{name}")));
    }
    if source.join("requirements.txt").is_file() {
        arguments.extend(["-r".to_owned(), "requirements.txt".to_owned()]);
    }
    Ok(arguments)
}

/// The end of a log, and how long all of it is.
fn tail(log: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(log)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(OUTPUT_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), size))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_not_marked_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("7-0");
        fs::create_dir_all(own.join("venv/bin")).unwrap();
        fs::write(interpreter(&own), "").unwrap();
        assert!(ready(folder.path(), "x").is_none());
        mark(folder.path(), &own).unwrap();
        let found = ready(folder.path(), "x").unwrap();
        assert_eq!(found.python, Some(interpreter(&own)));
        fs::remove_file(interpreter(&own)).unwrap();
        assert!(ready(folder.path(), "x").is_none(), "it was taken away");
    }

    #[test]
    fn a_bundle_says_what_is_installed() {
        let source = tempfile::tempdir().unwrap();
        assert!(wanted(source.path()).unwrap().is_empty());
        fs::write(source.path().join("requirements.txt"), "").unwrap();
        assert_eq!(wanted(source.path()).unwrap(), ["-r", "requirements.txt"]);
        fs::create_dir(source.path().join("wheels")).unwrap();
        fs::write(source.path().join("wheels/b.whl"), "").unwrap();
        fs::write(source.path().join("wheels/a.whl"), "").unwrap();
        let all = wanted(source.path()).unwrap();
        assert_eq!(
            all[..4],
            ["--find-links", "wheels", "wheels/a.whl", "wheels/b.whl"]
        );
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, format!("{}end", "x".repeat(10_000))).unwrap();
        let (text, size) = tail(&log).unwrap();
        assert_eq!((text.len(), size), (8_192, 10_003));
        assert!(text.ends_with("xend"));
    }
}
