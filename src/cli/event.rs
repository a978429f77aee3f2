//! `fasti event`: what happened, and what is happening.

mod over_nats;

use std::io::BufRead;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Global;
use super::client::{self, Client, query};
use super::exit::{Exit, Failure};
use super::log::stream::StreamArgs;
use super::read;
use super::show::{Show, Style};
use crate::config::ConfigFile;

/// Pause before a lost stream is taken up again: the first one, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Commands about events.
#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// List events in the order of the log.
    List(ListArgs),
    /// Print events as they happen, until interrupted.
    Tail(TailArgs),
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Only of this run.
    #[arg(long, value_name = "ID")]
    run: Option<u64>,
    /// Only of this batch: name, name:tag or id.
    #[arg(long)]
    batch: Option<String>,
    /// Only of these types, such as run.finished; may be given several times or separated by commas.
    #[arg(long = "type", value_delimiter = ',', value_name = "TYPE")]
    types: Vec<String>,
}

/// Arguments of `fasti event list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    /// Only those behind this position in the log.
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    after: u64,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

/// Arguments of `fasti event tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    filter: Filter,
    /// Begin behind this position in the log [default: now].
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// End after so many events [default: go on].
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    stream: StreamArgs,
}

pub(crate) fn run(
    command: EventCommand,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let show = Show::new(global);
    match command {
        EventCommand::List(args) => {
            let path = format!("{}&after={}", path(&client, &args.filter)?, args.after);
            let events = client.list(&path, args.limit)?;
            if show.is_json() {
                return show.json(&Value::Array(events));
            }
            events.iter().try_for_each(|event| print(&show, event))
        }
        EventCommand::Tail(args) => match args.stream.config(config)? {
            Some(nats) => over_nats::tail(&nats, &show, &args),
            None => tail(&client, &show, &args),
        },
    }
}

fn path(client: &Client, filter: &Filter) -> anyhow::Result<String> {
    let batch = match &filter.batch {
        Some(batch) => Some(read::text(&client.batch(batch)?, "id")),
        None => None,
    };
    let run = filter.run.map(|run| run.to_string());
    let types = filter.types.join(",");
    let fields = [
        ("types", Some(types.as_str())),
        ("run_id", run.as_deref()),
        ("batch_id", batch.as_deref()),
    ];
    Ok(query("/events", &fields))
}

fn tail(client: &Client, show: &Show, args: &TailArgs) -> anyhow::Result<()> {
    let path = path(client, &args.filter)?;
    let mut last = match args.after {
        Some(after) => after,
        None => client.get("/health")?["log_seq"].as_u64().unwrap_or(0),
    };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut pause = PAUSE.0;
    let mut was_connected = false;
    while left > 0 {
        match client.events(&path, Some(last)) {
            Ok(response) => {
                was_connected = true;
                let reader = client::reader(response);
                for event in Stream::new(reader.lines()) {
                    print(show, &event)?;
                    last = event["seq"].as_u64().unwrap_or(last);
                    pause = PAUSE.0;
                    left -= 1;
                    if left == 0 {
                        return Ok(());
                    }
                }
            }
            Err(error) if !was_connected || !Failure::is(&error, Exit::Unreachable) => {
                return Err(error);
            }
            Err(_) => {}
        }
        show.note(&format!(
            "the stream ended after {last}; taking it up again"
        ));
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE.1);
    }
    Ok(())
}

/// Events out of the lines of an event stream; ends with the stream.
///
/// # Source
/// The HTML standard, "Server-sent events"; events of Fasti have one line of data.
pub(super) struct Stream<L>(L);

impl<L> Stream<L> {
    pub(super) fn new(lines: L) -> Self {
        Self(lines)
    }
}

impl<L: Iterator<Item = std::io::Result<String>>> Iterator for Stream<L> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.0.next()?.ok()?;
            let data = line.strip_prefix("data:");
            // Anything else is a comment, an id that the data repeats, or an empty line.
            let Some(data) = data else { continue };
            if let Ok(event) = serde_json::from_str(data) {
                return Some(event);
            }
        }
    }
}

/// Prints one event on a line.
fn print(show: &Show, event: &Value) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json_line(event);
    }
    let kind = read::text(event, "type");
    let time = read::text(event, "time").replace('T', " ");
    let run = event["run_id"]
        .as_u64()
        .map(|run| format!("run {run}"))
        .unwrap_or_default();
    let name = show.styled(&format!("{kind:<22}"), style(event));
    let data = show.styled(&summary(&event["data"]), Style::Dim);
    show.line(&format!(
        "{:>7}  {time}  {name}  {run:<10}  {data}",
        read::text(event, "seq")
    ))
}

fn style(event: &Value) -> Style {
    match event["type"].as_str() {
        Some("task.attempt_failed" | "runner.lost") => Style::Bad,
        Some(_) | None => Style::of_status(&read::text(&event["data"], "status")),
    }
}

/// The data of an event without what the line says already: `name=value` of whatever is short.
fn summary(data: &Value) -> String {
    const LONG: usize = 60;
    let Some(fields) = data.as_object() else {
        return String::new();
    };
    let said = ["run", "batch"];
    let mut parts = Vec::new();
    for (name, value) in fields
        .iter()
        .filter(|(name, _)| !said.contains(&name.as_str()))
    {
        if value.is_null() {
            continue;
        }
        let text = read::text(data, name);
        let is_long = text.chars().count() > LONG;
        parts.push(format!("{name}={}", if is_long { "…" } else { &text }));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_read_from_the_stream() {
        let text = "retry: 1000\n\nid: 7\ndata: {\"seq\":7}\n\n: still here\n\nid: 9\ndata: {\"seq\":9}\n\n";
        let lines = text.lines().map(|line| Ok(line.to_owned()));
        let seqs: Vec<_> = Stream::new(lines)
            .map(|event| event["seq"].clone())
            .collect();
        assert_eq!(seqs, [json!(7), json!(9)]);
    }

    #[test]
    fn a_broken_stream_ends() {
        let lines = [
            Ok("data: {\"seq\":1}".to_owned()),
            Err(std::io::Error::other("cut")),
        ];
        assert_eq!(Stream::new(lines.into_iter()).count(), 1);
    }

    #[test]
    fn the_summary_leaves_out_what_is_long_or_said() {
        let data =
            json!({"run": 7, "batch": "b", "number": 1, "reason": null, "text": "x".repeat(100)});
        assert_eq!(summary(&data), "number=1 text=…");
    }
}
