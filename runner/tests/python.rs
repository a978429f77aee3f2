//! Python functions: values, failures, and interpreters that misbehave.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fasti_core::domain::attempt::{AttemptEnd, Outcome, ResultRef};
use fasti_core::domain::ids::Digest;
use fasti_core::domain::launch::{Launch, Program, PythonCall, Upstream, UpstreamValue};
use fasti_core::domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::server::{Server, Setup, id, launch, lives, pid_in};

/// Module of the tasks.
const TASKS: &str = r#"
import os, subprocess, sys, time

def seven():
    return 7

def large():
    return b"x" * 100_000

def loud():
    print("to out")
    print("to err", file=sys.stderr)

def broken():
    raise ValueError("no such luck")

def leaves_with_3():
    sys.exit(3)

def killed():
    os.kill(os.getpid(), 9)

def where():
    print(os.getcwd())
    print(os.environ["COLOUR"], os.environ["FASTI_ATTEMPT"], os.environ["FASTI_RUNNER"])
    print(os.getpid() == os.getpgid(0))

def add(one, two):
    return one + two

def waits():
    with open(os.environ["PID_FILE"], "w") as file:
        print(os.getpid(), file=file)
    while True:
        time.sleep(0.01)

def ignores_term():
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])
    with open(os.environ["PID_FILE"], "w") as file:
        print(child.pid, file=file)
    while True:
        time.sleep(0.01)

def leaves_daemon():
    if os.fork() == 0:
        os.setsid()
        with open(os.environ["PID_FILE"], "w") as file:
            print(os.getpid(), file=file)
        time.sleep(600)
    while not os.path.exists(os.environ["PID_FILE"]):
        time.sleep(0.01)

def kills_its_interpreter():
    os.kill(os.getppid(), 9)
    while os.getppid() == int(os.environ.get("NOBODY", "0")):
        pass
    time.sleep(0.05)
    return "survived"
"#;

fn call(entrypoint: &str, path: &Path) -> PythonCall {
    PythonCall {
        entrypoint: entrypoint.into(),
        python: None,
        path: Some(path.to_str().unwrap().into()),
        bundle: None,
        works_in_bundle: false,
        image_env: BTreeMap::new(),
        sub_job_name: entrypoint.into(),
        scheduled_time: Timestamp(1_711_846_800_000_000),
        runtime: Timestamp(1_711_846_800_000_000),
        rundate: "2024-03-31".into(),
        part_num: 0,
        num_parts: 1,
        configuration: "{}".into(),
        configuration_blob: None,
        arguments_blob: None,
        upstreams: Arc::default(),
        packed_upstreams: None,
    }
}

/// A server with a runner and a folder of tasks.
struct World {
    server: Server,
    tasks: tempfile::TempDir,
}

impl World {
    fn new(slots: u32) -> Self {
        Self::with(Setup {
            slots,
            ..Setup::default()
        })
    }

    fn with(setup: Setup) -> Self {
        let tasks = tempfile::tempdir().unwrap();
        fs::write(tasks.path().join("tasks.py"), TASKS).unwrap();
        Self {
            server: Server::new(setup),
            tasks,
        }
    }

    fn call(&self, function: &str) -> PythonCall {
        call(&format!("tasks.{function}"), self.tasks.path())
    }

    fn launch(&self, number: u64, function: &str) -> Launch {
        let mut launch = launch(number, Program::Python(Box::new(self.call(function))));
        launch.env.insert(
            "PID_FILE".into(),
            self.pid_file(number).to_str().unwrap().into(),
        );
        launch
    }

    fn pid_file(&self, number: u64) -> PathBuf {
        self.tasks.path().join(format!("pid-{number}"))
    }

    fn run(&mut self, number: u64, function: &str) -> AttemptEnd {
        let launch = self.launch(number, function);
        self.server.start(vec![launch]);
        self.server.end(id(number))
    }

    fn run_call(&mut self, number: u64, call: PythonCall) -> AttemptEnd {
        self.server
            .start(vec![launch(number, Program::Python(Box::new(call)))]);
        self.server.end(id(number))
    }

    fn value(&self, number: u64) -> Option<Vec<u8>> {
        self.server.ended[&id(number)].1.clone()
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.server.data().join("blobs").join(&name[..2]).join(name)
    }

    fn error(&self, number: u64) -> String {
        let (data, file) = (self.server.data(), format!("output/100/0/{number}.1.err"));
        fs::read_to_string(data.join(file)).unwrap_or_default()
    }
}

/// What Python makes of a pickle.
fn unpickled(bytes: &[u8]) -> String {
    let script = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)))";
    let mut python = Command::new("python3");
    python
        .args(["-c", script])
        .stdin(std::process::Stdio::piped());
    let mut child = python.stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

