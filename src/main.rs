//! The `fasti` binary: reads its arguments, and turns the chain of an error into one line and an exit code.

mod check;
mod cli;
mod clock;
mod config;
mod environments;
mod local_runner;
mod phases;
mod publishing;
mod rebuilding;
mod sdk;
mod sealing;
mod serve;
mod shutdown;
mod sweeping;
mod user;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::exit_code(&error),
    }
}
