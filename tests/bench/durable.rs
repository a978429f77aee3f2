//! Durable events straight into the store, beside a plain file that is appended to and synced with the same grouping.
//!
//! The records are ends of attempts with ids, instants and digests of their own, as a busy server writes them: about
//! 300 bytes, of which names can be packed and digests cannot. Log and plain file take turns, so that whatever else
//! the machine does meets both.

use std::path::Path;
use std::time::Instant;

use fasti_core::codec;
use fasti_core::domain::attempt::{AttemptEnd, Outcome, ResultRef, Usage};
use fasti_core::domain::event::{AttemptFinished, Event, Recorded};
use fasti_core::domain::ids::{BatchId, Digest, RunId, RunnerId, Seq, TaskRunId};
use fasti_core::domain::time::Timestamp;
use fasti_core::record::NewRecord;
use fasti_core::store::{OpenOptions, Place, Store, digest_of, encode};

use crate::measure::median;
use crate::{Context, Figure, floor};

/// Turns of log and plain file each.
const TURNS: u32 = 5;

/// See the module.
pub(crate) fn durable_events(context: &Context) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, group, records) in [
        ("durable events, 1 a commit", 1, context.count(5_000)),
        ("durable events, 100 a commit", 100, context.count(200_000)),
        (
            "durable events, 1000 a commit",
            1_000,
            context.count(500_000),
        ),
    ] {
        let commits = (records / group / TURNS).max(1);
        let data = context.scratch.join(format!("events-{group}"));
        std::fs::create_dir_all(&data)?;
        let mut log = Appending::open(&data.join("store"))?;
        let (mut plain, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            plain.push(floor::appends_per_second(
                &data,
                commits * group,
                group,
                log.record_bytes(),
            )?);
            ours.push(log.turn(commits, group)?);
        }
        log.close()?;
        figures.push(Figure {
            name,
            value: median(ours),
            unit: "per s",
            floor: Some((median(plain), "plain append and fdatasync")),
        });
    }
    Ok(figures)
}

/// A log that is appended to, turn after turn.
struct Appending {
    store: Store,
    next: u64,
}

impl Appending {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let store = Store::open(folder, OpenOptions::default())?;
        Ok(Self { store, next: 1 })
    }

    /// Records a second over so many commits.
    fn turn(&mut self, commits: u32, group: u32) -> anyhow::Result<f64> {
        // Making the records is not the log's work, as filling the buffer is not the plain file's.
        let mut took = 0.0;
        for _ in 0..commits {
            let first = self.next;
            self.next += u64::from(group);
            let records = (first..self.next).map(record).collect();
            let begin = Instant::now();
            let appended = self.store.log.append(records, &[])?;
            took += begin.elapsed().as_secs_f64();
            drop(appended);
        }
        Ok(f64::from(commits * group) / took)
    }

    /// What a record takes in the log, envelope included.
    fn record_bytes(&self) -> usize {
        let seq = Seq(self.next);
        let place = Place {
            seq,
            epoch: 1,
            commit_first: seq,
            commit_len: 1,
        };
        let mut bytes = Vec::new();
        encode(&record(self.next), place, &mut bytes);
        bytes.len()
    }

    fn close(self) -> anyhow::Result<()> {
        Ok(self.store.log.close()?)
    }
}

/// The record of the end of an attempt, different for every number.
fn record(number: u64) -> NewRecord {
    let digest = digest_of(&number.to_le_bytes());
    let drawn = |at: usize| u64::from(digest.0[at]) << 8 | u64::from(digest.0[at + 1]);
    let at = Timestamp(1_700_000_000_000_000 + i64::try_from(number).unwrap_or(0) * 997);
    let run = RunId(100_000 + number / 50 * 51);
    let end = AttemptEnd {
        task_run: TaskRunId(run.0 + 1 + number % 50),
        number: 1,
        finished_at: at,
        outcome: Outcome::Exited { code: 0 },
        result: Some(ResultRef {
            sha256: Digest(digest.0),
            size: drawn(0),
            format: "pickle".to_owned(),
        }),
        failure: None,
        usage: Usage {
            cpu_us: drawn(2) * 10,
            max_rss_kib: 20_000 + drawn(4) % 4_096,
            stdout_bytes: drawn(6) % 200,
            stderr_bytes: 0,
        },
        gathered: None,
    };
    codec::encode(&Recorded {
        seq: Seq(number),
        at,
        actor: "runner:local-1".into(),
        causation: Some(Seq(number.saturating_sub(1))),
        key: None,
        trace: None,
        event: Event::AttemptFinished(AttemptFinished {
            run,
            batch: BatchId([0x5a; 16]),
            runner: RunnerId("local-1".into()),
            ends: vec![end],
        }),
    })
}
