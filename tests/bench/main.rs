//! `fasti-bench`: what a task costs, beside the floor that the machine sets, in the same run.
//!
//! Everything is measured on the real binary with everything durable: a server of its own on a folder below
//! the build folder (a real disk), driven through the native API. Figures are for comparison within one run;
//! nothing is asserted here.

mod durable;
mod floor;
mod grow;
mod measure;
mod million;
mod questions;
mod runs;
mod server;
mod slots;

use std::path::PathBuf;

use clap::Parser;

/// That of the server, because folds are measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Fasti against the floor of the machine.
#[derive(Debug, Parser)]
struct Options {
    /// Only the measurements whose name contains this.
    filter: Option<String>,
    /// Part of the full size, for a quick look.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Attempts at a time.
    #[arg(long, default_value_t = 2)]
    slots: u32,
    /// Leave the data folders for a look.
    #[arg(long)]
    keep: bool,
}

/// One measured figure.
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// The floor in the same unit, and what it is.
    floor: Option<(f64, &'static str)>,
}

type Measurement = fn(&Context) -> anyhow::Result<Vec<Figure>>;

/// What every measurement gets.
struct Context {
    fasti: PathBuf,
    python: String,
    scratch: PathBuf,
    scale: f64,
    slots: u32,
}

impl Context {
    /// `full` things at the chosen scale, at least 10.
    fn count(&self, full: u32) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of things to measure"
        )]
        let scaled = (f64::from(full) * self.scale) as u32;
        scaled.max(10)
    }
}

const MEASUREMENTS: &[(&str, Measurement)] = &[
    ("commands", measure::commands),
    ("functions", measure::functions),
    ("reused", measure::reused),
    ("start", measure::request_to_start),
    ("chain", measure::chain),
    ("reused-chain", measure::reused_chain),
    ("events", durable::durable_events),
    ("restart", measure::restart),
    ("million", million::million),
    ("runs", runs::runs),
    ("questions", questions::questions),
    ("what_if", questions::what_if),
    ("memory", measure::memory),
    ("slots", slots::slots),
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let own = std::env::current_exe()?;
    let build = own.parent().map(PathBuf::from).unwrap_or_default();
    let scratch = build.join("bench-data");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch)?;
    let context = Context {
        fasti: std::env::var_os("FASTI_BIN").map_or_else(|| build.join("fasti"), PathBuf::from),
        python: std::env::var("FASTI_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned()),
        scratch,
        scale: options.scale,
        slots: options.slots,
    };
    for (name, measurement) in MEASUREMENTS {
        if options
            .filter
            .as_ref()
            .is_some_and(|filter| !name.contains(filter.as_str()))
        {
            continue;
        }
        eprintln!("measuring {name} …");
        for figure in measurement(&context)? {
            say(&figure, options.json);
        }
    }
    if !options.keep {
        std::fs::remove_dir_all(&context.scratch)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
fn say(figure: &Figure, json: bool) {
    let Figure {
        name,
        value,
        unit,
        floor,
    } = figure;
    if json {
        let ratio = floor.map(|(floor, _)| value / floor);
        let line = serde_json::json!({
            "name": name, "value": value, "unit": unit,
            "floor": floor.map(|(floor, _)| floor), "floor_is": floor.map(|(_, what)| what), "ratio": ratio,
        });
        println!("{line}");
        return;
    }
    match floor {
        Some((floor, what)) => {
            let ratio = value / floor;
            println!("{name:<44} {value:>12.1} {unit:<10} {ratio:>6.2} of {what} ({floor:.1})");
        }
        None => println!("{name:<44} {value:>12.1} {unit}"),
    }
}
