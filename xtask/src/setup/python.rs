//! The Python side of set-up: an interpreter of 3.9 or later and a virtual environment with pinned packages.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::say;
use crate::process::{answer, command, must};
use crate::workspace::Workspace;

/// The oldest Python that Fasti supports: major and minor version.
const OLDEST: (u32, u32) = (3, 9);

/// The oldest Python that the packages of a notebook support.
const OLDEST_OF_NOTEBOOKS: (u32, u32) = (3, 11);

/// Packages of the checks and of most tests.
pub(super) const PACKAGES: &str = "xtask/python-requirements.txt";

/// Packages of the tests of the notebook widget.
pub(super) const WIDGET_PACKAGES: &str = "xtask/widget-requirements.txt";

/// Packages of the tests with the published Datature client.
pub(super) const DATATURE_PACKAGES: &str = "xtask/datature-requirements.txt";

/// Names an interpreter may have, the plain one first.
const NAMES: [&str; 8] = [
    "python3",
    "python",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
];

/// An interpreter with its version, as `3.11.7`.
#[derive(Debug)]
pub(super) struct Interpreter {
    program: String,
    version: String,
}

/// Finds the first interpreter on the path that is new enough.
pub(super) fn find(workspace: &Workspace) -> Result<Interpreter> {
    let ask = "import platform; print(platform.python_version())";
    for program in NAMES {
        let Some(version) = answer(command(workspace, program).args(["-c", ask])) else {
            continue;
        };
        if is_at_least(OLDEST, &version) {
            say("python", &format!("{version} ({program})"));
            let program = program.to_owned();
            return Ok(Interpreter { program, version });
        }
    }
    bail!(
        "cannot find Python {}.{} or later on the path (on Debian: apt-get install python3 python3-venv)",
        OLDEST.0,
        OLDEST.1
    )
}

/// Finds one interpreter of every other minor version that is new enough: on the path, or kept by pyenv.
pub(super) fn others(workspace: &Workspace, first: &Interpreter) -> Vec<Interpreter> {
    let ask = "import platform; print(platform.python_version())";
    let mut found: Vec<Interpreter> = Vec::new();
    for program in NAMES.map(str::to_owned).into_iter().chain(kept_by_pyenv()) {
        let Some(version) = answer(command(workspace, &program).args(["-c", ask])) else {
            continue;
        };
        let is_new = |known: &Interpreter| known.minor() != minor(&version);
        if is_at_least(OLDEST, &version) && is_new(first) && found.iter().all(is_new) {
            found.push(Interpreter { program, version });
        }
    }
    found
}

/// The first of these interpreters that notebooks can be shown with.
pub(super) fn for_notebooks<'a>(
    mut found: impl Iterator<Item = &'a Interpreter>,
) -> Result<&'a Interpreter> {
    let (major, minor) = OLDEST_OF_NOTEBOOKS;
    found
        .find(|interpreter| is_at_least(OLDEST_OF_NOTEBOOKS, &interpreter.version))
        .with_context(|| {
            format!("cannot find Python {major}.{minor} or later, which the tests of the notebook widget need")
        })
}

impl Interpreter {
    /// Its version without the last number, as `3.11`.
    pub(super) fn minor(&self) -> &str {
        minor(&self.version)
    }
}

/// Interpreters below pyenv's folder, which are on the path only where somebody chose them.
fn kept_by_pyenv() -> Vec<String> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let mut found: Vec<String> = versions
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin/python")))
        .filter_map(|python| python.to_str().map(str::to_owned))
        .collect();
    found.sort_unstable();
    found
}

fn minor(version: &str) -> &str {
    version.rsplit_once('.').map_or(version, |(minor, _)| minor)
}

/// Makes a virtual environment, or finds it as it should be; returns its interpreter.
pub(super) fn environment(
    workspace: &Workspace,
    base: &Interpreter,
    name: &str,
    packages: &str,
) -> Result<PathBuf> {
    let folder = workspace.tools().join(name);
    let python = folder.join("bin/python");
    let requirements = workspace.path(packages);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    // The stamp is written last, so that an interrupted set-up starts over.
    let stamp = folder.join("stamp.txt");
    let content = format!("python {}\n{wanted}", base.version);
    let stamped = fs::read_to_string(&stamp).is_ok_and(|found| found == content);
    if stamped && answer(command(workspace, &python).arg("--version")).is_some() {
        say(name, "packages as pinned, nothing to do");
        return Ok(python);
    }
    let making = format!("making the virtual environment target/xtask/{name}");
    say("python packages", &making);
    need_venv_module(workspace, base)?;
    must(
        command(workspace, &base.program)
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    must(
        command(workspace, &python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
    )?;
    fs::write(&stamp, content).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// Debian ships Python without what `venv` needs; root can mend that by package name, others are told.
fn need_venv_module(workspace: &Workspace, base: &Interpreter) -> Result<()> {
    let probe = || {
        let mut command = command(workspace, &base.program);
        answer(command.args(["-c", "import venv, ensurepip"])).is_some()
    };
    if probe() {
        return Ok(());
    }
    super::install(workspace, "python3-venv")?;
    if !probe() {
        bail!(
            "cannot make a virtual environment: {} {} lacks `venv` or `ensurepip` (on Debian: apt-get install python3-venv)",
            base.program,
            base.version
        );
    }
    Ok(())
}

/// Whether a version such as `3.11.7` is new enough.
fn is_at_least(oldest: (u32, u32), version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= oldest,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_3_9_and_later_will_do() {
        for version in ["3.9.0", "3.11.7", "3.14.0rc1", "4.0.0"] {
            assert!(is_at_least(OLDEST, version), "{version}");
        }
        for version in ["2.7.18", "3.8.18", "", "three"] {
            assert!(!is_at_least(OLDEST, version), "{version}");
        }
    }
}
