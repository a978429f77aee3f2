//! How large what describes flows may be. It is in memory as long as there are flows, and in every snapshot: that a
//! request was small enough is no bound that holds for whoever asks otherwise.

use std::io;

use serde::Serialize;

use crate::limits::{CONFIGURATION_BYTES_MAX, FLOW_DEFINITION_BYTES_MAX};
use crate::rejection::Rejection;

/// Refuses what is too large as JSON.
pub(super) fn check_size(field: &str, value: &impl Serialize) -> Result<(), Rejection> {
    let mut counted = Counted(0);
    // What cannot be written as JSON cannot have come as JSON.
    let written = serde_json::to_writer(&mut counted, value);
    match (written, counted.0) {
        (Ok(()), bytes) if bytes <= FLOW_DEFINITION_BYTES_MAX => Ok(()),
        (_, bytes) => {
            let message =
                format!("has at most {FLOW_DEFINITION_BYTES_MAX} bytes as JSON, not {bytes}");
            Err(Rejection::invalid(field, message))
        }
    }
}

/// Refuses a text that is too long.
pub(super) fn check_text(field: &str, text: Option<&str>) -> Result<(), Rejection> {
    match text.map_or(0, str::len) {
        bytes if bytes <= CONFIGURATION_BYTES_MAX => Ok(()),
        bytes => {
            let message = format!("has at most {CONFIGURATION_BYTES_MAX} bytes, not {bytes}");
            Err(Rejection::invalid(field, message))
        }
    }
}

/// Counts what is written and keeps nothing.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
