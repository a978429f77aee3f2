//! Samples of the events of pools, and of a definition whose tasks ask for what only some do.

use std::collections::BTreeMap;
use std::sync::Arc;

use fasti_domain::definition::{PoolUse, RetryPolicy, TaskOptions, TokenRequest};
use fasti_domain::event::*;
use fasti_domain::ids::Digest;

use super::{BATCH, decode, definition, event_json, stored};

/// A definition whose task asks for everything that only some do.
fn with_options() -> DefinitionAdded {
    let mut definition = definition();
    definition.tasks[1].options = Some(Box::new(TaskOptions {
        pool: Some(PoolUse {
            pool: "licences".into(),
            units: 2,
        }),
        timeout_is_final: true,
        merge_output: true,
        env_templates: BTreeMap::from([("PART".to_owned(), "${FASTI_PART_NUM}".to_owned())]),
        tokens: BTreeMap::from([(
            "TOKEN".to_owned(),
            TokenRequest {
                claims: "{\"team\":\"quants\"}".to_owned(),
                lifetime_seconds: 3_600,
            },
        )]),
        stages: vec!["fetched".to_owned(), "told".to_owned()],
        retry: Some(RetryPolicy {
            delay_ms: Some(500),
            backoff_percent: Some(200),
            delay_max_ms: Some(60_000),
            jitter_percent: 25,
            only_codes: vec![75],
            never_codes: vec![2],
        }),
    }));
    DefinitionAdded {
        digest: Digest([0xdf; 32]),
        definition: Arc::new(definition),
    }
}

pub(super) fn samples() -> Vec<Event> {
    vec![
        BatchRunsCancelled {
            batch: BATCH,
            label: Some("nightly".to_owned()),
            reason: Some("no longer needed".to_owned()),
        }
        .into(),
        PoolLimited {
            pool: "licences".to_owned(),
            limits: BTreeMap::from([("admin".to_owned(), Some(8)), ("team".to_owned(), None)]),
        }
        .into(),
    ]
}

#[test]
fn what_only_some_tasks_ask_for_is_written_and_read() {
    let event = Event::from(with_options());
    let entry = decode(&stored(event.clone())).unwrap();
    assert_eq!(entry.recorded.event, event);
    let json = event_json(&entry).to_string();
    for part in [
        "licences",
        "timeout_is_final",
        "merge_output",
        "env_templates",
        "quants",
        "backoff_percent",
    ] {
        assert!(json.contains(part), "{part}: {json}");
    }
}
