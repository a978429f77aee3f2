//! NATS subjects of events: `fasti.v1.<tenant>.<noun>.<verb>.<batch>.<run>.<runner>`. Pure.
//!
//! Always eight tokens, `-` where one does not apply, so that a subscriber filters by position:
//! `fasti.v1.*.attempt.leased.*.*.<runner>` is the work of one runner, `fasti.v1.*.*.*.*.8231.*` one run.
//! Values are escaped so that each stays one token; nothing else may make subjects.

use std::fmt::Write as _;

use fasti_domain::event::{Event, EventKind};
use fasti_domain::ids::{BatchId, RunId};

use super::config::Tenant;

/// First tokens of every subject; the number goes up when the tokens after it change their meaning.
const ROOT: &str = "fasti.v1";

/// Stands where a token does not apply.
const NONE: &str = "-";

/// Where an event is published.
#[must_use]
pub fn subject(tenant: &Tenant, event: &Event) -> String {
    let name = event.name();
    let (noun, verb) = name.split_once('.').unwrap_or((name, ""));
    let batch = event.batch().map(|batch| batch.to_string());
    let run = event.run().map(|run| run.to_string());
    let runner = event.runner().map(|runner| runner.0.as_ref());
    format!(
        "{ROOT}.{tenant}.{}.{}.{}.{}.{}",
        token(Some(noun)),
        token(Some(verb)),
        token(batch.as_deref()),
        token(run.as_deref()),
        token(runner),
    )
}

/// What the stream of a tenant listens to.
#[must_use]
pub fn subject_filter(tenant: &Tenant) -> String {
    format!("{ROOT}.{tenant}.>")
}

/// Where some of the events are published: those of a kind, of a batch, of a run, as far as these are given.
pub(super) fn filter(
    tenant: &Tenant,
    kind: Option<EventKind>,
    batch: Option<BatchId>,
    run: Option<RunId>,
) -> String {
    let any = || "*".to_owned();
    let kind = kind.map_or_else(|| "*.*".to_owned(), |kind| kind.name().to_owned());
    let batch = batch.map_or_else(any, |batch| batch.to_string());
    let run = run.map_or_else(any, |run| run.to_string());
    format!("{ROOT}.{tenant}.{kind}.{batch}.{run}.*")
}

/// A value as one token: letters, digits, `_` and `-` as they are, every other byte as `%` and two digits.
/// A value that reads like an absent one is escaped too.
fn token(value: Option<&str>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return NONE.to_owned();
    };
    if value == NONE {
        return "%2D".to_owned();
    }
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use fasti_domain::event::{AttemptLeased, BatchDeleted, RunCancelRequested, RunnerLost};
    use fasti_domain::ids::{BatchId, RunId, RunnerId};
    use proptest::prelude::*;

    use super::*;

    const BATCH: BatchId = BatchId([0xab; 16]);

    fn check(event: impl Into<Event>, expected: &str) {
        let tenant = Tenant::new("acme").unwrap();
        assert_eq!(subject(&tenant, &event.into()), expected);
    }

    #[test]
    fn every_token_has_its_place() {
        check(
            AttemptLeased {
                run: RunId(8231),
                batch: BATCH,
                runner: RunnerId::new("local-1").unwrap(),
                leases: vec![],
            },
            "fasti.v1.acme.attempt.leased.abababab-abab-abab-abab-abababababab.8231.local-1",
        );
        check(
            RunCancelRequested {
                run: RunId(8231),
                batch: BATCH,
                reason: None,
            },
            "fasti.v1.acme.run.cancel_requested.abababab-abab-abab-abab-abababababab.8231.-",
        );
        check(
            BatchDeleted { batch: BATCH },
            "fasti.v1.acme.batch.deleted.abababab-abab-abab-abab-abababababab.-.-",
        );
    }

    #[test]
    fn a_value_is_one_token_and_never_looks_absent() {
        for (runner, expected) in [
            ("", "-"),
            ("-", "%2D"),
            ("a.b", "a%2Eb"),
            ("*", "%2A"),
            (">", "%3E"),
            ("ä b", "%C3%A4%20b"),
            ("%2D", "%252D"),
        ] {
            check(
                RunnerLost {
                    // Past the check of the constructor, as a record of another make may be.
                    runner: RunnerId(Arc::from(runner)),
                    reason: String::new(),
                },
                &format!("fasti.v1.acme.runner.lost.-.-.{expected}"),
            );
        }
    }

    proptest! {
        #[test]
        fn tokens_are_safe_and_differ_when_values_do(a in ".{1,20}", b in ".{1,20}") {
            let (x, y) = (token(Some(&a)), token(Some(&b)));
            prop_assert!(x.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b'.' | b'*' | b'>')));
            prop_assert_eq!(a == b, x == y);
            prop_assert_ne!(x, NONE);
        }
    }

    #[test]
    fn the_filter_covers_every_subject_of_the_tenant() {
        assert_eq!(
            subject_filter(&Tenant::new("acme").unwrap()),
            "fasti.v1.acme.>"
        );
    }
}
