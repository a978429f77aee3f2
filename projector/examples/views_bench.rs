//! Measures the views: memory of queued and of executed task runs, events per second of a rebuild, and the
//! time of common queries. Run it in release: `cargo run --release -p fasti-projector --example views_bench`.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says so"
)]
#![allow(clippy::print_stdout, reason = "a measurement is for reading")]

#[path = "../tests/world.rs"]
#[allow(dead_code, reason = "made for the tests")]
mod world;

use std::time::Instant;

use fasti_core::domain::ids::Seq;
use fasti_projector::rows::{BatchFilter, RunFilter};
use fasti_projector::{Order, Views};
use world::{World, chain, definition, parallel};

const PARTS: u32 = 100_000;

/// Memory of this process in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let out = work();
    println!("  {what}: {:.3} ms", begun.elapsed().as_secs_f64() * 1000.0);
    out
}

/// Views of a world, with the rate at which they were built.
fn built(world: &World) -> Views {
    let mut views = Views::new();
    let begun = Instant::now();
    world.feed_into(&mut views);
    let seconds = begun.elapsed().as_secs_f64();
    let events = world.entries.len();
    println!(
        "  apply: {events} events, {:.0} events/s",
        events as f64 / seconds
    );
    views
}

fn per_task_run(what: &str, before: u64, task_runs: u64) {
    let used = resident().saturating_sub(before);
    println!(
        "  {what}: {} bytes a task run ({} MiB)",
        used / task_runs,
        used >> 20
    );
}

fn queued() {
    println!("ten runs of {PARTS} queued parts");
    let mut world = World::new();
    let batch = world.save(definition("array", vec![parallel("p", PARTS)], &[]));
    let runs: Vec<_> = (0..10).map(|_| world.run(batch)).collect();
    let before = resident();
    let views = built(&world);
    per_task_run("views of queued task runs", before, 10 * u64::from(PARTS));
    timed("a page of 1000 in the middle", || {
        views
            .task_runs(runs[5], Some(runs[5].task_run(50_000)), 1000)
            .unwrap()
    });
    timed("the graph of a run", || views.graph(runs[5]).unwrap());
}

fn executed() {
    println!("one run of {PARTS} parts, executed");
    let mut world = World::new();
    world.join("r1", 256);
    let batch = world.save(definition("array", vec![parallel("p", PARTS)], &[]));
    let run = world.run(batch);
    world.succeed();
    let before = resident();
    let mut views = built(&world);
    per_task_run("views of executed task runs", before, u64::from(PARTS));
    let seen = world.entries.len();
    let next = world.save(chain("next"));
    world.run(next);
    world.succeed();
    world.entries[seen..]
        .iter()
        .for_each(|entry| views.apply(entry));
    timed("writing the run to the history", || {
        views.write_history().unwrap();
    });
    for index in [0, 77_777, 99_999] {
        timed("a task run from the history", || {
            views.task_run(run.task_run(index)).unwrap()
        });
    }
}

fn chains() {
    const RUNS: usize = 30_000;
    println!("{RUNS} runs of chains of three");
    let mut world = World::new();
    world.join("r1", 8);
    let batches: Vec<_> = (0..100)
        .map(|n| world.save(chain(&format!("chain-{n}"))))
        .collect();
    for n in 0..RUNS {
        world.run(batches[n % batches.len()]);
        world.succeed();
    }
    let views = built(&world);
    let bytes = timed("a snapshot's bytes", || views.to_bytes());
    println!("  snapshot: {} MiB", bytes.len() >> 20);
    let feed = world.feed();
    let begun = Instant::now();
    let mut again = Views::new();
    while again.as_of() < feed.last() {
        for entry in feed.read(again.as_of(), 256).unwrap() {
            again.apply(&entry);
        }
    }
    let rate = again.as_of().0 as f64 / begun.elapsed().as_secs_f64();
    println!("  read, decode and apply: {rate:.0} events/s");
    assert!(again.as_of() > Seq(0) && again.to_bytes() == bytes);
    let all = RunFilter::default();
    for (what, order) in [
        ("the oldest", Order::Ascending),
        ("the newest", Order::Descending),
    ] {
        timed(&format!("{what} 100 runs"), || {
            views.runs(&all, &|_| true, order, None, 100).unwrap()
        });
    }
    let dated = RunFilter {
        rundate: Some("1999-01-01".to_owned()),
        ..RunFilter::default()
    };
    timed("runs of a date that none has", || {
        views
            .runs(&dated, &|_| true, Order::Ascending, None, 100)
            .unwrap()
    });
    timed("100 batches", || {
        views
            .batches(&BatchFilter::default(), &|_| true, None, 100)
            .unwrap()
    });
}

fn main() {
    queued();
    executed();
    chains();
}
