//! A server that comes and goes, and the end of the runner itself.

use std::fs;
use std::time::Instant;

use fasti_core::domain::attempt::Outcome;
use fasti_core::protocol::runner_v1::{FromRunner, ShutdownMode, ToRunner};

use crate::server::{Server, command, eventually, id, launch, lives, sh, signal};

#[test]
fn unacknowledged_reports_come_again_on_a_new_connection() {
    let mut server = Server::with_slots(2);
    server.acks = false;
    server.sh(1, "exit 4");
    assert_eq!(server.last_number, 2);
    server.hang_up();
    let held: Vec<_> = server
        .accept()
        .into_iter()
        .map(|held| held.attempt)
        .collect();
    assert_eq!(held, [id(1)]);
    // The same two, with the same numbers.
    let before = std::mem::take(&mut server.ended);
    server.started.clear();
    server.last_number = 0;
    server.end(id(1));
    assert_eq!(server.ended, before);

    server.say(&ToRunner::Ack { through: 2 });
    server.acks = true;
    server.sh(2, "exit 0");
    server.hang_up();
    assert_eq!(server.accept(), [], "acknowledged ones are forgotten");
}

#[test]
fn tasks_go_on_without_a_server() {
    let mut server = Server::with_slots(1);
    let gate = server.folder.path().join("gate");
    let script = format!(
        "while [ ! -e {} ]; do sleep 0.01; done; echo done",
        gate.display()
    );
    server.start(vec![launch(1, sh(&script)), launch(2, sh("echo second"))]);
    server.started(id(1));
    server.hang_up();
    fs::write(&gate, "").unwrap();
    eventually("both run without a server", || {
        fs::read(server.folder.path().join("data/output/100/0/2.1.out"))
            .is_ok_and(|out| !out.is_empty())
    });
    let held: Vec<_> = server
        .accept()
        .into_iter()
        .map(|held| held.attempt)
        .collect();
    assert_eq!(held, [id(1), id(2)]);
    assert_eq!(server.outcome(id(1)), Outcome::Exited { code: 0 });
    assert_eq!(server.outcome(id(2)), Outcome::Exited { code: 0 });
    assert_eq!(server.out(1), "done\n");
}

#[test]
fn a_token_starts_once_however_often_it_is_sent() {
    let mut server = Server::with_slots(2);
    let marks = server.folder.path().join("marks");
    let once = || launch(1, sh(&format!("echo x >> {}", marks.display())));
    server.start(vec![once(), once()]);
    server.start(vec![once()]);
    server.end(id(1));
    server.start(vec![once()]);
    server.hang_up();
    server.accept();
    server.start(vec![once(), launch(2, command(&["true"]))]);
    server.end(id(2));
    assert_eq!(fs::read_to_string(marks).unwrap(), "x\n");
}

#[test]
fn broken_bytes_cost_the_connection_and_nothing_else() {
    let mut server = Server::with_slots(1);
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    let pid = server.started(id(1));
    server.say_raw(&[0, 0, 0, 3, 1, 2, 3]);
    assert_eq!(server.accept().len(), 1);
    assert!(lives(pid));
    server.stop(id(1));
    assert_eq!(server.outcome(id(1)), Outcome::Stopped);
}

#[test]
fn a_refused_runner_ends_its_tasks_and_itself() {
    let mut server = Server::with_slots(1);
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    let pid = server.started(id(1));
    server.say(&ToRunner::Refused {
        reason: "not wanted".into(),
    });
    assert_eq!(server.runner_exit(), 3);
    assert!(!lives(pid));
}

#[test]
fn shutdown_by_kill_ends_tasks_reports_and_leaves_nothing() {
    let mut server = Server::with_slots(1);
    let block = || sh("trap '' TERM; while :; do sleep 0.01; done");
    let mut first = launch(1, block());
    first.grace_ms = 100;
    server.start(vec![first, launch(2, block()), launch(3, block())]);
    let pid = server.started(id(1));
    server.shutdown(ShutdownMode::Kill);
    for number in 1..=3 {
        assert!(
            matches!(server.outcome(id(number)), Outcome::Stopped),
            "{number}"
        );
    }
    assert_eq!(server.read(), Some(FromRunner::Bye));
    assert_eq!(server.runner_exit(), 0);
    assert!(!lives(pid));
    assert!(!server.data().join("runner/runner-1").exists());
}

#[test]
fn shutdown_by_wait_lets_tasks_finish() {
    let mut server = Server::with_slots(1);
    let gate = server.folder.path().join("gate");
    let script = format!(
        "while [ ! -e {} ]; do sleep 0.01; done; exit 5",
        gate.display()
    );
    server.start(vec![launch(1, sh(&script))]);
    server.started(id(1));
    server.shutdown(ShutdownMode::Wait);
    fs::write(&gate, "").unwrap();
    assert_eq!(server.outcome(id(1)), Outcome::Exited { code: 5 });
    assert_eq!(server.read(), Some(FromRunner::Bye));
    assert_eq!(server.runner_exit(), 0);
}

#[test]
fn term_ends_the_runner_with_its_tasks_also_without_a_server() {
    let mut server = Server::with_slots(1);
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    let pid = server.started(id(1));
    server.vanish();
    let begin = Instant::now();
    signal(server.runner.id(), "TERM");
    assert_eq!(server.runner_exit(), 0);
    assert!(!lives(pid));
    assert!(begin.elapsed().as_secs() < 10);
}

#[test]
fn the_signals_of_a_terminal_do_not_touch_the_runner() {
    let mut server = Server::with_slots(1);
    for name in ["INT", "HUP", "QUIT"] {
        signal(server.runner.id(), name);
    }
    assert_eq!(server.sh(1, "exit 0").outcome, Outcome::Exited { code: 0 });
}

#[test]
fn a_runner_whose_data_folder_is_gone_ends_itself() {
    let mut server = Server::with_slots(1);
    let data = server.data();
    fs::remove_dir_all(&data).unwrap();
    server.vanish();
    assert_eq!(server.runner_exit(), 0);
    assert!(!data.exists());
}
