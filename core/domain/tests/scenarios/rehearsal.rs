//! Recorded history decided once more: what another build would have decided otherwise is told. That this build decides
//! the same is asked of every request of every test, in [`World::request`].

use fasti_domain::event::{Event, EventKind, Recorded};
use fasti_domain::ids::Seq;
use fasti_domain::rehearse::{Rehearsed, rehearse};
use fasti_domain::run::TaskStatus;
use fasti_domain::slots::SlotPolicy;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;
use fasti_domain::{evolve, handle};

use crate::batches::{batch, chain, retried};
use crate::scenarios::slots::every_minute;
use crate::world::World;

/// The last request of a world, recorded otherwise and then decided again by this build.
fn recorded_otherwise(world: &World, change: impl FnOnce(&mut Vec<Recorded>)) -> Rehearsed {
    let begins = world.ends[world.ends.len() - 2];
    let mut state = State::default();
    for recorded in &world.log[..begins] {
        evolve(&mut state, recorded);
    }
    let mut commit = world.log[begins..].to_vec();
    change(&mut commit);
    let first = state.seq;
    for (offset, recorded) in (1..).zip(&mut commit) {
        recorded.seq = Seq(first.0 + offset);
    }
    rehearse(&mut state, &commit)
}

/// Names of the recorded and the decided event of the difference.
fn names(rehearsed: &Rehearsed) -> (Option<&'static str>, Option<&'static str>) {
    let difference = rehearsed.difference.as_ref().unwrap();
    let name = |event: &Option<Event>| event.as_ref().map(Event::name).map(intern);
    (name(&difference.recorded), name(&difference.decided))
}

fn intern(name: &str) -> &'static str {
    EventKind::of(name).unwrap().name()
}

fn ended_chain() -> World {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&chain("b", 2));
    let first = world.all_held().remove(0).0;
    world.exit(&first, 0);
    world
}

#[test]
fn what_is_the_same_is_counted() {
    let world = ended_chain();
    let found = recorded_otherwise(&world, |_| {});
    assert_eq!(found.difference, None);
    // The report is given; the end of the task, the queueing of the next and its lease are decided.
    assert_eq!((found.given, found.same, found.unseen), (1, 3, 0));
    assert!(!found.held_back);
}

#[test]
fn another_outcome_is_a_difference() {
    let world = ended_chain();
    let found = recorded_otherwise(&world, |commit| {
        let Event::TaskFinished(event) = &mut commit[1].event else {
            panic!("the task is finished by its attempt");
        };
        event.status = TaskStatus::Failure;
    });
    assert_eq!(
        names(&found),
        (Some("task.finished"), Some("task.finished"))
    );
    let difference = found.difference.unwrap();
    assert_eq!(difference.cause, Some(Seq(difference.seq.0 - 1)));
    assert_eq!(found.same, 0);
    assert_eq!(found.unseen, 3, "what is behind it is not compared");
}

#[test]
fn a_consequence_that_is_not_recorded_is_a_difference() {
    let world = ended_chain();
    let found = recorded_otherwise(&world, |commit| commit.truncate(2));
    assert_eq!(names(&found), (None, Some("task.queued")));
}

#[test]
fn a_consequence_that_nobody_decides_is_a_difference() {
    let world = ended_chain();
    let found = recorded_otherwise(&world, |commit| {
        let again = commit[2].clone();
        commit.push(again);
    });
    assert_eq!(names(&found), (Some("task.queued"), None));
}

#[test]
fn what_was_held_back_is_no_difference_and_catches_up() {
    let world = ended_chain();
    let found = recorded_otherwise(&world, |commit| {
        let leased = commit.pop().unwrap();
        assert_eq!(leased.event.name(), "attempt.leased");
    });
    assert_eq!(found.difference, None);
    assert!(found.held_back);
    // It begins later, with nothing else to cause it: as after a wake of a server that has space again.
    let begins = world.ends[world.ends.len() - 2];
    let mut state = State::default();
    let (held, leased) = world.log[begins..].split_at(world.log.len() - begins - 1);
    for recorded in world.log[..begins].iter().chain(held) {
        evolve(&mut state, recorded);
    }
    let wake = fasti_domain::command::Request::system(fasti_domain::command::Command::Wake);
    let later = handle(&mut state.clone(), &wake, world.now).unwrap();
    assert_eq!(later.events[0].event, leased[0].event);
    let found = rehearse(&mut state, &later.events);
    assert_eq!(found.difference, None);
    assert_eq!(found.same, 1);
}

#[test]
fn a_slot_at_another_time_is_a_difference() {
    let mut world = World::new();
    world.save(&every_minute(SlotPolicy::default()));
    world.pass_ms(60_000);
    let found = recorded_otherwise(&world, |commit| {
        let Event::ScheduleFired(event) = &mut commit[0].event else {
            panic!("the slot fires");
        };
        event.slot = Timestamp(event.slot.0 + 1_000_000);
    });
    assert_eq!(
        names(&found),
        (Some("schedule.fired"), Some("schedule.fired"))
    );
    assert_eq!(found.difference.unwrap().cause, None, "its time had come");
}

#[test]
fn a_retry_that_is_not_due_yet_is_a_difference() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![retried("t", 1)], &[]));
    world.exit("t", 1);
    world.pass_ms(1_000);
    let found = recorded_otherwise(&world, |commit| {
        for recorded in commit {
            recorded.at = Timestamp(recorded.at.0 - 1_000);
        }
    });
    assert_eq!(names(&found), (Some("task.queued"), None));
}
