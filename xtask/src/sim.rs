//! `cargo xtask sim`: the seeded simulation, which is the module `sim` of the workspace's tests.
//!
//! The seeds travel by environment: `FASTI_SIM_SEEDS` (how many), `FASTI_SIM_SEED` (this one alone),
//! `FASTI_SIM_STEPS` (how far). A failing simulation prints the line that repeats it.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::junit::Case;
use crate::report::Report;
use crate::setup::{self, Tools};
use crate::test::{nextest, nextest_cases};
use crate::workspace::Workspace;

/// The tests that are the simulation, in nextest's words.
pub(crate) const FILTER: &str = "binary_id(fasti::main) and test(/^sim::/)";

/// Where they are.
const SOURCES: [&str; 2] = ["tests/sim", "tests/sim.rs"];

/// How many seeds a change must survive.
const SEEDS: u64 = 200;

/// What to simulate.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = SEEDS, conflicts_with = "seed")]
    seeds: u64,
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Stop each seed after this many steps.
    #[arg(long)]
    steps: Option<u64>,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<bool> {
    let tools = setup::run(workspace)?;
    let mut report = Report::default();
    simulate(workspace, &tools, &mut report, arguments);
    Ok(report.close())
}

/// The simulation as one suite of `cargo xtask test`.
pub(crate) fn suite(workspace: &Workspace, tools: &Tools, report: &mut Report) {
    let arguments = Arguments {
        seeds: SEEDS,
        seed: None,
        steps: None,
    };
    simulate(workspace, tools, report, &arguments);
}

fn simulate(workspace: &Workspace, tools: &Tools, report: &mut Report, arguments: &Arguments) {
    if !SOURCES.iter().any(|path| workspace.has(path)) {
        report.absent("simulation", SOURCES[0]);
        return;
    }
    println!("\n=== simulation");
    let mut run = nextest(workspace, tools);
    // All packages, although the filter leaves one: a build of one alone would unify features differently and
    // compile the dependencies again.
    run.args(["--workspace", "--filterset", FILTER]);
    run.args(["--success-output", "final"]);
    hand_seeds(&mut run, arguments);
    match nextest_cases(workspace, &mut run, "default") {
        Ok((good, cases)) => {
            report.cases(&cases);
            if !good && cases.iter().all(Case::passed) {
                report.failed("simulation", "nextest did not run to its end");
            }
        }
        Err(error) => report.failed("simulation", &format!("{error:#}")),
    }
}

fn hand_seeds(run: &mut Command, arguments: &Arguments) {
    match arguments.seed {
        Some(seed) => run.env("FASTI_SIM_SEED", seed.to_string()),
        None => run.env("FASTI_SIM_SEEDS", arguments.seeds.to_string()),
    };
    if let Some(steps) = arguments.steps {
        run.env("FASTI_SIM_STEPS", steps.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn one_seed_leaves_no_count_behind() {
        let mut run = Command::new("x");
        hand_seeds(
            &mut run,
            &Arguments {
                seeds: 200,
                seed: Some(7),
                steps: Some(90),
            },
        );
        let given: Vec<_> = run
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?)))
            .collect();
        assert_eq!(
            given,
            [
                ("FASTI_SIM_SEED", OsStr::new("7")),
                ("FASTI_SIM_STEPS", OsStr::new("90"))
            ]
        );
    }
}
