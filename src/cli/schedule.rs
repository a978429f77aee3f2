//! `fasti schedule`: when batches start by themselves, and what became of each planned instant.
//!
//! A cron expression is looked at here, without a server; the schedule of a batch by its server, which has the
//! calendars.

mod offline;
mod set;
mod slots;

use chrono::DateTime;
use clap::{Args, Subcommand};
use fasti_core::domain::time::Timestamp;
use serde_json::{Value, json};

use super::Global;
use super::client::Client;
use super::exit::{Exit, Failure};
use super::read;
use super::show::{Show, Style, Table};
use crate::config::ConfigFile;

/// Commands about schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// List the next slots of a schedule.
    Next(NextArgs),
    /// Say in words what a schedule does, with its next slots.
    Explain(NextArgs),
    /// Give a batch another schedule: a new version that is else the one before.
    Set(set::SetArgs),
    /// List what became of the slots of a batch, newest first.
    Slots(slots::SlotsArgs),
}

/// A schedule, and how much of it to show.
#[derive(Debug, Args)]
pub(crate) struct NextArgs {
    /// Name, name:tag or id of the batch.
    #[arg(required_unless_present = "cron", conflicts_with = "cron")]
    batch: Option<String>,
    /// A cron expression in place of a batch; needs no server.
    #[arg(long, value_name = "EXPR")]
    cron: Option<String>,
    /// Time zone of the expression [default: UTC].
    #[arg(long, value_name = "TZ", requires = "cron")]
    timezone: Option<String>,
    /// How many slots, 1 to 1000.
    #[arg(short = 'n', long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// First instant, such as 2024-03-31T01:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
}

/// An instant in RFC 3339, as an argument.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| Timestamp::from(at.to_utc()))
        .map_err(|_| "is no instant in RFC 3339, such as 2024-03-31T01:00:00Z".to_owned())
}

pub(crate) fn run(
    command: ScheduleCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    let client = Client::new(global, config);
    match command {
        ScheduleCommand::Next(args) => {
            let (_, preview) = look(&client, &args)?;
            if show.is_json() {
                return show.json(&preview);
            }
            table(&show, &preview)
        }
        ScheduleCommand::Explain(args) => explain(&client, &show, &args),
        ScheduleCommand::Set(args) => set::set(&client, &show, &args),
        ScheduleCommand::Slots(args) => slots::list(&client, &show, &args),
    }
}

/// The schedule and its preview.
fn look(client: &Client, args: &NextArgs) -> anyhow::Result<(Value, Value)> {
    if let Some(cron) = &args.cron {
        let mut schedule = json!({ "cron": cron });
        if let Some(zone) = &args.timezone {
            schedule["timezone"] = json!(zone);
        }
        let zone = args.timezone.as_deref();
        let preview = offline::preview(cron, zone, args.from, args.count as usize)
            .map_err(|error| Failure::new(Exit::Usage, error))?;
        return Ok((schedule, preview));
    }
    let batch = client.batch(args.batch.as_deref().unwrap_or_default())?;
    let from = args.from.map(|at| at.to_string());
    let body = json!({"schedule": batch["schedule"], "from": from, "count": args.count});
    let preview = client.post("/schedules/preview", &body)?;
    Ok((batch["schedule"].clone(), preview))
}

fn explain(client: &Client, show: &Show, args: &NextArgs) -> anyhow::Result<()> {
    let (schedule, mut preview) = look(client, args)?;
    if show.is_json() {
        preview["schedule"] = schedule;
        return show.json(&preview);
    }
    let said = read::text(&preview, "description");
    show.line(&show.styled(&said, Style::Bold))?;
    for line in policies(&schedule) {
        show.line(&format!("  {line}"))?;
    }
    show.line("")?;
    table(show, &preview)
}

