//! The bytes of every event, kept for ever: a log written by any released version must be read by all later
//! ones. `FASTI_BLESS=1` writes files for new events; a file that is there is never to change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fasti_domain::attempt::{
    AttemptEnd, AttemptStart, Failure, Lease, Outcome, Process, ResultRef, Usage,
};
use fasti_domain::batch::SavedFrom;
use fasti_domain::command::Settings;
use fasti_domain::contents::ContentKind;
use fasti_domain::definition::{
    Definition, Edge, EndCondition, Part, Parts, Priority, Resources, Tag, Task, Work,
};
use fasti_domain::event::*;
use fasti_domain::ids::{BatchId, Digest, LogId, RunId, RunSetId, RunnerId, Seq, TaskRunId, Token};
use fasti_domain::image::Image;
use fasti_domain::ranges::TaskRuns;
use fasti_domain::run::{Reuse, RunStatus, RunType, TaskStatus};
use fasti_domain::runner::{Capacity, RunnerInfo};
use fasti_domain::schedule::Schedule;
use fasti_domain::time::Timestamp;

use super::{decode, encode, event_json};
use crate::record::StoredRecord;

mod flows;
mod pools;
mod progress;
mod schedules;

const BATCH: BatchId = BatchId([0xba; 16]);
const RUN: RunId = RunId(100);

fn task_runs() -> TaskRuns {
    TaskRuns::from_indexes(RUN, [0, 1, 2, 7])
}

fn result() -> ResultRef {
    ResultRef {
        sha256: Digest([0xd1; 32]),
        size: 4,
        format: "pickle".to_owned(),
    }
}

fn end() -> AttemptEnd {
    AttemptEnd {
        task_run: TaskRunId(101),
        number: 2,
        finished_at: Timestamp(1_711_846_801_000_000),
        outcome: Outcome::Exited { code: 3 },
        result: Some(result()),
        failure: Some(Failure {
            reason: "exception".to_owned(),
            message: "ValueError: no".to_owned(),
        }),
        usage: Usage {
            cpu_us: 1_500,
            max_rss_kib: 20_480,
            stdout_bytes: 12,
            stderr_bytes: 0,
        },
        gathered: None,
    }
}

fn runner() -> RunnerId {
    RunnerId::new("local-1").unwrap()
}

fn task(name: &str, work: Work, parts: Parts) -> Task {
    Task {
        name: name.to_owned(),
        work,
        parts,
        image: Some("image".to_owned()),
        description: "what it does".to_owned(),
        configuration: Some("{\"country\":\"FR\"}".to_owned()),
        configuration_blob: None,
        resources: Resources::default(),
        retries: 2,
        count_for_prewarming: true,
        priority: Some(Priority::High),
        timeout_ms: Some(1_000),
        options: None,
    }
}

fn definition() -> Definition {
    let python = Work::Python {
        entrypoint: "package.module.function".to_owned(),
        arguments_blob: None,
    };
    let command = Work::Command {
        argv: vec!["/bin/echo".to_owned(), "hello".to_owned()],
        env: BTreeMap::from([("KEY".to_owned(), "value".to_owned())]),
        cwd: None,
        stdin: Some("text".to_owned()),
    };
    let part = Part {
        name: "p".to_owned(),
        description: "d".to_owned(),
        configuration: Some("{}".to_owned()),
    };
    Definition {
        name: "batch".to_owned(),
        tag: Tag::Dev,
        schedule: Schedule {
            timezone: Some("Europe/Paris".to_owned()),
            ..Schedule::default()
        },
        image: None,
        bundle: Some(Digest([0xb0; 32])),
        python: None,
        labels: vec!["nightly".to_owned()],
        fail_after_seconds: Some(3_600),
        fail_after_run_children: EndCondition::OnSuccess,
        run_as: "ada".to_owned(),
        owner: "ada".to_owned(),
        group: "quants".to_owned(),
        permissions: "rwrwr-".to_owned(),
        priority: Priority::Normal,
        alert_email: None,
        alert_sms: None,
        alert_only_failures: false,
        tasks: vec![
            task("a", python, Parts::Listed(vec![part])),
            task("b", command, Parts::Count(3)),
        ],
        edges: vec![Edge { from: 0, to: 1 }],
        annotations: std::collections::BTreeMap::new(),
    }
}

