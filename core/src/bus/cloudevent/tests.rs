//! Messages as programs outside see them. The values are a promise: changing one breaks a reader somewhere.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use fasti_domain::attempt::{AttemptEnd, Lease, Outcome, Usage};
use fasti_domain::event::{
    AttemptFinished, AttemptLeased, KeyUse, LogCreated, Recorded, RunCancelRequested,
};
use fasti_domain::ids::{BatchId, RunId, RunnerId, TaskRunId, Token};

use super::*;

const LOG: LogId = LogId([0x11; 16]);
const BATCH: BatchId = BatchId([0xab; 16]);

fn entry(event: impl Into<Event>) -> Entry {
    Entry {
        recorded: Recorded {
            seq: Seq(42),
            at: Timestamp(1_711_846_800_000_000),
            actor: "user:Zoë \"Z\" 100%".into(),
            causation: Some(Seq(41)),
            key: None,
            trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            event: event.into(),
        },
        epoch: 3,
        commit_first: Seq(40),
        commit_len: 4,
        hash: [0xcd; 32],
    }
}

fn cancel(reason: &str) -> Entry {
    entry(RunCancelRequested {
        run: RunId(8231),
        batch: BATCH,
        reason: Some(reason.to_owned()),
    })
}

fn made(entry: &Entry, encoding: Encoding) -> Message {
    message(LOG, &Tenant::default(), entry, encoding, BODY_BYTES_MAX)
}

#[test]
fn golden_headers() {
    let found = made(&cancel("enough"), Encoding::Json);
    let expected = [
        ("ce-specversion", "1.0"),
        ("ce-id", "11111111111111111111111111111111-42"),
        ("ce-source", "/fasti/11111111111111111111111111111111"),
        ("ce-type", "dev.fasti.run.cancel_requested.v1"),
        ("ce-subject", "run/8231"),
        ("ce-time", "2024-03-31T01:00:00.000Z"),
        ("ce-recordedtime", "2024-03-31T01:00:00.000Z"),
        ("ce-sequence", "00000000000000000042"),
        ("ce-correlationid", "8231"),
        ("ce-causationid", "11111111111111111111111111111111-41"),
        (
            "ce-traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("ce-authtype", "user"),
        ("ce-authid", "Zo%C3%AB%20%22Z%22%20100%25"),
        ("ce-datacontenttype", "application/json"),
        ("fasti-hash", &"cd".repeat(32)),
        ("fasti-epoch", "3"),
        ("fasti-commit", "40/4"),
    ];
    let headers: Vec<_> = found
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(headers, expected);
    assert_eq!(found.id(), expected[1].1);
    assert_eq!(
        found.subject,
        "fasti.v1.default.run.cancel_requested.abababab-abab-abab-abab-abababababab.8231.-"
    );
}

#[test]
fn attribute_names_are_lower_case_letters_and_digits_of_twenty_at_most() {
    for (name, _) in made(&cancel("x"), Encoding::Json).headers {
        let Some(attribute) = name.strip_prefix("ce-") else {
            continue;
        };
        assert!(attribute.len() <= 20, "{name}");
        assert!(
            attribute
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            "{name}"
        );
    }
}

#[test]
fn the_body_says_the_same_in_both_encodings() {
    let mut entry = cancel("a \u{1f980}\nb");
    entry.recorded.key = Some(Arc::new(KeyUse {
        key: "k-1".to_owned(),
        fingerprint: "ff".to_owned(),
    }));
    let json = made(&entry, Encoding::Json);
    let msgpack = made(&entry, Encoding::Msgpack);
    assert_eq!(
        msgpack.header("ce-datacontenttype"),
        Some("application/msgpack")
    );
    let expected = serde_json::json!({
        "run": 8231,
        "batch": "abababab-abab-abab-abab-abababababab",
        "reason": "a \u{1f980}\nb",
        "idempotency_key": "k-1",
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&json.body).unwrap(),
        expected
    );
    assert_eq!(
        rmp_serde::from_slice::<Value>(&msgpack.body).unwrap(),
        expected
    );
}

#[test]
fn a_large_payload_is_left_out_and_referred_to() {
    for encoding in [Encoding::Json, Encoding::Msgpack] {
        let fits = made(&cancel(&"x".repeat(BODY_BYTES_MAX - 200)), encoding);
        assert_eq!(fits.header("ce-dataref"), None);
        assert!(fits.body.len() > BODY_BYTES_MAX - 200);

        let large = made(&cancel(&"x".repeat(BODY_BYTES_MAX)), encoding);
        assert!(large.size() < 4096, "{}", large.size());
        assert_eq!(
            large.header("ce-dataref"),
            Some("/api/v1/events?after=41&limit=1")
        );
        assert_eq!(large.header("fasti-hash").unwrap().len(), 64);
    }
}

#[test]
fn rights_do_not_leave_the_house() {
    let secret = [0x5a; 16];
    let lease = Lease {
        task_run: TaskRunId(8232),
        number: 1,
        token: Token(secret),
    };
    let events: [Event; 2] = [
        LogCreated {
            log_id: LOG,
            seed: secret,
        }
        .into(),
        AttemptLeased {
            run: RunId(8231),
            batch: BATCH,
            runner: RunnerId::new("r").unwrap(),
            leases: vec![lease],
        }
        .into(),
    ];
    for event in events {
        let name = event.name().to_owned();
        let body = made(&entry(event), Encoding::Json).body;
        let text = String::from_utf8(body).unwrap();
        assert!(!text.contains(&Token(secret).to_string()), "{name}: {text}");
    }
}

#[test]
fn the_time_is_the_runners_when_it_was_there() {
    let end = |task_run| AttemptEnd {
        task_run: TaskRunId(task_run),
        number: 2,
        finished_at: Timestamp(1_000_000),
        outcome: Outcome::Exited { code: 0 },
        result: None,
        failure: None,
        usage: Usage::default(),
        gathered: None,
    };
    let finished = |ends| AttemptFinished {
        run: RunId(8231),
        batch: BATCH,
        runner: RunnerId::new("r").unwrap(),
        ends,
    };
    let one = made(&entry(finished(vec![end(8232)])), Encoding::Json);
    assert_eq!(one.header("ce-time"), Some("1970-01-01T00:00:01.000Z"));
    assert_eq!(
        one.header("ce-recordedtime"),
        Some("2024-03-31T01:00:00.000Z")
    );
    assert_eq!(one.header("ce-subject"), Some("task_run/8232"));

    let many = made(&entry(finished(vec![end(8232), end(8233)])), Encoding::Json);
    assert_eq!(many.header("ce-time"), many.header("ce-recordedtime"));
    assert_eq!(many.header("ce-subject"), Some("run/8231"));
}

#[test]
fn actors_are_named_as_the_extension_wants() {
    for (actor, expected) in [
        ("user:ann", ("user", Some("ann"))),
        ("runner:local-1", ("service_account", Some("local-1"))),
        ("system", ("system", None)),
        ("schedule", ("system", None)),
        ("robot:x", ("unknown", Some("robot:x"))),
        ("x", ("unknown", Some("x"))),
    ] {
        assert_eq!(auth(actor), expected, "{actor}");
    }
}
