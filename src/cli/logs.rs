//! `fasti logs`: what task runs have written.

use clap::Args;
use serde_json::{Value, json};

use super::Global;
use super::client::Client;
use super::exit::{Exit, Failure};
use super::read;
use super::show::{Show, Style};
use crate::config::ConfigFile;

mod many;
mod resume;

use resume::Reading;

/// Bytes handed on at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Arguments of `fasti logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Id of a task run or of a run, or RUN/TASK.
    target: String,
    /// Go on printing while it runs, over all attempts to come.
    #[arg(long, short)]
    follow: bool,
    /// Standard output only.
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// Standard error only, on standard output.
    #[arg(long)]
    stderr: bool,
    /// Number of the attempt [default: the last].
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Only so many bytes of the end.
    #[arg(long, value_name = "BYTES")]
    tail: Option<u64>,
}

/// One of the two outputs of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl LogsArgs {
    fn streams(&self) -> &'static [Stream] {
        match (self.stdout, self.stderr) {
            (true, _) => &[Stream::Stdout],
            (_, true) => &[Stream::Stderr],
            (false, false) => &[Stream::Stdout, Stream::Stderr],
        }
    }
}

pub(crate) fn run(args: &LogsArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let client = Client::new(global, config);
    let show = Show::new(global);
    let targets = targets(&client, &args.target)?;
    match targets.as_slice() {
        [one] => print_one(&client, &show, args, one),
        several if args.follow => many::follow(&client, &show, args.streams(), several),
        several => {
            for task in several {
                if !show.is_json() {
                    let title = format!(
                        "==> {} ({}) <==",
                        read::text(task, "name"),
                        read::text(task, "id")
                    );
                    show.line(&show.styled(&title, Style::Bold))?;
                }
                print_one(&client, &show, args, task)?;
            }
            Ok(())
        }
    }
}

/// The task runs meant: one by its id, all of a run, or those of a run with this name or in this group.
fn targets(client: &Client, text: &str) -> anyhow::Result<Vec<Value>> {
    let (id, name) = match text.split_once('/') {
        Some((id, name)) => (id, Some(name)),
        None => (text, None),
    };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        let message =
            format!("`{text}` is no task run; write its id, the id of a run, or RUN/TASK");
        return Err(Failure::new(Exit::Usage, message).into());
    }
    if name.is_none() {
        match client.get(&format!("/task-runs/{id}")) {
            Ok(task) => return Ok(vec![task]),
            Err(error) if Failure::is(&error, Exit::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    let mut tasks = client.list(&format!("/runs/{id}/tasks"), usize::MAX)?;
    if let Some(name) = name {
        tasks.retain(|task| task["name"] == name || task["group"] == name);
    }
    if tasks.is_empty() {
        let message = format!(
            "run {id} has no task `{}`; `fasti run show {id}` lists them",
            name.unwrap_or("")
        );
        return Err(Failure::new(Exit::NotFound, message).into());
    }
    Ok(tasks)
}

fn print_one(client: &Client, show: &Show, args: &LogsArgs, task: &Value) -> anyhow::Result<()> {
    let is_alone = args.streams().len() == 1;
    let stream = |stream: Stream| {
        let sink = Sink {
            show,
            task,
            stream,
            is_beside: stream == Stream::Stderr && !is_alone,
        };
        copy(Reading::new(client, show, args, task, stream), &sink)
    };
    if !args.follow {
        return args.streams().iter().try_for_each(|one| stream(*one));
    }
    // Both at the same time: neither ends before the task does.
    std::thread::scope(|scope| {
        let both: Vec<_> = args
            .streams()
            .iter()
            .map(|one| scope.spawn(|| stream(*one)))
            .collect();
        both.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Where the output of one stream goes.
struct Sink<'a> {
    show: &'a Show,
    task: &'a Value,
    stream: Stream,
    /// Standard error goes to standard error, so that the two can be told apart, unless it alone is wanted.
    is_beside: bool,
}

impl Sink<'_> {
    fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.is_beside {
            self.show.aside(bytes);
            return Ok(());
        }
        self.show.bytes(bytes)
    }

    fn line(&self, line: &[u8]) -> anyhow::Result<()> {
        self.show
            .json_line(&line_document(self.task, self.stream, line))
    }
}

/// A line of output as a JSON document; bytes that are not UTF-8 are replaced.
fn line_document(task: &Value, stream: Stream, line: &[u8]) -> Value {
    json!({
        "task_run_id": task["id"],
        "name": task["name"],
        "stream": stream.as_str(),
        "line": String::from_utf8_lossy(line),
    })
}

fn copy(reading: Reading<'_>, sink: &Sink) -> anyhow::Result<()> {
    let mut lines = Lines::default();
    reading.run(&mut |piece| {
        if sink.show.is_json() {
            lines.push(piece, |line| sink.line(line))
        } else {
            sink.write(piece)
        }
    })?;
    lines.end(|line| sink.line(line))
}

/// Cuts bytes into lines; a last line without its end is kept until there is more.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

/// Longest line that is kept together, in bytes; a longer one is handed on in pieces.
const LINE_BYTES_MAX: usize = 1 << 20;

impl Lines {
    fn push(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.0.extend_from_slice(bytes);
        let mut begin = 0;
        while let Some(length) = self.0[begin..].iter().position(|byte| *byte == b'\n') {
            each(&self.0[begin..begin + length])?;
            begin += length + 1;
        }
        self.0.drain(..begin);
        if self.0.len() >= LINE_BYTES_MAX {
            self.end(each)?;
        }
        Ok(())
    }

    fn end(&mut self, mut each: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        each(&std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut keep = |line: &[u8]| {
            found.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        };
        for piece in pieces {
            lines.push(piece, &mut keep).unwrap();
        }
        lines.end(&mut keep).unwrap();
        found
    }

    #[test]
    fn lines_do_not_depend_on_the_pieces() {
        assert_eq!(
            lines(&[b"one\ntw", b"o\n", b"\nthree"]),
            ["one", "two", "", "three"]
        );
        assert_eq!(lines(&[b""]), Vec::<String>::new());
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let long = vec![b'x'; LINE_BYTES_MAX + 10];
        let found = lines(&[&long, b"yz"]);
        assert_eq!(
            found.iter().map(String::len).collect::<Vec<_>>(),
            [LINE_BYTES_MAX + 10, 2]
        );
    }
}
