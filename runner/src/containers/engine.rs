//! A container engine: its program, and short questions to it, each with an end in time.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fasti_core::domain::container::Engine as Kind;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::limits::ENGINE_ANSWER_BYTES_MAX;
use crate::process;

/// Tried in this order when nobody says which.
const KINDS: [Kind; 2] = [Kind::Podman, Kind::Docker];

/// Pause between two looks at a question that is not answered yet.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A program that runs containers, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Engine {
    kind: Kind,
    program: PathBuf,
    engine_args: Vec<String>,
    #[serde(skip)]
    run_args: Vec<String>,
    #[serde(skip)]
    pull: String,
}

/// An answer: what was printed, and whether all went well.
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Engine {
    /// The engine that was asked for, or else the configured one, or else the first that works.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn find(
        settings: &Settings,
        wanted: Option<Kind>,
        limit_ms: u64,
    ) -> Result<Self, String> {
        let configured = settings.engine.as_deref();
        let fits = |name: &&str| wanted.is_none() || kind_of(name) == wanted;
        let names: Vec<&str> = match (configured.filter(fits), wanted) {
            (Some(name), _) => vec![name],
            (None, Some(kind)) => vec![kind.program()],
            (None, None) => KINDS.iter().map(|kind| kind.program()).collect(),
        };
        let mut why = Vec::new();
        for name in &names {
            match Self::try_one(settings, name, limit_ms) {
                Ok(found) => return Ok(found),
                Err(error) => why.push(error),
            }
        }
        Err(format!("no containers can be run here: {}", why.join("; ")))
    }

    fn try_one(settings: &Settings, name: &str, limit_ms: u64) -> Result<Self, String> {
        let kind = kind_of(name)
            .ok_or_else(|| format!("`{name}` is neither podman nor docker nor the path of one"))?;
        let program = locate(name).ok_or_else(|| format!("there is no program `{name}`"))?;
        let is_meant = settings.engine.as_deref().is_none_or(|it| it == name);
        let of_settings = |args: &Vec<String>| match is_meant {
            true => args.clone(),
            false => Vec::new(),
        };
        let engine = Self {
            kind,
            program,
            engine_args: of_settings(&settings.engine_args),
            run_args: of_settings(&settings.run_args),
            pull: settings.pull.clone(),
        };
        // Of docker, only this speaks with its daemon and fails without.
        let answer = engine.ask(&["info"], limit_ms)?;
        if !answer.success {
            let said = last_line(&answer.stderr);
            return Err(format!("`{name} info` fails: {said}"));
        }
        Ok(engine)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn run_args(&self) -> &[String] {
        &self.run_args
    }

    pub(crate) fn pull(&self) -> &str {
        &self.pull
    }

    /// The program with its own arguments, in a group of its own, with the environment of the runner: what leads an
    /// engine to its storage and its daemon is there, and nothing of it goes into containers.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.engine_args).process_group(0);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"FASTI_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Ask something that is answered soon.
    ///
    /// # Errors
    /// It does not start, or does not answer in time.
    pub(super) fn ask(&self, args: &[&str], limit_ms: u64) -> Result<Answer, String> {
        let what = || format!("`{} {}`", self.program.display(), args.join(" "));
        let fail = |error: io::Error| format!("{} cannot be run: {error}", what());
        let (mut out, mut err) = (memory().map_err(fail)?, memory().map_err(fail)?);
        let mut command = self.command();
        command.args(args).stdin(Stdio::null());
        command.stdout(out.try_clone().map_err(fail)?);
        command.stderr(err.try_clone().map_err(fail)?);
        let mut child = command.spawn().map_err(fail)?;
        let ended = wait(&mut child, Duration::from_millis(limit_ms)).map_err(fail)?;
        let Some(success) = ended else {
            return Err(format!(
                "{} does not answer within {} s",
                what(),
                limit_ms / 1_000
            ));
        };
        Ok(Answer {
            success,
            stdout: read(&mut out).map_err(fail)?,
            stderr: read(&mut err).map_err(fail)?,
        })
    }

    /// Remove a container, whatever it does at the moment. One that does not exist is as good as removed.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn remove(&self, containers: &[&str], limit_ms: u64) -> Result<(), String> {
        let mut args = vec!["rm", "--force", "--volumes"];
        if self.kind == Kind::Podman {
            args.extend(["--ignore", "--time", "0"]);
        }
        args.extend(containers);
        let answer = self.ask(&args, limit_ms)?;
        let is_gone = || {
            answer
                .stderr
                .to_ascii_lowercase()
                .contains("no such container")
        };
        if answer.success || is_gone() {
            return Ok(());
        }
        Err(last_line(&answer.stderr).to_owned())
    }

    /// How a container ended; `None` when the engine knows none of that name.
    ///
    /// # Errors
    /// What the engine says.
    pub(crate) fn ended(&self, container: &str, limit_ms: u64) -> Result<Option<State>, String> {
        let format = "{{.State.StartedAt}}|{{.State.OOMKilled}}|{{.State.Running}}";
        let args = [
            "inspect",
            "--type",
            "container",
            "--format",
            format,
            container,
        ];
        let answer = self.ask(&args, limit_ms)?;
        if !answer.success {
            let text = answer.stderr.to_ascii_lowercase();
            if text.contains("no such") {
                return Ok(None);
            }
            return Err(last_line(&answer.stderr).to_owned());
        }
        Ok(parse_state(answer.stdout.trim()))
    }

    /// Remove what a container left behind and the runner may not: files of users that only the engine's own name
    /// space has.
    pub(crate) fn remove_files(&self, folder: &Path, limit_ms: u64) {
        if let (Kind::Podman, Some(path)) = (self.kind, folder.to_str()) {
            let _ = self.ask(&["unshare", "rm", "-rf", "--", path], limit_ms);
        }
    }
}

