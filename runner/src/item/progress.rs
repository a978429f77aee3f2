//! The lines that this process says about how far it is.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Mutex;

use serde_json::{Value, json};

/// Bytes of a reason that are passed on.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// Where they go; nowhere when nobody listens.
pub(crate) struct Report(Option<Mutex<File>>);

impl Report {
    pub(crate) fn open() -> Self {
        let path = std::env::var_os("FASTI_PROGRESS");
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        Self(
            path.and_then(|path| options.open(path).ok())
                .map(Mutex::new),
        )
    }

    pub(crate) fn passed(&self, stage: &str) {
        self.say(&json!({ "passed": stage }));
    }

    pub(crate) fn note(&self, stage: &str, detail: &Value) {
        self.say(&json!({ "note": stage, "detail": detail }));
    }

    pub(crate) fn failure(&self, stage: &str, message: &str) {
        let mut end = message.len().min(MESSAGE_BYTES_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        let failure = json!({ "reason": stage, "message": &message[..end] });
        self.say(&json!({ "failure": failure }));
    }

    /// One line, in one write: several threads say something.
    fn say(&self, line: &Value) {
        let Some(file) = &self.0 else {
            return;
        };
        let text = format!("{line}\n");
        let mut file = file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Whoever does not hear it learns of the end by the exit code.
        file.write_all(text.as_bytes()).ok();
    }
}
