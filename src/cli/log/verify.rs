//! `fasti log verify`: whether the history is whole and untouched.
//!
//! Two questions: integrity (every event is, byte for byte, the one that was written) and completeness (none
//! is missing, up to the last that was ever durable or vouched for). A stopped log is audited from its files, a
//! folder of segments by itself; of a running server the exact records are read and chained again (`live`).

use std::path::{Path, PathBuf};

use clap::Args;
use fasti_core::domain::ids::Seq;
use fasti_core::store::{Expectations, Fault};
use fasti_replay::verify::{Depth, Verdict};
use serde_json::{Value, json};

use super::super::Global;
use super::super::client::Client;
use super::super::exit::{Exit, Failure};
use super::super::show::{Show, Style};
use super::stream::{self, StreamArgs};
use super::{Counter, data_folder, failure, hex, live, refuse_if_used};
use crate::config::ConfigFile;

/// Arguments of `fasti log verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Data folder of a stopped server, or a folder of segments alone [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Audit a running server (that of --url) from outside: read its exact records and chain them again here.
    #[arg(long, conflicts_with = "deep")]
    live: bool,
    /// Look at every result and bundle that the events name, too.
    #[arg(long)]
    deep: bool,
    /// A position written down earlier, with its hash: it must be in the log. May be repeated.
    #[arg(long, value_name = "SEQ:HASH", value_parser = parse_position)]
    expect: Vec<(Seq, [u8; 32])>,
    #[command(flatten)]
    stream: StreamArgs,
    /// Public key that every anchor must be signed with [default: that of the data folder].
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

fn parse_position(text: &str) -> Result<(Seq, [u8; 32]), String> {
    let wrong =
        || format!("`{text}` is no position; write SEQ:HASH as `fasti log verify` prints it");
    let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
    let seq = seq.trim().parse().map_err(|_| wrong())?;
    let mut bytes = [0; 32];
    if hash.len() != 64 || !hash.is_ascii() {
        return Err(wrong());
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hash[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
    }
    Ok((Seq(seq), bytes))
}

pub(crate) fn verify(
    args: &VerifyArgs,
    global: &Global,
    config: &ConfigFile,
) -> anyhow::Result<()> {
    let show = Show::new(global);
    let mut expected = Expectations {
        key: args.key.clone(),
        positions: args.expect.clone(),
    };
    if let Some(nats) = args.stream.config(config)? {
        let anchors = stream::anchors(&nats, args.key.as_deref())?;
        expected.positions.extend(stream::positions(&anchors));
    }
    if args.live {
        return live::verify(&Client::new(global, config), &show, &expected);
    }
    let data = data_folder(args.data.as_deref(), config);
    let depth = Depth {
        expected,
        is_deep: args.deep,
    };
    let bar = Counter::new(&show, "events verified");
    let verdict = if holds_segments_alone(&data) {
        fasti_replay::verify::segments(&data, &depth, &mut |seq| bar.set(seq))
    } else {
        let instead =
            "stop it first, verify a copy or its folder `segments`, or ask it with --live";
        refuse_if_used(&data, instead)?;
        fasti_replay::verify::folder(&data, &depth, &mut |seq| bar.set(seq))
    };
    drop(bar);
    tell(
        &show,
        &data.display().to_string(),
        &verdict.map_err(failure)?,
    )
}

/// Whether the folder is one of segments, not of a server.
fn holds_segments_alone(dir: &Path) -> bool {
    let is_segment = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ext| ext == "seg"))
    };
    !dir.join("log").exists()
        && std::fs::read_dir(dir).is_ok_and(|mut entries| entries.any(is_segment))
}

