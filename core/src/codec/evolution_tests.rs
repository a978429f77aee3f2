//! Logs of other versions: older payloads are read through their upcasters, newer events are refused or kept.

#![allow(clippy::unwrap_used, reason = "tests")]

use fasti_domain::event::{EventKind, RunCancelRequested};
use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::upcast::{UPCASTERS, Upcaster};
use super::{CodecError, Decoder, decode, encode, event_json};
use crate::record::{NewRecord, StoredRecord};

/// A record as another version of Fasti would have written it.
fn written(name: &str, version: u16, critical: bool, payload: &impl Serialize) -> StoredRecord {
    StoredRecord {
        seq: Seq(41),
        epoch: 1,
        commit_first: Seq(41),
        commit_len: 1,
        record: NewRecord {
            at: Timestamp(7),
            actor: "system".to_owned(),
            causation: None,
            correlation: None,
            key: None,
            trace: None,
            name: name.to_owned(),
            version,
            critical,
            payload: rmp_serde::to_vec_named(payload).unwrap(),
        },
        hash: [3; 32],
    }
}

/// `run.cancel_requested` as it might have been in a first version: the reason under another name, and a number.
#[derive(Serialize, Deserialize)]
struct First {
    run: fasti_domain::ids::RunId,
    batch: fasti_domain::ids::BatchId,
    why: u8,
}

/// And in a second one: a text, still under that name.
#[derive(Serialize, Deserialize)]
struct Second {
    run: fasti_domain::ids::RunId,
    batch: fasti_domain::ids::BatchId,
    why: String,
}

fn to_second(payload: &[u8]) -> Result<Vec<u8>, rmp_serde::decode::Error> {
    let First { run, batch, why } = rmp_serde::from_slice(payload)?;
    let why = format!("reason {why}");
    Ok(rmp_serde::to_vec_named(&Second { run, batch, why }).unwrap())
}

fn to_third(payload: &[u8]) -> Result<Vec<u8>, rmp_serde::decode::Error> {
    let Second { run, batch, why } = rmp_serde::from_slice(payload)?;
    let reason = Some(why);
    Ok(rmp_serde::to_vec_named(&RunCancelRequested { run, batch, reason }).unwrap())
}

const STEPS: [Upcaster; 2] = [
    Upcaster {
        name: "run.cancel_requested",
        from: 1,
        up: to_second,
    },
    Upcaster {
        name: "run.cancel_requested",
        from: 2,
        up: to_third,
    },
];
/// As if that event were in its third version today.
fn versions(_: EventKind) -> u16 {
    3
}

fn first() -> First {
    First {
        run: fasti_domain::ids::RunId(8),
        batch: fasti_domain::ids::BatchId([1; 16]),
        why: 5,
    }
}

#[test]
fn an_older_payload_goes_up_step_by_step() {
    let stored = written("run.cancel_requested", 1, true, &first());
    let entry = Decoder::default()
        .decode_with(&stored.view(), versions, &STEPS)
        .unwrap();
    let expected = RunCancelRequested {
        run: first().run,
        batch: first().batch,
        reason: Some("reason 5".to_owned()),
    };
    assert_eq!(entry.recorded.event, expected.clone().into());
    // One of today passes no step.
    let stored = written("run.cancel_requested", 3, true, &expected);
    let entry = Decoder::default()
        .decode_with(&stored.view(), versions, &STEPS)
        .unwrap();
    assert_eq!(entry.recorded.event, expected.into());
}

#[test]
fn a_missing_step_is_an_error_and_no_guess() {
    let stored = written("run.cancel_requested", 1, true, &first());
    let wrong = Decoder::default()
        .decode_with(&stored.view(), versions, &STEPS[1..])
        .unwrap_err();
    assert!(wrong.to_string().contains("version 1"), "{wrong}");
}

#[test]
fn every_version_below_the_present_one_has_its_step() {
    for kind in EventKind::ALL {
        let name = kind.name();
        for version in 1..kind.version() {
            let steps = UPCASTERS.iter();
            let found = steps.filter(|step| step.name == name && step.from == version);
            assert_eq!(found.count(), 1, "{name} from version {version}");
        }
    }
}

#[test]
fn what_a_later_version_calls_critical_is_refused_by_name() {
    for (name, version) in [("run.teleported", 1), ("run.started", 9)] {
        let stored = written(name, version, true, &first());
        let refused = decode(&stored).unwrap_err();
        assert!(
            matches!(&refused, CodecError::Unknown { seq: Seq(41), .. }),
            "{refused}"
        );
        let text = refused.to_string();
        assert!(text.contains(name) && text.contains("41"), "{text}");
    }
}

#[test]
fn what_may_be_passed_over_is_kept_as_it_is() {
    for (name, version) in [("run.whispered", 1), ("run.started", 9)] {
        let stored = written(name, version, false, &first());
        let entry = decode(&stored).unwrap();
        let event = &entry.recorded.event;
        assert_eq!((event.name(), event.version()), (name, version));
        assert_eq!((event.run(), event.batch()), (None, None));
        let shown = event_json(&entry);
        assert_eq!(shown["why"], 5, "it is shown as it is");
        assert_eq!(shown["batch"], "01".repeat(16));
        assert_eq!(encode(&entry.recorded), stored.record, "byte for byte");
    }
}

#[test]
fn a_payload_that_is_no_json_is_shown_all_the_same() {
    let stored = written(
        "run.whispered",
        1,
        false,
        &serde_bytes::Bytes::new(&[0xff, 0]),
    );
    let entry = decode(&stored).unwrap();
    assert_eq!(event_json(&entry)["payload"], "c402ff00");
}
