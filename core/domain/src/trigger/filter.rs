//! Whether a payload is one that a trigger waits for.

use serde_json::Value;

use super::{Condition, PAYLOAD_BYTES_MAX, Scalar, Trigger};

/// The payload as compact JSON, if the trigger takes it; no bytes at all count as `null`.
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
        None => Ok(value.to_string()),
    }
}

fn fits(condition: &Condition, payload: &Value) -> bool {
    let Some(found) = payload.pointer(&condition.path) else {
        return false;
    };
    let equals = |wanted: &Scalar| match wanted {
        Scalar::Bool(wanted) => found.as_bool() == Some(*wanted),
        Scalar::Number(wanted) => found.as_i64() == Some(*wanted),
        Scalar::Text(wanted) => found.as_str() == Some(wanted),
    };
    condition.one_of.is_empty() || condition.one_of.iter().any(equals)
}
