//! Idempotency keys: a request given again is answered again and not done again.

use fasti_domain::command::{Command, More, RunSource};

use crate::batches::{chain, hashed, member};
use crate::world::{World, create_run, made_run, made_set};

#[test]
fn the_same_key_gives_the_same_answer() {
    let mut world = World::new();
    world.join("r1", 1);
    let command = || create_run(RunSource::Given(hashed(&chain("b", 2))));
    let first = world.ask_keyed("k", "body", command()).unwrap();
    let run = made_run(&first);
    world.exit("a", 0);
    world.hush();
    let again = world.ask_keyed("k", "body", command()).unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.subject, again.at), (first.subject, first.at));
    assert!(
        again.seq >= first.seq,
        "who reads from there on sees it all"
    );
    assert!(world.told().is_empty());
    world.exit("b", 0);
    let later = world.ask_keyed("k", "body", command()).unwrap();
    assert_eq!(made_run(&later), run, "also when the run is over");
}

#[test]
fn the_key_of_another_request_is_refused() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let run = || create_run(RunSource::Saved(id));
    world.ask_keyed("k", "one", run()).unwrap();
    let refused = world.ask_keyed("k", "two", run()).unwrap_err();
    assert_eq!(refused.code(), "idempotency_key_reused");
}

#[test]
fn keys_are_a_matter_of_whoever_uses_them() {
    let mut world = World::new();
    let mut definition = chain("b", 1);
    definition.permissions = "rwrw--".to_owned();
    let id = world.save(&definition);
    let run = || create_run(RunSource::Saved(id));
    let mine = world.ask_keyed("k", "body", run()).unwrap();
    let request = fasti_domain::command::Request {
        command: run(),
        principal: member(),
        key: Some(std::sync::Arc::new(fasti_domain::event::KeyUse {
            key: "k".to_owned(),
            fingerprint: "body".to_owned(),
        })),
        trace: None,
    };
    let theirs = world.request(&request).unwrap();
    assert_ne!(made_run(&mine), made_run(&theirs));
}

#[test]
fn run_sets_are_remembered_as_sets() {
    let mut world = World::new();
    let batch = world.save(&chain("b", 1));
    let create = || Command::CreateRunSet {
        batch,
        title: "t".to_owned(),
        labels: vec![],
        runs: vec![None; 3],
        more: More::Yes,
    };
    let set = made_set(&world.ask_keyed("k", "body", create()).unwrap());
    let again = world.ask_keyed("k", "body", create()).unwrap();
    assert_eq!(made_set(&again), set);
    let add = || Command::AddRunSetRuns {
        run_set: set,
        runs: vec![None; 2],
        more: More::No,
    };
    for _ in 0..2 {
        let receipt = world.ask_keyed("l", "body", add()).unwrap();
        assert_eq!(made_set(&receipt), set);
    }
    assert_eq!(world.state.runs().count(), 5);
}

#[test]
fn a_refused_request_does_not_use_up_its_key() {
    let mut world = World::new();
    let run = |n| create_run(RunSource::Given(hashed(&chain("b", n))));
    world.ask_keyed("k", "body", run(0)).unwrap_err();
    world.ask_keyed("k", "body", run(1)).unwrap();
}

#[test]
fn keys_have_a_length_and_a_window() {
    let mut world = World::new();
    let id = world.save(&chain("b", 1));
    let run = || create_run(RunSource::Saved(id));
    for bad in [String::new(), "x".repeat(256)] {
        let refused = world.ask_keyed(&bad, "body", run()).unwrap_err();
        assert_eq!(refused.code(), "validation_failed");
    }
    let day_ms = 24 * 3600 * 1000;
    let first = world.ask_keyed("k", "body", run()).unwrap();
    world.pass_ms(7 * day_ms);
    world.ask_keyed("other", "body", run()).unwrap();
    let within = world.ask_keyed("k", "body", run()).unwrap();
    assert_eq!(made_run(&within), made_run(&first));
    world.pass_ms(1);
    world.ask_keyed("third", "body", run()).unwrap();
    let beyond = world.ask_keyed("k", "else", run()).unwrap();
    assert_ne!(made_run(&beyond), made_run(&first), "forgotten by then");
}