/// One sample of every event.
fn samples() -> Vec<Event> {
    let mut all = log_samples();
    all.extend(batch_samples());
    all.extend(run_samples());
    all.extend(progress::samples());
    all.extend(task_samples());
    all.extend(attempt_samples());
    all.extend(schedules::samples());
    all.extend(flows::samples());
    all.extend(pools::samples());
    all
}

fn log_samples() -> Vec<Event> {
    let info = RunnerInfo {
        runner: runner(),
        host: "host".to_owned(),
        boot_id: "boot".to_owned(),
        pid: 42,
        version: "0.1.0".to_owned(),
        capacity: Capacity {
            slots: 2,
            cpu_mhz: 8_000,
            memory_mb: 24_000,
        },
        labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
    };
    vec![
        LogCreated {
            log_id: LogId([0x10; 16]),
            seed: [0x5e; 16],
        }
        .into(),
        ServerStarted {
            version: "0.1.0".to_owned(),
            host: "host".to_owned(),
            tz_database: "2025b".to_owned(),
            settings: Settings::default(),
        }
        .into(),
        RunnerJoined { info }.into(),
        RunnerDrained {
            runner: RunnerId::new("local-1a2b").unwrap(),
            reason: Some("new disk".to_owned()),
            instead_of: Some(RunnerId::new("local-1a2a").unwrap()),
        }
        .into(),
        RunnerResumed {
            runner: RunnerId::new("local-1a2b").unwrap(),
        }
        .into(),
        RunnerLost {
            runner: runner(),
            reason: "its process is gone".to_owned(),
        }
        .into(),
    ]
}

fn batch_samples() -> Vec<Event> {
    let image = Image {
        name: "image".to_owned(),
        path: Some("/srv/code".to_owned()),
        bundle: None,
        python: Some("/usr/bin/python3".to_owned()),
        tags: vec![Tag::Dev, Tag::Pre, Tag::Prod],
        env: BTreeMap::new(),
        owner: "ada".to_owned(),
        container: None,
    };
    vec![
        DefinitionAdded {
            digest: Digest([0xde; 32]),
            definition: Arc::new(definition()),
        }
        .into(),
        BatchSaved {
            batch: BATCH,
            name: "batch".to_owned(),
            tag: Tag::Dev,
            version: 3,
            definition: Digest([0xde; 32]),
            saved_from: SavedFrom::Save,
            runs_after: None,
        }
        .into(),
        BatchPaused {
            batch: BATCH,
            reason: Some("holidays".to_owned()),
            until: None,
        }
        .into(),
        BatchResumed { batch: BATCH }.into(),
        BatchDeleted { batch: BATCH }.into(),
        ImageRegistered { image }.into(),
        ImageRemoved {
            name: "image".to_owned(),
        }
        .into(),
        BundleRegistered {
            digest: Digest([0xb0; 32]),
            size: 4_096,
        }
        .into(),
        BundleRemoved {
            digest: Digest([0xb1; 32]),
        }
        .into(),
        ContentsRemoved {
            kind: ContentKind::Results,
            used_before: Timestamp(1_711_846_800_000_000),
            count: 3,
            bytes: 70_000,
        }
        .into(),
    ]
}

fn run_created() -> RunCreated {
    let reuse = Reuse {
        task_run: TaskRunId(101),
        from: TaskRunId(51),
        result: Some(result()),
        started_at: Some(Timestamp(1)),
        finished_at: Some(Timestamp(2)),
    };
    RunCreated {
        run: RUN,
        batch: BATCH,
        batch_name: "batch".to_owned(),
        tag: Tag::Dev,
        version: Some(3),
        definition: Digest([0xde; 32]),
        task_runs: 8,
        run_type: RunType::PartialRerun,
        scheduled_time: Timestamp(1_711_846_800_000_000),
        rundate: Some("2024-03-31".to_owned()),
        requested_by: "ada".to_owned(),
        original_run: Some(RunId(50)),
        run_set: Some(RunSetId(99)),
        reused: vec![reuse],
        fail_after_seconds: Some(3_600),
        parent_run: None,
        start_by: None,
        signal: None,
        step: None,
        starts_at: None,
        ends_at: None,
    }
}

