//! Clearing what lies beside the log: results, bundles and output over their limits, and files that nothing names.
//! A thread that now and then walks over the log to see who uses what. What goes is put on record first, so that
//! whoever misses it is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fasti_core::domain::command::{Command, Request};
use fasti_core::domain::contents::ContentKind;
use fasti_core::domain::event::ContentsRemoved;
use fasti_core::domain::ids::{Digest, RunId};
use fasti_core::domain::time::Timestamp;
use fasti_core::engine::{EngineHandle, SubmitError};
use fasti_core::ports::Clock;
use fasti_core::retention::{Expired, Item, Limits, References, SurveyError, Used, expired};
use fasti_core::store::{Content, LogReader, StoreError, Stored};
use serde::Deserialize;

use crate::clock::SystemClock;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(3_600);
/// How long what nothing names is left alone: its record may be on the way.
const UNNAMED_HOURS: u32 = 24;
const HOUR_US: i64 = 3_600_000_000;
/// A result that was written, or wanted again, so short ago may belong to a report that is on its way.
const REPORT_US: i64 = 15 * 60_000_000;
/// Longest rest in one piece, so that the end is noticed.
const REST_MAX: Duration = Duration::from_millis(200);

/// `[blobs]` of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BlobsSection {
    /// Results and bundles are removed so many days after the last run that used them.
    pub(crate) keep_days: Option<u32>,
    /// The results and bundles that were not used for the longest time are removed above this many bytes.
    pub(crate) keep_bytes: Option<u64>,
    /// Files that nothing names are removed after so many hours; default: 24.
    pub(crate) unnamed_hours: Option<u32>,
    /// Seconds between two looks; default: 3600.
    pub(crate) look_seconds: Option<u64>,
}

/// `[output]` of the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutputSection {
    /// Output is removed so many days after the end of its run.
    pub(crate) keep_days: Option<u32>,
    /// The output of the runs that ended first is removed above this many bytes.
    pub(crate) keep_bytes: Option<u64>,
}

/// What the thread works with.
pub(crate) struct Rooms {
    pub(crate) data: PathBuf,
    pub(crate) reader: LogReader,
    pub(crate) content: Content,
    pub(crate) engine: EngineHandle,
}

/// The thread. Stopped when dropped.
pub(crate) struct Sweeper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the thread that clears contents ended by a panic");
            }
        }
    }
}

/// Begins to look.
pub(crate) fn start(
    rooms: Rooms,
    blobs: &BlobsSection,
    output: &OutputSection,
) -> std::io::Result<Sweeper> {
    let stop = Arc::new(AtomicBool::new(false));
    let every = blobs.look_seconds.map_or(EVERY, Duration::from_secs);
    let worker = Worker {
        rooms,
        results: Limits {
            keep_days: blobs.keep_days,
            keep_bytes: blobs.keep_bytes,
        },
        output: Limits {
            keep_days: output.keep_days,
            keep_bytes: output.keep_bytes,
        },
        unnamed_us: i64::from(blobs.unnamed_hours.unwrap_or(UNNAMED_HOURS)) * HOUR_US,
        stop: Arc::clone(&stop),
    };
    let thread = std::thread::Builder::new()
        .name("fasti-sweep".to_owned())
        .spawn(move || worker.run(every))?;
    Ok(Sweeper {
        stop,
        thread: Some(thread),
    })
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error("{0}")]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Something that may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Blob(Digest),
    Value(Digest),
    Output(RunId),
}

struct Worker {
    rooms: Rooms,
    results: Limits,
    output: Limits,
    unnamed_us: i64,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(self, every: Duration) {
        loop {
            let until = Instant::now() + every;
            while Instant::now() < until {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::park_timeout(REST_MAX.min(every));
            }
            if let Err(error) = self.look() {
                tracing::warn!(%error, "contents over their limits stay until the next look");
            }
        }
    }

