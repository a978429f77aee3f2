//! Tasks in containers: what the engine is asked, and what becomes of attempts when it fails. The engine is
//! `podman.sh` here; `python/tests/live/test_containers.py` has a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fasti_core::domain::attempt::{AttemptEnd, Outcome};
use fasti_core::domain::container::Container;
use fasti_core::domain::launch::{Contained, Launch, Program};

use crate::server::{Server, Setup, eventually, id, launch, lives, pid_in};

/// A server whose runner has an engine, in a folder of its own.
struct Engine {
    server: Server,
    folder: tempfile::TempDir,
}

impl Engine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("podman");
        fs::write(&program, include_str!("podman.sh")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let server = Server::new(Setup {
            engine: Some(program),
            ..Setup::default()
        });
        Self { server, folder }
    }

    fn run(&mut self, number: u64, argv: &[&str]) -> AttemptEnd {
        self.server.start(vec![contained(number, argv)]);
        self.server.end(id(number))
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }

    fn containers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("containers")).into_iter();
        entries
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// The process in the container of an attempt, once there is one.
    fn inside(&self, number: u64) -> u32 {
        let name = format!("-{number}.1");
        let ends = |path: &Path| path.to_string_lossy().ends_with(&name);
        eventually("the container is there", || {
            self.containers().iter().any(|path| ends(path))
        });
        let container = self.containers().into_iter().find(|path| ends(path));
        pid_in(&container.unwrap().join("pid"))
    }
}

fn contained(number: u64, argv: &[&str]) -> Launch {
    let container = Container {
        image: "tools:1".to_owned(),
        engine: None,
    };
    let program = crate::server::command(argv);
    let mut launch = launch(
        number,
        Program::Contained(Box::new(Contained { container, program })),
    );
    launch.env.insert("PASSWORD".into(), "sesame".into());
    launch.env.insert("ODD".into(), "two\nlines".into());
    launch
}

fn spawn_failure(end: AttemptEnd) -> String {
    let Outcome::SpawnFailed { message, .. } = end.outcome else {
        panic!("{end:?}");
    };
    message
}

#[test]
fn a_command_runs_in_a_container_of_its_own_and_nothing_is_left() {
    let mut engine = Engine::new();
    let end = engine.run(1, &["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(end.outcome, Outcome::Exited { code: 3 });
    assert_eq!(engine.server.out(1), "out\n");
    assert_eq!(engine.server.output(1, "err"), b"err\n");
    let calls = engine.calls();
    let run = calls.lines().find(|call| call.starts_with("run ")).unwrap();
    let data = engine.server.data();
    let scratch = data.join("runner/runner-1/private/1.1.box/scratch");
    for part in [
        &format!("--label=fasti.data={}", data.display()),
        "--label=fasti.runner=runner-1",
        "--label=fasti.attempt=1.1",
        "--pull=missing",
        "--workdir=/fasti/scratch",
        &format!("source={},target=/fasti/scratch", scratch.display()),
        "--entrypoint=/bin/sh tools:1 -c echo out",
    ] {
        assert!(run.contains(part), "no {part} in {run}");
    }
    assert_eq!(run.matches("--mount").count(), 1, "{run}");
    assert!(
        !calls.contains("sesame"),
        "secrets are no arguments: {calls}"
    );
    let name = run.split("--name=").nth(1).unwrap();
    let name = name.split(' ').next().unwrap();
    let read = |what: &str| {
        fs::read_to_string(engine.folder.path().join(format!("{what}-of-{name}"))).unwrap()
    };
    assert!(read("env").contains("PASSWORD=sesame\n"));
    assert!(read("env").contains("FASTI_ATTEMPT=1.1\n"));
    assert_eq!(read("odd"), "two\nlines");
    assert!(!scratch.parent().unwrap().exists());
    assert!(engine.containers().is_empty());
}

#[test]
fn what_the_engine_cannot_start_says_so_in_its_words() {
    let mut engine = Engine::new();
    let message = spawn_failure(engine.run(1, &["no-image"]));
    assert!(message.contains("podman could not start the container: Error: no such image"));
    let message = spawn_failure(engine.run(2, &["not-there"]));
    assert!(message.contains("`not-there` not found"), "{message}");
    let message = spawn_failure(engine.run(3, &[]));
    assert!(message.contains("argv is empty"), "{message}");
    // A program may end with these numbers too.
    for code in [125, 126, 127] {
        let end = engine.run(10 + code, &["/bin/sh", "-c", &format!("exit {code}")]);
        let code = i32::try_from(code).unwrap();
        assert_eq!(end.outcome, Outcome::Exited { code });
    }
    let end = engine.run(4, &["out-of-memory"]);
    assert_eq!(end.outcome, Outcome::Exited { code: 137 });
    assert_eq!(end.failure.unwrap().reason, "out_of_memory");
}

#[test]
fn an_engine_that_does_not_work_fails_the_attempt_and_is_asked_again_for_the_next() {
    let mut engine = Engine::new();
    let broken = engine.folder.path().join("broken");
    fs::write(&broken, "").unwrap();
    let message = spawn_failure(engine.run(1, &["/bin/true"]));
    assert!(message.contains("cannot reach the storage"), "{message}");
    fs::remove_file(broken).unwrap();
    let end = engine.run(2, &["/bin/true"]);
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
}

#[test]
fn a_stop_ends_the_container_even_when_it_ignores_it() {
    let mut engine = Engine::new();
    let patient = contained(1, &["/bin/sleep", "600"]);
    let stubborn = Launch {
        grace_ms: 100,
        ..contained(
            2,
            &["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
        )
    };
    let limited = Launch {
        timeout_ms: Some(500),
        ..contained(3, &["/bin/sleep", "600"])
    };
    engine.server.start(vec![patient, stubborn]);
    let inside = [engine.inside(1), engine.inside(2)];
    engine.server.stop(id(1));
    assert_eq!(engine.server.outcome(id(1)), Outcome::Stopped);
    engine.server.stop(id(2));
    assert_eq!(engine.server.outcome(id(2)), Outcome::Stopped);
    engine.server.start(vec![limited]);
    let limit_ms = 500;
    assert_eq!(engine.server.outcome(id(3)), Outcome::TimedOut { limit_ms });
    assert!(inside.iter().all(|&pid| !lives(pid)));
    assert!(engine.containers().is_empty());
}

#[test]
fn the_next_runner_ends_the_containers_of_a_killed_one() {
    let mut engine = Engine::new();
    let launch = contained(
        1,
        &["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
    );
    engine.server.start(vec![launch]);
    let inside = engine.inside(1);
    engine.server.runner.kill().unwrap();
    engine.server.runner.wait().unwrap();
    assert!(lives(inside));
    engine.server.replace_runner("runner-2");
    assert_eq!(engine.server.accept(), []);
    assert!(!lives(inside), "gone before the hello");
    assert!(engine.containers().is_empty());
    let end = engine.run(2, &["/bin/true"]);
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
}

#[test]
fn a_runner_without_containers_asks_no_engine() {
    let mut engine = Engine::new();
    let end = engine.server.sh(1, "exit 0");
    assert_eq!(end.outcome, Outcome::Exited { code: 0 });
    assert_eq!(engine.calls(), "");
}
