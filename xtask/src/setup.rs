//! Set-up: what the checks and tests need beyond a Rust toolchain and Python 3.9.
//!
//! Everything goes below `target/xtask`, by package name and pinned version; nothing else on the machine is
//! touched, except that root on a Debian-like system gets Python's `venv` module, npm and Chromium when they are
//! missing. Each step says what it did and does nothing when it was done before.
//!
//! Where to look next: `setup/python.rs` (interpreter, virtual environment), `setup/tools.rs` (Cargo tools,
//! the NATS server, npm, Chromium).

mod python;
mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process::{answer, command, must};
use crate::workspace::Workspace;

/// What set-up found or made.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The interpreter of the virtual environment.
    python: PathBuf,
    /// Interpreters of the other versions on the path, each of a virtual environment, by version.
    other_pythons: Vec<(String, PathBuf)>,
    /// The interpreter of the virtual environment with a JupyterLab.
    widget_python: PathBuf,
    /// The interpreter of the virtual environment with the published Datature client.
    datature_python: PathBuf,
    /// A Chromium.
    chromium: PathBuf,
    /// A NATS server of at least [`tools::NATS_MIN`].
    nats_server: PathBuf,
    /// The nextest program.
    nextest: PathBuf,
    /// The cargo-deny program.
    deny: PathBuf,
}

impl Tools {
    /// The interpreter of the virtual environment.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Interpreters of the other versions that the machine has, by version such as `3.9`.
    pub(crate) fn other_pythons(&self) -> &[(String, PathBuf)] {
        &self.other_pythons
    }

    /// The interpreter of the virtual environment with a JupyterLab.
    pub(crate) fn widget_python(&self) -> &Path {
        &self.widget_python
    }

    /// The interpreter of the virtual environment with the published Datature client.
    pub(crate) fn datature_python(&self) -> &Path {
        &self.datature_python
    }

    /// The nextest program; its first argument is `nextest`.
    pub(crate) fn nextest(&self) -> &Path {
        &self.nextest
    }

    /// The cargo-deny program.
    pub(crate) fn deny(&self) -> &Path {
        &self.deny
    }

    /// Hands a test program what it may need: the built binary, the interpreter, the NATS server, a browser.
    pub(crate) fn hand_to(&self, command: &mut Command, workspace: &Workspace, profile: &str) {
        command
            .env("FASTI_BIN", workspace.built(profile, "fasti"))
            .env("FASTI_TEST_PYTHON", &self.python)
            .env("FASTI_TEST_CHROMIUM", &self.chromium)
            .env("FASTI_TEST_PICTURES", workspace.tools().join("pictures"))
            .env("FASTI_TEST_NATS_SERVER", &self.nats_server);
    }
}

/// Makes the machine ready.
///
/// # Errors
/// When something cannot be had; the message says which package to install.
pub(crate) fn run(workspace: &Workspace) -> Result<Tools> {
    println!("=== set-up");
    let base = python::find(workspace)?;
    let python = python::environment(workspace, &base, "venv", python::PACKAGES)?;
    let others = python::others(workspace, &base);
    let mut other_pythons = Vec::new();
    for other in &others {
        let name = format!("venv-{}", other.minor());
        let python = python::environment(workspace, other, &name, python::PACKAGES)?;
        other_pythons.push((other.minor().to_owned(), python));
    }
    tools::npm(workspace)?;
    let notebook = python::for_notebooks(std::iter::once(&base).chain(&others))?;
    Ok(Tools {
        widget_python: python::environment(
            workspace,
            notebook,
            "venv-widget",
            python::WIDGET_PACKAGES,
        )?,
        datature_python: python::environment(
            workspace,
            notebook,
            "venv-datature",
            python::DATATURE_PACKAGES,
        )?,
        chromium: tools::chromium(workspace)?,
        nats_server: tools::nats_server(workspace, &python)?,
        nextest: tools::nextest(workspace)?,
        deny: tools::deny(workspace)?,
        python,
        other_pythons,
    })
}

/// Installs a package of Debian where that can be done without asking: as root, on a system with apt.
fn install(workspace: &Workspace, package: &str) -> Result<()> {
    let is_root = answer(command(workspace, "id").arg("-u")).as_deref() == Some("0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        return Ok(());
    }
    say(package, "missing, installing it with apt-get");
    must(command(workspace, "apt-get").args(["update", "--quiet"]))?;
    let mut install = command(workspace, "apt-get");
    install.args(["install", "--yes", "--no-install-recommends", package]);
    must(&mut install)
}

/// Says what one step of the set-up found or did.
fn say(what: &str, how: &str) {
    println!("{what:<20} {how}");
}
