//! `fasti run evidence` and `fasti evidence verify`: one file that proves a run, and the check of it that needs no
//! server.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use fasti_core::codec;
use fasti_core::domain::ids::RunId;
use fasti_core::ports::Clock as _;
use fasti_core::store::{ExactReader, OpenOptions, Store};
use fasti_replay::evidence::{self, NoEvidence, Verdict, Wanted};
use serde_json::{Value, json};

use super::client::{Client, query, reader};
use super::exit::{Exit, Failure, store_failure};
use super::show::{Show, Style};
use super::{Global, log, read};
use crate::clock::SystemClock;

/// Arguments of `fasti run evidence`.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// Id of the finished run.
    run: u64,
    /// File to write; must not be there yet.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Put the results into it as well, not their digests alone.
    #[arg(long)]
    results: bool,
    /// Make it from the data folder of a stopped server, instead of asking a running one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Commands about evidence.
#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Check a file of `fasti run evidence`; needs no server. Exit code 7 if it proves nothing.
    Verify(VerifyArgs),
}

/// Arguments of `fasti evidence verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The file.
    file: PathBuf,
    /// Public key (64 hexadecimal digits) that it must be signed with: that of `anchor.pub` in the server's data folder.
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
}

/// Makes evidence and checks it.
pub(crate) fn make(client: &Client, show: &Show, args: &EvidenceArgs) -> anyhow::Result<()> {
    if let Some(data) = &args.data {
        log::refuse_if_used(data, "stop it first, or leave --data out to ask it")?;
    }
    let file = log::create(&args.out)?;
    let written = match &args.data {
        Some(data) => from_folder(data, args, &file),
        None => from_server(client, args, &file),
    };
    let checked = written.and_then(|()| {
        file.sync_all()
            .with_context(|| format!("writing {}", args.out.display()))?;
        checked(&args.out, None)
    });
    let verdict = checked.inspect_err(|_| {
        // Half of it is of no use; that it cannot be removed is no news beside the failure.
        drop(std::fs::remove_file(&args.out));
    })?;
    if show.is_json() {
        return show.json(&report(&args.out, &verdict));
    }
    tell(show, &args.out, &verdict)?;
    show.note(
        "keep the public key where the file does not come from: `fasti evidence verify --key`",
    );
    Ok(())
}

fn from_server(client: &Client, args: &EvidenceArgs, mut file: &File) -> anyhow::Result<()> {
    let path = format!("/runs/{}/evidence", args.run);
    let path = query(&path, &[("results", args.results.then_some("true"))]);
    let mut answer = reader(client.open(&path, None)?);
    std::io::copy(&mut answer, &mut file)
        .with_context(|| format!("writing {}", args.out.display()))?;
    Ok(())
}

fn from_folder(data: &Path, args: &EvidenceArgs, file: &File) -> anyhow::Result<()> {
    let options = OpenOptions {
        create: false,
        ..OpenOptions::default()
    };
    let store = Store::open(data, options).map_err(store_failure)?;
    let exact = ExactReader::new(store.reader.clone(), |_| Vec::new());
    let last = store.reader.last().seq;
    let run = RunId(args.run);
    let made = evidence::find(&exact, last, run).and_then(|stretch| {
        let wanted = Wanted {
            run,
            stretch,
            with_results: args.results,
            bytes_max: evidence::BYTES_MAX,
            at: SystemClock.now(),
        };
        let mut out = std::io::BufWriter::new(file);
        evidence::make(&exact, &store.content, data, last, &wanted, &mut out)?;
        Ok(out.flush()?)
    });
    made.map_err(|error| {
        let message = error.to_string();
        match error {
            NoEvidence::NoRun(_) => Failure::new(Exit::NotFound, message).into(),
            NoEvidence::NotOver(_) => Failure::new(Exit::Conflict, message).into(),
            NoEvidence::TooLarge { .. } => Failure::new(Exit::Usage, message).into(),
            NoEvidence::Damaged { .. } => Failure::new(Exit::VerifyFailed, message).into(),
            NoEvidence::Replay(error) => log::failure(error),
        }
    })
}

