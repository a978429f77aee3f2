//! How large what describes flows may be. It is in memory as long as there are flows, and in every snapshot: that a
//! request was small enough is no bound that holds for whoever asks otherwise.

use serde::Serialize;

use crate::limits::{CONFIGURATION_BYTES_MAX, FLOW_DEFINITION_BYTES_MAX};
use crate::rejection::Rejection;

/// Refuses what is too large as JSON.
pub(super) fn check_size(field: &str, value: &impl Serialize) -> Result<(), Rejection> {
    // What cannot be written as JSON cannot have come as JSON.
    match serde_json::to_vec(value).map_or(usize::MAX, |text| text.len()) {
        bytes if bytes <= FLOW_DEFINITION_BYTES_MAX => Ok(()),
        bytes => {
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
