//! A log of a million events: how long a start takes with and without snapshots, how fast the log folds, how much disk
//! it takes. The events are those of runs that are made and cancelled, decided by the real rules.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use fasti_core::codec;
use fasti_core::domain::command::{Command, CreateRun, Request, RunSource, Subject};
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::run::RunType;
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{Commit, fold};
use fasti_core::feed::feed;
use fasti_core::store::{OpenOptions, Store};
use fasti_projector::Views;
use serde_json::json;

use crate::server::Server;
use crate::{Context, Figure};

/// Events, at full size.
const EVENTS: u32 = 1_000_000;

/// Events of a commit, about.
const COMMIT_EVENTS: usize = 1_000;

/// What a reader of the feed takes at a time.
const READ_EVENTS: usize = 5_000;

/// See the module.
pub(crate) fn million(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let folder = context.scratch.join("million");
    let batch = with_batch(context, &folder)?;
    let wanted = Seq(u64::from(context.count(EVENTS)));
    let payload_bytes = grow(&folder, batch, wanted)?;
    let disk = bytes_below(&folder.join("log"))? + bytes_below(&folder.join("segments"))?;
    let mut figures = folds(&folder)?;
    figures.push(figure("events in the log", count(wanted.0), "events"));
    figures.push(figure(
        "bytes of an event, envelope included",
        count(payload_bytes) / count(wanted.0),
        "bytes",
    ));
    figures.push(figure(
        "disk for a byte of an event",
        count(disk) / count(payload_bytes),
        "bytes",
    ));
    let (server, took) = Server::start(context, &folder)?;
    figures.push(figure(
        "start without snapshots",
        took.as_secs_f64() * 1e3,
        "ms",
    ));
    figures.push(figure(
        "memory after it",
        count(server.resident_bytes()?) / f64::from(1 << 20),
        "MiB",
    ));
    // An orderly end leaves snapshots.
    drop(server);
    let (mut server, took) = Server::start(context, &folder)?;
    figures.push(figure(
        "start from snapshots",
        took.as_secs_f64() * 1e3,
        "ms",
    ));
    server.kill()?;
    let (server, took) = Server::start(context, &folder)?;
    figures.push(figure("start after a kill", took.as_secs_f64() * 1e3, "ms"));
    drop(server);
    Ok(figures)
}

fn figure(name: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure {
        name,
        value,
        unit,
        floor: None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of things that are measured"
)]
fn count(number: u64) -> f64 {
    number as f64
}

/// A log that a server began, with one batch.
fn with_batch(context: &Context, folder: &Path) -> anyhow::Result<BatchId> {
    let (server, _) = Server::start(context, folder)?;
    let task = json!({"name": "noop", "command": ["/bin/true"]});
    let id = server.save(&json!({"name": "million", "tasks": [task]}))?;
    drop(server);
    Ok(serde_json::from_value(json!(id))?)
}

/// Lets the log grow without a server; answers with the bytes of its events.
fn grow(folder: &Path, batch: BatchId, wanted: Seq) -> anyhow::Result<u64> {
    let mut store = Store::open(folder, OpenOptions::default())?;
    let last = store.opened.last.seq;
    let mut state = fold(&store.reader, None, last, &mut |_| {})?.state;
    let mut now = store.log.last_at();
    while state.seq < wanted {
        let mut commit = Commit::default();
        while commit.len() < COMMIT_EVENTS {
            now = Timestamp(now.0 + 1_000);
            make_and_cancel(&mut commit, &mut state, batch, now)?;
        }
        let records = commit.events().iter().map(codec::encode).collect();
        store.log.append(records, &[])?;
    }
    Ok(store.reader.verify(&mut |_| {})?.bytes)
}

fn make_and_cancel(
    commit: &mut Commit,
    state: &mut State,
    batch: BatchId,
    now: Timestamp,
) -> anyhow::Result<()> {
    let create = Command::CreateRun(CreateRun {
        source: RunSource::Saved(batch),
        rundate: None,
        run_type: RunType::Manual,
        repeats: None,
    });
    let receipt = commit.offer(state, &Request::system(create), now)?;
    let Subject::Run(run) = receipt.subject else {
        anyhow::bail!("a run was asked for");
    };
    let reason = Some("measured ".repeat(8));
    commit.offer(
        state,
        &Request::system(Command::CancelRun { run, reason }),
        now,
    )?;
    Ok(())
}

/// How fast state and views are made from the whole log.
fn folds(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let store = Store::open(folder, OpenOptions::default())?;
    let last = store.opened.last.seq;
    let begin = Instant::now();
    let folded = fold(&store.reader, None, last, &mut |_| {})?;
    let state_rate = count(folded.events) / begin.elapsed().as_secs_f64();
    let log_id = folded.state.log_id.context("a log has an id")?;
    let (_writer, feed) = feed(log_id, last, Box::new(store.reader.clone()));
    let begin = Instant::now();
    let mut views = Views::new();
    while views.as_of() < last {
        for entry in feed.read(views.as_of(), READ_EVENTS)? {
            views.apply(&entry);
        }
    }
    let views_rate = count(last.0) / begin.elapsed().as_secs_f64();
    Ok(vec![
        figure("full fold of the state", state_rate, "events/s"),
        figure("full rebuild of the views", views_rate, "events/s"),
    ])
}

fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    const BLOCK_BYTES: u64 = 512;
    let mut sum = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let metadata = entry?.metadata()?;
        sum += metadata.blocks() * BLOCK_BYTES;
    }
    Ok(sum)
}
