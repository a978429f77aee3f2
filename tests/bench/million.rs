//! A log of a million events: how long a start takes with and without snapshots, how fast the log folds, how much disk
//! it takes, segments included. The events are those of runs of one task from creation to end, decided by the real
//! rules.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::engine::fold;
use fasti_core::feed::feed;
use fasti_core::store::{OpenOptions, Store, Tables};
use fasti_projector::Views;
use serde_json::json;

use crate::grow::World;
use crate::server::Server;
use crate::{Context, Figure};

/// Events, at full size.
const EVENTS: u32 = 1_000_000;

/// Memory for pages of the views' table.
const VIEWS_CACHE_BYTES: u64 = 32 << 20;

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
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// A log of that length in a folder; its last event.
pub(crate) fn grown(context: &Context, folder: &Path) -> anyhow::Result<Seq> {
    let batch = with_batch(context, folder)?;
    let wanted = Seq(u64::from(context.count(EVENTS)));
    grow(folder, batch, wanted)?;
    Ok(wanted)
}

/// A log that a server began, with one batch.
fn with_batch(context: &Context, folder: &Path) -> anyhow::Result<BatchId> {
    let (server, _) = Server::start(context, folder)?;
    let task = json!({"name": "noop", "command": ["/bin/true"]});
    let id = server.save(&json!({"name": "million", "tasks": [task]}))?;
    drop(server);
    Ok(serde_json::from_value(json!(id))?)
}

/// Lets the log grow without a server, by runs of one task from creation to end; answers with the bytes of its
/// events.
fn grow(folder: &Path, batch: BatchId, wanted: Seq) -> anyhow::Result<u64> {
    let mut world = World::open(folder)?;
    while world.seq() < wanted {
        world.run(batch, 0)?;
    }
    let store = world.end()?;
    let mut bytes = 0;
    store.reader.each_exact(Seq(1), &mut |record, _| {
        bytes += record.len() as u64;
        true
    })?;
    Ok(bytes)
}

/// How fast state and views are made from the whole log, as `fasti log rebuild` makes them: the views with their
/// history on the disk.
fn folds(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let store = Store::open(folder, OpenOptions::default())?;
    let last = store.opened.last.seq;
    let (cpu_before, begin) = (own_cpu()?, Instant::now());
    let folded = fold(&store.reader, None, last, &mut |_| {})?;
    let state_rate = count(folded.events) / begin.elapsed().as_secs_f64();
    let state_cpu = (own_cpu()? - cpu_before).as_secs_f64() * 1e6 / count(last.0);
    let log_id = folded.state.log_id.context("a log has an id")?;
    let (_writer, feed) = feed(log_id, last, Box::new(store.reader.clone()));
    let tables = Tables::open(&folder.join("views.bench"), VIEWS_CACHE_BYTES)?;
    let table = fasti_projector::empty_history(&tables)?;
    let (cpu_before, begin) = (own_cpu()?, Instant::now());
    let views = Views::rebuild(&feed, table, &mut |_| {})?;
    let views_rate = count(views.as_of().0) / begin.elapsed().as_secs_f64();
    let views_cpu = (own_cpu()? - cpu_before).as_secs_f64() * 1e6 / count(last.0);
    drop((views, tables));
    Tables::destroy(&folder.join("views.bench"))?;
    Ok(vec![
        figure("full fold of the state", state_rate, "events/s"),
        figure("processor time of an event of it", state_cpu, "us"),
        figure("full rebuild of the views", views_rate, "events/s"),
        figure("processor time of an event of it", views_cpu, "us"),
    ])
}

fn own_cpu() -> anyhow::Result<std::time::Duration> {
    crate::slots::cpu(std::process::id())
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
