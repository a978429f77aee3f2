//! Running other programs: said aloud, from the top of the work tree, with a clean environment.
//!
//! Every child process of this tool starts here, so that none inherits what Cargo set for the tool itself.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Starts of the names of variables that are not passed on.
///
/// Those of Cargo are what `cargo run` sets for this tool. Build scripts of dependencies watch some of them, so
/// that passing them on would rebuild those crates each time a plain `cargo` and a `cargo xtask` alternate.
/// Those of Fasti are the developer's own settings, with which the tests would test something else.
const LEFT_OUT: [&str; 6] = [
    "FASTI_",
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_",
];

/// A command that starts in the top folder.
pub(crate) fn command(workspace: &Workspace, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace.root());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if LEFT_OUT.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}

/// The Cargo that runs this tool, with arguments.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(workspace, program);
    command.args(arguments);
    command
}

/// Runs with the terminal's own output; `true` when it ended well.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    println!("$ {}", spoken(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", spoken(command)))?;
    Ok(status.success())
}

/// Runs and fails with the command's own words when it did not end well.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    if !succeeds(command)? {
        bail!("`{}` failed, its output is above", spoken(command));
    }
    Ok(())
}

/// Runs silently and returns what it printed, or `None` when it is missing or failed.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Runs, passes its standard output on line by line and returns all of it with the success.
pub(crate) fn overheard(command: &mut Command) -> Result<(bool, String)> {
    println!("$ {}", spoken(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", spoken(command)))?;
    let output = child.stdout.take().expect("standard output was piped");
    let mut text = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the output of a child process")?;
        println!("{line}");
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait().context("cannot wait for a child process")?;
    Ok((status.success(), text))
}

/// The command as one would type it, with the program's file name alone.
fn spoken(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_reported_not_hidden() {
        let workspace = Workspace::find();
        let mut failing = command(&workspace, "sh");
        failing.args(["-c", "exit 3"]);
        assert!(!succeeds(&mut failing).unwrap());
        assert!(must(&mut failing).is_err());
        assert_eq!(answer(&mut failing), None);
    }

    #[test]
    fn output_is_passed_on_whole() {
        let workspace = Workspace::find();
        let mut speaking = command(&workspace, "sh");
        speaking.args(["-c", "echo one; echo two; exit 1"]);
        let (success, text) = overheard(&mut speaking).unwrap();
        assert!(!success);
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn what_cargo_set_for_this_tool_is_not_passed_on() {
        let workspace = Workspace::find();
        let mut environment = command(&workspace, "env");
        let text = answer(&mut environment).unwrap();
        assert!(env::vars().any(|(name, _)| name == "CARGO_PKG_NAME"));
        assert!(!text.contains("CARGO_PKG_NAME="));
    }

    #[test]
    fn a_command_is_spoken_without_the_folder_of_its_program() {
        let mut command = Command::new("/usr/bin/env");
        command.args(["one", "two"]);
        assert_eq!(spoken(&command), "env one two");
    }
}
