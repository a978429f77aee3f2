//! How a runner leaves: refused, told to, terminated, abandoned.

use super::*;

#[test]
fn a_server_of_another_log_is_refused() {
    let mut world = World::up(1);
    world.launch([1]);
    world.tell(Input::Disconnected);
    world.tell(Input::Connected);
    let other = ToRunner::Welcome {
        protocol: runner_v1::VERSION,
        log_id: LogId([2; 16]),
    };
    assert_eq!(world.server(other), [term(1)]);
    let actions = world.ends(1, ended(Outcome::Signaled { signal: 15 }, true));
    assert!(
        matches!(&actions[..], [Action::Exit(Exit::Refused { .. })]),
        "{actions:?}"
    );
    assert_eq!(world.reports(), (0, vec![]));
}

#[test]
fn a_refused_runner_ends_its_tasks_and_itself() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    assert_eq!(
        world.server(ToRunner::Refused {
            reason: "no".into()
        }),
        [term(1)]
    );
    let actions = world.ends(1, ended(Outcome::Signaled { signal: 15 }, true));
    let exit = Action::Exit(Exit::Refused {
        reason: "no".into(),
    });
    assert_eq!(actions, [Action::Say(FromRunner::Bye), exit]);
}

#[test]
fn another_protocol_is_refused() {
    let mut world = World::new(1);
    world.tell(Input::Connected);
    let actions = world.server(ToRunner::Welcome {
        protocol: 99,
        log_id: LOG,
    });
    assert!(
        matches!(&actions[..], [Action::Exit(Exit::Refused { .. })]),
        "{actions:?}"
    );
}

#[test]
fn shutdown_by_kill_ends_everything_reports_and_leaves() {
    let mut world = World::up(1);
    world.launch([1, 2, 3]);
    world.runs(1);
    let kill_all = ToRunner::Shutdown {
        mode: ShutdownMode::Kill,
    };
    assert_eq!(world.server(kill_all), [term(1), term(2)]);
    world.ends(2, ended(Outcome::Stopped, false));
    world.ends(1, ended(Outcome::Signaled { signal: 15 }, true));
    let lost = "stopped";
    let expected = [
        "s1".into(),
        format!("f3:{lost}"),
        format!("f2:{lost}"),
        format!("f1:{lost}"),
    ];
    assert_eq!(world.reports().1, expected);
    assert_eq!(world.launch([4]), [0; 0]);
    assert_eq!(world.reports().1, [format!("f4:{lost}")]);
    let actions = world.server(ToRunner::Ack { through: 5 });
    assert_eq!(
        actions,
        [Action::Say(FromRunner::Bye), Action::Exit(Exit::Done)]
    );
    assert_eq!(world.wait(99_999), [], "nothing after the exit");
}

#[test]
fn shutdown_by_kill_does_not_wait_for_ever() {
    let mut world = World::up(1);
    let patient = Launch {
        grace_ms: 60_000,
        ..launch(1)
    };
    world.server(ToRunner::Start {
        launches: vec![patient],
    });
    world.runs(1);
    world.server(ToRunner::Shutdown {
        mode: ShutdownMode::Kill,
    });
    assert_eq!(world.wait(SHUTDOWN_GRACE_MS_MAX), [kill(1)]);
    let actions = world.wait(SHUTDOWN_MS_MAX - SHUTDOWN_GRACE_MS_MAX);
    assert_eq!(
        actions,
        [Action::Say(FromRunner::Bye), Action::Exit(Exit::Late)]
    );
}

#[test]
fn a_shutdown_shortens_a_grace_that_runs_already() {
    let mut world = World::up(1);
    let patient = Launch {
        grace_ms: 60_000,
        ..launch(1)
    };
    world.server(ToRunner::Start {
        launches: vec![patient],
    });
    world.runs(1);
    assert_eq!(world.stop(1), [term(1)]);
    assert_eq!(world.tell(Input::Terminate), []);
    assert_eq!(world.wait(SHUTDOWN_GRACE_MS_MAX), [kill(1)]);
    world.ends(1, ended(Outcome::Signaled { signal: 9 }, true));
    assert_eq!(
        world.reports().1[1],
        "f1:stopped",
        "the server had stopped it before"
    );
}

#[test]
fn terminated_without_a_server_the_runner_leaves_when_nothing_runs() {
    let mut world = World::up(1);
    world.launch([1]);
    world.runs(1);
    world.tell(Input::Disconnected);
    assert_eq!(world.tell(Input::Terminate), [term(1)]);
    let actions = world.ends(1, ended(Outcome::Signaled { signal: 15 }, true));
    assert_eq!(actions, [Action::Exit(Exit::Done)]);
}

#[test]
fn shutdown_by_wait_lets_running_ones_finish() {
    let mut world = World::up(1);
    world.launch([1, 2, 3]);
    world.runs(1);
    assert_eq!(
        world.server(ToRunner::Shutdown {
            mode: ShutdownMode::Wait
        }),
        []
    );
    world.succeeds(1);
    assert_eq!(world.wait(60_000), [], "no deadline");
    world.succeeds(2);
    let lost = "f3:stopped";
    assert_eq!(
        world.reports().1,
        ["s1", lost, "f1:exit code 0", "f2:exit code 0"]
    );
    let actions = world.server(ToRunner::Ack { through: 4 });
    assert_eq!(
        actions,
        [Action::Say(FromRunner::Bye), Action::Exit(Exit::Done)]
    );
}

#[test]
fn left_alone_the_runner_works_on_and_waits() {
    let mut world = World::up(1);
    world.launch([1, 2, 3]);
    assert_eq!(
        world.server(ToRunner::Shutdown {
            mode: ShutdownMode::Leave
        }),
        []
    );
    world.tell(Input::Disconnected);
    assert_eq!(world.wait(100_000), [], "something runs");
    assert_eq!(started(&world.succeeds(1)), [3]);
    world.succeeds(2);
    world.succeeds(3);
    assert_eq!(world.wait(4_999), [], "reports wait for a server longer");
    assert_eq!(world.wait(1), [Action::Exit(Exit::Abandoned)]);
}

#[test]
fn an_idle_runner_without_a_server_ends_itself() {
    let mut world = World::new(1);
    assert_eq!(world.supervisor.next_wake_ms(), Some(1_000));
    assert_eq!(world.wait(999), []);
    assert_eq!(world.wait(1), [Action::Exit(Exit::Abandoned)]);
}

#[test]
fn a_quiet_connection_gets_signs_of_life() {
    let mut world = World::up(1);
    assert_eq!(world.supervisor.next_wake_ms(), Some(PING_MS));
    world.wait(PING_MS);
    assert_eq!(world.pings, 1);
    world.wait(PING_MS - 1);
    world.server(ToRunner::Pong);
    world.wait(PING_MS - 1);
    assert_eq!(world.pings, 1, "a server that speaks needs no sign");
}