fn run_samples() -> Vec<Event> {
    let set = RunSetId(99);
    vec![
        RunSetCreated {
            run_set: set,
            batch: BATCH,
            title: "backfill".to_owned(),
            labels: vec![],
            backfill: None,
        }
        .into(),
        RunSetClosed {
            run_set: set,
            runs: 3,
        }
        .into(),
        RunSetFinished {
            run_set: set,
            batch: BATCH,
            success: 1,
            failure: 1,
            cancelled: 1,
        }
        .into(),
        run_created().into(),
        RunStarted {
            run: RUN,
            batch: BATCH,
            rundate: "2024-03-31".to_owned(),
            deadline: Some(Timestamp(1_711_850_400_000_000)),
        }
        .into(),
        RunCancelRequested {
            run: RUN,
            batch: BATCH,
            reason: Some("wrong data".to_owned()),
        }
        .into(),
        RunDeadlinePassed {
            run: RUN,
            batch: BATCH,
        }
        .into(),
        RunFinished {
            run: RUN,
            batch: BATCH,
            status: RunStatus::Failure,
            reason: Some("`a` failed".to_owned()),
            starts: vec![],
        }
        .into(),
    ]
}

fn task_samples() -> Vec<Event> {
    vec![
        TaskQueued {
            run: RUN,
            batch: BATCH,
            task_runs: task_runs(),
        }
        .into(),
        TaskReused {
            run: RUN,
            batch: BATCH,
            task_runs: task_runs(),
        }
        .into(),
        TaskSkipped {
            run: RUN,
            batch: BATCH,
            task_runs: task_runs(),
            reason: "`a` did not succeed".to_owned(),
            because: Some(TaskRunId(101)),
        }
        .into(),
        TaskAttemptFailed {
            run: RUN,
            batch: BATCH,
            task_run: TaskRunId(101),
            number: 1,
            reason: "exit code 3".to_owned(),
            retry_at: Some(Timestamp(1_711_846_802_000_000)),
        }
        .into(),
        TaskFinished {
            run: RUN,
            batch: BATCH,
            task_runs: task_runs(),
            status: TaskStatus::Failure,
            reason: Some("exit code 3".to_owned()),
        }
        .into(),
    ]
}

fn attempt_samples() -> Vec<Event> {
    let lease = Lease {
        task_run: TaskRunId(101),
        number: 2,
        token: Token([0x70; 16]),
    };
    let start = AttemptStart {
        task_run: TaskRunId(101),
        number: 2,
        started_at: Timestamp(1_711_846_800_500_000),
        process: Process {
            pid: 4_321,
            start_ticks: 99,
        },
    };
    vec![
        AttemptLeased {
            run: RUN,
            batch: BATCH,
            runner: runner(),
            leases: vec![lease],
        }
        .into(),
        AttemptStarted {
            run: RUN,
            batch: BATCH,
            runner: runner(),
            starts: vec![start],
        }
        .into(),
        AttemptFinished {
            run: RUN,
            batch: BATCH,
            runner: runner(),
            ends: vec![end()],
        }
        .into(),
        AttemptReportedLate {
            runner: runner(),
            end: end(),
        }
        .into(),
    ]
}

fn stored(event: Event) -> StoredRecord {
    let recorded = Recorded {
        seq: Seq(7),
        at: Timestamp(1_711_846_800_000_000),
        actor: "user:ada".into(),
        causation: Some(Seq(6)),
        key: None,
        trace: None,
        event,
    };
    StoredRecord {
        seq: Seq(7),
        epoch: 1,
        commit_first: Seq(7),
        commit_len: 1,
        record: encode(&recorded),
        hash: [0; 32],
    }
}

