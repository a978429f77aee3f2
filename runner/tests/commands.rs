//! Commands: how they end, what they print, what they find around them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fasti_core::domain::attempt::Outcome;
use fasti_core::domain::launch::{Launch, Program};

use crate::server::{Server, Setup, command, id, launch, sh};

#[test]
fn every_way_to_end_is_told_apart() {
    let mut server = Server::with_slots(2);
    assert_eq!(
        server.run(1, &["true"]).outcome,
        Outcome::Exited { code: 0 }
    );
    assert_eq!(server.sh(2, "exit 3").outcome, Outcome::Exited { code: 3 });
    assert_eq!(
        server.sh(3, "exit 255").outcome,
        Outcome::Exited { code: 255 }
    );
    assert_eq!(
        server.sh(4, "kill -9 $$").outcome,
        Outcome::Signaled { signal: 9 }
    );
    assert_eq!(
        server.sh(5, "kill -SEGV $$").outcome,
        Outcome::Signaled { signal: 11 }
    );
    assert!(server.started.len() == 5, "each had a process");
}

#[test]
fn what_cannot_start_says_why() {
    let mut server = Server::with_slots(2);
    let plain = server.folder.path().join("plain");
    fs::write(&plain, "echo never").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
    let plain = plain.to_str().unwrap().to_owned();
    let long = "x".repeat(3 << 20);
    let missing_folder = Program::Command {
        argv: vec!["true".into()],
        cwd: Some("/nowhere/at/all".into()),
        stdin: None,
    };
    let cases = [
        (command(&["surely-not-there"]), libc_errno::ENOENT, "PATH"),
        (
            command(&["/surely/not/there"]),
            libc_errno::ENOENT,
            "/surely/not/there",
        ),
        (command(&[&plain]), libc_errno::EACCES, "plain"),
        (command(&["true", &long]), libc_errno::E2BIG, "true"),
        (command(&[]), libc_errno::EINVAL, "argv"),
        (missing_folder, libc_errno::ENOENT, "working folder"),
    ];
    for (number, (program, expected, part)) in (1..).zip(cases) {
        server.start(vec![launch(number, program)]);
        let Outcome::SpawnFailed { errno, message } = server.outcome(id(number)) else {
            panic!("{part}: {:?}", server.ended[&id(number)])
        };
        assert_eq!(errno, expected, "{message}");
        assert!(message.contains(part), "{message}");
    }
    assert!(server.started.is_empty(), "none had a process");
    assert_eq!(
        server.run(50, &["true"]).outcome,
        Outcome::Exited { code: 0 },
        "the runner lives on"
    );
}

/// Error numbers of Linux.
mod libc_errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const E2BIG: i32 = 7;
    pub(super) const EACCES: i32 = 13;
    pub(super) const EINVAL: i32 = 22;
}

#[test]
fn output_is_complete_separate_and_byte_for_byte() {
    let mut server = Server::with_slots(2);
    let end = server.sh(
        1,
        "head -c 3000000 /dev/zero; printf 'a\\377b' >&2; printf end",
    );
    let out = server.output(1, "out");
    assert_eq!(out.len(), 3_000_003);
    assert!(out.ends_with(b"\0end"));
    assert_eq!(server.output(1, "err"), b"a\xffb");
    assert_eq!(
        (end.usage.stdout_bytes, end.usage.stderr_bytes),
        (3_000_003, 3)
    );
    let mode = |path: &str| {
        server
            .data()
            .join(path)
            .metadata()
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("output/100/0/1.1.out") & 0o777, 0o600);
    assert_eq!(mode("output/100") & 0o777, 0o700);
}

#[test]
fn a_silent_command_has_empty_output() {
    let mut server = Server::with_slots(2);
    server.run(1, &["true"]);
    assert!(server.output(1, "out").is_empty() && server.output(1, "err").is_empty());
}

#[test]
fn the_environment_is_chosen() {
    let mut server = Server::with_slots(2);
    let mut with_env = launch(1, command(&["env"]));
    with_env.env.insert("COLOUR".into(), "blue = green".into());
    with_env.env.insert("FASTI_RUNNER".into(), "forged".into());
    server.start(vec![with_env]);
    server.end(id(1));
    let out = server.out(1);
    assert!(out.contains("COLOUR=blue = green\n"), "{out}");
    assert!(out.contains("FASTI_RUNNER=runner-1\n"), "{out}");
    assert!(out.contains("FASTI_ATTEMPT=1.1\n"), "{out}");
    assert!(
        !out.contains("TEST_RUNNER_SOCKET") && !out.contains("CARGO"),
        "{out}"
    );
}

