//! Whether a payload is one that a trigger waits for.

use serde_json::Value;

use super::{Condition, PAYLOAD_BYTES_MAX, Scalar, Trigger};

/// The payload as it was sent, if the trigger takes it: numbers keep their digits, members their order. No bytes at all
/// count as `null`.
///
/// # Errors
/// Why not.
pub(super) fn accepted(trigger: &Trigger, payload: &[u8]) -> Result<String, String> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        let bytes = payload.len();
        return Err(format!(
            "its payload has {bytes} bytes, more than the {PAYLOAD_BYTES_MAX} that are taken"
        ));
    }
    let value: Value = if payload.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(payload)
            .map_err(|error| format!("its payload is no JSON: {error}"))?
    };
    match trigger.filter.iter().find(|it| !fits(it, &value)) {
        Some(condition) => Err(format!(
            "the filter wants another value at `{}`",
            condition.path
        )),
        None if payload.is_empty() => Ok(value.to_string()),
        None => std::str::from_utf8(payload)
            .map(|text| text.trim_ascii().to_owned())
            .map_err(|error| format!("its payload is no JSON: {error}")),
    }
}

fn fits(condition: &Condition, payload: &Value) -> bool {
    let Some(found) = payload.pointer(&condition.path) else {
        return false;
    };
    let equals = |wanted: &Scalar| match wanted {
        Scalar::Bool(wanted) => found.as_bool() == Some(*wanted),
        // `3.0` is 3, as far as a number with a point tells whole numbers apart.
        Scalar::Number(wanted) => match found.as_i64() {
            Some(found) => found == *wanted,
            None => wanted.unsigned_abs() < 1 << 53 && found.as_f64() == Some(*wanted as f64),
        },
        Scalar::Text(wanted) => found.as_str() == Some(wanted),
    };
    condition.one_of.is_empty() || condition.one_of.iter().any(equals)
}
