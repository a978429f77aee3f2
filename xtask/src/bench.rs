//! `cargo xtask bench`: builds for speed and runs the bench program against the product built the same way.
//!
//! What is measured, and against which floor, is the bench program's affair.

use anyhow::{Result, bail};

use crate::process::{answer, cargo, command, must, succeeds};
use crate::setup;
use crate::workspace::Workspace;

/// The bench program.
const PROGRAM: &str = "fasti-bench";

/// The verb; arguments go through.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<bool> {
    let tools = setup::run(workspace)?;
    let known = answer(&mut cargo(
        workspace,
        &["metadata", "--no-deps", "--format-version", "1"],
    ));
    if !known.is_some_and(|text| text.contains(&format!("\"name\":\"{PROGRAM}\""))) {
        bail!("cannot measure: no package of the workspace has a program called `{PROGRAM}`");
    }
    println!("\n=== bench");
    must(&mut cargo(
        workspace,
        &["build", "--release", "--bin", "fasti", "--bin", PROGRAM],
    ))?;
    let mut bench = command(workspace, workspace.built("release", PROGRAM));
    tools.hand_to(&mut bench, workspace, "release");
    succeeds(bench.args(arguments))
}