#[test]
fn standard_input_is_the_text_or_nothing() {
    let mut server = Server::with_slots(2);
    let text = "line\n".repeat(50_000);
    let with_input = Program::Command {
        argv: vec!["cat".into()],
        cwd: None,
        stdin: Some(text.clone()),
    };
    server.start(vec![launch(1, with_input), launch(2, command(&["cat"]))]);
    server.end(id(1));
    server.end(id(2));
    assert_eq!(server.out(1), text);
    assert_eq!(server.out(2), "");
    let private = server.data().join("runner/runner-1/private");
    assert_eq!(fs::read_dir(private).unwrap().count(), 0);
}

#[test]
fn the_scratch_folder_is_empty_at_first_and_afterwards() {
    let mut server = Server::with_slots(2);
    server.sh(
        1,
        "pwd; ls -A | wc -l; mkdir -p a/b; echo x > a/b/c; chmod 0 a/b a",
    );
    let scratch = server.data().join("runner/runner-1/scratch/1");
    assert_eq!(server.out(1), format!("{}\n0\n", scratch.display()));
    assert!(!scratch.join("a").exists());
    server.sh(2, "ls -A | wc -l");
    assert_eq!(server.out(2), "0\n");
}

#[test]
fn a_given_folder_is_used_and_kept() {
    let mut server = Server::with_slots(2);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tool"), "#!/bin/sh\necho $0 > made").unwrap();
    fs::set_permissions(
        folder.path().join("tool"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let cwd = Some(folder.path().to_str().unwrap().to_owned());
    let program = Program::Command {
        argv: vec!["./tool".into()],
        cwd,
        stdin: None,
    };
    server.start(vec![launch(1, program)]);
    assert_eq!(server.outcome(id(1)), Outcome::Exited { code: 0 });
    assert!(folder.path().join("made").exists());
}

#[test]
fn signals_and_descriptors_are_as_in_a_fresh_login() {
    // Whoever starts the runner may ignore signals; tasks must not inherit that.
    let shell = "trap '' INT HUP USR1 PIPE CHLD; exec \"$@\"";
    let mut server = Server::new(Setup {
        shell,
        ..Setup::default()
    });
    server.run(1, &["grep", "^Sig[BI]", "/proc/self/status"]);
    server.run(2, &["ls", "/proc/self/fd"]);
    for line in server.out(1).lines() {
        let mask = u64::from_str_radix(line.split_once(":\t").unwrap().1, 16).unwrap();
        // Those from 32 on are the C library's and its programs' affair.
        assert_eq!(mask & 0x7fff_ffff, 0, "{line}");
    }
    assert_eq!(
        server.out(2),
        "0\n1\n2\n3\n",
        "3 is the folder that ls reads"
    );
}

#[test]
fn usage_counts_the_whole_command() {
    let mut server = Server::with_slots(2);
    let end = server.sh(1, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    assert!(end.usage.cpu_us > 10_000, "{:?}", end.usage);
    assert!(end.usage.max_rss_kib > 100, "{:?}", end.usage);
    let start = &server.started[&id(1)];
    assert!(start.process.start_ticks > 0);
    assert!(end.finished_at >= start.started_at);
}

#[test]
fn slots_work_at_the_same_time_and_no_more_than_they_are() {
    let mut server = Server::with_slots(2);
    let folder = server.folder.path().to_owned();
    let meet = |own: u32, other: u32| {
        let (own, other) = (folder.join(own.to_string()), folder.join(other.to_string()));
        let (own, other) = (own.display(), other.display());
        sh(&format!(
            "touch {own}; while [ ! -e {other} ]; do sleep 0.01; done"
        ))
    };
    server.start(vec![launch(1, meet(1, 2)), launch(2, meet(2, 1))]);
    assert_eq!(server.outcome(id(1)), Outcome::Exited { code: 0 });
    assert_eq!(server.outcome(id(2)), Outcome::Exited { code: 0 });

    let busy = format!(
        "mkdir {0}/busy || exit 9; sleep 0.01; rmdir {0}/busy",
        folder.display()
    );
    let mut alone = Server::with_slots(1);
    alone.start((1..=20).map(|number| launch(number, sh(&busy))).collect());
    for number in 1..=20 {
        assert_eq!(alone.outcome(id(number)), Outcome::Exited { code: 0 });
    }
}

#[test]
fn many_short_commands_all_end() {
    let mut server = Server::with_slots(4);
    let launches: Vec<Launch> = (1..=500).map(|n| launch(n, command(&["true"]))).collect();
    server.start(launches);
    for number in 1..=500 {
        assert_eq!(server.outcome(id(number)), Outcome::Exited { code: 0 });
    }
    assert_eq!(server.started.len(), 500);
    let scratch = server.data().join("runner/runner-1/scratch");
    assert_eq!(
        fs::read_dir(scratch).unwrap().count(),
        4,
        "one for each slot"
    );
}