/// Runs a command about evidence.
pub(crate) fn run(command: EvidenceCommand, global: &Global) -> anyhow::Result<()> {
    let EvidenceCommand::Verify(args) = command;
    let show = Show::new(global);
    let key = args.key.as_deref().map(known_key).transpose()?;
    let verdict = match checked(&args.file, key.as_deref()) {
        Ok(verdict) => verdict,
        Err(error) if show.is_json() && Failure::is(&error, Exit::VerifyFailed) => {
            show.json(&json!({"ok": false, "file": args.file, "why": error.to_string()}))?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    if show.is_json() {
        let mut all = report(&args.file, &verdict);
        all["events"] = verdict.events.iter().map(event).collect();
        return show.json(&all);
    }
    tell(&show, &args.file, &verdict)?;
    let good = show.styled("the evidence holds", Style::Good);
    match key {
        Some(_) => show.note(&format!("{good}, and is signed with the key that you know")),
        None => show.note(&format!(
            "{good}, if that key is the server's: name the one you know with --key"
        )),
    }
    Ok(())
}

fn known_key(text: &str) -> anyhow::Result<String> {
    let key = text.trim().to_ascii_lowercase();
    if key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(key);
    }
    let message = "--key is a public key: the 64 hexadecimal digits of `anchor.pub` in the server's data folder";
    Err(Failure::new(Exit::Usage, message).into())
}

fn checked(path: &Path, key: Option<&str>) -> anyhow::Result<Verdict> {
    let file = File::open(path).map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let exit = if is_missing {
            Exit::NotFound
        } else {
            Exit::Internal
        };
        Failure::new(exit, format!("{}: {error}", path.display()))
    })?;
    evidence::check(BufReader::new(file), key).map_err(|fault| {
        let message = format!("{} proves nothing: {fault}", path.display());
        Failure::new(Exit::VerifyFailed, message).into()
    })
}

fn event(entry: &fasti_core::feed::Entry) -> Value {
    json!({
        "seq": entry.seq().0,
        "at": entry.recorded.at.to_string(),
        "type": entry.recorded.event.name(),
        "actor": entry.recorded.actor.to_string(),
        "data": codec::event_json(entry),
    })
}

/// First and last position of the events of the run itself.
fn ends(verdict: &Verdict) -> (u64, u64) {
    let of_run = |entry: &&fasti_core::feed::Entry| entry.recorded.event.run().is_some();
    let mut seqs = verdict.events.iter().filter(of_run).map(|it| it.seq().0);
    let first = seqs.next().unwrap_or_default();
    (first, seqs.next_back().unwrap_or(first))
}

fn report(file: &Path, verdict: &Verdict) -> Value {
    let (first, last) = ends(verdict);
    json!({
        "ok": true,
        "file": file,
        "run": verdict.run.0,
        "status": verdict.status,
        "made_at": verdict.at.to_string(),
        "records": verdict.events.len(),
        "first_seq": first,
        "last_seq": last,
        "results_named": verdict.results_named,
        "results": verdict.results,
        "anchors": verdict.anchors,
        "key": verdict.key,
        "sha256": verdict.sha256.to_string(),
    })
}

fn tell(show: &Show, file: &Path, verdict: &Verdict) -> anyhow::Result<()> {
    let (first, last) = ends(verdict);
    let status = read::text(&json!({"status": verdict.status}), "status");
    show.line(&format!("file     {}", file.display()))?;
    show.line(&format!(
        "run      {}: {status}, made seq {first}, ended seq {last}",
        verdict.run
    ))?;
    show.line(&format!(
        "events   {}, each in its exact bytes, one of them the definition",
        verdict.events.len()
    ))?;
    show.line(&format!(
        "results  {} named, {} in the file",
        verdict.results_named, verdict.results
    ))?;
    for anchor in &verdict.anchors {
        let at = fasti_core::domain::time::Timestamp(anchor.at_us);
        show.line(&format!(
            "anchor   seq {} to {}, signed {at}",
            anchor.first, anchor.last
        ))?;
    }
    show.line(&format!("key      {}", verdict.key))
}