    fn look(&self) -> Result<(), Trouble> {
        let now = SystemClock.now();
        let mut blobs = Vec::new();
        self.rooms
            .content
            .blobs
            .each(&mut |stored| blobs.push(stored))?;
        let has_limits = self.results != Limits::default() || self.output != Limits::default();
        let has_old = blobs.iter().any(|blob| self.is_old(blob.touched, now));
        if !has_limits && !has_old {
            return Ok(());
        }
        let mut references = References::default();
        self.walk(&mut references)?;
        self.unnamed(&blobs, &mut references, now)?;
        self.bundles(&blobs, &references, now)?;
        if self.results != Limits::default() {
            let items = self.stored_results(&blobs, &references, now)?;
            let found = expired(items, self.results, now);
            self.clear(
                ContentKind::Results,
                found,
                &mut references,
                self.reported_by(now),
            )?;
        }
        if self.output != Limits::default() {
            let items = self.stored_output(&references)?;
            let found = expired(items, self.output, now);
            self.clear(ContentKind::Output, found, &mut references, now)?;
        }
        Ok(())
    }

    fn is_old(&self, touched: Timestamp, now: Timestamp) -> bool {
        touched.0 < now.0 - self.unnamed_us
    }

    /// What was written before this instant is on record by now, if it ever will be.
    fn reported_by(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0 - REPORT_US.min(self.unnamed_us))
    }

    /// Walks on to the present end of the log, with as much rest as work.
    fn walk(&self, references: &mut References) -> Result<(), Trouble> {
        let mut worked = Instant::now();
        let mut pace = || {
            if !self.stop.load(Ordering::Relaxed) {
                std::thread::sleep(worked.elapsed().min(REST_MAX));
            }
            worked = Instant::now();
        };
        Ok(references.read(&self.rooms.reader, &mut pace)?)
    }

    /// Files that nothing names: their writers died before they were on record.
    fn unnamed(
        &self,
        blobs: &[Stored],
        references: &mut References,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let mut items = Vec::new();
        for blob in blobs {
            if self.is_old(blob.touched, now) && !is_named(references, blob.digest) {
                items.push(Item {
                    key: Place::Blob(blob.digest),
                    bytes: blob.bytes,
                    used: Some(blob.touched),
                });
            }
        }
        let used_before = Timestamp(now.0 - self.unnamed_us);
        let found = (!items.is_empty()).then_some(Expired { items, used_before });
        self.clear(ContentKind::Unnamed, found, references, used_before)
    }

    /// Bundles that no run within the limits used, no image and no definition in use names.
    fn bundles(
        &self,
        blobs: &[Stored],
        references: &References,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let is_over = |used: Used| match used {
            Used::Never => true,
            Used::Still => false,
            Used::Until(at) => self
                .results
                .keep_days
                .is_some_and(|days| at.0 < now.0 - i64::from(days) * 24 * HOUR_US),
        };
        let digests: Vec<Digest> = blobs
            .iter()
            .filter(|blob| self.is_old(blob.touched, now))
            .filter(|blob| references.bundle(blob.digest).is_some_and(is_over))
            .filter(|blob| !references.is_payload(blob.digest))
            .map(|blob| blob.digest)
            .collect();
        if digests.is_empty() {
            return Ok(());
        }
        let before = self.rooms.engine.feed().last();
        let command = Command::RemoveBundles { digests };
        self.rooms
            .engine
            .submit_blocking(Request::system(command))?;
        // Those that were agreed to are on record; the others are named by something.
        let since = Timestamp(now.0 - self.unnamed_us);
        let entries = self.rooms.engine.feed().read(before, usize::MAX);
        let entries = entries.map_err(|error| std::io::Error::other(error.to_string()))?;
        for entry in entries {
            if let fasti_core::domain::event::Event::BundleRemoved(removed) = &entry.recorded.event
            {
                self.rooms.content.blobs.remove(removed.digest, since)?;
            }
        }
        Ok(())
    }

    fn stored_results(
        &self,
        blobs: &[Stored],
        references: &References,
        now: Timestamp,
    ) -> Result<Vec<Item<Place>>, Trouble> {
        let mut items = Vec::new();
        let since = self.reported_by(now);
        for blob in blobs {
            if let Some(used) = references.result(blob.digest) {
                let stays = references.is_payload(blob.digest)
                    || references.bundle(blob.digest).is_some()
                    || blob.touched >= since;
                items.push(Item {
                    key: Place::Blob(blob.digest),
                    bytes: blob.bytes,
                    used: instant(used).filter(|_| !stays),
                });
            }
        }
        self.rooms.content.values.each(&mut |digest, bytes| {
            if let Some(used) = references.result(digest) {
                items.push(Item {
                    key: Place::Value(digest),
                    bytes,
                    used: instant(used),
                });
            }
        })?;
        Ok(items)
    }

    fn stored_output(&self, references: &References) -> Result<Vec<Item<Place>>, Trouble> {
        let mut items = Vec::new();
        let folder = self.rooms.data.join("output");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(items),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let run = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let Some(run) = run.map(RunId) else { continue };
            // Of a run that began after the walk nothing is known yet.
            let used = references.run(run).unwrap_or(Used::Still);
            items.push(Item {
                key: Place::Output(run),
                bytes: bytes_below(&entry.path())?,
                used: instant(used),
            });
        }
        Ok(items)
    }

    /// Puts on record what goes, looks whether any of it is wanted again, and removes the rest; no blob that was touched
    /// since `since`.
    fn clear(
        &self,
        kind: ContentKind,
        found: Option<Expired<Place>>,
        references: &mut References,
        since: Timestamp,
    ) -> Result<(), Trouble> {
        let Some(found) = found else {
            return Ok(());
        };
        let removed = ContentsRemoved {
            kind,
            used_before: found.used_before,
            count: found.items.len() as u64,
            bytes: found.items.iter().map(|item| item.bytes).sum(),
        };
        tracing::info!(?removed, "clearing what is over its limit");
        let command = Command::RemoveContents(removed);
        self.rooms
            .engine
            .submit_blocking(Request::system(command))?;
        self.walk(references)?;
        let mut values = Vec::new();
        for item in &found.items {
            match item.key {
                Place::Blob(digest) => {
                    let goes = match kind {
                        ContentKind::Unnamed => !is_named(references, digest),
                        ContentKind::Results | ContentKind::Output => {
                            is_over(references.result(digest), found.used_before)
                        }
                    };
                    if goes {
                        self.rooms.content.blobs.remove(digest, since)?;
                    }
                }
                Place::Value(digest) => {
                    if is_over(references.result(digest), found.used_before)
                        && let Some(value) = self.rooms.content.values.remove(digest)?
                    {
                        values.push((digest, value));
                    }
                }
                Place::Output(run) => {
                    let folder = self.rooms.data.join("output").join(run.to_string());
                    // Somebody may have removed it by hand.
                    std::fs::remove_dir_all(folder).or_else(gone)?;
                }
            }
        }
        self.put_back(values, found.used_before, references)
    }

    /// Values have no time of their own: one that a commit named while it was removed is put back.
    fn put_back(
        &self,
        values: Vec<(Digest, Vec<u8>)>,
        used_before: Timestamp,
        references: &mut References,
    ) -> Result<(), Trouble> {
        if values.is_empty() {
            return Ok(());
        }
        self.walk(references)?;
        for (digest, value) in values {
            if !is_over(references.result(digest), used_before) {
                self.rooms.content.values.put_back(digest, &value)?;
            }
        }
        Ok(())
    }
}

/// Whether anything in the log names it.
fn is_named(references: &References, digest: Digest) -> bool {
    references.is_payload(digest)
        || references.result(digest).is_some()
        || references.bundle(digest).is_some()
}

fn instant(used: Used) -> Option<Timestamp> {
    match used {
        Used::Until(at) => Some(at),
        Used::Never | Used::Still => None,
    }
}

fn is_over(used: Option<Used>, used_before: Timestamp) -> bool {
    used.and_then(instant)
        .is_some_and(|used| used < used_before)
}

fn bytes_below(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return gone(error).map(|()| 0),
    };
    for entry in entries {
        let entry = entry?;
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes += bytes_below(&entry.path())?,
            Ok(meta) => bytes += meta.len(),
            Err(error) => gone(error)?,
        }
    }
    Ok(bytes)
}

/// What is not there any more is no trouble.
fn gone(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Ok(());
    }
    Err(error)
}
