//! Evidence of runs: made from real folders, checked from its bytes alone, and changed in every way.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../projector/tests/world.rs"]
mod world;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fasti_core::codec;
use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::event::Event;
use fasti_core::domain::ids::{Digest, RunId, Seq};
use fasti_core::domain::run::RunStatus;
use fasti_core::domain::time::Timestamp;
use fasti_core::mem::ManualClock;
use fasti_core::store::{
    ExactReader, OpenOptions, SealOptions, Store, anchors_of, seal_now, verify,
};
use fasti_replay::evidence::{self, Fault, NoEvidence, Verdict, Wanted};
use serde_json::{Value, json};
use sha2::Digest as _;

use world::{World, chain, definition, parallel, task};

/// The log of a world in a folder, with the values of its results, sealed by so many events.
fn folder(world: &World, segment_events: Option<u64>) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), OpenOptions::default()).unwrap();
    for commit in world
        .entries
        .chunk_by(|a, b| a.commit_first == b.commit_first)
    {
        let records = commit
            .iter()
            .map(|entry| codec::encode(&entry.recorded))
            .collect();
        let values: Vec<(Digest, Vec<u8>)> = commit
            .iter()
            .flat_map(|entry| {
                let Event::AttemptFinished(event) = &entry.recorded.event else {
                    return &[][..];
                };
                &event.ends
            })
            .filter(|end| end.result.is_some())
            .map(|end| {
                let value = end.task_run.0.to_be_bytes().to_vec();
                (codec::sha256(&value), value)
            })
            .collect();
        store.log.append(records, &values).unwrap();
    }
    if let Some(segment_events) = segment_events {
        seal(&store, segment_events);
    }
    (dir, store)
}

fn seal(store: &Store, segment_events: u64) {
    let options = SealOptions {
        segment_events,
        references: codec::contents_of,
        ..SealOptions::default()
    };
    seal_now(&store.reader, options, Box::new(ManualClock::default())).unwrap();
}

fn pack(dir: &Path, store: &Store, run: RunId, with_results: bool) -> Result<Vec<u8>, NoEvidence> {
    let exact = ExactReader::new(store.reader.clone(), |_| Vec::new());
    let last = store.reader.last().seq;
    let wanted = Wanted {
        run,
        stretch: evidence::find(&exact, last, run)?,
        with_results,
        bytes_max: evidence::BYTES_MAX,
        at: Timestamp(7),
    };
    let mut out = Vec::new();
    let made = evidence::make(&exact, &store.content, dir, last, &wanted, &mut out)?;
    assert_eq!(made.results_gone, 0);
    Ok(out)
}

fn check(file: &[u8]) -> Result<Verdict, Fault> {
    evidence::check(file, None)
}

fn events_of(world: &World, run: RunId) -> Vec<Seq> {
    let of_run = |entry: &&fasti_core::feed::Entry| entry.recorded.event.run() == Some(run);
    world
        .entries
        .iter()
        .filter(of_run)
        .map(fasti_core::feed::Entry::seq)
        .collect()
}

/// A small run, and several of some size among others.
fn small() -> (World, RunId) {
    let mut world = World::new();
    world.join("r", 2);
    let batch = world.save(definition("small", vec![task("a")], &[]));
    let run = world.run(batch);
    world.succeed();
    (world, run)
}

fn busy() -> (World, Vec<RunId>) {
    let mut world = World::new();
    world.join("r", 4);
    // Its definition is larger than what an event holds.
    let tasks = (0..60).map(|n| task(&format!("task-{n:03}"))).collect();
    let wide = world.save(definition("wide", tasks, &[]));
    let chain = world.save(chain("chain"));
    let parts = world.save(definition("parts", vec![parallel("p", 20)], &[]));
    let mut runs = Vec::new();
    for round in 0..3 {
        runs.extend([world.run(wide), world.run(chain), world.run(parts)]);
        world.work_off(|id| Outcome::Exited {
            code: i32::from(round == 1 && id.0.is_multiple_of(7)),
        });
    }
    (world, runs)
}

#[test]
fn evidence_proves_all_events_of_a_run_wherever_they_are_sealed() {
    let (world, runs) = busy();
    for segment_events in [Some(10), Some(150), None] {
        let (dir, store) = folder(&world, segment_events);
        for run in &runs {
            let file = pack(dir.path(), &store, *run, true).unwrap();
            let verdict = check(&file).unwrap();
            let proven: Vec<Seq> = verdict.events[1..].iter().map(|it| it.seq()).collect();
            assert_eq!(proven, events_of(&world, *run), "after the definition");
            for entry in &verdict.events {
                let written = &world.entries[usize::try_from(entry.seq().0 - 1).unwrap()];
                assert_eq!(entry, written);
            }
            assert_eq!(verdict.results, verdict.results_named);
            let key = fs::read_to_string(dir.path().join("anchor.pub")).unwrap();
            assert_eq!(verdict.key, key.trim());
            assert!(evidence::check(file.as_slice(), Some(key.trim())).is_ok());
            let other = "0".repeat(64);
            let fault = evidence::check(file.as_slice(), Some(&other)).unwrap_err();
            assert!(fault.why.contains("signed by another key"), "{fault}");
        }
        drop(store);
        let report = verify(dir.path(), &mut |_| {}).unwrap();
        assert!(report.ok(), "{report:?}");
    }
}

