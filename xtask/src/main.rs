//! Developer tasks of the Fasti workspace: `cargo xtask <verb>`.
//!
//! One file per verb. A verb says what it runs before it runs it, goes on after a failure so that one
//! run shows everything, and ends with a table. It must not hold anything the product needs: the
//! product never calls it.
//!
//! Where to look next: `setup` for what a machine is given, `report` for the closing table.

#![allow(
    clippy::print_stdout,
    reason = "a developer tool speaks on its standard output"
)]

mod bench;
mod bless;
mod changelog;
mod check;
mod junit;
mod process;
mod python;
mod report;
mod setup;
mod sim;
mod test;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Developer tasks of the Fasti workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Format, lints, docs, licences and the Python checks; starts no test.
    Check,
    /// Everything: set-up, check, Rust tests, doc tests, simulation, Python tests.
    Test {
        /// Many more kills, power cuts, damaged copies and crash points: about an hour instead of minutes.
        #[arg(long)]
        long: bool,
    },
    /// Write the topmost section of the changelog from its fragments.
    Changelog {
        /// Fail when it differs from the committed one.
        #[arg(long)]
        check: bool,
    },
    /// Rewrite the golden files and show what changed.
    Bless,
    /// Measure; arguments go to the bench program.
    Bench {
        /// Arguments of the bench program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the seeded simulation.
    Sim(sim::Arguments),
    /// Build the web page from its sources.
    Ui {
        /// Fail when the build differs from the committed files.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let workspace = Workspace::find();
    let result = match arguments.verb {
        Verb::Check => check::run(&workspace),
        Verb::Test { long } => test::run(&workspace, long),
        Verb::Changelog { check } => changelog::run(&workspace, check),
        Verb::Bless => bless::run(&workspace),
        Verb::Bench { arguments } => bench::run(&workspace, &arguments),
        Verb::Sim(arguments) => sim::run(&workspace, &arguments),
        Verb::Ui { check } => ui::run(&workspace, check),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
