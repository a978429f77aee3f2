//! A damaged log is never served as if it were whole.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::command_line;
use crate::support::server::Server;

/// Exit code of a log that is not whole.
const VERIFY_FAILED: i32 = 7;

/// A stopped server with some history, and its events.
fn with_history() -> (Server, Vec<Value>) {
    let mut server = Server::start(&["--slots", "4"]);
    let parts = json!({"name": "parts", "kind": "parallel", "count": 100, "command": ["true"]});
    let batch = server
        .api()
        .save(&json!({"name": "history", "tasks": [parts]}));
    for _ in 0..3 {
        server.api().finished(server.api().start(&batch));
    }
    let events = server.api().events();
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    (server, events)
}

fn verify(server: &Server) -> command_line::Called {
    let data = server.data();
    command_line::call(
        server.folder(),
        "",
        &["verify", "--json", "--data", data.to_str().unwrap()],
    )
}

/// Something done to a data folder, with its name.
type Harm = (&'static str, fn(&Path) -> std::io::Result<()>);

/// Changes one bit.
fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x40], at).unwrap();
}

#[test]
fn a_whole_log_is_said_to_be_whole() {
    let (mut server, events) = with_history();
    let called = verify(&server);
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.err.contains("whole"), "{called:?}");
    // The stop added the end of the runner.
    let last = called.json()["last_seq"].as_u64().unwrap();
    assert!(last >= u64::try_from(events.len()).unwrap(), "{called:?}");
    server.restart();
    let running = command_line::call(
        server.folder(),
        server.api().url(),
        &["verify", "--data", server.data().to_str().unwrap()],
    );
    assert_eq!(
        running.code, 4,
        "a running server has its own log: {running:?}"
    );
    assert!(running.err.contains(server.address()), "{running:?}");
    let live = command_line::call(
        server.folder(),
        server.api().url(),
        &["verify", "--live", "--json"],
    );
    assert_eq!(live.code, 0, "{live:?}");
    assert!(live.json()["last_seq"].as_u64().unwrap() > last, "{live:?}");
}

#[test]
fn a_changed_byte_is_noticed_or_harmless() {
    let (mut server, events) = with_history();
    let database = server.data().join("log/db");
    let whole = std::fs::read(&database).unwrap();
    let mut chance = Chance::new();
    // Most of the file is unused; what holds events is near bytes that are not zero.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let (mut refusals, mut same) = (0, 0);
    let backup = server.folder().join("backup");
    copy(&server.data(), &backup);
    for _ in 0..10 {
        let at = used[chance.below(used.len())];
        flip(&database, u64::try_from(at).unwrap());
        if start_and_compare(&mut server, &events, at) {
            same += 1;
        } else {
            refusals += 1;
        }
        std::fs::remove_dir_all(server.data()).unwrap();
        copy(&backup, &server.data());
    }
    println!("{refusals} refused, {same} harmless");
    server.restart();
    assert_eq!(
        server.api().events()[..events.len()],
        events,
        "the untouched copy"
    );
}

/// True when the server serves the same events; false when it refuses in the way it must.
fn start_and_compare(server: &mut Server, events: &[Value], at: usize) -> bool {
    let verified = verify(server);
    assert!(
        matches!(verified.code, 0 | VERIFY_FAILED),
        "byte {at}: {verified:?}"
    );
    server.spawn();
    if server.listens() {
        let served = server.api().events();
        assert_eq!(
            served[..events.len()],
            *events,
            "byte {at} changed what is served"
        );
        server.stop();
        return true;
    }
    let (status, _) = server.wait_ended(std::time::Instant::now());
    assert_eq!(
        status.code(),
        Some(VERIFY_FAILED),
        "byte {at}: {status}\n{}",
        server.said()
    );
    assert_eq!(verified.code, VERIFY_FAILED, "byte {at}: {verified:?}");
    false
}

#[test]
fn a_log_that_is_gone_or_short_is_refused() {
    let (mut server, _) = with_history();
    let backup = server.folder().join("backup");
    copy(&server.data(), &backup);
    let harms: [Harm; 4] = [
        ("no database", |data| {
            std::fs::remove_dir_all(data.join("log"))
        }),
        ("an empty database", |data| {
            std::fs::write(data.join("log/db"), b"")
        }),
        ("no head", |data| std::fs::remove_file(data.join("head"))),
        ("an empty head", |data| {
            std::fs::write(data.join("head"), b"")
        }),
    ];
    for (what, harm) in harms {
        harm(&server.data()).unwrap();
        let child = server.command().stderr(Stdio::piped()).spawn().unwrap();
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(VERIFY_FAILED), "{what}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(
            last.contains("fasti log"),
            "{what}: says what to do: {last}"
        );
        std::fs::remove_dir_all(server.data()).unwrap();
        copy(&backup, &server.data());
    }
    server.restart();
}

/// Copies a folder with its files and folders.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&entry.path(), &target),
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), target).unwrap()),
            _ => {}
        }
    }
}
