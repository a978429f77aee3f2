//! After a runner that was killed.

use std::fs;

use fasti_core::domain::attempt::Outcome;

use crate::server::{Server, Setup, id, launch, lives, pid_in, sh};

#[test]
fn the_next_runner_ends_what_a_killed_one_left_behind() {
    let mut server = Server::with_slots(2);
    let daemon = server.folder.path().join("daemon");
    let script = format!(
        "setsid sh -c 'echo $$ > {}; exec sleep 600' & while :; do sleep 0.01; done",
        daemon.display()
    );
    server.start(vec![launch(1, sh(&script))]);
    let (pid, daemon) = (server.started(id(1)), pid_in(&daemon));
    server.runner.kill().unwrap();
    server.runner.wait().unwrap();
    assert!(lives(pid) && lives(daemon));

    server.replace_runner("runner-2");
    assert_eq!(server.accept(), []);
    assert!(!lives(pid) && !lives(daemon), "gone before the hello");
    assert!(!server.data().join("runner/runner-1").exists());
    assert_eq!(
        server.run(2, &["true"]).outcome,
        Outcome::Exited { code: 0 }
    );
}

#[test]
fn a_second_runner_of_the_same_name_is_turned_away() {
    let mut server = Server::with_slots(1);
    let mut second = server.another_runner();
    assert_eq!(second.wait().unwrap().code(), Some(3));
    assert_eq!(
        server.run(1, &["true"]).outcome,
        Outcome::Exited { code: 0 }
    );
}

#[test]
fn two_runners_of_one_data_folder_leave_each_other_alone() {
    let mut server = Server::with_slots(1);
    server.start(vec![launch(1, sh("while :; do sleep 0.01; done"))]);
    let pid = server.started(id(1));
    let mut other = Server::new(Setup {
        id: "runner-2",
        data: Some(server.data()),
        ..Setup::default()
    });
    assert_eq!(other.run(2, &["true"]).outcome, Outcome::Exited { code: 0 });
    assert!(lives(pid));
    drop(other);
    assert!(lives(pid));
    assert!(fs::exists(server.data().join("runner/runner-1/pid")).unwrap());
    server.stop(id(1));
    assert_eq!(server.outcome(id(1)), Outcome::Stopped);
}
