//! Ending attempts: stop, time limit, and everything that tries to stay.

use std::path::PathBuf;
use std::time::Instant;

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::launch::Launch;

use crate::server::{Server, id, launch, lives, pid_in, sh, signal};

/// A file in the server's folder, and its path as text.
fn file(server: &Server, name: &str) -> (PathBuf, String) {
    let path = server.folder.path().join(name);
    let text = path.display().to_string();
    (path, text)
}

/// Start `script` with `grace_ms`, wait for the process ids in `files`, stop it, and see that it and all of
/// them are gone by the time of its end.
fn check_stopped(server: &mut Server, number: u64, script: &str, grace_ms: u64, files: &[PathBuf]) {
    server.start(vec![Launch {
        grace_ms,
        ..launch(number, sh(script))
    }]);
    let main = server.started(id(number));
    let mut pids: Vec<u32> = files.iter().map(|file| pid_in(file)).collect();
    pids.push(main);
    assert!(pids.iter().all(|&pid| lives(pid)));
    server.stop(id(number));
    assert_eq!(server.outcome(id(number)), Outcome::Stopped);
    let left: Vec<_> = pids.into_iter().filter(|&pid| lives(pid)).collect();
    assert_eq!(left, [0; 0], "{script}");
}

#[test]
fn a_task_may_end_properly_on_term() {
    let mut server = Server::with_slots(1);
    let (file, name) = file(&server, "pid");
    let script =
        format!("trap 'echo bye; exit 7' TERM; echo $$ > {name}; while :; do sleep 0.01; done");
    check_stopped(&mut server, 1, &script, 20_000, &[file]);
    assert_eq!(server.out(1), "bye\n");
}

#[test]
fn a_task_that_ignores_term_is_killed_after_its_grace() {
    let mut server = Server::with_slots(1);
    let (file, name) = file(&server, "pid");
    let begin = Instant::now();
    let script = format!("trap '' TERM; echo $$ > {name}; while :; do sleep 0.01; done");
    check_stopped(&mut server, 1, &script, 300, &[file]);
    assert!(begin.elapsed().as_millis() >= 300);
}

#[test]
fn a_stopped_process_ends_too() {
    let mut server = Server::with_slots(1);
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    let pid = server.started(id(1));
    signal(pid, "STOP");
    server.stop(id(1));
    assert_eq!(server.outcome(id(1)), Outcome::Stopped);
}

#[test]
fn the_whole_group_ends() {
    let mut server = Server::with_slots(1);
    let (file, name) = file(&server, "pid");
    let script = format!("(sleep 600 & echo $! > {name}; wait) & wait");
    check_stopped(&mut server, 1, &script, 20_000, &[file]);
}

#[test]
fn daemons_end_with_a_stopped_task() {
    let mut server = Server::with_slots(1);
    let (first, first_name) = file(&server, "first");
    let (second, second_name) = file(&server, "second");
    let (third, third_name) = file(&server, "third");
    let script = format!(
        "setsid sh -c 'echo $$ > {first_name}; exec sleep 600' &
         setsid sh -c 'trap \"\" TERM HUP; sleep 600 & echo $! > {second_name}; wait' &
         env -i setsid sh -c 'echo $$ > {third_name}; exec sleep 600' &
         wait"
    );
    check_stopped(&mut server, 1, &script, 20_000, &[first, second, third]);
}

#[test]
fn nothing_outlives_the_normal_end_of_a_task() {
    let mut server = Server::with_slots(1);
    let kinds = [
        "sleep 600 & echo $! > F",
        "trap '' TERM HUP; sleep 600 & echo $! > F",
        "setsid sh -c 'echo $$ > F; exec sleep 600' &",
        "env -i setsid sh -c 'echo $$ > F; exec sleep 600' &",
        "(setsid sh -c 'setsid sleep 600 & echo $! > F; wait' &)",
    ];
    for (number, kind) in (1..).zip(kinds) {
        let (file, name) = file(&server, &format!("pid-{number}"));
        let script = kind.replace('F', &name);
        let end = server.sh(
            number,
            &format!("{script}\nwhile [ ! -s {name} ]; do sleep 0.01; done"),
        );
        assert_eq!(end.outcome, Outcome::Exited { code: 0 });
        assert!(!lives(pid_in(&file)), "{kind}");
    }
}

#[test]
fn a_daemon_of_a_running_task_is_left_alone_when_another_ends() {
    let mut server = Server::with_slots(2);
    let (file, name) = file(&server, "pid");
    let script =
        format!("setsid sh -c 'echo $$ > {name}; exec sleep 600' & while :; do sleep 0.01; done");
    server.start(vec![launch(1, sh(&script))]);
    let daemon = pid_in(&file);
    for number in 2..6 {
        server.sh(number, "setsid sleep 600 &");
        assert!(lives(daemon));
    }
    server.stop(id(1));
    server.end(id(1));
    assert!(!lives(daemon));
}

#[test]
fn a_queued_attempt_is_stopped_without_starting() {
    let mut server = Server::with_slots(1);
    let block = || sh("while :; do sleep 0.01; done");
    server.start((1..=4).map(|number| launch(number, block())).collect());
    server.started(id(1));
    for number in 2..=4 {
        server.stop(id(number));
        assert_eq!(server.outcome(id(number)), Outcome::Stopped);
        assert!(!server.started.contains_key(&id(number)));
    }
    server.stop(id(1));
    assert_eq!(server.outcome(id(1)), Outcome::Stopped);
}

#[test]
fn a_time_limit_ends_the_whole_group() {
    let mut server = Server::with_slots(1);
    let (file, name) = file(&server, "pid");
    let script =
        format!("trap '' TERM; setsid sleep 600 & echo $! > {name}; while :; do sleep 0.01; done");
    let limited = Launch {
        timeout_ms: Some(200),
        grace_ms: 100,
        ..launch(1, sh(&script))
    };
    server.start(vec![limited]);
    let main = server.started(id(1));
    assert_eq!(server.outcome(id(1)), Outcome::TimedOut { limit_ms: 200 });
    assert!(!lives(main) && !lives(pid_in(&file)));
    assert_eq!(
        server.sh(2, "exit 0").outcome,
        Outcome::Exited { code: 0 },
        "the slot is free"
    );
}

#[test]
fn no_zombie_stays() {
    let mut server = Server::with_slots(2);
    let runner = server.runner.id();
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    server.started(id(1));
    // A process that loses its parent and then ends while another attempt of the runner goes on.
    server.sh(2, "(setsid sh -c 'exit 0' &)");
    crate::server::eventually("the runner reaps what was given to it", || {
        let path = format!("/proc/{runner}/task/{runner}/children");
        let children = std::fs::read_to_string(path).unwrap();
        children
            .split_whitespace()
            .all(|pid| lives(pid.parse().unwrap()))
    });
}
