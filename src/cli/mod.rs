//! The command line: `fasti <noun> <verb>`. One file a noun; all but `serve`, `runner --socket`, `verify` and `demo`
//! are clients of the native API.

mod backfill;
mod batch;
mod batch_compare;
mod calendar;
mod client;
mod demo;
mod doctor;
mod event;
mod evidence;
mod exit;
mod follow;
mod fork;
mod image;
mod log;
mod logs;
mod parse;
mod pool;
mod python;
mod read;
mod run;
mod run_diff;
mod run_graph;
mod run_page;
mod run_set;
mod runner;
mod schedule;
mod serve;
mod shell;
mod show;
mod simulate;
mod spent;
mod undo;
mod what_if;
mod why;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use exit::{Exit, Failure, conflict, exit_code, store_failure};
pub(crate) use parse::parse;
pub(crate) use python::{Python, find as find_python};

use crate::config::ConfigFile;

/// Batch scheduling whose log is the product.
#[derive(Debug, Parser)]
#[command(
    name = "fasti",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Noun,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Answer as JSON; lists that go on as one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing that was not asked for.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Server to speak to [default: `url` of the configuration file, else http://127.0.0.1:7450].
    #[arg(long, global = true, env = "FASTI_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Token to show the server.
    #[arg(
        long,
        global = true,
        env = "FASTI_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// User to act as, at a server that asks for no token [default: the user this runs as].
    #[arg(long, global = true, env = "FASTI_USER", value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Read as it was: after the event of this sequence number, or at this instant (RFC 3339). For the commands
    /// that show batches, runs, schedules, calendars, pools, runners and images.
    #[arg(long, global = true, value_name = "SEQ|TIME")]
    pub(crate) as_of: Option<String>,
    /// Configuration file [default: fasti/config.toml in the user's configuration folder].
    #[arg(long, global = true, env = "FASTI_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(crate) color: Colour,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Run the scheduler: log, views, runner, HTTP API and page in one process.
    Serve(Box<serve::ServeArgs>),
    /// See Fasti at work: a server of its own, a real batch, its report.
    Demo(demo::DemoArgs),
    /// Batches: named, versioned definitions.
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    /// When batches start by themselves, and what became of it.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Holidays and trading days that schedules go by.
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),
    /// Runs for the slots of a range that lies behind.
    #[command(subcommand)]
    Backfill(backfill::BackfillCommand),
    /// Run all schedules in thought: slots, runs, and when it gets busy.
    Simulate(simulate::SimulateArgs),
    /// Play recorded history again with something otherwise: schedules, slots, pools, priorities, versions.
    WhatIf(Box<what_if::WhatIfArgs>),
    /// Runs of batches.
    #[command(subcommand)]
    Run(run::RunCommand),
    /// Runners: what executes, and whether they are given work.
    Runner(Box<runner::RunnerArgs>),
    /// Pools: named shares of capacity.
    #[command(subcommand)]
    Pool(pool::PoolCommand),
    /// Images: where the code and the interpreter of tasks are.
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// Why a run or a task run is what it is: what it waits for, why it ended so. With --as-of, for that moment.
    Why(why::WhyArgs),
    /// Why a batch did not run at some instant.
    WhyNot(why::WhyNotArgs),
    /// Take back what an operator asked for: finds the command behind an event and gives its inverse.
    Undo(undo::UndoArgs),
    /// Output of a task run.
    Logs(logs::LogsArgs),
    /// Events: everything that happened.
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Files that prove a run to others.
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    /// The log itself.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Check that the history is whole and untouched (short for `log verify`).
    Verify(log::VerifyArgs),
    /// Look for what could keep Fasti from working well here.
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell.
    Completions(shell::CompletionsArgs),
    /// Print the manual: all of it, or the page of one command.
    Man(shell::ManArgs),
}

impl Noun {
    /// Whether it may ask a server what it has. What changes something refuses the past itself.
    fn reads(&self) -> bool {
        matches!(
            self,
            Self::Batch(_)
                | Self::Schedule(_)
                | Self::Calendar(_)
                | Self::Backfill(_)
                | Self::Run(_)
                | Self::Why(_)
                | Self::Image(_)
                | Self::Pool(_)
                | Self::Runner(_)
        )
    }
}

/// Does what the arguments say.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let global = cli.global;
    if global.as_of.is_some() && !cli.command.reads() {
        let message = "--as-of is for commands that show something a server has; leave it out";
        return Err(Failure::new(Exit::Usage, message).into());
    }
    let config = ConfigFile::load(global.config.as_deref())
        .map_err(|error| exit::Failure::new(exit::Exit::Usage, format!("{error:#}")))?;
    match cli.command {
        Noun::Serve(args) => serve::serve(*args, config),
        Noun::Demo(args) => demo::demo(&args, &global),
        Noun::Batch(command) => batch::run(command, &global, &config),
        Noun::Schedule(command) => schedule::run(command, &global, &config),
        Noun::Calendar(command) => calendar::run(command, &global, &config),
        Noun::Backfill(command) => backfill::run(command, &global, &config),
        Noun::Simulate(args) => simulate::run(&args, &global, &config),
        Noun::WhatIf(args) => what_if::run(&args, &global, &config),
        Noun::Run(command) => run::run(command, &global, &config),
        Noun::Why(args) => why::why(&args, &global, &config),
        Noun::WhyNot(args) => why::why_not(&args, &global, &config),
        Noun::Runner(args) => runner::run(*args, &global, &config),
        Noun::Undo(args) => undo::run(&args, &global, &config),
        Noun::Pool(command) => pool::run(command, &global, &config),
        Noun::Image(command) => image::run(command, &global, &config),
        Noun::Logs(args) => logs::run(&args, &global, &config),
        Noun::Event(command) => event::run(command, &global, &config),
        Noun::Evidence(command) => evidence::run(command, &global),
        Noun::Log(command) => log::run(command, &global, &config),
        Noun::Verify(args) => log::verify(&args, &global, &config),
        Noun::Doctor(args) => doctor::run(&args, &global, &config),
        Noun::Completions(args) => shell::completions(&args),
        Noun::Man(args) => shell::man(&args),
    }
}
