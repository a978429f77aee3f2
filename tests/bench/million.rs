//! A log of a million events: how long a start takes with and without snapshots, how fast the log folds, how much disk
//! it takes, segments included. The events are those of runs of one task from creation to end, decided by the real
//! rules.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use fasti_core::codec;
use fasti_core::domain::attempt::{
    AttemptEnd, AttemptNews, AttemptReport, AttemptStart, Lease, Outcome, Process, ResultRef, Usage,
};
use fasti_core::domain::command::{Command, CreateRun, Receipt, Request, RunSource};
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{BatchId, RunnerId, Seq};
use fasti_core::domain::run::RunType;
use fasti_core::domain::runner::{Capacity, RunnerInfo};
use fasti_core::domain::state::State;
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{Commit, fold};
use fasti_core::feed::feed;
use fasti_core::mem::ManualClock;
use fasti_core::store::{OpenOptions, SealOptions, Store, Tables, digest_of, seal_now};
use fasti_projector::Views;
use serde_json::json;

use crate::server::Server;
use crate::{Context, Figure};

/// Events, at full size.
const EVENTS: u32 = 1_000_000;

/// Events of a commit, about.
const COMMIT_EVENTS: usize = 1_000;

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
    figures.extend(pages(&server)?);
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

/// Pages of the list of runs, as the page asks for them: the newest, and far behind it. They should not take longer
/// the more runs there are.
fn pages(server: &Server) -> anyhow::Result<Vec<Figure>> {
    const RUNS: usize = 50;
    const TIMES: u32 = 30;
    let newest = format!("/runs?order=desc&limit={RUNS}");
    let first = server.get(&newest)?;
    let runs = first["total"].as_u64().context("runs are counted")?;
    let newest_id = first["items"][0]["id"].as_u64().context("there is a run")?;
    // By its id alone: a cursor is a place in the order of ids.
    let middle = format!("{newest}&cursor=runs~{}~{runs}~1", newest_id / 2);
    let mut figures = vec![figure("runs in the list", count(runs), "runs")];
    for (name, path) in [
        ("a page of the newest 50 runs", &newest),
        ("a page of 50 runs in the middle", &middle),
    ] {
        let begin = Instant::now();
        for _ in 0..TIMES {
            let page = server.get(path)?;
            let items = page["items"].as_array().map_or(0, Vec::len);
            anyhow::ensure!(items > 0, "a page without runs");
        }
        let ms = begin.elapsed().as_secs_f64() * 1e3 / f64::from(TIMES);
        figures.push(figure(name, ms, "ms"));
    }
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

/// Lets the log grow without a server, by runs of one task from creation to end; answers with the bytes of its
/// events.
fn grow(folder: &Path, batch: BatchId, wanted: Seq) -> anyhow::Result<u64> {
    let mut store = Store::open(folder, OpenOptions::default())?;
    let last = store.opened.last.seq;
    let mut world = World {
        state: fold(&store.reader, None, last, &mut |_| {})?.state,
        now: store.log.last_at(),
        runner: RunnerId("bench-1".into()),
        commit: Commit::default(),
    };
    world.join()?;
    while world.state.seq < wanted {
        while world.commit.len() < COMMIT_EVENTS {
            world.run(batch)?;
        }
        world.append(&mut store)?;
    }
    world.lose()?;
    world.append(&mut store)?;
    let options = SealOptions {
        references: codec::contents_of,
        ..SealOptions::default()
    };
    seal_now(&store.reader, options, Box::new(ManualClock::at(world.now)))?;
    let mut bytes = 0;
    store.reader.each_exact(Seq(1), &mut |record, _| {
        bytes += record.len() as u64;
        true
    })?;
    Ok(bytes)
}

/// The engine's decisions without its thread, and a runner that does all at once what it is told.
struct World {
    state: State,
    now: Timestamp,
    runner: RunnerId,
    commit: Commit,
}

impl World {
    fn offer(&mut self, command: Command) -> anyhow::Result<Receipt> {
        self.now = self.now.plus_ms(1);
        let request = Request::system(command);
        Ok(self.commit.offer(&mut self.state, &request, self.now)?)
    }

    fn append(&mut self, store: &mut Store) -> anyhow::Result<()> {
        let commit = std::mem::take(&mut self.commit);
        let records = commit.events().iter().map(codec::encode).collect();
        store.log.append(records, &[])?;
        Ok(())
    }

    fn join(&mut self) -> anyhow::Result<()> {
        let info = RunnerInfo {
            runner: self.runner.clone(),
            host: "bench".to_owned(),
            boot_id: String::new(),
            pid: 1,
            version: String::new(),
            capacity: Capacity {
                slots: 2,
                cpu_mhz: 8_000,
                memory_mb: 4_000,
            },
            labels: BTreeMap::new(),
        };
        self.offer(Command::JoinRunner { info }).map(drop)
    }

    fn lose(&mut self) -> anyhow::Result<()> {
        let (runner, reason) = (self.runner.clone(), "measured".to_owned());
        self.offer(Command::LoseRunner { runner, reason }).map(drop)
    }

    /// One run from its creation to its end.
    fn run(&mut self, batch: BatchId) -> anyhow::Result<()> {
        let before = self.commit.len();
        self.offer(Command::CreateRun(CreateRun {
            source: RunSource::Saved(batch),
            rundate: None,
            run_type: RunType::Manual,
            repeats: None,
        }))?;
        let lease = self.commit.events()[before..]
            .iter()
            .find_map(|recorded| {
                let Event::AttemptLeased(leased) = &recorded.event else {
                    return None;
                };
                leased.leases.first().cloned()
            })
            .context("a run with a free slot is leased")?;
        self.report(&lease, AttemptNews::Started(self.started(&lease)))?;
        self.report(&lease, AttemptNews::Finished(self.finished(&lease)))
    }

    fn report(&mut self, lease: &Lease, news: AttemptNews) -> anyhow::Result<()> {
        let token = lease.token;
        let reports = vec![AttemptReport { token, news }];
        let runner = self.runner.clone();
        self.offer(Command::Report { runner, reports }).map(drop)
    }

    fn started(&self, lease: &Lease) -> AttemptStart {
        AttemptStart {
            task_run: lease.task_run,
            number: lease.number,
            started_at: self.now,
            process: Process {
                pid: 1_000 + u32::from(lease.token.0[0]),
                start_ticks: self.state.seq.0,
            },
        }
    }

    fn finished(&self, lease: &Lease) -> AttemptEnd {
        let drawn = u64::from(lease.token.0[1]) * 257;
        AttemptEnd {
            task_run: lease.task_run,
            number: lease.number,
            finished_at: self.now,
            outcome: Outcome::Exited { code: 0 },
            result: Some(ResultRef {
                sha256: digest_of(&lease.token.0),
                size: drawn,
                format: "pickle".to_owned(),
            }),
            failure: None,
            usage: Usage {
                cpu_us: drawn,
                max_rss_kib: 20_000 + drawn % 4_096,
                stdout_bytes: drawn % 100,
                stderr_bytes: 0,
            },
            gathered: None,
        }
    }
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