/// What is said of the slots that cannot simply fire, one line each.
pub(super) fn policies(schedule: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let number = |field: &str| schedule[field].as_u64();
    let most = number("misfire_max").unwrap_or(100);
    let within = match number("misfire_within_seconds") {
        Some(seconds) => format!("{seconds} s"),
        None => "the time the server allows (an hour unless set)".to_owned(),
    };
    if schedule["cron"].is_string() || has_times(schedule) {
        lines.push(match schedule["misfire"].as_str().unwrap_or("latest") {
            "all" => format!("late slots: all fire, the newest {most} at most"),
            "within" => format!("late slots: those not older than {within} fire, {most} at most"),
            "skip" => "late slots: none fires".to_owned(),
            _ => format!("late slots: the newest fires if not older than {within}"),
        });
        lines.push(match schedule["overlap"].as_str().unwrap_or("allow") {
            "skip" => "while an earlier run goes on: slots are skipped".to_owned(),
            "queue_one" => "while an earlier run goes on: the newest slot waits".to_owned(),
            "queue_all" => "while an earlier run goes on: slots wait in order".to_owned(),
            "cancel_old" => "while an earlier run goes on: it is cancelled".to_owned(),
            _ => "while an earlier run goes on: slots fire all the same".to_owned(),
        });
    }
    if let Some(seconds) = number("start_deadline_seconds") {
        lines.push(format!(
            "runs not started {seconds} s after their slot are cancelled"
        ));
    }
    if let Some(seconds) = number("jitter_seconds").filter(|seconds| *seconds > 0) {
        lines.push(format!("each slot fires up to {seconds} s late, by chance"));
    }
    if let Some(days) = schedule["rundate_offset"]
        .as_i64()
        .filter(|days| *days != 0)
    {
        lines.push(format!("rundates are moved by {days} days"));
    }
    lines
}

fn has_times(schedule: &Value) -> bool {
    const TIMES: [&str; 9] = [
        "at_minutes",
        "every_minute",
        "at_hours",
        "every_hour",
        "weekdays",
        "day_of_month",
        "first_last",
        "in_months",
        "every_month",
    ];
    TIMES.iter().any(|field| !schedule[*field].is_null())
}

fn table(show: &Show, preview: &Value) -> anyhow::Result<()> {
    let slots = read::items(preview, "fire_times");
    if slots.is_empty() {
        show.note("there are no slots: the batch is started by hand, or after another one");
        return Ok(());
    }
    let mut table = Table::new(&["UTC", "LOCAL", "RUNDATE", "NOTE"], &[]);
    let cell = |field: &str, index: usize| {
        let item = read::items(preview, field).get(index);
        item.and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    for (index, slot) in slots.iter().enumerate() {
        let notes = read::items(preview, "notes");
        let note = notes.iter().find(|note| note["fire_time"] == *slot);
        table.row(vec![
            cell("fire_times", index).replacen(".000Z", "Z", 1),
            cell("local_times", index),
            cell("rundates", index),
            note.map(|note| in_words(&note["note"])).unwrap_or_default(),
        ]);
    }
    show.table(&table)
}

fn in_words(note: &Value) -> String {
    match note.as_str().unwrap_or_default() {
        "moved_out_of_gap" => "the clock leaves its time out: the first instant after".to_owned(),
        "first_of_two" => "the clock shows this time twice: the first".to_owned(),
        "second_of_two" => "the clock shows this time twice: the second".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_said_with_their_defaults() {
        let said = policies(&json!({"cron": "@daily"}));
        assert_eq!(said.len(), 2);
        assert!(
            said[0].contains("newest") && said[1].contains("all the same"),
            "{said:?}"
        );
        assert!(policies(&json!({})).is_empty());
        let given =
            json!({"at_hours": [1], "misfire": "all", "misfire_max": 7, "jitter_seconds": 30});
        let said = policies(&given);
        assert!(
            said[0].contains('7') && said[2].contains("30 s"),
            "{said:?}"
        );
    }
}
