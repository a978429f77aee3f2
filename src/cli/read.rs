//! Reading the server's answers: fields that may be absent, instants, durations for people.

use fasti_core::domain::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// A text from outside as it may be shown: what could steer a terminal, or turn the direction of what follows,
/// is a blank. Everything that is printed and was not written by Fasti itself comes through here.
pub(crate) fn plain(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if steers(c) { ' ' } else { c })
        .collect()
}

/// A field as text, fit to be shown; a number as written; `-` if there is none.
pub(crate) fn text(value: &Value, field: &str) -> String {
    match (value[field].as_str(), &value[field]) {
        (Some(text), _) => plain(text),
        (None, Value::Null) => "-".to_owned(),
        (None, other) => plain(&other.to_string()),
    }
}

/// A field as text, fit to be shown; empty if there is none.
pub(crate) fn optional(value: &Value, field: &str) -> String {
    plain(value[field].as_str().unwrap_or_default())
}

/// A field that is an instant.
pub(crate) fn instant(value: &Value, field: &str) -> Option<Timestamp> {
    Timestamp::deserialize(&value[field]).ok()
}

/// A field that is an instant, for people: `2024-03-31 01:00:00Z`.
pub(crate) fn moment(value: &Value, field: &str) -> String {
    match instant(value, field) {
        Some(at) => at.to_utc().format("%Y-%m-%d %H:%M:%SZ").to_string(),
        None => "-".to_owned(),
    }
}

/// Items of a field that is a list.
pub(crate) fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// A duration for people: `3 ms`, `1.24 s`, `2 min 05 s`, `1 h 02 min`.
pub(crate) fn duration(us: i64) -> String {
    let us = us.max(0);
    let seconds = us / 1_000_000;
    match us {
        0 => "-".to_owned(),
        1..1_000 => "<1 ms".to_owned(),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{seconds}.{:02} s", us % 1_000_000 / 10_000),
        60_000_000..3_600_000_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Time between two fields, for people.
pub(crate) fn between(value: &Value, from: &str, to: &str) -> String {
    match (instant(value, from), instant(value, to)) {
        (Some(from), Some(to)) => duration(to.0 - from.0),
        (None, _) | (_, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_have_the_unit_that_fits() {
        let said = [0, 400, 3_400, 1_249_000, 125_000_000, 3_725_000_000].map(duration);
        assert_eq!(
            said,
            ["-", "<1 ms", "3 ms", "1.24 s", "2 min 05 s", "1 h 02 min"]
        );
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        let value = json!({"name": "a\u{1b}[31mb\u{9b}c\u{202e}d\r\ne", "list": ["\u{7f}"]});
        assert_eq!(text(&value, "name"), "a [31mb c d  e");
        assert_eq!(optional(&value, "name"), text(&value, "name"));
        assert_eq!(text(&value, "list"), "[\" \"]");
    }

    #[test]
    fn absent_fields_are_no_error() {
        let value = json!({"at": "2024-03-31T01:00:00.000Z", "n": 7, "none": null});
        assert_eq!(moment(&value, "at"), "2024-03-31 01:00:00Z");
        assert_eq!(moment(&value, "none"), "-");
        assert_eq!(text(&value, "n"), "7");
        assert_eq!(between(&value, "at", "never"), "-");
        assert!(items(&value, "n").is_empty());
    }
}