const SUCCESS: Outcome = Outcome::Exited { code: 0 };

#[test]
fn a_small_value_travels_with_the_report() {
    let mut world = World::new(1);
    let end = world.run(1, "seven");
    assert_eq!(end.outcome, SUCCESS, "{}", world.error(1));
    let value = world.value(1).unwrap();
    assert_eq!(unpickled(&value), "7");
    let result = end.result.unwrap();
    assert_eq!(result.sha256, Digest(Sha256::digest(&value).into()));
    assert_eq!(
        (result.size, &*result.format),
        (value.len() as u64, "pickle")
    );
    assert!(!world.blob(&result.sha256).exists());
    assert!(world.server.started.contains_key(&id(1)));
    assert!(end.usage.max_rss_kib > 1_000, "{:?}", end.usage);
    let private = world.server.data().join("runner/runner-1/private");
    assert_eq!(fs::read_dir(private).unwrap().count(), 0);
}

#[test]
fn a_large_value_is_in_the_blob_store_before_its_report() {
    let mut world = World::new(1);
    let result = world.run(1, "large").result.unwrap();
    assert_eq!(world.value(1), None);
    let bytes = fs::read(world.blob(&result.sha256)).unwrap();
    assert_eq!(result.size, bytes.len() as u64);
    assert_eq!(result.sha256, Digest(Sha256::digest(&bytes).into()));
    assert!(unpickled(&bytes).ends_with("xxx'"));
}

#[test]
fn output_is_separate_and_nothing_returned_is_none() {
    let mut world = World::new(1);
    let end = world.run(1, "loud");
    assert_eq!(end.outcome, SUCCESS);
    assert_eq!(unpickled(&world.value(1).unwrap()), "None");
    assert_eq!(world.server.out(1), "to out\n");
    assert_eq!(world.error(1), "to err\n");
    assert_eq!((end.usage.stdout_bytes, end.usage.stderr_bytes), (7, 7));
}

#[test]
fn failures_are_told_apart() {
    let mut world = World::new(1);
    let end = world.run(1, "broken");
    assert_eq!(end.outcome, Outcome::Exited { code: 1 });
    assert!(end.result.is_none());
    let failure = end.failure.unwrap();
    assert_eq!(failure.reason, "exception");
    assert!(
        failure.message.contains("no such luck"),
        "{}",
        failure.message
    );
    assert!(world.error(1).contains("Traceback"));
    assert_eq!(
        world.run(2, "leaves_with_3").outcome,
        Outcome::Exited { code: 3 }
    );
    assert_eq!(
        world.run(3, "killed").outcome,
        Outcome::Signaled { signal: 9 }
    );
    let missing = world.run(4, "not_there");
    assert_eq!(missing.outcome, Outcome::Exited { code: 1 });
    assert_eq!(missing.failure.unwrap().reason, "entrypoint");
    assert_eq!(world.run(5, "seven").outcome, SUCCESS);
}

#[test]
fn a_task_has_its_own_folder_environment_and_group() {
    let mut world = World::new(1);
    let mut launch = world.launch(1, "where");
    launch.env.insert("COLOUR".into(), "blue".into());
    launch.env.insert("FASTI_RUNNER".into(), "forged".into());
    world.server.start(vec![launch]);
    assert_eq!(world.server.outcome(id(1)), SUCCESS, "{}", world.error(1));
    let scratch = world.server.data().join("runner/runner-1/scratch/1");
    let expected = format!("{}\nblue 1.1 runner-1\nTrue\n", scratch.display());
    assert_eq!(world.server.out(1), expected);
}

#[test]
fn values_of_dependencies_arrive_inline_and_from_the_store() {
    let mut world = World::new(1);
    world.run(1, "large");
    let stored = world.server.ended[&id(1)].0.result.clone().unwrap();
    // pickle of b"y" by protocol 2.
    let inline =
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00yX\x06\x00\x00\x00latin1\x86R.".to_vec();
    let reference = ResultRef {
        sha256: Digest([0; 32]),
        size: 1,
        format: "pickle".into(),
    };
    let upstream = |name: &str, result, inline| Upstream {
        task: name.into(),
        result_name: name.into(),
        parallel: false,
        parts: vec![UpstreamValue {
            name: name.into(),
            result: Some(result),
            inline,
        }],
    };
    let mut call = world.call("add");
    call.upstreams = [
        upstream("one", stored, None),
        upstream("two", reference, Some(inline)),
    ]
    .into();
    let end = world.run_call(2, call);
    assert_eq!(end.outcome, SUCCESS, "{}", world.error(2));
    let bytes = fs::read(world.blob(&end.result.unwrap().sha256)).unwrap();
    assert!(unpickled(&bytes).ends_with("xxy'"));
}

