//! `fasti log rehearse`: whether this build decides what was decided.

use std::path::PathBuf;

use clap::Args;
use fasti_core::codec::event_json;
use fasti_core::domain::event::{Event, Recorded};
use fasti_core::domain::ids::Seq;
use fasti_core::feed::Entry;
use fasti_replay::rehearse::{self, Found, Rehearsal};
use fasti_replay::source::Source;
use serde_json::{Value, json};

use super::super::Global;
use super::super::exit::{Exit, Failure};
use super::super::show::Show;
use super::{Counter, data_folder, failure, refuse_if_used};
use crate::config::ConfigFile;

/// Arguments of `fasti log rehearse`.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// Data folder of a stopped server, or a copy or clone of one [default: that of `fasti serve`].
    #[arg(long, env = "FASTI_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only up to this position in the log.
    #[arg(long, value_name = "SEQ")]
    until: Option<u64>,
    /// Show at most so many differences; all are counted.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(crate) fn run(args: &RehearseArgs, global: &Global, config: &ConfigFile) -> anyhow::Result<()> {
    let show = Show::new(global);
    let data = data_folder(args.data.as_deref(), config);
    refuse_if_used(&data, "stop it first, or use a copy")?;
    let source = Source::folder(&data).map_err(failure)?;
    let until = args.until.map_or(source.last(), Seq);
    let bar = Counter::new(&show, "events decided again");
    let rehearsal = rehearse::history(&source, until, &mut |seq| bar.set(seq));
    drop(bar);
    let rehearsal = rehearsal.map_err(failure)?;
    if show.is_json() {
        show.json(&as_json(&rehearsal, args.limit))?;
    } else {
        tell(&show, &rehearsal, args.limit)?;
    }
    let version = env!("CARGO_PKG_VERSION");
    match rehearsal.different {
        0 => {
            show.note(&format!(
                "Fasti {version} decides all of it as it was decided"
            ));
            Ok(())
        }
        different => {
            let message = format!(
                "Fasti {version} decides otherwise in {different} of {} commits",
                rehearsal.commits
            );
            Err(Failure::new(Exit::VerifyFailed, message).into())
        }
    }
}

fn tell(show: &Show, rehearsal: &Rehearsal, limit: usize) -> anyhow::Result<()> {
    show.line(&format!("events       1 to {}", rehearsal.last))?;
    show.line(&format!("said         {}", rehearsal.given))?;
    show.line(&format!("decided      {}, the same", rehearsal.same))?;
    if rehearsal.held_back > 0 {
        let count = rehearsal.held_back;
        show.line(&format!(
            "held back    {count} times a server started nothing although there was room"
        ))?;
    }
    if rehearsal.different > 0 {
        show.line(&format!(
            "otherwise    {} commits, {} events behind a difference not compared",
            rehearsal.different, rehearsal.unseen
        ))?;
    }
    for found in rehearsal.differences.iter().take(limit) {
        show.line("")?;
        let difference = &found.difference;
        let cause = difference.cause.map_or_else(
            || "because its time had come".to_owned(),
            |cause| format!("because of event {cause}"),
        );
        show.line(&format!(
            "event {}, {cause}, recorded by Fasti {}",
            difference.seq, found.version
        ))?;
        show.line(&format!(
            "  recorded  {}",
            text(found, difference.recorded.as_ref())
        ))?;
        show.line(&format!(
            "  decided   {}",
            text(found, difference.decided.as_ref())
        ))?;
    }
    Ok(())
}

fn as_json(rehearsal: &Rehearsal, limit: usize) -> Value {
    let differences = rehearsal.differences.iter().take(limit);
    let differences = differences.map(|found| {
        let difference = &found.difference;
        let side = |event: &Option<Event>| {
            event
                .as_ref()
                .map(|event| json!({"type": event.name(), "data": payload(found, event)}))
        };
        json!({
            "seq": difference.seq.0,
            "time": found.at.to_string(),
            "causation_seq": difference.cause.map(|cause| cause.0),
            "recorded_by": *found.version,
            "recorded": side(&difference.recorded),
            "decided": side(&difference.decided),
        })
    });
    json!({
        "ok": rehearsal.different == 0,
        "version": env!("CARGO_PKG_VERSION"),
        "last_seq": rehearsal.last.0,
        "commits": rehearsal.commits,
        "given": rehearsal.given,
        "same": rehearsal.same,
        "held_back": rehearsal.held_back,
        "different": rehearsal.different,
        "not_compared": rehearsal.unseen,
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn text(found: &Found, event: Option<&Event>) -> String {
    event.map_or_else(
        || "nothing".to_owned(),
        |event| format!("{} {}", event.name(), payload(found, event)),
    )
}

/// What is shown of an event anywhere: without seed and tokens.
fn payload(found: &Found, event: &Event) -> Value {
    let seq = found.difference.seq;
    event_json(&Entry {
        recorded: Recorded {
            seq,
            at: found.at,
            actor: "".into(),
            causation: None,
            key: None,
            trace: None,
            event: event.clone(),
        },
        epoch: 0,
        commit_first: seq,
        commit_len: 1,
        hash: [0; 32],
    })
}
