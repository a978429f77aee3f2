//! The list of runs with more and more runs in it, up to a million: what a page of it takes, as the web page asks for
//! it. Each figure stands beside that of the fewest runs: it should not grow.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use fasti_core::domain::ids::BatchId;
use serde_json::json;

use crate::grow::World;
use crate::server::Server;
use crate::{Context, Figure};

/// Runs in the list, at full size.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

/// Batches that the runs are of, in turn.
const BATCHES: usize = 20;

/// One run of so many fails.
const FAILS_EVERY: u32 = 50;

/// Runs on a page.
const PAGE: usize = 50;

/// Times that each page is asked for.
const TIMES: u32 = 30;

/// See the module.
pub(crate) fn runs(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let folder = context.scratch.join("runs");
    let batches = with_batches(context, &folder)?;
    let (mut figures, mut there) = (Vec::new(), 0);
    let mut fewest: Option<Vec<f64>> = None;
    for size in SIZES.map(|size| context.count(size)) {
        let begin = Instant::now();
        let mut world = World::open(&folder)?;
        for number in there..size {
            let code = i32::from(number % FAILS_EVERY == 0);
            world.run(batches[number as usize % BATCHES], code)?;
        }
        there = there.max(size);
        drop(world.end()?);
        eprintln!("{size} runs after {:.0} s", begin.elapsed().as_secs_f64());
        let (server, took) = Server::start(context, &folder)?;
        figures.push(figure("runs in the list", f64::from(there), "runs"));
        figures.push(figure("start with them", took.as_secs_f64() * 1e3, "ms"));
        #[expect(clippy::cast_precision_loss, reason = "a size that is shown")]
        let resident = server.resident_bytes()? as f64;
        figures.push(figure("memory then", resident / f64::from(1 << 20), "MiB"));
        let pages = pages(&server, &batches[0])?;
        let floor = fewest.get_or_insert_with(|| pages.iter().map(|it| it.1).collect());
        let beside = pages.iter().zip(floor.iter());
        figures.extend(beside.map(|((name, ms), fewest)| Figure {
            floor: Some((*fewest, "that of the fewest runs")),
            ..figure(name, *ms, "ms")
        }));
    }
    Ok(figures)
}

/// What a page takes, in milliseconds.
fn pages(server: &Server, batch: &BatchId) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let newest = format!("/runs?order=desc&limit={PAGE}");
    let first = server.get(&newest)?;
    let total = first["total"].as_u64().context("runs are counted")?;
    let newest_id = first["items"][0]["id"].as_u64().context("there is a run")?;
    // By its id alone: a cursor is a place in the order of ids.
    let middle = format!("{newest}&cursor=runs~{}~{total}~1", newest_id / 2);
    let asked = [
        ("a page of the newest 50 runs", newest.clone()),
        ("a page of 50 runs in the middle", middle),
        (
            "a page of the oldest 50 runs",
            format!("/runs?order=asc&limit={PAGE}"),
        ),
        ("of one batch", format!("{newest}&batch_id={batch}")),
        ("of a part of a name", format!("{newest}&search=ATCH-07")),
        ("of those that failed", format!("{newest}&status=failure")),
        (
            "of those that go on",
            format!("{newest}&status=queued,running"),
        ),
        (
            "batches with their last runs",
            "/batches?limit=50".to_owned(),
        ),
    ];
    let mut pages = Vec::new();
    for (name, path) in asked {
        // What a first question reads from the disk is there for the next ones.
        server.get(&path)?;
        let begin = Instant::now();
        for _ in 0..TIMES {
            server.get(&path)?;
        }
        pages.push((name, begin.elapsed().as_secs_f64() * 1e3 / f64::from(TIMES)));
    }
    Ok(pages)
}

fn figure(name: &'static str, value: f64, unit: &'static str) -> Figure {
    Figure {
        name,
        value,
        unit,
        floor: None,
    }
}

/// A log that a server began, with its batches.
fn with_batches(context: &Context, folder: &Path) -> anyhow::Result<Vec<BatchId>> {
    let (server, _) = Server::start(context, folder)?;
    let mut batches = Vec::new();
    for number in 0..BATCHES {
        let task = json!({"name": "noop", "command": ["/bin/true"]});
        let id = server.save(&json!({"name": format!("batch-{number:02}"), "tasks": [task]}))?;
        batches.push(serde_json::from_value(json!(id))?);
    }
    Ok(batches)
}