#[test]
fn code_comes_from_a_bundle() {
    let mut world = World::new(1);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    {
        let mut tar = tar::Builder::new(&mut gz);
        let code = b"def f():\n    import os\n    return os.path.exists('packed.py')\n";
        let mut header = tar::Header::new_gnu();
        header.set_size(code.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "packed.py", &code[..])
            .unwrap();
        tar.finish().unwrap();
    }
    let bytes = gz.finish().unwrap();
    let digest = Digest(Sha256::digest(&bytes).into());
    let blob = world.blob(&digest);
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(blob, bytes).unwrap();
    let mut bundled = call("packed.f", world.tasks.path());
    bundled.bundle = Some(digest);
    assert_eq!(world.run_call(1, bundled.clone()).outcome, SUCCESS);
    assert_eq!(
        unpickled(&world.value(1).unwrap()),
        "False",
        "works in its scratch folder"
    );
    bundled.works_in_bundle = true;
    world.run_call(2, bundled.clone());
    assert_eq!(unpickled(&world.value(2).unwrap()), "True");
    bundled.bundle = Some(Digest([3; 32]));
    let outcome = world.run_call(3, bundled).outcome;
    assert!(
        matches!(outcome, Outcome::SpawnFailed { errno: 2, .. }),
        "{outcome:?}"
    );
}

#[test]
fn a_stop_and_a_time_limit_end_the_process_and_its_children() {
    let mut world = World::new(2);
    let launch = world.launch(1, "waits");
    let stubborn = Launch {
        timeout_ms: Some(300),
        grace_ms: 100,
        ..world.launch(2, "ignores_term")
    };
    world.server.start(vec![launch, stubborn]);
    let main = pid_in(&world.pid_file(1));
    assert_eq!(world.server.started(id(1)), main);
    world.server.stop(id(1));
    assert_eq!(world.server.outcome(id(1)), Outcome::Stopped);
    assert!(!lives(main));
    assert_eq!(
        world.server.outcome(id(2)),
        Outcome::TimedOut { limit_ms: 300 }
    );
    assert!(!lives(world.server.started[&id(2)].process.pid));
    assert!(!lives(pid_in(&world.pid_file(2))));
}

#[test]
fn a_daemon_without_a_mark_ends_with_its_task() {
    let mut world = World::new(1);
    assert_eq!(world.run(1, "leaves_daemon").outcome, SUCCESS);
    assert!(!lives(pid_in(&world.pid_file(1))));
}

#[test]
fn tasks_survive_the_death_of_their_interpreter() {
    let mut world = World::new(2);
    let beside = world.launch(1, "waits");
    world.server.start(vec![beside]);
    let pid = pid_in(&world.pid_file(1));
    // Both are forked from one interpreter, as the first has nothing to do by now.
    let end = world.run(2, "kills_its_interpreter");
    assert_eq!(end.outcome, SUCCESS, "{}", world.error(2));
    assert_eq!(unpickled(&world.value(2).unwrap()), "'survived'");
    assert!(lives(pid));
    world.server.stop(id(1));
    assert_eq!(world.server.outcome(id(1)), Outcome::Stopped);
    assert!(!lives(pid));
    assert_eq!(
        world.run(3, "seven").outcome,
        SUCCESS,
        "from a fresh interpreter"
    );
}

#[test]
fn an_interpreter_that_cannot_be_says_so() {
    let mut world = World::new(1);
    let mut missing = world.call("seven");
    missing.python = Some("/nowhere/python3".into());
    let outcome = world.run_call(1, missing).outcome;
    assert!(
        matches!(outcome, Outcome::SpawnFailed { errno: 2, .. }),
        "{outcome:?}"
    );

    let mut silent = world.call("seven");
    silent.python = Some("/bin/false".into());
    let Outcome::SpawnFailed { message, .. } = world.run_call(2, silent).outcome else {
        panic!()
    };
    assert!(
        message.contains("/bin/false") && message.contains("before it was ready"),
        "{message}"
    );
    assert_eq!(world.run(3, "seven").outcome, SUCCESS);
}

