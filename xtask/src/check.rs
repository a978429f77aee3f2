//! `cargo xtask check`: everything that can be said without running a test.
//!
//! Each check counts as one pass or one failure; all of them run, whatever the earlier ones said.

use anyhow::Result;

use crate::changelog;
use crate::process::{cargo, command, succeeds};
use crate::python;
use crate::report::Report;
use crate::setup::{self, Tools};
use crate::ui;
use crate::workspace::Workspace;

/// The verb: set-up, the checks, the table.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let tools = setup::run(workspace)?;
    let mut report = Report::default();
    all(workspace, &tools, &mut report);
    Ok(report.close())
}

/// All checks, into a report.
pub(crate) fn all(workspace: &Workspace, tools: &Tools, report: &mut Report) {
    rust(workspace, tools, report);
    python::checks(workspace, tools, report);
    ui::checks(workspace, report);
}

fn rust(workspace: &Workspace, tools: &Tools, report: &mut Report) {
    report.check("format", || {
        succeeds(&mut cargo(workspace, &["fmt", "--all", "--check"]))
    });
    report.check("clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--quiet"];
        succeeds(cargo(workspace, &arguments).args(["--keep-going", "--", "-D", "warnings"]))
    });
    report.check("rust docs", || {
        let arguments = ["doc", "--workspace", "--no-deps", "--quiet"];
        succeeds(cargo(workspace, &arguments).env("RUSTDOCFLAGS", "-D warnings"))
    });
    report.check("changelog", || changelog::run(workspace, true));
    report.check("dependencies", || {
        let mut deny = command(workspace, tools.deny());
        let good = succeeds(deny.args(["--workspace", "check", "bans", "licenses", "sources"]))?;
        println!(
            "advisories are not checked here, because their database is no package: `cargo deny check advisories`"
        );
        Ok(good)
    });
}
