//! Tests of the store as a whole, on real files in temporary folders.

#![allow(clippy::unwrap_used, reason = "tests")]

mod appending;
mod damage;
mod envelope;
mod inspecting;
mod opening;
mod reading;
mod rebuilding;
mod sealing;
mod trees;

use std::fs;
use std::path::Path;

use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;

use super::{OpenOptions, Store, StoreError};
use crate::record::{NewRecord, StoredRecord};

/// Small enough that tests page in and out.
const OPTIONS: OpenOptions = OpenOptions {
    create: true,
    cache_bytes: 4 * 1024 * 1024,
    accept_loss: false,
    reserve_bytes: 0,
    free_min_bytes: 0,
};

fn open(dir: &Path) -> Store {
    Store::open(dir, OPTIONS).unwrap()
}

/// Error of an opening that must fail.
fn refusal(dir: &Path, options: OpenOptions) -> StoreError {
    match Store::open(dir, options) {
        Ok(store) => panic!("opened with {:?}", store.opened),
        Err(error) => error,
    }
}

/// A record that differs from others in everything that `n` can change.
fn record(n: u64, payload_len: usize) -> NewRecord {
    let byte = |i: usize| u8::try_from((i as u64).wrapping_mul(n + 7) % 251).unwrap();
    NewRecord {
        at: Timestamp(1_000_000 + i64::try_from(n).unwrap()),
        actor: format!("user:{n}"),
        causation: n.is_multiple_of(2).then_some(Seq(n)),
        correlation: n.is_multiple_of(3).then_some(n),
        key: n.is_multiple_of(5).then(|| format!("00ff:key {n}")),
        trace: n.is_multiple_of(7).then(|| format!("00-{n}")),
        name: "run.created".into(),
        version: 1,
        critical: n.is_multiple_of(4),
        payload: (0..payload_len).map(byte).collect(),
    }
}

/// Appends commits of the given numbers of records, 200 bytes each; returns all of them.
fn fill(store: &mut Store, commits: &[usize]) -> Vec<StoredRecord> {
    let mut all = Vec::new();
    for len in commits {
        let next = store.log.last().seq.0;
        let records = (0..*len as u64).map(|i| record(next + i, 200)).collect();
        all.extend(store.log.append(records, &[]).unwrap().records);
    }
    all
}

fn read_all(store: &Store) -> super::Result<Vec<StoredRecord>> {
    store.reader.scan(Seq(1))?.collect()
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
