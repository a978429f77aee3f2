//! What the tests of the real binary share: servers and the processes below them, the native API, streams of
//! events, chance. Nothing here knows what a test wants to prove.
//!
//! Where to look next: `server.rs` (start, kill, restart), `client.rs` (HTTP), `stream.rs` (events as they
//! happen), `processes.rs` (what runs below a data folder), `wire.rs` (requests no client would send),
//! `command_line.rs` (one call of the binary), `disk/` (recorded file system calls, and power cuts), `chance.rs`.

pub(crate) mod chance;
pub(crate) mod client;
pub(crate) mod command_line;
pub(crate) mod disk;
pub(crate) mod processes;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod wire;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest wait for something that happens within milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that set-up hands to the tests.
///
/// # Panics
/// When it was not handed over or is not there: a test that cannot run has failed.
pub(crate) fn handed(variable: &str) -> PathBuf {
    let Some(value) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
        panic!("{variable} is not set; run the tests with `cargo xtask test`, which sets it");
    };
    let path = PathBuf::from(value);
    assert!(
        path.is_file(),
        "{variable} names {}, which is no file; run `cargo xtask test`",
        path.display()
    );
    path
}

/// Whether the long form of a test is asked for, with `FASTI_LONG=1`.
pub(crate) fn is_long() -> bool {
    std::env::var_os("FASTI_LONG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// The binary under test.
pub(crate) fn fasti() -> PathBuf {
    handed("FASTI_BIN")
}

/// An interpreter of 3.9 or later.
pub(crate) fn python() -> PathBuf {
    handed("FASTI_TEST_PYTHON")
}

/// Looks until `find` finds something, for what says nothing when it changes, such as a file or a process.
pub(crate) fn look_until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
