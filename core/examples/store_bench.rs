//! Measures the store against the same work done by a bare append file, in the folder given as argument (default:
//! a new one under the system's temporary folder). Run with `cargo run --release -p fasti-core --example
//! store_bench [dir]`.

#![allow(
    clippy::print_stdout,
    reason = "the figures are the purpose of this program"
)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fasti_core::record::NewRecord;
use fasti_core::store::{OpenOptions, Store, StoreError, verify};
use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;

/// Payload that makes a record of about 300 bytes.
const PAYLOAD_BYTES: usize = 235;
const RUN: Duration = Duration::from_secs(3);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let dir = std::env::args().nth(1).map_or_else(
        || std::env::temp_dir().join(format!("fasti-store-bench-{}", std::process::id())),
        PathBuf::from,
    );
    fs::create_dir_all(&dir)?;
    println!(
        "{:>8}  {:>12} {:>12}  {:>12} {:>12}  {:>6}",
        "", "log", "", "bare file", "", "share"
    );
    println!(
        "{:>8}  {:>12} {:>12}  {:>12} {:>12}",
        "records", "commits/s", "records/s", "commits/s", "records/s"
    );
    for len in [1_usize, 10, 100, 1000] {
        let log = log_rate(&dir.join(format!("log-{len}")), len)?;
        let file = file_rate(&dir.join(format!("file-{len}")), len)?;
        let times = count(len);
        println!(
            "{len:>8}  {log:>12.0} {:>12.0}  {file:>12.0} {:>12.0}  {:>6.2}",
            log * times,
            file * times,
            log / file
        );
    }
    reading(&dir.join("log-1000"))?;
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn record(n: u64) -> NewRecord {
    NewRecord {
        at: Timestamp(i64::try_from(n).unwrap_or(i64::MAX)),
        actor: "runner:local".into(),
        causation: Some(Seq(n)),
        correlation: Some(n),
        key: None,
        trace: None,
        name: "attempt.finished".into(),
        version: 1,
        critical: false,
        payload: n
            .to_le_bytes()
            .into_iter()
            .cycle()
            .take(PAYLOAD_BYTES)
            .collect(),
    }
}

/// Commits a second.
fn log_rate(dir: &Path, len: usize) -> Result<f64, StoreError> {
    let mut store = Store::open(dir, OpenOptions::default())?;
    let started = Instant::now();
    let mut commits = 0_u32;
    let mut next = 0;
    while started.elapsed() < RUN {
        let records = (next..next + len as u64).map(record).collect();
        next = store.log.append(records, &[])?.last.0;
        commits += 1;
    }
    let rate = f64::from(commits) / started.elapsed().as_secs_f64();
    store.log.close()?;
    Ok(rate)
}

/// The same bytes with one write and one `fdatasync` a commit.
fn file_rate(path: &Path, len: usize) -> io::Result<f64> {
    let mut file = File::create(path)?;
    let bytes = vec![7; 300 * len];
    let started = Instant::now();
    let mut commits = 0_u32;
    while started.elapsed() < RUN {
        file.write_all(&bytes)?;
        file.sync_data()?;
        commits += 1;
    }
    Ok(f64::from(commits) / started.elapsed().as_secs_f64())
}

fn reading(dir: &Path) -> Outcome<()> {
    let size = fs::metadata(dir.join("log/db"))?.len();
    let started = Instant::now();
    let store = Store::open(dir, OpenOptions::default())?;
    let opened = started.elapsed();
    let records = store.opened.last.seq.0;
    println!(
        "open {records} records: {opened:.2?}; {:.2} of the payload's size on disk",
        size as f64 / (records as f64 * 300.0)
    );
    for pass in ["first", "second"] {
        let started = Instant::now();
        let mut seen = 0_usize;
        for record in store.reader.scan(Seq(1))? {
            seen += record?.record.payload.len();
        }
        let rate = records as f64 / started.elapsed().as_secs_f64();
        println!("{pass} scan: {rate:.0} records/s ({seen} payload bytes)");
    }
    let started = Instant::now();
    for n in 0..100_000 {
        store.reader.read_one(Seq(1 + n * 7919 % records))?;
    }
    println!(
        "read_one: {:.0}/s",
        100_000.0 / started.elapsed().as_secs_f64()
    );
    drop(store);
    let started = Instant::now();
    let report = verify(dir, &mut |_| {})?;
    let rate = records as f64 / started.elapsed().as_secs_f64();
    println!(
        "verify: {rate:.0} records/s, {} commits, ok {}",
        report.commits,
        report.ok()
    );
    Ok(())
}