/// What an engine says of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Whether its program ever ran.
    pub(crate) has_started: bool,
    /// Whether it was ended for want of memory.
    pub(crate) is_out_of_memory: bool,
}

fn parse_state(text: &str) -> Option<State> {
    let mut fields = text.split('|');
    let (started, memory) = (fields.next()?, fields.next()?);
    Some(State {
        // What never started has the first instant of all.
        has_started: !started.starts_with("0001-") && !started.is_empty(),
        is_out_of_memory: memory == "true",
    })
}

/// Which engine a name or path means.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    let file = Path::new(name).file_name().and_then(OsStr::to_str)?;
    KINDS.into_iter().find(|kind| file == kind.program())
}

fn locate(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The line that says most: engines warn first and end with the error.
pub(crate) fn last_line(text: &str) -> &str {
    text.trim().lines().last().unwrap_or("it says nothing")
}

/// A file without a name, for what a program prints: unlike a pipe it is never full, and nobody holds it open.
fn memory() -> io::Result<File> {
    Ok(memfd_create("fasti-engine", MemfdFlags::CLOEXEC)?.into())
}

fn read(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(ENGINE_ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether it ended well; `None` when it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() >= deadline {
            process::signal_group(Pid::from_child(child), Signal::KILL);
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// 128 bits that nobody guesses.
pub(super) fn random_mark() -> String {
    let mut bytes = [0_u8; 16];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if let Err(error) = read {
        tracing::warn!(%error, "there is no chance: what engines leave running is not told from strays");
    }
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, name: &str, script: &str) -> String {
        let path = folder.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn find(engine: &str, limit_ms: u64) -> Result<Engine, String> {
        let settings = Settings {
            engine: Some(engine.to_owned()),
            engine_args: vec!["--quietly".to_owned()],
            ..Settings::default()
        };
        Engine::find(&settings, None, limit_ms)
    }

    #[test]
    fn an_engine_that_does_not_work_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let good = program(folder.path(), "podman", "[ \"$1 $2\" = '--quietly info' ]");
        assert_eq!(find(&good, 10_000).unwrap().kind(), Kind::Podman);
        let bad = program(
            folder.path(),
            "docker",
            "echo warning >&2; echo no daemon >&2; exit 1",
        );
        let error = find(&bad, 10_000).unwrap_err();
        assert!(error.ends_with("fails: no daemon"), "{error}");
        let error = find("/nowhere/podman", 10_000).unwrap_err();
        assert!(error.contains("no program `/nowhere/podman`"), "{error}");
    }

    #[test]
    fn an_engine_that_hangs_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let hangs = program(folder.path(), "podman", "sleep 600 & wait");
        let error = find(&hangs, 300).unwrap_err();
        assert!(error.contains("does not answer"), "{error}");
    }

    #[test]
    fn what_never_started_is_told_apart() {
        let state = |text| parse_state(text).unwrap();
        assert!(state("2026-11-30 11:00:00 +0000 UTC|false|false").has_started);
        assert!(!state("0001-01-01 00:00:00 +0000 UTC|false|false").has_started);
        assert!(!state("0001-01-01T00:00:00Z|false|false").has_started);
        assert!(state("2026-11-30T11:00:00Z|true|false").is_out_of_memory);
        assert_eq!(parse_state(""), None);
    }
}
