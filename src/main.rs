//! The `fasti` binary: reads its arguments, and turns the chain of an error into one line and an exit code.

mod cli;
mod clock;
mod config;
mod local_runner;
mod sdk;
mod serve;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::exit_code(&error),
    }
}