#[test]
fn results_are_in_it_when_they_are_asked_for() {
    let (world, run) = small();
    let (dir, store) = folder(&world, Some(5));
    let with = check(&pack(dir.path(), &store, run, true).unwrap()).unwrap();
    assert_eq!((with.results, with.results_named), (1, 1));
    assert_eq!(with.status, RunStatus::Success);
    let without = check(&pack(dir.path(), &store, run, false).unwrap()).unwrap();
    assert_eq!((without.results, without.results_named), (0, 1));
}

#[test]
fn a_tail_is_anchored_once_for_all_runs_in_it() {
    let (world, runs) = busy();
    let (dir, store) = folder(&world, None);
    for run in &runs {
        pack(dir.path(), &store, *run, false).unwrap();
    }
    let anchors = anchors_of(dir.path()).unwrap();
    assert_eq!(anchors.len(), 1);
    assert_eq!(
        (anchors[0].first, anchors[0].last),
        (1, store.reader.last().seq.0)
    );
}

#[test]
fn segments_that_were_sealed_without_a_tree_get_one() {
    let (world, runs) = busy();
    let (dir, store) = folder(&world, Some(40));
    // Anchors made up for lost ones have no tree.
    fs::remove_file(dir.path().join("segments/manifest")).unwrap();
    seal(&store, 40);
    let before = anchors_of(dir.path()).unwrap();
    assert!(before.len() > 3 && before.iter().all(|anchor| anchor.tree.is_empty()));
    for run in &runs {
        let verdict = check(&pack(dir.path(), &store, *run, false).unwrap()).unwrap();
        for anchor in &verdict.anchors {
            let is_segment = before
                .iter()
                .any(|it| (it.first, it.last) == (anchor.first, anchor.last));
            assert!(is_segment || anchor.first > before.last().unwrap().last);
        }
    }
    drop(store);
    let report = verify(dir.path(), &mut |_| {}).unwrap();
    assert!(report.ok(), "{report:?}");
}

#[test]
fn there_is_evidence_of_finished_runs_only() {
    let (mut world, run) = small();
    let batch = world.save(chain("goes on"));
    let live = world.run(batch);
    let (dir, store) = folder(&world, None);
    assert!(pack(dir.path(), &store, run, false).is_ok());
    let not_over = pack(dir.path(), &store, live, false);
    assert!(matches!(not_over, Err(NoEvidence::NotOver(id)) if id == live));
    let none = pack(dir.path(), &store, RunId(999), false);
    assert!(matches!(none, Err(NoEvidence::NoRun(_))));
}

#[test]
fn what_an_event_takes_is_bounded() {
    let (world, runs) = busy();
    let (dir, store) = folder(&world, Some(64));
    for run in runs {
        let file = pack(dir.path(), &store, run, false).unwrap();
        for line in String::from_utf8(file).unwrap().lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            if let Some(record) = value["record"].as_str() {
                let payload = value["payload"].as_str().map_or(0, str::len);
                assert!(line.len() - record.len() - payload < 250, "{line}");
            }
        }
    }
}

#[test]
fn after_any_change_of_one_byte_it_proves_nothing() {
    let (world, run) = small();
    let (dir, store) = folder(&world, Some(8));
    let file = pack(dir.path(), &store, run, true).unwrap();
    check(&file).unwrap();
    let mut faults = std::collections::BTreeSet::new();
    for at in 0..file.len() {
        let mut other = file.clone();
        // Another letter, digit or sign of the same kind, so that most stay lines of evidence.
        other[at] ^= 1;
        let line = 1 + file[..at].iter().filter(|b| **b == b'\n').count() as u64;
        let fault = check(&other).expect_err(&format!("byte {at}"));
        // What a line alone cannot tell is found where its proof ends, or at the end of the file.
        assert!(fault.line >= line, "byte {at}: {fault}");
        let words: String = fault.why.chars().filter(|c| !c.is_ascii_digit()).collect();
        faults.insert(words.chars().take(24).collect::<String>());
    }
    assert!(faults.len() > 8, "each says what is wrong: {faults:?}");
    for len in (0..file.len()).step_by(31) {
        assert!(check(&file[..len]).is_err(), "cut to {len} bytes");
    }
    assert!(check(&[file.as_slice(), b"\n"].concat()).is_err());
}

