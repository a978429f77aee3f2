//! Values of dependencies as one file, for launches whose values are too much to travel in each of them.
//!
//! The first line is JSON: `[{"task", "result_name", "parallel", "parts": [...]}]`, a part being one of
//! `{"name", "at": [offset, length]}` (a small value, counted from behind the first line), `{"name", "blob"}` (the
//! digest of a larger one) and `{"name", "none": true}`. The small values follow, one after another.

use fasti_domain::launch::{Upstream, UpstreamValue};
use serde::Serialize;

/// About what a value takes in a launch besides its name and bytes.
const BYTES_PER_VALUE: usize = 100;

#[derive(Serialize)]
struct Head<'a> {
    task: &'a str,
    result_name: &'a str,
    parallel: bool,
    parts: Vec<Part<'a>>,
}

/// One of the three beside the name.
#[derive(Default, Serialize)]
struct Part<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<(usize, usize)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<bool>,
}

/// About what the values take inside a launch.
pub(super) fn bytes_inside(list: &[Upstream]) -> usize {
    let values = list.iter().flat_map(|upstream| &upstream.parts);
    let bytes = values.map(|value| {
        let inline = value.inline.as_ref().map_or(0, Vec::len);
        BYTES_PER_VALUE + value.name.len() + inline
    });
    bytes.sum()
}

/// The bytes of the file.
///
/// # Errors
/// The values cannot be described.
pub(super) fn pack(list: &[Upstream]) -> serde_json::Result<Vec<u8>> {
    let mut values = Vec::new();
    let mut heads = Vec::with_capacity(list.len());
    for upstream in list {
        let parts = upstream.parts.iter().map(|value| part(value, &mut values));
        heads.push(Head {
            task: &upstream.task,
            result_name: &upstream.result_name,
            parallel: upstream.parallel,
            parts: parts.collect(),
        });
    }
    let mut file = serde_json::to_vec(&heads)?;
    file.push(b'\n');
    file.extend_from_slice(&values);
    Ok(file)
}

fn part<'a>(value: &'a UpstreamValue, values: &mut Vec<u8>) -> Part<'a> {
    let mut part = Part {
        name: &value.name,
        ..Part::default()
    };
    match (&value.inline, &value.result) {
        (Some(bytes), _) => {
            part.at = Some((values.len(), bytes.len()));
            values.extend_from_slice(bytes);
        }
        (None, Some(result)) => part.blob = Some(result.sha256.to_string()),
        (None, None) => part.none = Some(true),
    }
    part
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_domain::attempt::ResultRef;
    use fasti_domain::ids::Digest;

    use super::*;

    #[test]
    fn values_are_where_the_first_line_says() {
        let value = |name: &str, result, inline: Option<&[u8]>| UpstreamValue {
            name: name.to_owned(),
            result,
            inline: inline.map(<[u8]>::to_vec),
        };
        let large = ResultRef {
            sha256: Digest([0xab; 32]),
            size: 5_000,
            format: "pickle".to_owned(),
        };
        let list = [Upstream {
            task: "a\nb".to_owned(),
            result_name: "f".to_owned(),
            parallel: true,
            parts: vec![
                value("p0", None, Some(b"x\ny")),
                value("p1", Some(large), None),
                value("p2", None, Some(b"z")),
                value("p3", None, None),
            ],
        }];
        let file = pack(&list).unwrap();
        let line = file.iter().position(|&byte| byte == b'\n').unwrap();
        let head: serde_json::Value = serde_json::from_slice(&file[..line]).unwrap();
        let expected = serde_json::json!([{
            "task": "a\nb", "result_name": "f", "parallel": true,
            "parts": [
                {"name": "p0", "at": [0, 3]}, {"name": "p1", "blob": "ab".repeat(32)},
                {"name": "p2", "at": [3, 1]}, {"name": "p3", "none": true},
            ],
        }]);
        assert_eq!(head, expected);
        assert_eq!(&file[line + 1..], b"x\nyz");
        assert!(bytes_inside(&list) > 4 * BYTES_PER_VALUE);
    }
}
