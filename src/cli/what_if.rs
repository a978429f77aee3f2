//! `fasti what-if`: recorded history once more, with something otherwise. From a server, or from the data folder of a
//! stopped one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use fasti_core::domain::definition::Priority;
use fasti_core::domain::time::Timestamp;
use fasti_core::ports::Clock as _;
use fasti_replay::ReplayError;
use fasti_replay::source::Source;
use fasti_replay::what_if::{Changes, Reader, WhatIf, WhatIfError, what_if};
use serde_json::{Value, json};

use super::client::Client;
use super::exit::{Exit, Failure, store_failure};
use super::schedule::instant;
use super::show::{Show, Style, Table};
use super::{Global, read};
use crate::clock::SystemClock;
use crate::config::ConfigFile;

/// Batches of which something is said, those that change most; all of them with `--json`.
const BATCHES_SHOWN: usize = 20;

/// Arguments of `fasti what-if`.
#[derive(Debug, Args)]
pub(crate) struct WhatIfArgs {
    /// First instant, such as 2024-03-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Timestamp,
    /// Last instant, excluded [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// Another schedule for a batch, as cron text in its time zone; may be given several times.
    #[arg(long, value_name = "BATCH=CRON", value_parser = pair)]
    schedule: Vec<(String, String)>,
    /// Task runs at a time, in place of what the runners had.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// Another limit of a pool, or `none`; may be given several times.
    #[arg(long, value_name = "NAME=N|none", value_parser = pool)]
    pool: Vec<(String, Option<u64>)>,
    /// Another priority of all tasks of a batch: low, normal or high; may be given several times.
    #[arg(long, value_name = "BATCH=LEVEL", value_parser = priority)]
    priority: Vec<(String, Priority)>,
    /// Another version of a batch, with its schedule; may be given several times.
    #[arg(long = "batch-version", value_name = "BATCH=N", value_parser = version)]
    batch_versions: Vec<(String, u32)>,
    /// Seed of everything drawn: the same seed gives the same answer.
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// How long a task takes of which no time is known, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    task_seconds: u32,
    /// Data folder of a stopped server, in place of a running one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write NAME=VALUE".to_owned()),
    }
}

fn pool(text: &str) -> Result<(String, Option<u64>), String> {
    let (name, value) = pair(text)?;
    if value == "none" {
        return Ok((name, None));
    }
    let units = value.parse().map(|units| (name, Some(units)));
    units.map_err(|_| "a limit is a whole number from 0 on, or `none`".to_owned())
}

fn priority(text: &str) -> Result<(String, Priority), String> {
    let (name, value) = pair(text)?;
    let level = serde_json::from_value(json!(value)).map(|level| (name, level));
    level.map_err(|_| "a priority is `low`, `normal` or `high`".to_owned())
}

fn version(text: &str) -> Result<(String, u32), String> {
    let (name, value) = pair(text)?;
    let number = value.parse().map(|number| (name, number));
    number.map_err(|_| "a version is a number from 1 on".to_owned())
}

/// Asks, or works it out from a folder, and prints.
pub(crate) fn run(args: &WhatIfArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let until = args.to.unwrap_or_else(|| SystemClock.now());
    if until <= args.from {
        return Err(Failure::new(Exit::Usage, "--to must be later than --from").into());
    }
    let answer = match &args.data {
        Some(data) => of_folder(data, args, until)?,
        None => Client::new(global, config).post("/what-if", &body(args, until))?,
    };
    let show = Show::new(global);
    if show.is_json() {
        return show.json(&answer);
    }
    print(&show, &answer)
}

fn body(args: &WhatIfArgs, until: Timestamp) -> Value {
    fn map<T: serde::Serialize>(pairs: &[(String, T)]) -> BTreeMap<&String, &T> {
        pairs.iter().map(|(name, value)| (name, value)).collect()
    }
    json!({
        "from": args.from, "until": until, "slots": args.slots, "seed": args.seed,
        "schedules": map(&args.schedule), "pools": map(&args.pool),
        "priorities": map(&args.priority), "versions": map(&args.batch_versions),
        "task_seconds": args.task_seconds,
    })
}

