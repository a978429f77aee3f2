//! `fasti simulate`: what all schedules of a server, or of definitions in files, would do over a stretch of time.

mod source;

use std::path::PathBuf;

use clap::Args;
use fasti_core::domain::simulate::{Report, Simulated, Start, Stretch, Sums, simulate};
use fasti_core::domain::time::Timestamp;
use fasti_core::ports::Clock as _;
use serde_json::{Value, json};

use super::Global;
use super::client::Client;
use super::exit::{Exit, Failure};
use super::read;
use super::schedule::instant;
use super::show::{Show, Style, Table};
use crate::clock::SystemClock;
use crate::config::ConfigFile;

/// Most slots that are played: a minute or so of work.
const SLOTS_MAX: u64 = 100_000_000;

const YEAR_US: i64 = 365 * 86_400 * 1_000_000;

/// Arguments of `fasti simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// First instant, such as 2024-03-31T01:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Last instant, excluded [default: a year later].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Runs at a time [default: as many as there are].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// How long runs take, in seconds, of batches without runs to go by.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    duration: f64,
    /// Definitions in place of a server: a JSON file, or a folder of them; may be given several times.
    #[arg(long, value_name = "PATH")]
    file: Vec<PathBuf>,
}

pub(crate) fn run(args: &SimulateArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let from = args.from.unwrap_or_else(|| SystemClock.now());
    let until = args.to.unwrap_or_else(|| from.plus_us(YEAR_US));
    if until <= from {
        return Err(Failure::new(Exit::Usage, "--to must be later than --from").into());
    }
    let fallback_us = duration_us(args.duration)?;
    let source::Found { batches, left_out } = if args.file.is_empty() {
        source::of_server(&Client::new(global, config), fallback_us)?
    } else {
        source::of_files(&args.file, fallback_us)?
    };
    if batches.is_empty() {
        show.note("no batch has times of its own, so nothing would start by itself");
    }
    if !left_out.is_empty() {
        show.note(&format!("left out: {}", left_out.join("; ")));
    }
    let stretch = Stretch {
        from,
        until,
        places: args.slots,
    };
    check_slots(&batches, stretch)?;
    let report = simulate(&batches, stretch);
    if show.is_json() {
        return show.json(&document(stretch, &report));
    }
    print(&show, stretch, &report)
}

/// Slots are played one by one, so there is a most.
fn check_slots(batches: &[Simulated], stretch: Stretch) -> anyhow::Result<()> {
    let (from, until) = (stretch.from.plus_us(-1), stretch.until.plus_us(-1));
    let count = |batch: &Simulated| {
        // What runs after another has at most as many as that; no chain is longer than all of them.
        let mut first = batch;
        for _ in batches {
            match &first.start {
                Start::Times(rule) => return rule.count_between(from, until),
                Start::After(before) => first = &batches[*before],
            }
        }
        0
    };
    let slots = batches.iter().map(count).fold(0, u64::saturating_add);
    if slots > SLOTS_MAX {
        let message = format!(
            "the schedules have {slots} slots in that time; {SLOTS_MAX} can be played: choose a later --from or an earlier --to"
        );
        return Err(Failure::new(Exit::Usage, message).into());
    }
    Ok(())
}

fn duration_us(seconds: f64) -> anyhow::Result<i64> {
    const LONGEST_SECONDS: f64 = 366.0 * 86_400.0;
    if !(0.0..=LONGEST_SECONDS).contains(&seconds) {
        let said =
            format!("a duration of {seconds} seconds is not between 0 and {LONGEST_SECONDS}");
        return Err(Failure::new(Exit::Usage, said).into());
    }
    let duration = std::time::Duration::from_secs_f64(seconds);
    Ok(i64::try_from(duration.as_micros())?)
}

fn document(stretch: Stretch, report: &Report) -> Value {
    let minute = report
        .busiest_minute
        .map(|(at, slots)| json!({"at": at, "slots": slots}));
    let batches = report.batches.iter().map(|(name, sums)| {
        let mut row = numbers(sums);
        row["batch"] = json!(name);
        row
    });
    json!({
        "from": stretch.from,
        "until": stretch.until,
        "slots_at_a_time": stretch.places,
        "totals": numbers(&report.sums),
        "busiest_minute": minute,
        "most_running": {"runs": report.most_running, "at": report.most_running_at},
        "batches": batches.collect::<Vec<_>>(),
    })
}

fn numbers(sums: &Sums) -> Value {
    json!({
        "slots": sums.slots,
        "fired": sums.fired,
        "skipped": sums.skipped,
        "superseded": sums.superseded,
        "waiting": sums.waiting,
        "queued": sums.queued,
        "runs_cancelled": sums.runs_cancelled,
        "busy_seconds": sums.busy_us / 1_000_000,
        "longest_wait_seconds": sums.longest_wait_us / 1_000_000,
    })
}

fn print(show: &Show, stretch: Stretch, report: &Report) -> anyhow::Result<()> {
    let sums = &report.sums;
    let said = format!(
        "{} to {}: {} slots",
        stretch.from, stretch.until, sums.slots
    );
    show.line(&show.styled(&said, Style::Bold))?;
    if let Some((at, slots)) = report.busiest_minute {
        show.line(&format!("busiest minute  {at}: {slots} slots"))?;
    }
    if let Some(at) = report.most_running_at {
        let most = report.most_running;
        show.line(&format!("most at once    {most} runs, first at {at}"))?;
    }
    show.line("")?;
    let heads = [
        "SLOTS",
        "FIRED",
        "SKIPPED",
        "SUPERSEDED",
        "WAITED",
        "CANCELLED",
        "BUSY",
        "LONGEST WAIT",
        "BATCH",
    ];
    let mut table = Table::new(&heads, &[0, 1, 2, 3, 4, 5, 6, 7]);
    let mut row = |name: &str, sums: &Sums| {
        table.row(vec![
            sums.slots.to_string(),
            sums.fired.to_string(),
            sums.skipped.to_string(),
            sums.superseded.to_string(),
            sums.queued.to_string(),
            sums.runs_cancelled.to_string(),
            read::duration(sums.busy_us),
            read::duration(sums.longest_wait_us),
            name.to_owned(),
        ]);
    };
    for (name, sums) in &report.batches {
        row(name, sums);
    }
    row("(all)", sums);
    show.table(&table)
}
