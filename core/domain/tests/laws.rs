//! What holds whatever is asked, in whatever order, by whomever: random requests, sensible and not.
//!
//! `world` checks after every request that a refusal changes nothing, that the same input gives the same
//! events, that the state is the fold of the log, and has the oracle look at every event.

mod ops;
mod shapes;

use std::collections::BTreeSet;

use fasti_domain::event::{Event, Recorded};
use fasti_domain::ids::Seq;
use fasti_domain::rehearse::rehearse;
use fasti_domain::state::State;
use fasti_domain::{evolve, react};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::ops::{Op, Play, op};
use crate::world::World;

/// What a failure teaches is written down as a scenario, not kept as a file of seeds.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases / 2,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn played(ops: &[Op]) -> Play {
    let mut play = Play::new();
    for op in ops {
        play.perform(op);
    }
    play
}

#[test]
fn what_is_drawn_reaches_every_kind_of_start() {
    let mut draw = TestRunner::deterministic();
    let mut missing = BTreeSet::from([
        "schedule.fired",
        "schedule.skipped",
        "trigger.fired",
        "trigger.held",
        "trigger.ignored",
        "calendar.saved",
        "run_set.created",
        "run_set.paused",
        "run_set.finished",
        "batch.resumed",
        "runner.drained",
    ]);
    let (mut backfilled, mut round) = (false, 0);
    while !(missing.is_empty() && backfilled) {
        round += 1;
        assert!(
            round < 2_000,
            "never seen: {missing:?}, backfills: {backfilled}"
        );
        let ops = vec(op(), 1..80).new_tree(&mut draw).unwrap().current();
        for recorded in played(&ops).world.log {
            missing.remove(recorded.event.name());
            backfilled |=
                matches!(&recorded.event, Event::RunSetCreated(it) if it.backfill.is_some());
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_rules_hold_and_every_run_ends_once_faults_stop(ops in vec(op(), 1..80)) {
        let mut play = played(&ops);
        play.finish();
        let world = &play.world;
        prop_assert_eq!(world.state.runs().count(), 0, "all runs are over");
        prop_assert_eq!(world.oracle.open_attempts().count(), 0, "every attempt has its end");
        prop_assert_eq!(world.state.queued(), 0);
        prop_assert_eq!(world.state.next_wake(), None, "no timer is left");
    }

    #[test]
    fn a_snapshot_and_the_rest_are_the_whole(ops in vec(op(), 1..60), at in any::<prop::sample::Index>()) {
        let world = played(&ops).world;
        let at = at.index(world.log.len() + 1);
        let mut state = State::default();
        for recorded in &world.log[..at] {
            evolve(&mut state, recorded);
        }
        for named in [false, true] {
            let mut again = encoded_and_back(&state, named);
            prop_assert_eq!(&again, &state);
            for recorded in &world.log[at..] {
                evolve(&mut again, recorded);
            }
            prop_assert_eq!(&again, &world.state);
        }
    }

    #[test]
    fn requests_of_one_commit_are_decided_again_the_same(ops in vec(op(), 1..60), sizes in vec(1_usize..9, 1..20)) {
        let world = played(&ops).world;
        let mut state = State::default();
        let (mut from, mut at) = (0, 0);
        for size in sizes.iter().cycle() {
            at += size;
            let to = world.ends.get(at - 1).copied().unwrap_or(world.log.len());
            let rehearsed = rehearse(&mut state, &world.log[from..to]);
            prop_assert_eq!(&rehearsed.difference, &None);
            prop_assert_eq!(rehearsed.unseen, 0);
            from = to;
            if from == world.log.len() {
                break;
            }
        }
        prop_assert_eq!(&state, &world.state);
    }

    #[test]
    fn evolve_takes_any_decided_event_in_any_order(
        first in vec(op(), 1..60),
        second in vec(op(), 1..60),
        order in vec(any::<prop::sample::Index>(), 1..300),
    ) {
        let mut log = played(&first).world.log;
        log.extend(played(&second).world.log);
        let mut state = State::default();
        for (seq, index) in (1..).zip(order) {
            let recorded = Recorded { seq: Seq(seq), ..index.get(&log).clone() };
            evolve(&mut state, &recorded);
            drop(react(&state, &recorded.event));
        }
    }

    #[test]
    fn runs_of_others_do_not_change_what_a_run_does(ops in vec(op(), 1..40), shape in shapes::shape()) {
        // Without runners nothing competes: what a new run does depends on its definition alone.
        let mut play = Play::new();
        for op in ops.iter().filter(|op| !matches!(op, Op::Join(..))) {
            play.perform(op);
        }
        let definition = shape.definition("alone");
        let told = |world: &mut World| {
            world.hush();
            world.run(&definition);
            world.told()
        };
        if shape.needs_more() {
            return Ok(());
        }
        prop_assert_eq!(told(&mut play.world), told(&mut World::new()));
    }
}

fn encoded_and_back(state: &State, named: bool) -> State {
    let bytes = if named {
        rmp_serde::to_vec_named(state).unwrap()
    } else {
        rmp_serde::to_vec(state).unwrap()
    };
    rmp_serde::from_slice(&bytes).unwrap()
}
