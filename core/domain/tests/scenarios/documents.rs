//! Documents: changed together or not at all, by version when one asks for it, holding on to what they need.

use std::sync::Arc;

use fasti_domain::command::Command;
use fasti_domain::documents::DocumentChange;
use fasti_domain::event::Event;
use fasti_domain::ids::Digest;
use fasti_domain::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_CHANGES_MAX};

use crate::world::World;

const KIND: &str = "rescale.project";

fn put(key: &str, body: &str) -> DocumentChange {
    DocumentChange {
        kind: KIND.to_owned(),
        key: key.to_owned(),
        body: Some(Arc::from(body)),
        expected: None,
        blobs: Vec::new(),
    }
}

fn remove(key: &str) -> DocumentChange {
    DocumentChange {
        body: None,
        ..put(key, "")
    }
}

fn change(changes: Vec<DocumentChange>) -> Command {
    Command::ChangeDocuments { changes }
}

fn refusal(world: &mut World, changes: Vec<DocumentChange>) -> (&'static str, Option<String>) {
    let rejection = world.refused(change(changes));
    (rejection.code(), rejection.field())
}

#[test]
fn a_document_has_versions_and_begins_again_when_it_was_removed() {
    let mut world = World::new();
    world.ask(change(vec![put("p", "{}")]));
    world.ask(change(vec![put("p", "[1]"), put("q", "2")]));
    assert_eq!(world.state.document_version(KIND, "p"), Some(2));
    assert_eq!(world.state.document_version(KIND, "q"), Some(1));
    world.ask(change(vec![remove("p"), remove("never there")]));
    assert_eq!(world.state.document_version(KIND, "p"), None);
    world.ask(change(vec![put("p", "{}")]));
    assert_eq!(world.state.document_version(KIND, "p"), Some(1));
    let removed =
        |it: &&fasti_domain::event::Recorded| matches!(it.event, Event::DocumentRemoved(_));
    assert_eq!(world.log.iter().filter(removed).count(), 1);
}

#[test]
fn an_expected_version_must_be_the_present_one() {
    let mut world = World::new();
    let expecting = |version, key| DocumentChange {
        expected: Some(version),
        ..put(key, "{}")
    };
    world.ask(change(vec![expecting(0, "p")]));
    let (code, field) = refusal(&mut world, vec![put("q", "{}"), expecting(0, "p")]);
    assert_eq!((code, field), ("version_mismatch", None));
    assert_eq!(
        world.state.document_version(KIND, "q"),
        None,
        "all or nothing"
    );
    assert_eq!(
        refusal(&mut world, vec![expecting(1, "q")]).0,
        "version_mismatch"
    );
    world.ask(change(vec![expecting(1, "p")]));
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let mut world = World::new();
    let wrong = [
        (
            DocumentChange {
                kind: "No".to_owned(),
                ..put("p", "{}")
            },
            "changes[1].kind",
        ),
        (put("", "{}"), "changes[1].key"),
        (put(&"k".repeat(513), "{}"), "changes[1].key"),
        (
            put("p", &"1".repeat(DOCUMENT_BYTES_MAX + 1)),
            "changes[1].body",
        ),
        (put("first", "{}"), "changes[1].key"),
    ];
    for (one, place) in wrong {
        let (code, field) = refusal(&mut world, vec![put("first", "{}"), one]);
        assert_eq!((code, field.as_deref()), ("validation_failed", Some(place)));
    }
    let many = (0..=DOCUMENT_CHANGES_MAX).map(|n| put(&n.to_string(), "{}"));
    let (_, field) = refusal(&mut world, many.collect());
    assert_eq!(field.as_deref(), Some("changes"));
}

#[test]
fn what_a_document_needs_stays() {
    let mut world = World::new();
    let digest = Digest([9; 32]);
    let needing = DocumentChange {
        blobs: vec![digest],
        ..put("set", "{}")
    };
    assert_eq!(
        refusal(&mut world, vec![needing.clone()]).0,
        "unknown_bundle"
    );
    world.ask(Command::RegisterBundle { digest, size: 5 });
    world.ask(change(vec![needing]));
    let clear = Command::RemoveBundles {
        digests: vec![digest],
    };
    let is_removed =
        |it: &fasti_domain::event::Recorded| matches!(it.event, Event::BundleRemoved(_));
    world.ask(clear.clone());
    assert!(!world.log.iter().any(is_removed), "the document needs it");
    world.ask(change(vec![remove("set")]));
    world.ask(clear);
    assert!(world.log.iter().any(is_removed));
}
