//! `cargo xtask test`: everything, from set-up to the closing line.
//!
//! A suite that fails does not stop the next one, so that one run shows all there is to mend.

use std::process::Command;
use std::{fs, time::Instant};

use anyhow::Result;

use crate::junit::{self, Case};
use crate::process::{cargo, command, overheard, succeeds};
use crate::report::Report;
use crate::setup::{self, Tools};
use crate::sim;
use crate::workspace::Workspace;
use crate::{check, python};

/// The verb; `long` asks for the long form of the tests that have one.
pub(crate) fn run(workspace: &Workspace, long: bool) -> Result<bool> {
    let tools = setup::run(workspace)?;
    let mut report = Report::default();
    check::all(workspace, &tools, &mut report);
    // One build of every crate with its tests; nextest, the doc tests and the live tests use what it made.
    let built = report.check("build", || {
        succeeds(&mut cargo(
            workspace,
            &["test", "--workspace", "--no-run", "--quiet"],
        ))
    });
    if built {
        rust(workspace, &tools, &mut report, long);
        doc_tests(workspace, &mut report);
        sim::suite(workspace, &tools, &mut report);
        python::tests(workspace, &tools, &mut report);
    } else {
        for suite in ["rust tests", "doc tests", "simulation", "python"] {
            report.failed(suite, "did not run: the build failed");
        }
    }
    Ok(report.close())
}

/// Every Rust test but the simulation, which has a line of its own.
fn rust(workspace: &Workspace, tools: &Tools, report: &mut Report, long: bool) {
    println!("\n=== rust tests");
    let filter = format!("not ({})", sim::FILTER);
    let mut run = nextest(workspace, tools);
    run.args(["--workspace", "--filterset", &filter]);
    let profile = if long { "long" } else { "default" };
    if long {
        run.args(["--profile", profile]).env("FASTI_LONG", "1");
    }
    match nextest_cases(workspace, &mut run, profile) {
        Ok((good, cases)) => {
            report.cases(&cases);
            if !good && cases.iter().all(Case::passed) {
                report.failed("rust tests", "nextest did not run to its end");
            }
        }
        Err(error) => report.failed("rust tests", &format!("{error:#}")),
    }
}

/// A nextest run with everything a test may need, golden files held fixed.
pub(crate) fn nextest(workspace: &Workspace, tools: &Tools) -> Command {
    let mut run = command(workspace, tools.nextest());
    run.args(["nextest", "run"]);
    run.env("INSTA_UPDATE", "no");
    tools.hand_to(&mut run, workspace, "debug");
    run
}

/// Runs nextest and reads what it wrote under this profile: whether it ended well, and every test.
pub(crate) fn nextest_cases(
    workspace: &Workspace,
    run: &mut Command,
    profile: &str,
) -> Result<(bool, Vec<Case>)> {
    let results = workspace.nextest_results(profile);
    // What an earlier run left must not be counted for this one.
    drop(fs::remove_file(&results));
    let good = succeeds(run)?;
    let cases = junit::read(&results, junit::rust_suite)?;
    Ok((good, cases))
}

/// The examples in the documentation, which nextest does not run.
fn doc_tests(workspace: &Workspace, report: &mut Report) {
    println!("\n=== doc tests");
    let start = Instant::now();
    let arguments = ["test", "--workspace", "--doc", "--no-fail-fast"];
    match overheard(&mut cargo(workspace, &arguments)) {
        Ok((good, text)) => {
            let (passed, failed) = doc_counts(&text);
            report.counts("doc tests", passed, failed, start.elapsed(), "");
            if !good && failed == 0 {
                report.failed("doc tests", "rustdoc did not run to its end");
            }
        }
        Err(error) => report.failed("doc tests", &format!("{error:#}")),
    }
}

/// Sums the closing lines of the test harness. An ignored example counts as failed: it did not run.
fn doc_counts(text: &str) -> (usize, usize) {
    let mut sums = (0, 0);
    for line in text.lines() {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            continue;
        };
        for count in counts.split("; ") {
            let Some((number, word)) = count.split_once(' ') else {
                continue;
            };
            let number: usize = number.parse().unwrap_or(0);
            match word {
                "passed" => sums.0 += number,
                "failed" | "ignored" => sums.1 += number,
                _ => {}
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doc_tests_of_all_crates_are_summed() {
        let text = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
   Doc-tests fasti_core
test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s
";
        assert_eq!(doc_counts(text), (4, 3));
        assert_eq!(doc_counts("error: could not compile"), (0, 0));
    }
}