/// A stand-in for the SDK whose worker does as `body` says after the start of the protocol.
fn sdk_with_worker(body: &str) -> tempfile::TempDir {
    let sdk = tempfile::tempdir().unwrap();
    let package = sdk.path().join("fasti");
    fs::create_dir(&package).unwrap();
    fs::write(package.join("__init__.py"), "").unwrap();
    let worker = format!(
        r#"
import json, os, socket, struct, sys, time
runner = socket.socket(fileno=os.dup(0))
def say(**message):
    body = json.dumps(message).encode()
    runner.sendall(struct.pack(">I", len(body)) + body)
def read(n):
    data = b""
    while len(data) < n:
        got = runner.recv(n - len(data))
        if not got:
            os._exit(0)
        data += got
    return data
def hear():
    body = read(struct.unpack(">I", read(4))[0])
    if not body.startswith(b"start\0"):
        return json.loads(body)
    _, attempt, _, task = body.split(b"\0")
    return {{"id": attempt.decode(), "task": json.loads(task)}}
def mark(name):
    with open(os.path.join({folder:?}, name), "a") as file:
        print(os.getpid(), file=file)
def fork(task):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.dup2(os.open(task["stdout"], os.O_CREAT | os.O_WRONLY, 0o600), 1)
        time.sleep(600)
    return pid
{body}
"#,
        folder = sdk.path().to_str().unwrap(),
    );
    fs::write(package.join("_worker.py"), worker).unwrap();
    sdk
}

fn with_worker(body: &str) -> (World, tempfile::TempDir) {
    let sdk = sdk_with_worker(body);
    let setup = Setup {
        slots: 1,
        sdk: sdk.path().into(),
        ..Setup::default()
    };
    (World::with(setup), sdk)
}

#[test]
fn a_worker_that_dies_at_its_start_is_quoted() {
    let (mut world, _sdk) = with_worker("sys.exit('my last words')");
    let Outcome::SpawnFailed { message, .. } = world.run(1, "seven").outcome else {
        panic!()
    };
    assert!(message.contains("my last words"), "{message}");
}

#[test]
fn a_start_that_an_interpreter_took_along_is_a_loss() {
    let body = "say(op='ready')\nhear()\nmark('deaths')\nprint('last words', file=sys.stderr)\nos._exit(1)";
    let (mut world, sdk) = with_worker(body);
    let Outcome::Lost { message } = world.run(1, "seven").outcome else {
        panic!("whether it was begun is not known")
    };
    assert!(message.contains("last words"), "{message}");
    let deaths = fs::read_to_string(sdk.path().join("deaths")).unwrap();
    assert_eq!(deaths.lines().count(), 1, "one token, one start");
}

#[test]
fn a_fork_that_was_not_announced_ends_with_its_interpreter() {
    let body = "say(op='ready')\nm = hear()\npid = fork(m['task'])\n\
        while not os.path.exists(m['task']['stdout']): time.sleep(0.01)\n\
        open(os.environ['PYTHONPATH'].split(':')[0] + '/fork', 'w').write(f'{pid}\\n')\nos._exit(1)";
    let (mut world, sdk) = with_worker(body);
    let outcome = world.run(1, "seven").outcome;
    assert!(
        matches!(outcome, Outcome::Lost { .. }),
        "not started a second time: {outcome:?}"
    );
    assert!(!lives(pid_in(&sdk.path().join("fork"))));
}

#[test]
fn a_status_that_died_with_its_interpreter_is_a_loss() {
    let body = "say(op='ready')\nm = hear()\npid = fork(m['task'])\nsay(op='started', id=m['id'], pid=pid)\n\
        time.sleep(0.05)\nos.kill(pid, 9)\nos.waitpid(pid, 0)\nos._exit(1)";
    let (mut world, _sdk) = with_worker(body);
    let outcome = world.run(1, "seven").outcome;
    assert!(matches!(outcome, Outcome::Lost { .. }), "{outcome:?}");
}

#[test]
fn a_refusal_and_nonsense_are_failures_to_start() {
    let body = "say(op='ready')\nm = hear()\nsay(op='refused', id=m['id'], reason='fork: no')\nm = hear()\n\
        runner.sendall(b'\\xff' * 64)\ntime.sleep(600)";
    let (mut world, _sdk) = with_worker(body);
    let Outcome::SpawnFailed { message, .. } = world.run(1, "seven").outcome else {
        panic!()
    };
    assert!(message.contains("fork: no"), "{message}");
    assert!(matches!(
        world.run(2, "seven").outcome,
        Outcome::Lost { .. }
    ));
    let Outcome::SpawnFailed { message, .. } = world.run(3, "seven").outcome else {
        panic!()
    };
    assert!(
        message.contains("fork: no"),
        "the next interpreter: {message}"
    );
}

#[test]
fn interpreters_end_with_the_runner() {
    let mut world = World::new(1);
    let end = world.run(1, "seven");
    assert_eq!(end.outcome, SUCCESS);
    let runner = world.server.runner.id();
    let workers: Vec<u32> = children(runner);
    assert!(!workers.is_empty() && workers.iter().all(|&pid| lives(pid)));
    crate::server::signal(runner, "TERM");
    assert_eq!(world.server.runner_exit(), 0);
    assert!(workers.iter().all(|&pid| !lives(pid)));
}

/// Children of all threads of a process.
fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .map(|pid| pid.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}