/// Events that were written with fewer fields once: the bytes of that time are the first file of theirs.
const GREW: [&str; 2] = ["definition.added", "server.started"];

fn file(name: &str, version: u16, number: u32) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/events");
    match number {
        1 => root.join(format!("{name}.v{version}.json")),
        _ => root.join(format!("{name}.v{version}.{number}.json")),
    }
}

fn golden(path: &std::path::Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; make it with FASTI_BLESS=1", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Everything in `small` is in `large`, which may have more fields.
fn contains(large: &serde_json::Value, small: &serde_json::Value) -> bool {
    match (large, small) {
        (serde_json::Value::Object(large), serde_json::Value::Object(small)) => small
            .iter()
            .all(|(key, value)| large.get(key).is_some_and(|it| contains(it, value))),
        _ => large == small,
    }
}

#[test]
fn golden_events_that_grew_are_read_as_ever() {
    for event in samples()
        .into_iter()
        .filter(|event| GREW.contains(&event.name()))
    {
        let old = golden(&file(event.name(), event.version(), 1));
        let mut record = stored(event.clone());
        record.record.payload = unhex(old["payload_hex"].as_str().unwrap());
        let entry = decode(&record).unwrap();
        assert_eq!(entry.recorded.event, event, "new fields have defaults");
        assert!(
            contains(&event_json(&entry), &old["json"]),
            "{}",
            event.name()
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn golden_every_event_has_its_bytes() {
    let bless = std::env::var_os("FASTI_BLESS").is_some();
    let mut seen = std::collections::BTreeSet::new();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for event in samples() {
        let declared = EventKind::of(event.name()).unwrap();
        let (name, version) = (declared.name(), declared.version());
        assert_eq!(version, event.version());
        seen.insert((name, version));
        let record = stored(event.clone());
        let entry = decode(&record).unwrap();
        assert_eq!(
            entry.recorded.event, event,
            "{name}: what was written is what is read"
        );
        let number = *numbers
            .entry(name)
            .and_modify(|number| *number += 1)
            .or_insert(if GREW.contains(&name) { 2 } else { 1 });
        let path = file(name, version, number);
        if bless && !path.exists() {
            let golden = serde_json::json!({
                "name": name,
                "version": version,
                "payload_hex": hex(&record.record.payload),
                "json": event_json(&entry),
            });
            std::fs::write(&path, format!("{golden:#}\n")).unwrap();
        }
        let golden = golden(&path);
        let bytes = unhex(golden["payload_hex"].as_str().unwrap());
        let mut old = record.clone();
        old.record.payload.clone_from(&bytes);
        assert_eq!(
            decode(&old).unwrap().recorded.event,
            event,
            "{name}: old bytes are read as ever"
        );
        assert_eq!(
            record.record.payload, bytes,
            "{name}: the bytes of a released version changed"
        );
        assert_eq!(
            event_json(&entry),
            golden["json"],
            "{name}: its public JSON changed"
        );
    }
    let all: std::collections::BTreeSet<_> = EventKind::ALL
        .iter()
        .map(|kind| (kind.name(), kind.version()))
        .collect();
    assert_eq!(seen, all, "every event has a sample");
}

#[test]
fn rights_are_not_shown() {
    for event in samples() {
        let entry = decode(&stored(event)).unwrap();
        let text = event_json(&entry).to_string();
        assert!(
            !text.contains(&"5e".repeat(16)),
            "the seed is shown: {text}"
        );
        assert!(!text.contains(&"70".repeat(16)), "a token is shown: {text}");
    }
}

#[test]
fn unknown_names_and_later_versions_are_refused_by_name() {
    let mut record = stored(BatchResumed { batch: BATCH }.into());
    record.record.version = 9;
    assert!(
        decode(&record)
            .unwrap_err()
            .to_string()
            .contains("`batch.resumed` version 9")
    );
    record.record.name = "batch.celebrated".to_owned();
    assert!(
        decode(&record)
            .unwrap_err()
            .to_string()
            .contains("batch.celebrated")
    );
}