/// Numbers that look like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

fn lines(file: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The lines as a forger without the key would write them: all hashes made right that anybody can compute.
fn forged(original: &[u8], mut change: impl FnMut(&mut Vec<Value>)) -> Vec<u8> {
    // The order of the fields is part of the form.
    let ordered = |value: &Value| {
        let kind = value["line"].as_str().unwrap();
        let names: &[&str] = match kind {
            "header" => &["line", "schema", "schema_version", "run", "at_us", "fasti"],
            "proof" => &["line", "anchor", "siblings"],
            "event" => &["line", "seq", "previous", "hash", "record", "payload"],
            "content" => &["line", "sha256", "bytes"],
            _ => &["line", "sha256", "key", "signature"],
        };
        let fields: Vec<String> = names
            .iter()
            .filter(|name| value.get(**name).is_some())
            .map(|name| match *name {
                "anchor" => format!("\"anchor\":{}", anchor_text(&value["anchor"])),
                name => format!("\"{name}\":{}", value[name]),
            })
            .collect();
        format!("{{{}}}\n", fields.join(","))
    };
    let mut all = lines(original);
    let same: String = all.iter().map(ordered).collect();
    assert_eq!(same.as_bytes(), original, "the forger knows the form");
    change(&mut all);
    let mut above: Option<[u8; 32]> = None;
    for value in all.iter_mut().filter(|value| value["line"] == "event") {
        let bytes = STANDARD.decode(value["record"].as_str().unwrap()).unwrap();
        let previous = match value["previous"].as_str() {
            Some(text) => text.parse::<Digest>().unwrap().0,
            None => above.unwrap(),
        };
        let hash = fasti_core::store::chain(&previous, &bytes);
        value["hash"] = json!(Digest(hash).to_string());
        above = Some(hash);
    }
    let end = all.len() - 1;
    let before: String = all[..end].iter().map(ordered).collect();
    all[end]["sha256"] = json!(Digest(sha2::Sha256::digest(&before).into()).to_string());
    format!("{before}{}", ordered(&all[end])).into_bytes()
}

fn anchor_text(value: &Value) -> String {
    let anchor: fasti_core::store::Anchor = serde_json::from_value(value.clone()).unwrap();
    serde_json::to_string(&anchor).unwrap()
}

fn flip(value: &mut Value, chance: &mut Chance) {
    let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    let at = chance.below(bytes.len());
    bytes[at] ^= 1 << chance.below(8);
    *value = json!(STANDARD.encode(bytes));
}

#[test]
fn a_forger_without_the_key_changes_no_event_no_definition_no_result() {
    let (world, runs) = busy();
    let (dir, store) = folder(&world, Some(100));
    let mut chance = Chance(20_260_101);
    for run in &runs {
        let file = pack(dir.path(), &store, *run, true).unwrap();
        let untouched = check(&forged(&file, |_| {}));
        assert!(untouched.is_ok(), "{untouched:?}");
        let count = lines(&file).len();
        for _ in 0..40 {
            let at = 1 + chance.below(count - 2);
            let mut what = String::new();
            let other = forged(&file, |all| {
                let value = &mut all[at];
                what = value["line"].as_str().unwrap().to_owned();
                match what.as_str() {
                    "event" if value.get("payload").is_some() && chance.below(2) == 0 => {
                        what = "definition".to_owned();
                        flip(&mut value["payload"], &mut chance);
                    }
                    "event" => flip(&mut value["record"], &mut chance),
                    "content" => {
                        flip(&mut value["bytes"], &mut chance);
                        let bytes = STANDARD.decode(value["bytes"].as_str().unwrap()).unwrap();
                        value["sha256"] = json!(codec::sha256(&bytes).to_string());
                    }
                    _ => value["anchor"]["at_us"] = json!(8),
                }
            });
            let fault = check(&other).expect_err(&what);
            let says: &[&str] = match what.as_str() {
                // Where a changed record still is one, the tree tells; where not, the record itself.
                "event" => &[
                    "do not lead to the tree",
                    "the event at seq",
                    "does not follow",
                ],
                "definition" => &["payload is not the one that it names"],
                // The value of another task run is one bit away.
                "content" => &["is named by no event before it", "is there twice"],
                _ => &["is not signed by its key"],
            };
            assert!(
                says.iter().any(|it| fault.why.contains(it)),
                "{what}: {fault}"
            );
        }
        // An event taken out, its hash put among those beside the paths: right but for the signature.
        let last = lines(&file).iter().rposition(|it| it["line"] == "content");
        let Some(last) = last else { continue };
        let fault = check(&forged(&file, |all| drop(all.remove(last)))).unwrap_err();
        assert!(fault.why.contains("is not signed by the key"), "{fault}");
    }
}
