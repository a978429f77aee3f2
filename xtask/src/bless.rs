//! `cargo xtask bless`: rewrites the golden files, then shows what changed so that it can be read.
//!
//! Golden tests are those with `golden` in their name; they write instead of compare when `FASTI_BLESS` is 1.

use anyhow::Result;

use crate::process::{command, must, succeeds};
use crate::setup;
use crate::test::nextest;
use crate::workspace::Workspace;

/// The verb.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let tools = setup::run(workspace)?;
    println!("\n=== golden files");
    let mut run = nextest(workspace, &tools);
    run.args(["--workspace", "--filterset", "test(/golden/)"]);
    run.env("FASTI_BLESS", "1").env("INSTA_UPDATE", "always");
    let good = succeeds(&mut run)?;
    println!("\n=== what changed (read it before committing)");
    must(command(workspace, "git").args(["--no-pager", "diff", "--stat"]))?;
    must(command(workspace, "git").args(["status", "--short"]))?;
    Ok(good)
}
