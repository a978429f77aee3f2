//! Who gets what: priorities, order, runners that come and go, leases ahead.

use fasti_domain::attempt::Outcome;
use fasti_domain::command::{Command, Request};
use fasti_domain::definition::{Parts, Priority, Task};
use fasti_domain::event::Event;
use fasti_domain::ids::RunId;
use fasti_domain::state::State;
use fasti_domain::time::Timestamp;
use fasti_domain::{Placing, handle_placing};

use crate::batches::{batch, chain, parts, runner, runner_id, task};
use crate::world::{World, ended, started};

fn with_priority(name: &str, priority: Priority) -> Task {
    Task {
        priority: Some(priority),
        ..task(name)
    }
}

/// Runs in the order in which their task runs were leased, from position `after` of the log on.
fn leased_runs(world: &World, after: usize) -> Vec<RunId> {
    let runs = world.log[after..].iter().flat_map(|it| match &it.event {
        Event::AttemptLeased(event) => vec![event.run; event.leases.len()],
        _ => vec![],
    });
    runs.collect()
}

#[test]
fn higher_priorities_go_first_then_the_order_of_queuing() {
    let mut world = World::new();
    let tasks = vec![
        with_priority("low", Priority::Low),
        task("first"),
        with_priority("high", Priority::High),
        task("second"),
    ];
    world.run(&batch("b", tasks, &[]));
    world.join("r1", 1);
    let mut order = vec![];
    while let Some((name, _)) = world.all_held().pop() {
        world.exit(&name, 0);
        order.push(name);
    }
    assert_eq!(order, ["high", "first", "second", "low"]);
}

#[test]
fn a_batch_s_priority_is_that_of_its_tasks() {
    let mut world = World::new();
    let normal = world.run(&chain("normal", 1));
    let mut urgent = chain("urgent", 1);
    urgent.priority = Priority::High;
    let high = world.run(&urgent);
    let from = world.log.len();
    world.join("r1", 2);
    assert_eq!(leased_runs(&world, from), [high, normal]);
}

#[test]
fn runs_are_served_in_order_also_by_several_runners() {
    let mut world = World::new();
    let old = world.run(&batch("old", vec![parts("o", 10)], &[]));
    let young = world.run(&batch("young", vec![parts("y", 4)], &[]));
    let from = world.log.len();
    for name in ["r1", "r2", "r3"] {
        world.join(name, 3);
    }
    assert_eq!(
        leased_runs(&world, from),
        [old; 9],
        "nine slots, ten that came first"
    );
    world.exit("o[4]", 0);
    world.exit("o[1]", 0);
    assert_eq!(leased_runs(&world, from)[9..], [old, young]);
}

#[test]
fn the_order_holds_when_several_runners_have_room_at_once() {
    let mut world = World::new();
    world.join("r1", 2);
    world.join("r2", 2);
    let from = world.log.len();
    let old = world.run(&batch("old", vec![parts("o", 9)], &[]));
    let young = world.run(&batch("young", vec![parts("y", 3)], &[]));
    while world.state.runs().count() > 0 {
        let good = Outcome::Exited { code: 0 };
        let held = world.all_held().into_iter();
        let reports = held.map(|(_, held)| ended(held, good.clone(), world.now));
        let reports = reports.collect();
        world.report("r1", reports);
    }
    let expected: Vec<RunId> = [vec![old; 9], vec![young; 3]].concat();
    assert_eq!(leased_runs(&world, from), expected);
}

#[test]
fn work_is_spread_over_the_emptiest_runners() {
    let mut world = World::new();
    world.join("r1", 2);
    world.join("r2", 4);
    world.run(&batch("b", vec![parts("t", 4)], &[]));
    let held = |name| world.state.runner(&runner_id(name)).unwrap().held.len();
    assert_eq!((held("r1"), held("r2")), (1, 3));
}

#[test]
fn a_runner_that_joins_again_keeps_what_it_holds() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![parts("t", 3)], &[]));
    world.hush();
    world.join("r1", 1);
    assert!(world.told().is_empty(), "it said nothing new");
    world.join("r1", 2);
    assert_eq!(
        world.told(),
        ["runner.joined r1", "attempt.leased t[1].1 -> r1"]
    );
    world.join("r1", 0);
    world.exit("t[0]", 0);
    assert_eq!(world.state.queued(), 1, "no slots, nothing more");
    world.lose("r2");
    world.lose("r1");
    world.hush();
    world.lose("r1");
    assert!(world.told().is_empty(), "it was gone");
}

#[test]
fn short_attempts_are_leased_ahead_and_long_ones_are_not() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![parts("t", 400)], &[]));
    let held = |world: &World| world.state.runner(&runner_id("r1")).unwrap().held.len();
    assert_eq!(held(&world), 1);
    let finish = |world: &mut World, name: &str, us: i64| {
        let held = world.held(name);
        let start = started(held, world.now);
        let end = ended(
            held,
            Outcome::Exited { code: 0 },
            Timestamp(world.now.0 + us),
        );
        world.report("r1", vec![start, end]);
    };
    finish(&mut world, "t[0]", 1_000);
    assert_eq!(held(&world), 1 + 50, "50 ms of work ahead");
    finish(&mut world, "t[1]", 0);
    finish(&mut world, "t[2]", 1_000_000);
    let ahead = held(&world);
    finish(&mut world, "t[3]", 1_000_000);
    assert_eq!(held(&world), ahead - 1, "nothing ahead of long ones");
}

#[test]
fn leases_ahead_are_bounded() {
    let mut world = World::new();
    world.join("r1", 100);
    let wide = Task {
        parts: Parts::Count(3_000),
        ..task("t")
    };
    world.run(&batch("b", vec![wide], &[]));
    let held = world.held("t[0]");
    let reports = vec![
        started(held, world.now),
        ended(held, Outcome::Exited { code: 0 }, world.now),
    ];
    world.report("r1", reports);
    let holds = world.state.runner(&runner_id("r1")).unwrap().held.len();
    assert_eq!(holds, 100 + 256);
}

#[test]
fn any_number_of_slots_is_fine() {
    let mut world = World::new();
    world.ask(Command::JoinRunner {
        info: runner("r1", u32::MAX),
    });
    world.run(&batch("b", vec![parts("t", 2_000)], &[]));
    assert_eq!(world.state.queued(), 0);
}

#[test]
fn while_nothing_new_may_begin_ends_are_taken_and_nothing_is_leased() {
    let mut world = World::new();
    world.join("r1", 1);
    world.run(&batch("b", vec![task("x"), task("y")], &[]));
    let held = world.held("x");
    let (now, mut state) = (world.now, world.state.clone());
    let ask = |state: &mut State, command, placing| {
        let events = handle_placing(state, &Request::system(command), now, placing);
        let events = events.unwrap().events;
        let names = events.iter().map(|it| it.event.name().to_owned());
        names.collect::<Vec<_>>()
    };
    let report = Command::Report {
        runner: runner_id("r1"),
        reports: vec![ended(held, Outcome::Exited { code: 0 }, now)],
    };
    let told = ask(&mut state, report, Placing::Later);
    assert_eq!(told, ["attempt.finished", "task.finished"]);
    let info = runner("r2", 4);
    let told = ask(&mut state, Command::JoinRunner { info }, Placing::Later);
    assert_eq!(told, ["runner.joined"]);
    assert_eq!(state.queued(), 1);
    assert_eq!(
        ask(&mut state, Command::Wake, Placing::Now),
        ["attempt.leased"]
    );
}
