//! A drained runner gets nothing new and keeps what it has; the drain is its name's, until somebody ends it.

use fasti_domain::access::Principal;
use fasti_domain::command::Command;
use fasti_domain::state::State;

use crate::batches::{admin, batch, parts, runner_id, stranger};
use crate::world::World;

fn drain(name: &str, reason: Option<&str>) -> Command {
    Command::DrainRunner {
        runner: runner_id(name),
        reason: reason.map(str::to_owned),
        instead_of: None,
    }
}

fn resume(name: &str) -> Command {
    Command::ResumeRunner {
        runner: runner_id(name),
    }
}

fn names(world: &World) -> Vec<String> {
    let held = world.all_held().into_iter();
    held.map(|(name, _)| name).collect()
}

fn drained(state: &State) -> Vec<(String, Option<String>)> {
    let all = state.drained();
    all.map(|(runner, reason)| (runner.to_string(), reason.map(str::to_owned)))
        .collect()
}

#[test]
fn it_gets_nothing_new_and_keeps_what_it_has() {
    let mut world = World::new();
    world.join("r1", 2);
    world.run(&batch("b", vec![parts("t", 5)], &[]));
    world.hush();
    world
        .ask_as(admin(), drain("r1", Some("new disk")))
        .unwrap();
    assert_eq!(world.told(), ["runner.drained r1"]);
    assert_eq!(names(&world), ["t[0]", "t[1]"], "it goes on");
    world.exit("t[0]", 0);
    world.exit("t[1]", 0);
    assert_eq!(names(&world), [""; 0]);
    assert_eq!(world.state.queued(), 3);
    // Others take over, and the resumed one gets its share at once.
    world.join("r2", 1);
    assert_eq!(names(&world), ["t[2]"]);
    world.ask_as(admin(), resume("r1")).unwrap();
    assert_eq!(names(&world), ["t[2]", "t[3]", "t[4]"]);
}

#[test]
fn it_outlives_another_join_and_a_loss_until_it_is_resumed() {
    let mut world = World::new();
    world.join("r1", 1);
    world.ask_as(admin(), drain("r1", None)).unwrap();
    world.run(&batch("b", vec![parts("t", 2)], &[]));
    world.join("r1", 2);
    assert_eq!(names(&world), [""; 0], "it joined again");
    world.lose("r1");
    world.join("r1", 2);
    assert_eq!(names(&world), [""; 0], "it was lost and came back");
    world.lose("r1");
    world.ask_as(admin(), resume("r1")).unwrap();
    assert_eq!(drained(&world.state), []);
    world.join("r1", 2);
    assert_eq!(names(&world), ["t[0]", "t[1]"]);
}

#[test]
fn who_takes_the_place_of_a_drained_one_is_drained_before_it_joins() {
    let mut world = World::new();
    world.join("r1", 1);
    world
        .ask_as(admin(), drain("r1", Some("look at it")))
        .unwrap();
    world.run(&batch("b", vec![parts("t", 2)], &[]));
    let taken_over = Command::DrainRunner {
        runner: runner_id("r2"),
        reason: Some("look at it".to_owned()),
        instead_of: Some(runner_id("r1")),
    };
    world.ask_as(Principal::system(), taken_over).unwrap();
    world.join("r2", 1);
    world.lose("r1");
    world.ask_as(Principal::system(), resume("r1")).unwrap();
    assert_eq!(names(&world), [""; 0]);
    let kept = [("r2".to_owned(), Some("look at it".to_owned()))];
    assert_eq!(drained(&world.state), kept);
}

#[test]
fn it_is_an_administrators_affair_and_said_once() {
    let mut world = World::new();
    world.join("r1", 1);
    for refused in [drain("r1", None), resume("r1")] {
        let refused = world.ask_as(stranger(), refused).unwrap_err();
        assert_eq!(refused.code(), "forbidden");
    }
    for unknown in [drain("r7", None), resume("r7")] {
        let refused = world.ask_as(admin(), unknown).unwrap_err();
        assert_eq!(refused.code(), "not_found");
        assert!(refused.to_string().contains("`r7`"), "{refused}");
    }
    world.hush();
    world.ask_as(admin(), resume("r1")).unwrap();
    assert!(world.told().is_empty(), "it was not drained");
    world.ask_as(admin(), drain("r1", Some("a"))).unwrap();
    world.ask_as(admin(), drain("r1", Some("a"))).unwrap();
    world.ask_as(admin(), drain("r1", Some("b"))).unwrap();
    assert_eq!(
        world.told(),
        ["runner.drained r1"; 2],
        "another reason is news"
    );
    assert_eq!(
        drained(&world.state),
        [("r1".to_owned(), Some("b".to_owned()))]
    );
}
