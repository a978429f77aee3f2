//! `fasti log verify`: whether the history is whole and untouched.
//!
//! Two questions: integrity (every event is, byte for byte, the one that was written) and completeness (none
//! is missing, up to the last that was ever durable). A stopped log is audited from its files; of a running
//! one, the server is asked for all its events.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use fasti_core::domain::ids::Seq;
use fasti_core::store::{self, VerifyReport};
use fasti_replay::ReplayError;
use fasti_replay::verify::Verdict;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};

use super::Global;
use super::client::Client;
use super::exit::{Exit, Failure, conflict, store_failure};
use super::show::{Show, Style};
use crate::config::{self, ConfigFile};

/// Commands about the log.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Check that the history is whole and untouched.
    Verify(VerifyArgs),
}

/// Arguments of `fasti log verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Data folder of a stopped server [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ask a running server for all its events instead: finds gaps, not changed bytes.
    #[arg(long)]
    live: bool,
}

pub(crate) fn verify(
    args: &VerifyArgs,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    if args.live {
        return live(&Client::new(global, config), &show);
    }
    let data = args
        .data
        .clone()
        .or_else(|| config.server.data.clone())
        .unwrap_or_else(config::default_data);
    if let Some(holder) = store::holder(&data).map_err(store_failure)? {
        let address = holder
            .address
            .map(|address| format!(" at {address}"))
            .unwrap_or_default();
        return Err(conflict(format!(
            "{} is in use by the server in process {}{address}: stop it first, verify a copy, or ask it with --live",
            data.display(),
            holder.pid
        )));
    }
    let bar = Counter::new(&show, "events verified");
    let verdict = fasti_replay::verify::folder(&data, &mut |seq| bar.set(seq)).map_err(failure)?;
    drop(bar);
    tell(&show, &data, &verdict)
}

/// A history that could not be looked at.
fn failure(error: ReplayError) -> anyhow::Error {
    match error {
        ReplayError::Store(error) => store_failure(error),
        ReplayError::Codec(error) => Failure::new(Exit::VerifyFailed, error.to_string()).into(),
    }
}

/// A number that grows on stderr, if somebody watches.
struct Counter(ProgressBar);