fn of_folder(data: &Path, args: &WhatIfArgs, until: Timestamp) -> anyhow::Result<Value> {
    let failed = |error: ReplayError| -> anyhow::Error {
        if let ReplayError::Store(error) = error {
            return store_failure(error);
        }
        error.into()
    };
    let source = Source::folder(data).map_err(failed)?;
    let mut reader = Reader::new(args.from, until);
    source
        .each(source.last(), |entry| {
            reader.see(&entry.recorded);
        })
        .map_err(failed)?;
    let asked = WhatIf {
        from: args.from,
        until,
        changes: Changes {
            schedules: args.schedule.iter().cloned().collect(),
            slots: args.slots,
            pools: args.pool.iter().cloned().collect(),
            priorities: args.priority.iter().cloned().collect(),
            versions: args.batch_versions.iter().cloned().collect(),
        },
        seed: args.seed,
        task_us: i64::from(args.task_seconds) * 1_000_000,
    };
    let answer = what_if(&reader.finish(), &asked).map_err(|error| refused(&error))?;
    Ok(json!({
        "from": asked.from, "until": asked.until, "seed": asked.seed,
        "is_estimate": true, "as_of_seq": source.last().0,
        "changes": answer.changes, "times": answer.times,
        "figures": answer.figures, "batches": answer.batches,
    }))
}

fn refused(error: &WhatIfError) -> anyhow::Error {
    let exit = match error {
        WhatIfError::UnknownBatch(_) => Exit::NotFound,
        WhatIfError::Invalid { .. } | WhatIfError::TooMuch(_) => Exit::Usage,
    };
    Failure::new(exit, error.to_string()).into()
}

fn print(show: &Show, answer: &Value) -> anyhow::Result<()> {
    let (from, until) = (read::text(answer, "from"), read::text(answer, "until"));
    let said = format!(
        "{from} to {until}: an estimate, played {} times",
        answer["times"]
    );
    show.line(&show.styled(&said, Style::Bold))?;
    for change in read::items(answer, "changes") {
        show.line(&format!(
            "  {}",
            read::plain(change.as_str().unwrap_or_default())
        ))?;
    }
    show.line("")?;
    let heads = [
        "RECORDED", "MODEL", "LOW", "MEDIAN", "HIGH", "UNIT", "FIGURE",
    ];
    let mut table = Table::new(&heads, &[0, 1, 2, 3, 4]);
    let mut row = |figure: &Value, of: &str| {
        let number = |field: &str| number(figure[field].as_f64().unwrap_or(f64::NAN));
        table.row(vec![
            number("recorded"),
            number("model"),
            number("low"),
            number("median"),
            number("high"),
            read::text(figure, "unit"),
            format!("{of}{}", read::text(figure, "name")),
        ]);
    };
    for figure in read::items(answer, "figures") {
        row(figure, "");
    }
    let mut batches: Vec<&Value> = read::items(answer, "batches").iter().collect();
    batches.sort_by(|one, other| moved(other).total_cmp(&moved(one)));
    for batch in batches.into_iter().take(BATCHES_SHOWN) {
        for figure in read::items(batch, "figures") {
            row(figure, &format!("{}: ", read::text(batch, "batch")));
        }
    }
    show.table(&table)
}

/// By how much the change moves a batch, in shares of what the model has.
fn moved(batch: &Value) -> f64 {
    let one = |figure: &Value| {
        let (model, median) = (figure["model"].as_f64(), figure["median"].as_f64());
        let (model, median) = (model.unwrap_or(0.0), median.unwrap_or(0.0));
        (median - model).abs() / model.abs().max(1.0)
    };
    read::items(batch, "figures")
        .iter()
        .map(one)
        .fold(0.0, f64::max)
}

/// A number in at most three places after the point.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!(number(100.0), "100");
        assert_eq!(number(0.25), "0.25");
        assert_eq!(number(-0.0001), "0");
    }

    #[test]
    fn wrong_changes_are_told_apart() {
        assert_eq!(pool("db=none"), Ok(("db".to_owned(), None)));
        assert!(pool("db=many").is_err() && pool("db").is_err());
        assert_eq!(
            pair("etl=0 8 * * *"),
            Ok(("etl".to_owned(), "0 8 * * *".to_owned()))
        );
        assert!(priority("etl=urgent").is_err());
        assert_eq!(priority("etl=high"), Ok(("etl".to_owned(), Priority::High)));
    }
}
