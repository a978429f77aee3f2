//! `fasti calendar`: holidays and trading days that schedules go by.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Global;
use super::batch::json_file;
use super::client::{Client, encode};
use super::read;
use super::show::{Show, Style, Table};
use crate::config::ConfigFile;

/// Commands about calendars.
#[derive(Debug, Subcommand)]
pub(crate) enum CalendarCommand {
    /// List calendars.
    List(ListArgs),
    /// Show the days of a calendar.
    Show(Named),
    /// Save a calendar (JSON), or a new version of it; it counts from now on.
    Set(SetArgs),
    /// Remove a calendar that no batch uses.
    Remove(Named),
}

/// Which calendars to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// A calendar.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Name of the calendar.
    calendar: String,
}

/// A calendar and its days.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    named: Named,
    /// JSON file with `closed_weekdays`, `closed` and `open`; - is standard input.
    file: PathBuf,
}

pub(crate) fn run(
    command: CalendarCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    let client = Client::new(global, config);
    match command {
        CalendarCommand::List(args) => list(&client, &show, args.limit),
        CalendarCommand::Show(named) => page(&client, &show, &named.calendar),
        CalendarCommand::Set(args) => set(&client, &show, &args),
        CalendarCommand::Remove(named) => remove(&client, &show, &named.calendar),
    }
}

fn path(name: &str) -> String {
    format!("/calendars/{}", encode(name))
}

fn dates(calendar: &Value, field: &str) -> usize {
    calendar[field].as_object().map_or(0, serde_json::Map::len)
}

fn weekdays(calendar: &Value) -> String {
    let days = read::items(calendar, "closed_weekdays").iter();
    let days: Vec<&str> = days.filter_map(Value::as_str).collect();
    days.join(" ")
}

fn list(client: &Client, show: &Show, limit: usize) -> anyhow::Result<()> {
    let calendars = client.list("/calendars", limit)?;
    if show.is_json() {
        return show.json(&Value::Array(calendars));
    }
    let heads = [
        "NAME",
        "VERSION",
        "OWNER",
        "CLOSED",
        "OPEN",
        "CLOSED WEEKDAYS",
    ];
    let mut table = Table::new(&heads, &[1, 3, 4]);
    for calendar in &calendars {
        table.row(vec![
            read::text(calendar, "name"),
            read::text(calendar, "version"),
            read::text(calendar, "owner"),
            dates(calendar, "closed").to_string(),
            dates(calendar, "open").to_string(),
            weekdays(calendar),
        ]);
    }
    show.table(&table)
}

fn page(client: &Client, show: &Show, name: &str) -> anyhow::Result<()> {
    let calendar = client.get(&path(name))?;
    if show.is_json() {
        return show.json(&calendar);
    }
    let title = read::text(&calendar, "name");
    let (version, owner) = (
        read::text(&calendar, "version"),
        read::text(&calendar, "owner"),
    );
    let title = show.styled(&title, Style::Bold);
    show.line(&format!("{title}  version {version}, of {owner}"))?;
    show.line(&format!("closed weekdays  {}", weekdays(&calendar)))?;
    show.line("")?;
    let mut table = Table::new(&["DATE", "IS", "LABEL"], &[]);
    let mut days = Vec::new();
    for is in ["closed", "open"] {
        let named = calendar[is].as_object().into_iter().flatten();
        days.extend(named.map(|(date, label)| (date, is, label)));
    }
    days.sort_by_key(|(date, ..)| (*date).clone());
    for (date, is, label) in days {
        let label = label.as_str().unwrap_or_default();
        table.row(vec![date.clone(), is.to_owned(), label.to_owned()]);
    }
    show.table(&table)
}

fn set(client: &Client, show: &Show, args: &SetArgs) -> anyhow::Result<()> {
    let name = &args.named.calendar;
    let calendar = client.put(&path(name), &json_file(&args.file)?)?;
    if show.is_json() {
        return show.json(&calendar);
    }
    let version = read::text(&calendar, "version");
    show.note(&format!("{name} is saved as version {version}"));
    Ok(())
}

fn remove(client: &Client, show: &Show, name: &str) -> anyhow::Result<()> {
    client.delete(&path(name))?;
    if show.is_json() {
        return show.json(&json!({"name": name, "removed": true}));
    }
    show.note(&format!("{name} is removed"));
    Ok(())
}
