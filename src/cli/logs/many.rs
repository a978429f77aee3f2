//! Following the output of many task runs at once, each line under the name of its task.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use super::super::client::{self, Client};
use super::super::read;
use super::super::show::{Show, Style};
use super::{Lines, Stream, line_document};

/// Pause between two looks at the run.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// How far one output has been read.
#[derive(Debug, Default)]
struct Tail {
    attempt: u64,
    offset: u64,
    lines: Lines,
    is_drained: bool,
}

/// Prints what the task runs of one run write, until all of them are over.
pub(super) fn follow(
    client: &Client,
    show: &Show,
    streams: &[Stream],
    first: &[Value],
) -> anyhow::Result<()> {
    let width = first
        .iter()
        .map(|task| read::text(task, "name").chars().count())
        .max()
        .unwrap_or(0);
    let wanted: Vec<u64> = first
        .iter()
        .filter_map(|task| task["id"].as_u64())
        .collect();
    let run = read::text(&first[0], "run_id");
    let mut tails: BTreeMap<(u64, &str), Tail> = BTreeMap::new();
    loop {
        let mut tasks = client.list(&format!("/runs/{run}/tasks"), usize::MAX)?;
        tasks.retain(|task| task["id"].as_u64().is_some_and(|id| wanted.contains(&id)));
        for task in &tasks {
            for stream in streams {
                let key = (task["id"].as_u64().unwrap_or_default(), stream.as_str());
                let tail = tails.entry(key).or_default();
                advance(client, tail, task, *stream, &|line| {
                    print(show, task, *stream, width, line)
                })?;
            }
        }
        if tasks.iter().all(is_over) {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn is_over(task: &Value) -> bool {
    !matches!(
        task["status"].as_str(),
        Some("waiting" | "queued" | "running")
    )
}

/// Reads on, attempt after attempt. `task` was asked for before, so what is read of a finished one is whole.
fn advance(
    client: &Client,
    tail: &mut Tail,
    task: &Value,
    stream: Stream,
    print: &dyn Fn(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let last = task["attempt"].as_u64().unwrap_or(0);
    while !tail.is_drained && last > 0 {
        let attempt = tail.attempt.max(1);
        let id = read::text(task, "id");
        let place = format!("attempt={attempt}&offset={}", tail.offset);
        let path = format!("/task-runs/{id}/logs?stream={}&{place}", stream.as_str());
        let mut bytes = Vec::new();
        client::reader(client.open(&path, None)?).read_to_end(&mut bytes)?;
        tail.attempt = attempt;
        tail.offset += bytes.len() as u64;
        tail.lines.push(&bytes, print)?;
        let attempt_is_over = attempt < last || is_over(task);
        if !attempt_is_over {
            return Ok(());
        }
        tail.lines.end(print)?;
        if attempt == last {
            tail.is_drained = true;
        } else {
            (tail.attempt, tail.offset) = (attempt + 1, 0);
        }
    }
    Ok(())
}

fn print(
    show: &Show,
    task: &Value,
    stream: Stream,
    width: usize,
    line: &[u8],
) -> anyhow::Result<()> {
    if show.is_json() {
        return show.json_line(&line_document(task, stream, line));
    }
    let name = format!("{:<width$} |", read::text(task, "name"));
    let style = match stream {
        Stream::Stdout => Style::Dim,
        Stream::Stderr => Style::Busy,
    };
    let mut whole = format!("{} ", show.styled(&name, style)).into_bytes();
    whole.extend_from_slice(line);
    whole.push(b'\n');
    show.bytes(&whole)
}
