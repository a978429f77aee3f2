//! One call of the binary, as a person or a script makes it.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::server::bare;
use super::{fasti, look_until};

/// What a call left.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Called {
    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output as one JSON value a line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let line =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        self.out.lines().map(line).collect()
    }
}

/// Calls the binary with `FASTI_URL` set to `url` and waits for its end.
pub(crate) fn call(home: &Path, url: &str, arguments: &[&str]) -> Called {
    call_with(home, url, arguments, &[])
}

/// As [`call`], with further variables in its environment.
pub(crate) fn call_with(
    home: &Path,
    url: &str,
    arguments: &[&str],
    variables: &[(String, String)],
) -> Called {
    // Files, because a pipe that nobody reads while waiting would fill up.
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut command = command(home, url, arguments);
    command
        .envs(variables.iter().cloned())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let ended = look_until(&format!("`fasti {}` ends", arguments.join(" ")), || {
        child.try_wait().unwrap()
    });
    Called {
        code: ended.code().unwrap_or(-1),
        out: text(&mut out),
        err: text(&mut err),
    }
}

fn text(file: &mut File) -> String {
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Audits the log of a server that has just ended. A process that it was starting at that moment may hold on to the
/// data folder a little longer.
pub(crate) fn verify_ended(home: &Path, data: &Path) -> Called {
    const IN_USE: i32 = 4;
    look_until("the data folder is let go", || {
        let called = call(home, "", &["verify", "--data", data.to_str().unwrap()]);
        (called.code != IN_USE).then_some(called)
    })
}

/// Calls the binary and lets it go on.
pub(crate) fn begin(home: &Path, url: &str, arguments: &[&str]) -> Child {
    command(home, url, arguments).spawn().unwrap()
}

fn command(home: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = bare(&fasti(), home);
    command
        .args(arguments)
        .env("FASTI_URL", url)
        .env("FASTI_LOG", "warn");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