fn tell(show: &Show, data: &str, verdict: &Verdict) -> anyhow::Result<()> {
    let report = &verdict.report;
    if show.is_json() {
        show.json(&document(data, verdict))?;
    } else {
        for (name, text) in lines(data, verdict) {
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
    if let Some((seq, name)) = verdict.contents.as_ref().and_then(|c| c.first_bad.as_ref()) {
        let message = format!("content {name}, named at seq {seq}, is not what its name says");
        return Err(Failure::new(Exit::VerifyFailed, message).into());
    }
    let Some(bad) = &report.first_bad else {
        let message = format!(
            "the history is not whole: it goes from seq {} to {}, not from 1 to what is vouched for",
            report.first_seq, report.last_seq
        );
        return Err(Failure::new(Exit::VerifyFailed, message).into());
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

fn lines(data: &str, verdict: &Verdict) -> Vec<(&'static str, String)> {
    let report = &verdict.report;
    let fault = report.first_bad.as_ref().map(|bad| bad.fault);
    let word = |fault_here| {
        if fault == Some(fault_here) {
            "broken"
        } else {
            "ok"
        }
    };
    let durable = match report.head {
        Some(head) => format!("the last durable event was {}", head.seq),
        None => "no durable end is known".to_owned(),
    };
    let complete = match (verdict.is_complete, fault) {
        (true, _) => "ok",
        (false, Some(Fault::Changed)) => "not known beyond the damage",
        (false, _) => "broken",
    };
    let mut lines = vec![
        ("data", data.to_owned()),
        (
            "integrity",
            format!(
                "{}: {} events in {} commits, {} payloads beside the log, {} values, chained by hash",
                word(Fault::Changed),
                report.records,
                report.commits,
                report.payloads_beside,
                report.values
            ),
        ),
        (
            "completeness",
            format!(
                "{complete}: {} to {} without a gap; {durable}",
                report.first_seq, report.last_seq
            ),
        ),
    ];
    if report.segments > 0 || report.anchors > 0 {
        let keys = report.keys.join(", ");
        lines.push((
            "sealed",
            format!(
                "{} segments, {} anchors signed by {keys}, up to seq {}",
                report.segments, report.anchors, report.vouched_seq
            ),
        ));
    }
    if let Some(contents) = &verdict.contents {
        let (good, gone) = (contents.good, contents.gone);
        lines.push(("contents", format!("{good} good, {gone} not kept any more")));
    }
    if let Some(hash) = &report.hash {
        lines.push(("position", format!("{}:{}", report.last_seq, hex(hash))));
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

fn document(data: &str, verdict: &Verdict) -> Value {
    let report = &verdict.report;
    let contradiction = verdict.contradiction.as_ref();
    let contents = verdict.contents.as_ref();
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
        "segments": report.segments,
        "anchors": report.anchors,
        "keys": report.keys,
        "vouched_seq": report.vouched_seq.0,
        "contents": contents.map(|found| json!({
            "good": found.good,
            "gone": found.gone,
            "first_bad": found.first_bad.as_ref().map(|(seq, name)| json!({"seq": seq.0, "digest": name})),
        })),
        "durable_seq": report.head.map(|head| head.seq.0),
        "unfinished_frames": report.unfinished_frames,
        "first_bad": bad.map(|bad| json!({
            "seq": bad.seq.0,
            "file": bad.file,
            "why": bad.why,
            "fault": match bad.fault {
                Fault::Changed => "changed",
                Fault::Missing => "missing",
            },
        })),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use fasti_core::store::{FirstBad, VerifyReport};

    #[test]
    fn the_report_says_both_things() {
        let report = VerifyReport {
            records: 7,
            last_seq: Seq(7),
            first_seq: Seq(1),
            ..VerifyReport::default()
        };
        let text: Vec<String> = lines("d", &Verdict::of(report))
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
            fault: Fault::Changed,
        };
        let report = VerifyReport {
            first_bad: Some(bad),
            ..VerifyReport::default()
        };
        let verdict = Verdict::of(report);
        assert!(!verdict.is_intact);
        let document = document("d", &verdict);
        assert_eq!(document["ok"], false);
        assert_eq!(document["first_bad"]["seq"], 3);
    }

    #[test]
    fn a_position_is_read_as_it_is_printed() {
        let (seq, hash) = parse_position(&format!("7:{}", "0a".repeat(32))).unwrap();
        assert_eq!((seq, hash), (Seq(7), [10; 32]));
        for wrong in ["7", "7:0a", "x:00", &format!("7:{}", "zz".repeat(32))] {
            assert!(parse_position(wrong).is_err(), "{wrong}");
        }
    }
}
