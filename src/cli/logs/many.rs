//! Following the output of many task runs at once, each line under the name of its task.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use super::super::client::{self, Client};
use super::super::exit::{Exit, Failure};
use super::super::read;
use super::super::show::{Show, Style};
use super::resume::is_over;
use super::{Lines, Stream, line_document};

/// Pause between two looks at the run.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Pause before a server that does not answer is asked again.
const AWAY: Duration = Duration::from_secs(1);

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
        let mut tasks = match client.list(&format!("/runs/{run}/tasks"), usize::MAX) {
            Ok(tasks) => tasks,
            // A server that is started again goes on with the run.
            Err(error) if Failure::is(&error, Exit::Unreachable) => {
                show.note("no answer; trying again");
                std::thread::sleep(AWAY);
                continue;
            }
            Err(error) => return Err(error),
        };
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
        let is_drained = tails
            .values()
            .all(|tail| tail.is_drained || tail.attempt == 0);
        if is_drained && tasks.iter().all(is_over) {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
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
        tail.attempt = attempt;
        let mut bytes = Vec::new();
        let response = match client.open(&path, None) {
            Ok(response) => response,
            Err(error) if Failure::is(&error, Exit::Unreachable) => return Ok(()),
            Err(error) => return Err(error),
        };
        // What came before a connection broke is whole: the rest is read the next time round.
        let is_broken = client::reader(response).read_to_end(&mut bytes).is_err();
        tail.offset += bytes.len() as u64;
        tail.lines.push(&bytes, print)?;
        let attempt_is_over = attempt < last || is_over(task);
        if is_broken || !attempt_is_over {
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