impl Counter {
    fn new(show: &Show, what: &'static str) -> Self {
        let bar = ProgressBar::no_length().with_message(what);
        let target = if show.draws_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        if let Ok(style) = indicatif::ProgressStyle::with_template("{elapsed:>4} {human_pos} {msg}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn set(&self, Seq(seq): Seq) {
        self.0.set_position(seq);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn tell(show: &Show, data: &Path, verdict: &Verdict) -> anyhow::Result<()> {
    let report = &verdict.report;
    if show.is_json() {
        show.json(&document(data, verdict))?;
    } else {
        for (name, text) in lines(data, report) {
            show.line(&format!("{name:<13} {text}"))?;
        }
    }
    if let Some(contradiction) = &verdict.contradiction {
        let message = format!(
            "the history contradicts itself at seq {}: {}",
            contradiction.seq, contradiction.why
        );
        return Err(Failure::new(Exit::VerifyFailed, message).into());
    }
    if verdict.is_good() {
        let good = show.styled("the history is whole", Style::Good);
        show.note(&format!(
            "{good}: keep the position and its hash elsewhere to prove it later"
        ));
        return Ok(());
    }
    let Some(bad) = &report.first_bad else {
        return Ok(());
    };
    let place = if bad.seq == Seq(0) {
        String::new()
    } else {
        format!("at seq {}, ", bad.seq)
    };
    let message = format!(
        "the history is not whole: {place}in {}: {}",
        bad.file.display(),
        bad.why
    );
    Err(Failure::new(Exit::VerifyFailed, message).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lines(data: &Path, report: &VerifyReport) -> Vec<(&'static str, String)> {
    let word = if report.ok() { "ok" } else { "until then" };
    let durable = match report.head {
        Some(head) => format!("the last durable event was {}", head.seq),
        None => "no durable end is known".to_owned(),
    };
    let mut lines = vec![
        ("data", data.display().to_string()),
        (
            "integrity",
            format!(
                "{word}: {} events in {} commits, {} payloads beside the log, {} values, chained by hash",
                report.records, report.commits, report.payloads_beside, report.values
            ),
        ),
        (
            "completeness",
            format!(
                "{word}: {} to {} without a gap; {durable}",
                report.first_seq, report.last_seq
            ),
        ),
    ];
    if let Some(hash) = &report.hash {
        lines.push(("position", format!("{} {}", report.last_seq, hex(hash))));
    }
    if report.unfinished_frames > 0 {
        let count = report.unfinished_frames;
        lines.push((
            "unfinished",
            format!("{count} entries of a commit nobody was told of; the next start drops them"),
        ));
    }
    lines
}

fn document(data: &Path, verdict: &Verdict) -> Value {
    let report = &verdict.report;
    let contradiction = verdict.contradiction.as_ref();
    let bad = report.first_bad.as_ref();
    json!({
        "ok": verdict.is_good(),
        "is_intact": verdict.is_intact,
        "is_complete": verdict.is_complete,
        "contradiction": contradiction.map(|found| json!({"seq": found.seq.0, "why": found.why})),
        "data": data,
        "first_seq": report.first_seq.0,
        "last_seq": report.last_seq.0,
        "hash": report.hash.map(|hash| hex(&hash)),
        "records": report.records,
        "commits": report.commits,
        "frames": report.frames,
        "bytes": report.bytes,
        "payloads_beside": report.payloads_beside,
        "values": report.values,
        "durable_seq": report.head.map(|head| head.seq.0),
        "unfinished_frames": report.unfinished_frames,
        "first_bad": bad.map(|bad| json!({"seq": bad.seq.0, "file": bad.file, "why": bad.why})),
    })
}

/// Reads all events that a server has, and looks for gaps.
fn live(client: &Client, show: &Show) -> anyhow::Result<()> {
    let last = client.get("/health")?["log_seq"].as_u64().unwrap_or(0);
    let bar = Counter::new(show, "events read");
    let mut seen = 0;
    let lines = super::client::reader(client.events("/events", Some(0))?).lines();
    for event in super::event::Stream::new(lines) {
        let seq = event["seq"].as_u64().unwrap_or(0);
        if seq != seen + 1 {
            let message = format!("the history is not whole: event {seq} comes after event {seen}");
            return Err(Failure::new(Exit::VerifyFailed, message).into());
        }
        seen = seq;
        bar.set(Seq(seen));
        if seen >= last {
            break;
        }
    }
    drop(bar);
    if seen < last {
        let message = format!(
            "{} sent events up to {seen} of {last}, then nothing more",
            client.url()
        );
        return Err(Failure::new(Exit::VerifyFailed, message).into());
    }
    if show.is_json() {
        return show.json(&json!({"ok": true, "url": client.url(), "last_seq": seen}));
    }
    show.line(&format!(
        "completeness  ok: 1 to {seen} without a gap, as {} tells them",
        client.url()
    ))?;
    show.note(
        "integrity is checked on the files: stop the server, or verify a copy of its data folder",
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use fasti_core::store::FirstBad;

    #[test]
    fn the_report_says_both_things() {
        let report = VerifyReport {
            records: 7,
            last_seq: Seq(7),
            first_seq: Seq(1),
            ..VerifyReport::default()
        };
        let text: Vec<String> = lines(Path::new("d"), &report)
            .into_iter()
            .map(|(name, text)| format!("{name}: {text}"))
            .collect();
        assert!(text[1].starts_with("integrity: ok: 7 events"), "{text:?}");
        assert!(text[2].starts_with("completeness: ok: 1 to 7"), "{text:?}");
    }

    #[test]
    fn the_document_names_the_first_bad_event() {
        let bad = FirstBad {
            seq: Seq(3),
            file: "log/db".into(),
            why: "changed".to_owned(),
        };
        let report = VerifyReport {
            first_bad: Some(bad),
            ..VerifyReport::default()
        };
        let verdict = Verdict {
            is_intact: false,
            is_complete: true,
            report,
            contradiction: None,
        };
        let document = document(Path::new("d"), &verdict);
        assert_eq!(document["ok"], false);
        assert_eq!(document["first_bad"]["seq"], 3);
    }
}
