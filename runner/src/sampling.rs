//! What running attempts use: processor time and memory of each with everything below it, about once a second.
//!
//! One thread and one scan for all. An attempt is sampled from the second time on that the thread sees it, so one
//! that is shorter than a second costs nothing, not even a file. Its start and what it used in all are reported
//! anyway; the points between them go to a file beside its output ([`fasti_core::samples`]). A point that cannot
//! be written is left out: figures are no reason to disturb a task.

mod scan;

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fasti_core::domain::ids::Token;
use fasti_core::samples::{self, POINTS_MAX, Sample};
use rustix::process::Pid;

use self::scan::Scan;
use crate::clock;
use crate::launcher::{Live, Record};
use crate::places::Places;

/// Pause between two scans.
const PAUSE: Duration = Duration::from_secs(1);

/// Stack of the thread: shallow code.
const STACK_BYTES: usize = 256 << 10;

/// Sample for as long as the process lives. Without a thread nothing is sampled, and that is all.
pub(crate) fn start(places: &Arc<Places>, live: &Arc<Live>) {
    let (places, live) = (Arc::clone(places), Arc::clone(live));
    let thread = std::thread::Builder::new()
        .name("samples".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let mut sampler = Sampler::new(places);
            loop {
                std::thread::sleep(PAUSE);
                sampler.look(&live.all());
            }
        });
    if let Err(error) = thread {
        tracing::warn!(%error, "what tasks use is not sampled");
    }
}

/// The attempts seen, with their points.
#[derive(Debug)]
struct Sampler {
    places: Arc<Places>,
    series: HashMap<Token, Series>,
}

impl Sampler {
    fn new(places: Arc<Places>) -> Self {
        Self {
            places,
            series: HashMap::new(),
        }
    }

    /// Add a point to each attempt that was there at the last look.
    fn look(&mut self, records: &[Arc<Record>]) {
        let mut before = std::mem::take(&mut self.series);
        let mut scan = None;
        for record in records {
            let Some(pid) = record.pid() else { continue };
            let token = record.launch.token;
            let Some(mut series) = before.remove(&token) else {
                self.series.insert(token, Series::default());
                continue;
            };
            let scan = scan.get_or_insert_with(Scan::take);
            if let Err(error) = series.add(&self.places, record, pid, scan) {
                tracing::debug!(%error, attempt = %record.attempt(), "a sample is lost");
            }
            self.series.insert(token, series);
        }
    }
}

/// The points of one attempt.
#[derive(Debug, Default)]
struct Series {
    samples: Vec<Sample>,
}

impl Series {
    fn add(&mut self, places: &Places, record: &Record, pid: Pid, scan: &Scan) -> io::Result<()> {
        // It may have ended since.
        let Some(used) = scan.used(pid) else {
            return Ok(());
        };
        // What a process that lost its parent had used is gone with it, and a sum does not become smaller.
        let floor = self.samples.last().map_or(0, |last| last.cpu_us);
        let sample = Sample {
            at: clock::wall(),
            cpu_us: used
                .cpu_us
                .saturating_sub(record.cpu_before_us())
                .max(floor),
            rss_kib: used.rss_kib,
        };
        if self.samples.last().is_some_and(|last| last.at >= sample.at) {
            return Ok(());
        }
        self.samples.push(sample);
        let launch = &record.launch;
        let (index, number) = (launch.index, launch.attempt.number);
        let path = samples::path(places.data(), launch.run, index, number);
        // A task that prints nothing has no folder for its output yet.
        if self.samples.len() < POINTS_MAX {
            return places.in_output_folder(launch, || append(&path, &sample));
        }
        samples::thin(&mut self.samples);
        places.in_output_folder(launch, || replace(&path, &self.samples))
    }
}

fn append(path: &Path, sample: &Sample) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    file.write_all(&sample.bytes())
}

/// Readers see the old file or the new one.
fn replace(path: &Path, samples: &[Sample]) -> io::Result<()> {
    let aside = path.with_extension("use-new");
    let bytes: Vec<u8> = samples.iter().flat_map(Sample::bytes).collect();
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(&bytes)?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeMap;

    use fasti_core::domain::ids::{AttemptId, RunId, TaskRunId};
    use fasti_core::domain::launch::{Launch, Program};

    use super::*;

    fn record() -> Arc<Record> {
        let launch = Launch {
            attempt: AttemptId {
                task_run: TaskRunId(7),
                number: 1,
            },
            token: Token([1; 16]),
            run: RunId(6),
            index: 0,
            env: BTreeMap::new(),
            program: Program::Command {
                argv: vec![],
                cwd: None,
                stdin: None,
            },
            timeout_ms: None,
            grace_ms: 0,
            staging: None,
            options: None,
        };
        Arc::new(Record::new(Arc::new(launch)))
    }

    fn places(data: &Path) -> Arc<Places> {
        let runner = fasti_core::domain::ids::RunnerId::new("r").unwrap();
        Arc::new(Places::new(data.to_owned(), &runner))
    }

    fn points(data: &Path) -> Option<Vec<Sample>> {
        let bytes = fs::read(samples::path(data, RunId(6), 0, 1)).ok()?;
        Some(samples::read(&bytes))
    }

    #[test]
    fn an_attempt_seen_once_leaves_nothing_and_one_seen_often_a_series() {
        let data = tempfile::tempdir().unwrap();
        let mut sampler = Sampler::new(places(data.path()));
        let record = record();
        sampler.look(std::slice::from_ref(&record));
        assert!(sampler.series.is_empty(), "it has no process yet");
        record.begin(rustix::process::getpid());
        sampler.look(std::slice::from_ref(&record));
        sampler.look(&[]);
        assert_eq!(points(data.path()), None, "it was too short");
        assert!(sampler.series.is_empty());
        for _ in 0..4 {
            sampler.look(std::slice::from_ref(&record));
        }
        let series = points(data.path()).unwrap();
        assert_eq!(series.len(), 3);
        assert!(series[0].rss_kib > 100, "{series:?}");
        assert!(series.is_sorted_by_key(|sample| sample.cpu_us));
    }

    #[test]
    fn a_long_attempt_has_a_bounded_file() {
        let data = tempfile::tempdir().unwrap();
        let record = record();
        let scan = Scan::take();
        let mut series = Series::default();
        let places = places(data.path());
        for _ in 0..2 * POINTS_MAX {
            let pid = rustix::process::getpid();
            series.add(&places, &record, pid, &scan).unwrap();
        }
        let written = points(data.path()).unwrap();
        assert_eq!(written, series.samples);
        assert!(written.len() < POINTS_MAX && written.len() > POINTS_MAX / 2);
    }
}
